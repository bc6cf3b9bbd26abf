// People: who is here, who types, what tells them apart, and how many have not read a message.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "../lib/chromium.mjs";
import { Person, roomUrl } from "../lib/person.mjs";
import { clusterSettings, Server, WITHOUT_KAFKA } from "../lib/server.mjs";
import { until } from "../lib/waiting.mjs";

let browser, server;
before(async () => ([browser, server] = await Promise.all([launchChromium(), Server.start("people")])));
after(async () => {
  await browser?.close();
  await server?.stop();
});

const header = (person) => person.page.locator("main header");
const online = (person, count) => header(person).getByText(`${count}명 온라인`).waitFor();
const typing = (person) => person.page.locator("main").getByText(/입력하고 있습니다/);
const two = (room) => Promise.all(["지우", "하늘"].map((name) => Person.enter(browser, server, room, name)));
const close = (people) => Promise.all(people.map((person) => person.context.close()));

test("three tabs of a person are one person; two people are two", async () => {
  const room = "모임";
  const person = await Person.enter(browser, server, room, "지우");
  await online(person, 1);
  for (let tab = 0; tab < 2; tab += 1) {
    const other = new Person(person.context, await person.context.newPage(), "지우");
    await other.open(server, room);
    await online(other, 1);
  }
  const guest = await Person.enter(browser, server, room, "하늘");
  await online(guest, 2);
  await online(person, 2);
  await header(person).locator("summary").filter({ hasText: "대화 상대" }).click();
  const people = header(person).getByRole("listitem");
  await until("both are listed", async () => (await people.count()) === 2);
  assert.deepEqual((await people.locator("bdi").allTextContents()).sort(), ["지우", "하늘"]);
  await person.page.keyboard.press("Escape");
  assert.equal(await header(person).locator("details").getAttribute("open"), null, "Esc closes the panel");
  // One of three tabs that closes changes nothing.
  await person.context.pages().at(-1).close();
  await guest.say("아직 계시죠?");
  await person.sees("아직 계시죠?");
  await online(person, 2);
  await close([person, guest]);
});

test("who types is named until the message comes, nothing of it is kept, and who comes later is not told", async () => {
  const room = "입력";
  const [writer, reader] = await two(room);
  await online(writer, 2);
  await writer.composer.pressSequentially("안녕");
  await typing(reader).waitFor();
  assert.match(await typing(reader).innerText(), /지우님이 입력하고 있습니다/);
  assert.equal(await typing(writer).count(), 0, "oneself is not named");
  const height = () => reader.log.evaluate((timeline) => timeline.clientHeight);
  const before = await height();
  await writer.composer.press("Enter");
  await reader.sees("안녕");
  await until("nobody types", async () => (await typing(reader).count()) === 0);
  assert.equal(await height(), before, "the line's place is always there");
  // After a message, typing is news at once.
  await writer.composer.pressSequentially("음");
  await typing(reader).waitFor();
  await writer.composer.fill("");
  await until("nobody types any more", async () => (await typing(reader).count()) === 0);
  const late = await Person.enter(browser, server, room, "바다");
  await online(late, 3);
  assert.equal(await typing(late).count(), 0);
  assert.equal((await server.history(room)).length, 1);
  await close([writer, reader, late]);
});

test("the number of those who have not read a message falls to nothing", async () => {
  const room = "읽음";
  const [writer, reader] = await two(room);
  await writer.say("둘 다 있을 때");
  await reader.sees("둘 다 있을 때");
  const lacking = () => writer.log.getByRole("img", { name: /아직 읽지 않았습니다/ });
  await until("both have read it", async () => (await lacking().count()) === 0);
  await reader.page.goto(roomUrl(server, "다른-곳"));
  await writer.say("혼자 있을 때");
  await writer.sees("혼자 있을 때");
  await until("one has not read it", async () => /1명이 아직/.test((await lacking().last().getAttribute("aria-label").catch(() => "")) ?? ""));
  await reader.open(server, room);
  await reader.sees("혼자 있을 때");
  await until("everybody has read it", async () => (await lacking().count()) === 0);
  await close([writer, reader]);
});

test("people of one name are told apart, in the panel and above what they say", async () => {
  const room = "동명이인";
  const [one, other] = [await Person.enter(browser, server, room, "지우"), await Person.enter(browser, server, room, "지우")];
  const tags = () => header(one).locator(".tag").allTextContents();
  await until("both have a tag", async () => (await tags()).length === 2);
  assert.match((await tags()).join(" "), /^#[0-9a-z]{4} #[0-9a-z]{4}$/);
  await other.say("저는 둘째");
  await one.sees("저는 둘째");
  const tag = () => one.log.locator(".author .tag").last().textContent();
  assert.ok((await tags()).includes(await tag()), "the same tag everywhere");
  await close([one, other]);
});

test("a server that dies makes nobody come or go", { skip: WITHOUT_KAFKA }, async () => {
  const settings = clusterSettings();
  const [first, second] = [await Server.start("people-1", settings), await Server.start("people-2", settings)];
  const room = "조용한-교대";
  const [one, two] = [await Person.enter(browser, first, room, "지우"), await Person.enter(browser, second, room, "하늘")];
  await online(one, 2);
  await online(two, 2);
  // Everything that is said between composer and rows from now on.
  await two.page.evaluate(() => {
    window.said = [];
    new MutationObserver(() => window.said.push(document.querySelector("main").innerText)).observe(document.querySelector("main"), { subtree: true, childList: true, characterData: true });
  });
  await first.kill();
  await first.start();
  await one.live();
  await one.say("돌아왔어요");
  await two.sees("돌아왔어요");
  await online(two, 2);
  const said = await two.page.evaluate(() => window.said.join("\n"));
  assert.doesNotMatch(said, /나갔습니다|들어왔습니다/);
  await close([one, two]);
  await Promise.all([first.stop(), second.stop()]);
});
