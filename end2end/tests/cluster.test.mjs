// Two servers, one Apache Kafka: pages on either see the same room.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "../lib/chromium.mjs";
import { Person } from "../lib/person.mjs";
import { clusterSettings, Server, WITHOUT_KAFKA } from "../lib/server.mjs";

const EACH = 25;
const options = { skip: WITHOUT_KAFKA };
let browser, first, second;

before(async () => {
  if (WITHOUT_KAFKA) return;
  const settings = clusterSettings();
  browser = await launchChromium();
  first = await Server.start("cluster-1", settings);
  second = await Server.start("cluster-2", settings);
});

after(async () => {
  await browser?.close();
  await Promise.all([first?.stop(), second?.stop()]);
});

test("a message crosses from server 1 to server 2 and an answer comes back, once each", options, async () => {
  const one = await Person.enter(browser, first, "다리", "지우");
  const two = await Person.enter(browser, second, "다리", "하늘");
  await one.say("거기 들려요?");
  assert.match((await two.sees("거기 들려요?")).all, /지우/);
  await two.say("잘 들려요!");
  assert.match((await one.sees("잘 들려요!")).all, /하늘/);
  for (const person of [one, two]) {
    assert.deepEqual((await person.rows()).map((row) => row.text), ["거기 들려요?", "잘 들려요!"]);
    assert.deepEqual(person.problems, []);
  }
  await Promise.all([one.context.close(), two.context.close()]);
});

test("two pages on two servers that talk at once show one order, each message once", options, async () => {
  const one = await Person.enter(browser, first, "함께", "지우");
  const two = await Person.enter(browser, second, "함께", "하늘");
  const talk = async (person) => {
    for (let number = 1; number <= EACH; number += 1) await person.say(`${person.nickname} ${number}`);
  };
  await Promise.all([talk(one), talk(two)]);
  await Promise.all([one.seesCount(2 * EACH), two.seesCount(2 * EACH)]);
  const late = await Person.enter(browser, second, "함께", null);
  const order = (await first.history("함께")).map((message) => message.body);
  assert.equal(new Set(order).size, 2 * EACH);
  assert.equal(order.length, 2 * EACH);
  for (const person of [one, two, late]) assert.deepEqual(await person.texts(), order, `the page of ${person.nickname}`);
  for (const person of [one, two]) {
    const own = order.filter((text) => text.startsWith(person.nickname));
    assert.deepEqual(own, Array.from({ length: EACH }, (_, index) => `${person.nickname} ${index + 1}`), "each in the order of typing");
  }
  await Promise.all([one, two, late].map((person) => person.context.close()));
});

test("a nickname that one server gave holds on the other", options, async () => {
  const person = await Person.enter(browser, first, "다리", "지우");
  await person.open(second, "다리");
  await person.say("이사 왔어요");
  await person.sees("이사 왔어요");
  const sent = (await second.history("다리")).filter((message) => message.sender.name === "지우");
  assert.equal(sent.at(-1).body, "이사 왔어요");
  await person.context.close();
});
