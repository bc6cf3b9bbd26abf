// One server, real browsers: what a person sees and does.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "../lib/chromium.mjs";
import { pressEnter, typeJapaneseAndConfirm, typeKoreanAndEnter } from "../lib/ime.mjs";
import { Person, roomUrl, watchForProblems } from "../lib/person.mjs";
import { Server } from "../lib/server.mjs";
import { Program } from "../lib/stomp.mjs";

let browser, server, program;

before(async () => {
  [browser, server] = await Promise.all([launchChromium(), Server.start("page")]);
  program = await Program.connect(server, "손님");
});

after(async () => {
  await program?.disconnect();
  await browser?.close();
  await server?.stop();
});

test("history is in the HTML and readable without JavaScript", async () => {
  for (let number = 1; number <= 60; number += 1) await program.say("없이", `글 ${number}`);
  const context = await browser.newContext({ javaScriptEnabled: false, locale: "ko-KR" });
  const page = await context.newPage();
  await page.goto(roomUrl(server, "없이"));
  const rows = page.locator("[role=log] li[data-position]");
  const texts = await rows.locator(".bubble").allTextContents();
  assert.deepEqual(texts.map((text) => text.trim()), Array.from({ length: 50 }, (_, index) => `글 ${index + 11}`));
  assert.match(await rows.first().textContent(), /손님/);
  const instant = await rows.last().locator("time").getAttribute("datetime");
  assert.ok(Math.abs(Date.now() - Date.parse(instant)) < 3_600_000, `the time of the message: ${instant}`);
  await context.close();
});

test("hydration is clean", async () => {
  await program.say("맑음", "첫 글");
  const context = await browser.newContext({ locale: "ko-KR", timezoneId: "America/New_York" });
  const page = await context.newPage();
  const problems = watchForProblems(page);
  await page.goto(roomUrl(server, "맑음"));
  await page.locator("html[data-hydrated=true]").waitFor({ state: "attached" });
  await page.locator("[data-connection=live]").first().waitFor({ state: "attached" });
  await page.goto(`${server.url}/`);
  await page.waitForLoadState("networkidle");
  assert.deepEqual(problems, []);
  await context.close();
});

test("a message appears once on either page, with the other's name and a time", async () => {
  const sender = await Person.enter(browser, server, "둘이서", "지우");
  const reader = await Person.enter(browser, server, "둘이서", "하늘");
  await sender.say("안녕하세요");
  const row = await reader.sees("안녕하세요");
  assert.match(row.all, /지우/);
  assert.ok(Math.abs(Date.now() - Date.parse(row.time)) < 3_600_000, `the time of the message: ${row.time}`);
  // What comes later in the room's order is shown later, so a second copy would be there by now.
  await reader.say("반가워요");
  for (const person of [sender, reader]) {
    await person.sees("반가워요");
    assert.deepEqual((await person.rows()).map((row) => row.text), ["안녕하세요", "반가워요"]);
    assert.deepEqual(person.problems, []);
  }
  await sender.page.reload();
  await sender.live();
  assert.deepEqual(await sender.texts(), ["안녕하세요", "반가워요"]);
  await Promise.all([sender.context.close(), reader.context.close()]);
});

test("Korean: one Enter sends the whole text once", async () => {
  const person = await Person.enter(browser, server, "한글", "세종");
  const keyboard = await person.context.newCDPSession(person.page);
  await person.composer.focus();
  await typeKoreanAndEnter(keyboard, "안녕하세요");
  await person.sees("안녕하세요");
  assert.equal(await person.composer.inputValue(), "");
  await person.say("끝");
  await person.sees("끝");
  assert.deepEqual((await person.rows()).map((row) => row.text), ["안녕하세요", "끝"]);
  await person.context.close();
});

test("Japanese: the Enter that confirms sends nothing, the next one sends", async () => {
  const person = await Person.enter(browser, server, "日本語", "花子");
  const keyboard = await person.context.newCDPSession(person.page);
  await person.composer.focus();
  await typeJapaneseAndConfirm(keyboard, "漢字");
  await program.say("日本語", "間");
  await person.sees("間");
  assert.deepEqual((await person.rows()).map((row) => row.text), ["間"]);
  assert.equal(await person.composer.inputValue(), "漢字");
  await pressEnter(keyboard);
  await person.sees("漢字");
  assert.deepEqual((await person.rows()).map((row) => row.text), ["間", "漢字"]);
  await person.context.close();
});

test("the list of rooms shows the last message, and a Korean room is made and joined", async () => {
  const context = await browser.newContext({ locale: "ko-KR" });
  const page = await context.newPage();
  await program.say("소식", "어제 소식");
  await program.say("소식", "오늘 소식");
  await page.goto(`${server.url}/`);
  const entry = page.locator("a[href]").filter({ hasText: "소식" }).first();
  assert.match(await entry.textContent(), /오늘 소식/);
  assert.doesNotMatch(await entry.textContent(), /어제 소식/);
  const name = page.locator(".new-room input[name=room]");
  await name.fill("새로운 이야기");
  await name.press("Enter");
  await page.waitForURL((url) => decodeURIComponent(url.pathname) === "/rooms/새로운-이야기");
  await page.locator("main form[action='/session'] input[name=nickname]").fill("나그네");
  await Promise.all([page.waitForEvent("load"), page.keyboard.press("Enter")]);
  const person = new Person(context, page, "나그네");
  await person.live();
  await person.say("여기 누구 있나요?");
  await person.sees("여기 누구 있나요?");
  await page.goto(`${server.url}/`);
  await page.locator("a[href]").filter({ hasText: "새로운-이야기" }).first().click();
  await person.live();
  assert.deepEqual(await person.texts(), ["여기 누구 있나요?"]);
  await context.close();
});

test("a refused nickname and a refused room name are answered with a sentence", async () => {
  const context = await browser.newContext({ locale: "ko-KR" });
  const page = await context.newPage();
  await page.goto(`${server.url}/`);
  const name = page.locator(".new-room input[name=room]");
  await name.fill("점.은.안.됨");
  await Promise.all([page.waitForEvent("load"), name.press("Enter")]);
  assert.match(await page.getByRole("alert").first().textContent(), /방 이름/);
  await page.goto(roomUrl(server, "소식"));
  const nickname = page.locator("main form[action='/session'] input[name=nickname]");
  await nickname.fill("가".repeat(21));
  await Promise.all([page.waitForEvent("load"), nickname.press("Enter")]);
  assert.match(await page.getByRole("alert").first().textContent(), /별명/);
  await context.close();
});

test("text from others is only ever text", async () => {
  const attack = "<img src=x onerror=\"window.attacked=true\"><script>window.attacked=true</script>";
  const attacker = await Program.connect(server, "<b>굵게</b>");
  const person = await Person.enter(browser, server, "공격", "지킴이");
  await attacker.say("공격", attack);
  const check = async () => {
    const row = await person.sees(attack);
    assert.match(row.all, /<b>굵게<\/b>/);
    assert.equal(await person.log.locator("img, script, b").count(), 0);
    assert.equal(await person.page.evaluate(() => window.attacked), undefined);
  };
  await check();
  await person.page.reload();
  await person.live();
  await check();
  assert.deepEqual(person.problems, []);
  await attacker.disconnect();
  await person.context.close();
});
