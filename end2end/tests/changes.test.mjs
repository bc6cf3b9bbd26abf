// What becomes of messages: edits, deletions, reactions, replies, and what their texts may look like. Everybody sees the same,
// at once and after a reload.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "../lib/chromium.mjs";
import { Person } from "../lib/person.mjs";
import { Server } from "../lib/server.mjs";
import { Program } from "../lib/stomp.mjs";
import { atTheEnd, flood, place } from "../lib/timeline.mjs";
import { until } from "../lib/waiting.mjs";

const DELETED = "삭제된 메시지입니다";

let browser, server;
before(async () => ([browser, server] = await Promise.all([launchChromium(), Server.start("changes")])));
after(async () => {
  await browser?.close();
  await server?.stop();
});

const row = (person, text) => person.log.locator("li[data-position]").filter({ hasText: text });
/** The buttons over a message, which appear with the pointer. */
async function actions(person, text) {
  await row(person, text).locator(".bubble").hover();
  const group = row(person, text).getByRole("group", { name: "메시지 작업" });
  await group.waitFor();
  return group;
}
const act = async (person, text, name) => (await actions(person, text)).getByRole("button", { name, exact: true }).click();
/** Waits until a page shows exactly these rows, whatever else stands in them. */
const shows = (person, parts) =>
  until(
    `${person.nickname} sees ${JSON.stringify(parts)}`,
    async () => {
      const texts = (await person.rows()).map(({ all }) => all);
      return texts.length === parts.length && texts.every((text, index) => [parts[index]].flat().every((part) => text.includes(part)));
    },
    { describe: async () => JSON.stringify((await person.rows()).map(({ all }) => all)) },
  );
const two = (room) => Promise.all(["지우", "하늘"].map((name) => Person.enter(browser, server, room, name)));
/** Both pages, and both once more after a reload. */
async function everywhere(people, parts) {
  for (const person of people) await shows(person, parts);
  for (const person of people) {
    await person.page.reload();
    await person.live();
    await shows(person, parts);
    assert.deepEqual(person.problems.filter((problem) => !problem.startsWith("request:")), []);
  }
}
const close = (people) => Promise.all(people.map((person) => person.context.close()));

test("an edit by the author stands everywhere and says so", async () => {
  const people = await two("고치기");
  const [author, reader] = people;
  await author.say("오타가 잇는 글");
  await reader.sees("오타가 잇는 글");
  await act(author, "오타가", "수정");
  await until("the text is in the composer", async () => (await author.composer.inputValue()) === "오타가 잇는 글");
  await author.say("오타가 있던 글");
  await everywhere(people, [["오타가 있던 글", "수정됨"]]);
  assert.equal((await server.history("고치기")).length, 1);
  await close(people);
});

test("a deletion by the author takes the text away everywhere, after a question", async () => {
  const people = await two("지우기");
  const [author, reader] = people;
  await author.say("없던 일로 할 글");
  await reader.sees("없던 일로 할 글");
  await act(author, "없던 일로", "삭제");
  await row(author, "없던 일로").getByRole("button", { name: "삭제", exact: true }).click();
  await everywhere(people, [[DELETED]]);
  for (const person of people) assert.equal(await person.page.getByText("없던 일로").count(), 0);
  assert.deepEqual((await server.history("지우기")).map(({ body, deleted }) => [body, deleted]), [["", true]]);
  await close(people);
});

test("only the author can edit and delete", async () => {
  const people = await two("남의-글");
  const [author, reader] = people;
  await author.say("제 글");
  await reader.sees("제 글");
  const group = await actions(reader, "제 글");
  await group.getByRole("button", { name: "답장" }).waitFor();
  for (const name of ["수정", "삭제"]) assert.equal(await group.getByRole("button", { name, exact: true }).count(), 0, name);
  await close(people);
});

test("a reaction counts each person once, and is taken back", async () => {
  const people = await two("반응");
  const [author, reader] = people;
  await author.say("축하해 주세요");
  const { position } = await reader.sees("축하해 주세요");
  await act(reader, "축하해", "반응 남기기");
  await row(reader, "축하해").getByRole("button", { name: "👍", exact: true }).click();
  const chip = (person, count) => row(person, "축하해").getByRole("button", { name: new RegExp(`^👍\\s*${count}$`) });
  for (const person of people) await chip(person, 1).waitFor();
  await chip(author, 1).click();
  for (const person of people) await chip(person, 2).waitFor();

  // The same reaction again, by whatever client, changes nothing.
  const program = await Program.connect(server, "로봇");
  for (let again = 0; again < 3; again += 1) await program.change("반응", "react", position, "👍");
  for (const person of people) await chip(person, 3).waitFor();
  await program.change("반응", "unreact", position, "👍");
  for (const person of people) await chip(person, 2).waitFor();

  await chip(author, 2).click();
  await chip(reader, 1).click();
  await everywhere(people, ["축하해 주세요"]);
  for (const person of people) assert.equal(await row(person, "축하해").getByRole("button", { name: /👍/ }).count(), 0);
  await program.disconnect();
  await close(people);
});

test("a reply quotes what it answers and leads to it", async () => {
  const room = "답장";
  const people = await two(room);
  const [author, reader] = people;
  await author.say("먼 옛날의 물음");
  await reader.sees("먼 옛날의 물음");
  await flood(server, room, "손님", 30, (number) => `사이 글 ${number}${"\n한 줄 더".repeat(3)}`);
  await reader.sees("사이 글 30\n한 줄 더\n한 줄 더\n한 줄 더").catch(() => reader.seesCount(31));
  await reader.log.evaluate((timeline) => (timeline.scrollTop = 0));
  await act(reader, "먼 옛날의 물음", "답장");
  await reader.page.getByText("지우님에게 답장").waitFor();
  await reader.say("지금의 대답");
  await until("the next message is none", async () => (await reader.page.getByText("지우님에게 답장").count()) === 0);
  const answer = (person) => row(person, "지금의 대답");
  for (const person of people) {
    await answer(person).waitFor();
    assert.match(await answer(person).textContent(), /지우.*먼 옛날의 물음.*지금의 대답/s);
  }
  await atTheEnd(reader);
  const { top } = await place(reader);
  await answer(reader).getByRole("link").click();
  await until("the reader is at the question", async () => (await place(reader)).top < top - 300);
  const sight = await row(reader, "먼 옛날의 물음").first().evaluate((item) => {
    const [outer, inner] = [item.closest("[role=log]").getBoundingClientRect(), item.getBoundingClientRect()];
    return inner.top >= outer.top && inner.bottom <= outer.bottom;
  });
  assert.ok(sight, "the question is in sight");
  await close(people);
});

test("an edit while offline waits and reaches the others once", async () => {
  const people = await two("늦은-수정");
  const [author, reader] = people;
  await author.say("처음 글");
  await reader.sees("처음 글");
  await author.context.setOffline(true);
  await act(author, "처음 글", "수정");
  await author.say("나중 글");
  await author.context.setOffline(false);
  await everywhere(people, [["나중 글", "수정됨"]]);
  await close(people);
});

test("a change that the server refuses is taken back with a sentence", async () => {
  const person = await Person.enter(browser, server, "거절", "지우");
  await person.say("처음 글");
  await person.sees("처음 글");
  await act(person, "처음 글", "수정");
  // A control character: the one thing that the page lets pass and the server does not.
  await person.say("고친 글\u0001");
  await row(person, "처음 글").getByRole("alert").filter({ hasText: "전송되지 않았습니다" }).waitFor();
  assert.equal(await person.log.getByText("고친 글").count(), 0);
  await close([person]);
});

test("Markdown is shown, and nothing in it can do harm", async () => {
  const room = "글꼴";
  const program = await Program.connect(server, "손님");
  const texts = [
    "한글**굵게**조사 *기울여* `코드` https://example.com/a?b=c",
    "```js\nconst a = 1 < 2;\n```",
    "- 하나\n- 둘",
    "[누르세요](javascript:window.attacked=true) javascript:window.attacked=true",
    "<img src=x onerror=window.attacked=true> <script>window.attacked=true</script>",
    "https://a.example/\"onmouseover=\"window.attacked=true",
    "**<svg onload=window.attacked=true>**",
    "`</code><script>window.attacked=true</script>`",
    "```html\n</pre><script>window.attacked=true</script>\n```",
    "> <iframe srcdoc='<script>parent.attacked=true</script>'>",
    "- <a href='javascript:window.attacked=true'>x</a>",
    "data:text/html,<script>window.attacked=true</script>",
    "이름\u202Egnp.exe https://a.example/\u202egpj.exe",
    "@<b onclick=window.attacked=true>",
  ];
  for (const text of texts) await program.say(room, text);
  const person = await Person.enter(browser, server, room, "지우");
  for (const again of [false, true]) {
    if (again) await person.page.reload();
    await person.live();
    await person.seesCount(texts.length);
    const bubble = (index) => person.log.locator(".bubble").nth(index);
    assert.equal(await bubble(0).locator("strong").innerText(), "굵게");
    assert.equal(await bubble(0).locator("em").innerText(), "기울여");
    assert.equal(await bubble(0).locator("code").innerText(), "코드");
    assert.equal(await bubble(0).getByRole("link").getAttribute("href"), "https://example.com/a?b=c");
    assert.match(await bubble(1).locator("pre").first().innerText(), /const a = 1 < 2;/);
    await bubble(1).getByRole("button", { name: "복사" }).waitFor();
    assert.equal(await bubble(2).locator("li").count(), 2);
    const links = await person.log.getByRole("link").evaluateAll((all) => all.map(({ protocol, rel, target }) => [protocol, rel, target]));
    assert.ok(links.length >= 2);
    for (const found of links) assert.deepEqual(found, ["https:", "noopener nofollow", "_blank"]);
    assert.equal(await person.log.locator(".bubble :is(img, script, svg, iframe, b)").count(), 0);
    assert.equal(await person.log.locator("[onerror], [onload], [onmouseover], [onclick]").count(), 0);
    assert.equal(await person.page.evaluate(() => window.attacked), undefined);
  }
  assert.deepEqual(person.problems.filter((problem) => !problem.startsWith("request:")), []);
  await program.disconnect();
  await person.context.close();
});

test("a name is completed, and its bearer's page shows the mention", async () => {
  const people = await two("부르기");
  const [one, other] = people;
  await other.say("저 왔어요");
  await one.sees("저 왔어요");
  await one.composer.pressSequentially("@하");
  await one.page.locator("#naming [role=option]", { hasText: "하늘" }).waitFor();
  await one.composer.press("Enter");
  assert.equal(await one.composer.inputValue(), "@하늘 ");
  await one.composer.pressSequentially("이거 보셨어요?");
  await one.composer.press("Enter");
  await one.say("다들 안녕하세요");
  await other.sees("다들 안녕하세요");
  const ground = (text) => row(other, text).locator(".bubble").evaluate((bubble) => getComputedStyle(bubble).backgroundColor);
  assert.notEqual(await ground("이거 보셨어요"), await ground("다들 안녕"));
  assert.equal(await row(other, "이거 보셨어요").locator(".mention").innerText(), "@하늘");
  await close(people);
});
