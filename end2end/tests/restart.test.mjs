// kill -9 of the server in the middle of 200 sends: nothing lost, nothing doubled, order kept, by the page's own doing.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "../lib/chromium.mjs";
import { Person } from "../lib/person.mjs";
import { clusterSettings, Server, WITHOUT_KAFKA } from "../lib/server.mjs";

const SENDS = 200;
const KILLED_AFTER = 100;
const ROOM = "정전";

let browser;
before(async () => (browser = await launchChromium()));
after(() => browser?.close());

const texts = Array.from({ length: SENDS }, (_, index) => `글 ${String(index + 1).padStart(3, "0")}`);

/** Sends all texts through the page while its server is killed and started again. */
async function sendThroughACrash(person, server) {
  let restarted;
  for (const [index, text] of texts.entries()) {
    await person.say(text);
    if (index + 1 === KILLED_AFTER) {
      await server.kill();
      restarted = server.start();
    }
  }
  await restarted;
  await person.seesCount(SENDS);
}

async function check(person, server) {
  assert.deepEqual(await person.texts(), texts, "the sender's page");
  assert.equal((await person.rows()).length, SENDS, "nothing is left on its way");
  assert.deepEqual((await server.history(ROOM)).map((message) => message.body), texts, "the log");
}

test("kill -9 in the middle of 200 sends, on the embedded log", async () => {
  const server = await Server.start("restart-embedded");
  const person = await Person.enter(browser, server, ROOM, "지우");
  await sendThroughACrash(person, server);
  await check(person, server);
  await person.context.close();
  await server.stop();
});

test("kill -9 of one of two servers in the middle of 200 sends, on Apache Kafka", { skip: WITHOUT_KAFKA }, async () => {
  const settings = clusterSettings();
  const first = await Server.start("restart-kafka-1", settings);
  const second = await Server.start("restart-kafka-2", settings);
  const sender = await Person.enter(browser, first, ROOM, "지우");
  const reader = await Person.enter(browser, second, ROOM, "하늘");
  await sendThroughACrash(sender, first);
  await check(sender, first);
  await reader.seesCount(SENDS);
  assert.deepEqual(await reader.texts(), texts, "the page on the other server");
  assert.deepEqual((await second.history(ROOM)).map((message) => message.body), texts, "the other server's history");
  await Promise.all([sender.context.close(), reader.context.close()]);
  await Promise.all([first.stop(), second.stop()]);
});
