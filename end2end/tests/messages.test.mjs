// What becomes of messages: answers, reactions, edits, deletions, Markdown, and old messages that one is sent to.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "../lib/chromium.mjs";
import { Person, roomUrl } from "../lib/person.mjs";
import { Server } from "../lib/server.mjs";
import { Program } from "../lib/stomp.mjs";
import { until } from "../lib/waiting.mjs";

let browser, server, program;

before(async () => {
  [browser, server] = await Promise.all([launchChromium(), Server.start("messages")]);
  program = await Program.connect(server, "손님");
});

after(async () => {
  await program?.disconnect();
  await browser?.close();
  await server?.stop();
});

/** The row of a message that says this, as Chromium has it. */
const row = (person, text) => person.log.locator("li.message", { hasText: text }).last();

/** Chooses one of the things that can be done with a message. */
async function act(person, text, name) {
  await row(person, text).locator(".bubble").hover();
  await row(person, text).locator(`.actions [data-act=${name}]`).click();
}

const two = async (room) => {
  const people = await Promise.all(["지우", "하늘"].map((name) => Person.enter(browser, server, room, name)));
  return people;
};
const leave = async (...people) => {
  for (const person of people) {
    assert.deepEqual(person.problems, []);
    await person.context.close();
  }
};

test("an answer quotes, and the quote leads to its message", async () => {
  const [asks, answers] = await two("답장");
  await asks.say("오늘 배포하나요?");
  await answers.sees("오늘 배포하나요?");
  await act(answers, "오늘 배포하나요?", "answer");
  await answers.page.locator(".purpose", { hasText: "지우님에게 답장" }).waitFor();
  await answers.say("세 시에요");
  const quote = row(asks, "세 시에요").locator(".quote");
  await quote.waitFor();
  assert.match(await quote.textContent(), /지우.*오늘 배포하나요\?/);
  await quote.click();
  await asks.log.locator("li.focused", { hasText: "오늘 배포하나요?" }).first().waitFor();
  assert.equal(await answers.page.locator(".purpose").count(), 0, "the next message is none");
  await leave(asks, answers);
});

test("a reaction is counted once a person, and is taken back", async () => {
  const [one, other] = await two("반응");
  await one.say("점심 먹어요");
  await other.sees("점심 먹어요");
  for (const person of [one, other]) {
    await act(person, "점심 먹어요", "react");
    await row(person, "점심 먹어요").locator(".actions [data-emoji='👍']").click();
  }
  const chip = (person) => row(person, "점심 먹어요").locator(".reactions button");
  for (const person of [one, other]) {
    await until("both are counted", async () => (await chip(person).textContent())?.trim() === "👍 2");
    assert.equal(await chip(person).getAttribute("aria-pressed"), "true");
  }
  await chip(one).click();
  await until("one is left", async () => (await chip(other).textContent())?.trim() === "👍 1");
  await other.page.reload();
  await other.live();
  assert.equal((await chip(other).textContent()).trim(), "👍 1");
  await leave(one, other);
});

test("an edit and a deletion reach everybody, and those who come later", async () => {
  const [author, reader] = await two("고침");
  await author.say("오타가 이써요");
  await reader.sees("오타가 이써요");
  await author.composer.press("ArrowUp");
  assert.equal(await author.composer.inputValue(), "오타가 이써요");
  await author.say("오타가 있어요");
  await reader.sees("오타가 있어요");
  assert.equal(await row(reader, "오타가 있어요").locator(".edited").count(), 1);
  await row(reader, "오타가 있어요").locator(".bubble").hover();
  assert.equal(await reader.log.locator(".actions [data-act=delete]").count(), 0, "not somebody else's");
  await act(author, "오타가 있어요", "delete");
  await author.log.locator(".actions [data-act=really-delete]").click();
  await reader.sees("삭제된 메시지입니다");
  await reader.page.reload();
  await reader.live();
  assert.deepEqual(await reader.texts(), ["삭제된 메시지입니다"]);
  await leave(author, reader);
});

test("a change that the server refuses is taken back with a sentence", async () => {
  const person = await Person.enter(browser, server, "거절", "지우");
  await person.say("처음 글");
  await person.sees("처음 글");
  await act(person, "처음 글", "edit");
  // A control character: the one thing that the page lets pass and the server does not.
  await person.say("고친 글\u0001");
  await row(person, "처음 글").locator(".trouble").waitFor();
  assert.match(await row(person, "처음 글").locator(".trouble").textContent(), /전송되지 않았습니다/);
  await person.context.close();
});

test("Markdown is shown, and nothing in it runs", async () => {
  const corpus = [
    "<img src=x onerror='window.attacked=true'>",
    "<script>window.attacked=true</script>",
    "[여기](javascript:window.attacked=true)",
    "javascript:window.attacked=true",
    "https://a.example/\"onmouseover=\"window.attacked=true",
    "**<svg onload=window.attacked=true>**",
    "`</code><script>window.attacked=true</script>`",
    "```html\n</pre><script>window.attacked=true</script>\n```",
    "> <iframe srcdoc='<script>parent.attacked=true</script>'>",
    "- <a href='javascript:window.attacked=true'>x</a>",
    "data:text/html,<script>window.attacked=true</script>",
    "\u202e거꾸로 https://a.example/\u202egpj.exe",
    "@<b onclick=window.attacked=true>",
  ];
  const room = "마크다운";
  await program.say(room, "한글**굵게**조사 *기울임* `코드` https://maru.example/길");
  for (const text of corpus) await program.say(room, text);
  const person = await Person.enter(browser, server, room, "지킴이");
  const check = async () => {
    await person.seesCount(corpus.length + 1);
    const first = person.log.locator("li.message").first();
    assert.equal(await first.locator("strong").textContent(), "굵게");
    assert.equal(await first.locator("em").textContent(), "기울임");
    assert.equal(await first.locator("code").textContent(), "코드");
    const links = await person.log.locator(".bubble a").evaluateAll((all) => all.map((link) => [link.protocol, link.rel, link.target]));
    for (const link of links) assert.deepEqual(link, ["https:", "noopener nofollow", "_blank"]);
    assert.equal(await person.log.locator(".bubble :is(img, script, svg, iframe, b)").count(), 0);
    assert.equal(await person.log.locator("[onmouseover], [onclick]").count(), 0);
    assert.equal(await person.page.evaluate(() => window.attacked), undefined);
  };
  await check();
  await person.page.reload();
  await person.live();
  await check();
  await leave(person);
});

test("by keyboard: from message to message, to what can be done, and back", async () => {
  const person = await Person.enter(browser, server, "자판", "지우");
  for (const text of ["하나", "둘", "셋"]) {
    await person.say(text);
    await person.sees(text);
  }
  await person.log.focus();
  await person.page.keyboard.press("ArrowUp");
  await person.page.keyboard.press("ArrowUp");
  const focused = () => person.page.evaluate(() => document.activeElement.querySelector?.(".bubble")?.textContent);
  assert.equal(await focused(), "둘");
  await person.page.keyboard.press("Enter");
  await until("the first button has the keyboard", () =>
    person.page.evaluate(() => document.activeElement.dataset.act === "react"),
  );
  await person.page.keyboard.press("Escape");
  assert.equal(await focused(), "둘");
  await person.page.keyboard.press("Escape");
  assert.equal(await person.page.evaluate(() => document.activeElement.name), "body");
  await leave(person);
});

test("a name is completed, and its bearer's page shows the mention", async () => {
  const [one, other] = await two("언급");
  await other.say("저 왔어요");
  await one.sees("저 왔어요");
  await one.composer.pressSequentially("@하");
  await one.page.locator("#naming [role=option]", { hasText: "하늘" }).waitFor();
  await one.composer.press("Enter");
  assert.equal(await one.composer.inputValue(), "@하늘 ");
  await one.composer.pressSequentially("어서 와요");
  await one.composer.press("Enter");
  await other.sees("@하늘 어서 와요");
  assert.equal(await row(other, "어서 와요").locator(".bubble.named .mention").textContent(), "@하늘");
  await leave(one, other);
});

test("a link to an old message opens there, and leads on both ways to the end", async () => {
  const room = "옛날";
  for (let number = 1; number <= 180; number += 1) await program.say(room, `글 ${number}`);
  const history = await (await fetch(`${server.url}/api/rooms/${encodeURIComponent(room)}/messages?limit=200`)).json();
  const target = history.messages.find((message) => message.body === "글 60").position;
  const context = await browser.newContext({ locale: "ko-KR", viewport: { width: 1280, height: 800 } });
  const person = new Person(context, await context.newPage(), "나그네");
  await person.page.goto(`${roomUrl(server, room)}?at=${target}`);
  await person.live();
  const place = await person.log.locator("li.focused").evaluate((item) => {
    const [row, frame] = [item.getBoundingClientRect(), item.closest("section").getBoundingClientRect()];
    return Math.abs((row.top + row.bottom) / 2 - (frame.top + frame.bottom) / 2);
  });
  assert.ok(place < 120, `${place} px from the middle`);
  assert.equal((await person.log.locator("li.focused .bubble").textContent()).trim(), "글 60");
  await program.say(room, "글 181");
  const scroll = (edge) =>
    person.log.evaluate((log, edge) => (log.scrollTop = edge === "top" ? 0 : log.scrollHeight), edge);
  const numbers = async () => (await person.texts()).map((text) => Number(text.replace("글 ", "")));
  for (const [edge, number] of [["top", 1], ["bottom", 181]]) {
    await until(`the row ${number}`, async () => (await scroll(edge), (await numbers()).includes(number)));
    const shown = await numbers();
    assert.deepEqual(shown, Array.from(shown, (_, index) => shown[0] + index), "without a hole or a repeat");
  }
  await program.say(room, "글 182");
  await person.sees("글 182");
  await person.page.goto(`${roomUrl(server, room)}?at=${target}`);
  await person.live();
  await person.page.locator("button.jump").click();
  await person.sees("글 182");
  await leave(person);
});
