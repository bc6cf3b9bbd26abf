// People: who is here, who types, what is unread, and who has read what.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "../lib/chromium.mjs";
import { Person, roomUrl } from "../lib/person.mjs";
import { clusterSettings, Server, WITHOUT_KAFKA } from "../lib/server.mjs";
import { Program } from "../lib/stomp.mjs";
import { flood, place } from "../lib/timeline.mjs";
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
/** A room in the list beside the open one. */
const entry = (person, room) => person.page.getByRole("navigation", { name: "채팅방" }).getByRole("link").filter({ hasText: room });
/** What a screen reader says of the room's unread messages. */
const unread = async (person, room) => Number(/읽지 않은 메시지 (\d+)/.exec(await entry(person, room).textContent())?.[1] ?? 0);
const badge = (person, room, count) =>
  until(`${person.nickname} has ${count} unread in ${room}`, async () => (await unread(person, room)) === count, {
    describe: async () => entry(person, room).textContent(),
  });
const divider = (person) => person.log.getByText("여기까지 읽었습니다");
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
  // One of three tabs that closes changes nothing.
  await person.context.pages().at(-1).close();
  await guest.say("아직 계시죠?");
  await person.sees("아직 계시죠?");
  await online(person, 2);
  await close([person, guest]);
});

test("who types is named until the message comes, nothing of it is kept, and who comes later is not told", async () => {
  const room = "입력";
  const [writer, reader] = [await Person.enter(browser, server, room, "지우"), await Person.enter(browser, server, room, "하늘")];
  await online(writer, 2);
  await writer.composer.pressSequentially("안녕");
  await typing(reader).waitFor();
  assert.match(await typing(reader).innerText(), /지우님이 입력하고 있습니다/);
  assert.equal(await typing(writer).count(), 0, "oneself is not named");
  await writer.composer.press("Enter");
  await reader.sees("안녕");
  await until("nobody types", async () => (await typing(reader).count()) === 0);
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

test("what comes in another room is counted at that room and in the title, in every tab, until it has been seen", async () => {
  const [here, there] = ["이-방", "저-방"];
  const program = await Program.connect(server, "손님");
  await program.say(there, "먼저 있던 글");
  const person = await Person.enter(browser, server, there, "지우");
  await person.sees("먼저 있던 글");
  await until("it counts as read", async () => {
    await person.open(server, here);
    return (await unread(person, there)) === 0;
  });
  const second = new Person(person.context, await person.context.newPage(), "지우");
  await second.open(server, here);
  for (let number = 1; number <= 2; number += 1) await program.say(there, `글 ${number}`);
  for (const tab of [person, second]) {
    await badge(tab, there, 2);
    await until("the title counts them", async () => (await tab.page.title()).startsWith("(2) "), { describe: () => tab.page.title() });
  }
  // The second tab opens the room and sees them: the first one follows.
  await second.page.bringToFront();
  await entry(second, there).click();
  await second.live();
  await second.sees("글 2");
  await divider(second).waitFor();
  const order = await second.log.locator("ol > li").evaluateAll((items) => items.map((item) => item.querySelector(".bubble")?.textContent.trim() ?? (item.textContent.includes("여기까지") ? "divider" : "")).filter(Boolean));
  assert.deepEqual(order, ["먼저 있던 글", "divider", "글 1", "글 2"]);
  await badge(person, there, 0);
  await until("the title is quiet", async () => !(await person.page.title()).startsWith("("));
  await program.disconnect();
  await person.context.close();
});

test("a room opens at the first unread message if there are more than a screenful, else at its end", async () => {
  const room = "다시-온-방";
  const program = await Program.connect(server, "손님");
  await program.say(room, "읽은 글");
  const person = await Person.enter(browser, server, room, "지우");
  await person.sees("읽은 글");
  const leave = () => person.open(server, "딴-방");
  const isRead = (text) =>
    until(`${text} counts as read`, async () => {
      await leave();
      return (await unread(person, room)) === 0;
    });
  await isRead("읽은 글");
  await program.say(room, "하나 더");
  await person.open(server, room);
  await divider(person).waitFor();
  assert.ok((await place(person)).below <= 1, "one message: the end");
  await isRead("하나 더");
  await flood(server, room, "손님", 40, (number) => `글 ${number}`);
  await person.open(server, room);
  await divider(person).waitFor();
  const height = await divider(person).evaluate((line) => {
    const [outer, inner] = [line.closest("[role=log]").getBoundingClientRect(), line.getBoundingClientRect()];
    return (inner.top - outer.top) / outer.height;
  });
  assert.ok(height > 0 && height < 0.6, `the divider stands at ${Math.round(height * 100)} % of the height`);
  assert.ok((await place(person)).below > 300);
  await program.disconnect();
  await person.context.close();
});

test("the number of those who have not read a message falls to nothing", async () => {
  const room = "읽음";
  const [writer, reader] = [await Person.enter(browser, server, room, "지우"), await Person.enter(browser, server, room, "하늘")];
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

test("two people of one name are told apart", async () => {
  const room = "동명이인";
  const [one, other] = [await Person.enter(browser, server, room, "지우"), await Person.enter(browser, server, room, "지우")];
  await one.say("저는 첫째");
  await other.say("저는 둘째");
  await one.sees("저는 둘째");
  await other.sees("저는 첫째");
  const author = (person, text) => person.log.locator("li[data-position]").filter({ hasText: text }).locator(".author").innerText();
  await until("a tag stands beside the name", async () => /지우\s*\S*\w{2,}/.test(await author(one, "저는 둘째")), { describe: () => author(one, "저는 둘째") });
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

test("three tabs that are out of sight notify once", async () => {
  const room = "알림";
  const program = await Program.connect(server, "손님");
  await program.say(room, "먼저");
  const person = await Person.enter(browser, server, "앉은-방", "지우");
  await person.context.grantPermissions(["notifications"], { origin: server.url });
  await person.page.evaluate(() => localStorage.setItem("maru/notify", "all"));
  for (let tab = 0; tab < 3; tab += 1) await new Person(person.context, await person.context.newPage(), "지우").open(server, "앉은-방");
  await person.open(server, room);
  await person.sees("먼저");
  await person.open(server, "앉은-방");
  await person.page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  await program.say(room, "여기 보세요");
  const shown = () => person.page.evaluate(async () => (await (await navigator.serviceWorker.ready).getNotifications()).map(({ title, body }) => [title, body]));
  await until("there is a notification", async () => (await shown()).length > 0);
  // Another tab would have notified by the time that all of them have counted one more.
  await program.say(room, "그리고 여기도");
  for (const page of person.context.pages()) await badge(new Person(person.context, page, "지우"), room, 2);
  await until("it names the latest", async () => (await shown()).some(([, body]) => body.includes("그리고 여기도")));
  for (const [title] of await shown()) assert.equal(title, room);
  assert.ok((await shown()).length <= 2, JSON.stringify(await shown()));
  await program.disconnect();
  await person.context.close();
});
