// Long rooms and long silences: ten thousand messages read from the last to the first, a hundred thousand through one tab,
// a thousand written at once on two servers, a minute offline, ten minutes hidden.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { launchChromium } from "../lib/chromium.mjs";
import { Person } from "../lib/person.mjs";
import { clusterSettings, Server, WITHOUT_KAFKA } from "../lib/server.mjs";
import { Program } from "../lib/stomp.mjs";
import { atTheEnd, flood, showEarlier } from "../lib/timeline.mjs";
import { until } from "../lib/waiting.mjs";

const ROWS = 300;
const MINUTE = 60_000;

let browser, server;
before(async () => ([browser, server] = await Promise.all([launchChromium(), Server.start("long-reading")])));
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Reads to the first message; gives the numbers of all rows that were seen, each page of them checked for its order. */
async function readAll(person) {
  const seen = new Set();
  let worst = 0;
  for (let moved = 0; moved !== null; moved = await showEarlier(person)) {
    worst = Math.max(worst, moved);
    const shown = (await person.texts()).map((text) => Number(/^글 (\d+)/.exec(text)[1]));
    assert.ok(shown.length <= ROWS, `${shown.length} messages on the page`);
    assert.deepEqual(shown, Array.from(shown, (_, index) => shown[0] + index));
    for (const number of shown) seen.add(number);
  }
  assert.ok(worst <= 1, `the row under the eye moved by ${worst} px`);
  return seen;
}

test("ten thousand messages, from the last to the first", async () => {
  const room = "만-개";
  await flood(server, room, "손님", 10_000, (number) => `글 ${number}${"\n한 줄 더".repeat(number % 4)}`);
  const person = await Person.enter(browser, server, room, "지우");
  assert.equal((await readAll(person)).size, 10_000);
  assert.deepEqual(person.problems, []);
  await person.context.close();
});

test("a hundred thousand messages through one tab leave a few hundred rows on the page", async () => {
  const room = "십만-개";
  const person = await Person.enter(browser, server, room, "지우");
  for (let sent = 0; sent < 100_000; sent += 1_000) {
    await flood(server, room, "손님", 1_000, (number) => `글 ${sent + number}`);
    await person.sees(`글 ${sent + 1_000}`);
    const rows = await person.log.locator("li[data-position]").count();
    assert.ok(rows <= ROWS, `${rows} rows after ${sent + 1_000} messages`);
  }
  await atTheEnd(person);
  assert.deepEqual(person.problems, []);
  await person.context.close();
});

test("five hundred from each of two servers at once stand in one order on three pages", { skip: WITHOUT_KAFKA }, async () => {
  const settings = clusterSettings();
  const [first, second] = [await Server.start("long-1", settings), await Server.start("long-2", settings)];
  const room = "동시에";
  const [one, two] = [await Person.enter(browser, first, room, "지우"), await Person.enter(browser, second, room, "하늘")];
  const talk = async (person) => {
    for (let number = 1; number <= 500; number += 1) await person.say(`${person.nickname} ${number}`);
  };
  await Promise.all([talk(one), talk(two)]);
  const order = async () => (await first.history(room)).map((message) => message.body);
  await until("the log has all", async () => (await order()).length >= 1_000);
  const texts = await order();
  assert.equal(new Set(texts).size, 1_000);
  assert.equal(texts.length, 1_000);
  const late = await Person.enter(browser, second, room, null);
  for (const person of [one, two, late]) {
    await person.sees(texts.at(-1));
    const seen = [];
    for (let moved = 0; moved !== null; moved = await showEarlier(person)) {
      const shown = await person.texts();
      const start = texts.indexOf(shown[0]);
      assert.deepEqual(shown, texts.slice(start, start + shown.length), `the page of ${person.nickname}`);
      seen.push(...shown);
    }
    assert.equal(new Set(seen).size, 1_000, `the page of ${person.nickname}`);
  }
  await Promise.all([one, two, late].map((person) => person.context.close()));
  await Promise.all([first.stop(), second.stop()]);
});

test("a minute offline, with a socket that never closed: live again as soon as the network is", async () => {
  const room = "한-번-끊김";
  const person = await Person.enter(browser, server, room, "지우");
  await person.context.setOffline(true);
  const program = await Program.connect(server, "손님");
  await program.say(room, "그동안");
  await sleep(MINUTE);
  await person.context.setOffline(false);
  const from = Date.now();
  await person.sees("그동안");
  console.log(`live ${Date.now() - from} ms after a minute offline`);
  await program.disconnect();
  await person.context.close();
});

test("ten minutes hidden: caught up when it is shown, and no row doubled", async () => {
  const room = "숨은-쪽";
  const person = await Person.enter(browser, server, room, "지우");
  const show = (state) =>
    person.page.evaluate((state) => {
      Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
      Object.defineProperty(document, "hidden", { configurable: true, get: () => state === "hidden" });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);
  await show("hidden");
  await person.context.setOffline(true);
  for (let minute = 1; minute <= 10; minute += 1) {
    await flood(server, room, "손님", 10, (number) => `글 ${(minute - 1) * 10 + number}`);
    await sleep(MINUTE);
  }
  await person.context.setOffline(false);
  await show("visible");
  const from = Date.now();
  await person.sees("글 100");
  console.log(`caught up ${Date.now() - from} ms after ten minutes out of sight`);
  assert.equal((await readAll(person)).size, 100);
  await person.context.close();
});
