// kill -9 between Enter and the receipt, two hundred times: each message once on either page, by the pages' own doing.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { launchChromium } from "../lib/chromium.mjs";
import { Nginx, WITHOUT_NGINX } from "../lib/nginx.mjs";
import { Person } from "../lib/person.mjs";
import { spread } from "../lib/probes.mjs";
import { clusterSettings, freePort, Server, WITHOUT_KAFKA } from "../lib/server.mjs";
import { until } from "../lib/waiting.mjs";

const KILLS = Number(process.env.MARU_TEST_KILLS ?? 200);
const ROOM = "이백-번";
/** The receipt comes some milliseconds after Enter; the kill comes before, at and after it. */
const MOMENTS_MS = [0, 2, 5, 10, 20];
/** A page whose connection lasts for five seconds takes the next loss for a first one and is back in two. */
const BETWEEN_LOSSES_MS = 5_500;

let browser;
before(async () => (browser = await launchChromium()));
after(() => browser?.close());

/** The last few texts of a page, which must be the last few that were written. */
async function holdsOnce(person, texts) {
  await until(`${person.nickname} sees ${texts.at(-1)}`, async () => (await person.texts()).includes(texts.at(-1)));
  const last = texts.slice(-20);
  assert.deepEqual((await person.texts()).slice(-last.length), last, `the page of ${person.nickname}`);
}

/** Each round: A writes, a server dies, both pages have it, the server returns. */
async function rounds({ writer, reader, victims, history }) {
  const texts = [];
  const took = [];
  for (let round = 0; round < KILLS; round += 1) {
    const text = `글 ${round}`;
    texts.push(text);
    const victim = victims[round % victims.length];
    await writer.say(text);
    const from = Date.now();
    await sleep(MOMENTS_MS[round % MOMENTS_MS.length]);
    await victim.kill();
    // Where another server stands in, the message must arrive without the victim.
    if (victims.length === 1) await victim.start();
    await holdsOnce(writer, texts);
    await holdsOnce(reader, texts);
    took.push(Date.now() - from);
    if (victims.length > 1) await victim.start();
    await sleep(BETWEEN_LOSSES_MS);
  }
  assert.deepEqual((await history()).map((message) => message.body), texts, "the log");
  const { median, p95, most } = spread(took);
  console.log(`${KILLS} kills: on both pages after ${median} ms (median), ${p95} ms (95 of 100), ${most} ms (worst)`);
}

test("one server that comes back, on the embedded log", async () => {
  const server = await Server.start("kills", { MARU_LISTEN: "127.0.0.1:25019" });
  const writer = await Person.enter(browser, server, ROOM, "지우");
  const reader = await Person.enter(browser, server, ROOM, "하늘");
  await rounds({ writer, reader, victims: [server], history: () => server.history(ROOM) });
  await Promise.all([writer.context.close(), reader.context.close()]);
  await server.stop();
});

test("two servers behind the proxy, on Apache Kafka", { skip: WITHOUT_KAFKA || WITHOUT_NGINX }, async () => {
  const settings = clusterSettings();
  const victims = [];
  // Ports that the system lends to nobody while a server is down.
  for (const name of ["kills-1", "kills-2"]) victims.push(await Server.start(name, { ...settings, MARU_LISTEN: `127.0.0.1:${await freePort()}` }));
  const proxy = await Nginx.start(...victims.map((server) => server.host));
  const writer = await Person.enter(browser, proxy, ROOM, "지우");
  const reader = await Person.enter(browser, proxy, ROOM, "하늘");
  await rounds({ writer, reader, victims, history: () => victims[0].history(ROOM) });
  await Promise.all([writer.context.close(), reader.context.close()]);
  await proxy.stop();
  await Promise.all(victims.map((server) => server.stop()));
});
