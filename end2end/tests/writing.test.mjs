// Writing: which key does what, and that no text is lost on the way to the composer or out of it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { ARGUMENTS, findChromium, launchChromium } from "../lib/chromium.mjs";
import { Person, roomUrl } from "../lib/person.mjs";
import { Server, temporaryFolder } from "../lib/server.mjs";
import { atTheEnd, flood } from "../lib/timeline.mjs";
import { until } from "../lib/waiting.mjs";

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

let browser, server;
before(async () => ([browser, server] = await Promise.all([launchChromium(), Server.start("writing")])));
after(async () => {
  await browser?.close();
  await server?.stop();
});

const sendButton = (person) => person.page.locator("form.composer").getByRole("button", { name: /^(보내기|Send)$/ });
const isFocused = (locator) => locator.evaluate((element) => element === document.activeElement);
/** What of an element is inside the window and not under anything else: its middle must be hit. */
const isInSight = (locator) =>
  locator.evaluate((element) => {
    const { top, bottom, left, right } = element.getBoundingClientRect();
    const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    return top >= 0 && bottom <= innerHeight + 0.5 && left >= 0 && right <= innerWidth && hit !== null && element.contains(hit);
  });

test("the own bubble is there a frame after Enter, with the composer empty and ready", async () => {
  const room = "한-장면";
  const person = await Person.enter(browser, server, room, "지우");
  await person.say("글 0");
  await person.sees("글 0");
  // Notes what stands on the page once the frame after the key has been painted.
  await person.page.evaluate(() => {
    window.notes = [];
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      requestAnimationFrame(() =>
        requestAnimationFrame(() => {
          const bubbles = document.querySelectorAll("[role=log] .bubble");
          const field = document.querySelector("textarea[name=body]");
          window.notes.push([bubbles[bubbles.length - 1].textContent.trim(), field.value, field === document.activeElement]);
        }),
      );
    });
  });
  const texts = Array.from({ length: 20 }, (_, index) => `글 ${index + 1}`);
  for (const [index, text] of texts.entries()) {
    await person.say(text);
    await until("two frames have passed", () => person.page.evaluate((count) => window.notes.length > count, index));
  }
  assert.deepEqual(await person.page.evaluate(() => window.notes), texts.map((text) => [text, "", true]));
  await person.context.close();
});

test("with a mouse Enter sends and Shift+Enter begins a new line", async () => {
  const person = await Person.enter(browser, server, "책상", "지우");
  await person.composer.pressSequentially("첫 줄");
  await person.composer.press("Shift+Enter");
  await person.composer.pressSequentially("둘째 줄");
  assert.equal(await person.composer.inputValue(), "첫 줄\n둘째 줄");
  assert.deepEqual(await person.rows(), []);
  await person.composer.press("Enter");
  await person.sees("첫 줄\n둘째 줄");
  assert.equal((await person.rows()).length, 1);
  await person.context.close();
});

test("on a touch screen Enter begins a new line, the button sends, and the keyboard stays", async () => {
  const person = await Person.enter(browser, server, "손안", "지우", PHONE);
  await person.composer.tap();
  await person.composer.pressSequentially("첫 줄");
  await person.composer.press("Enter");
  await person.composer.pressSequentially("둘째 줄");
  assert.equal(await person.composer.inputValue(), "첫 줄\n둘째 줄");
  assert.deepEqual(await person.rows(), []);
  await sendButton(person).tap();
  await person.sees("첫 줄\n둘째 줄");
  assert.equal(await person.composer.inputValue(), "");
  assert.ok(await isFocused(person.composer), "the keyboard would have gone");
  await person.context.close();
});

test("on a phone with its keyboard open the header, the last message and the composer stay in sight", async () => {
  const room = "자판";
  await flood(server, room, "손님", 30, (number) => `글 ${number}`);
  const person = await Person.enter(browser, server, room, "지우", PHONE);
  await atTheEnd(person);
  await person.composer.tap();
  await person.page.setViewportSize({ width: 390, height: 480 });
  await atTheEnd(person);
  for (const [name, locator] of [
    ["the header", person.page.getByRole("heading", { level: 1 })],
    ["the last message", person.log.locator(".bubble").last()],
    ["the composer", person.composer],
    ["the button", sendButton(person)],
  ]) {
    assert.ok(await isInSight(locator), name);
  }
  await person.context.close();
});

test("what is typed before the page's program runs is kept, caret and all, and Enter then sends it", async () => {
  const room = "서둘러";
  const person = await Person.enter(browser, server, room, "지우");
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await person.page.route(/\.wasm$/, async (route) => {
    await held;
    await route.continue();
  });
  await person.page.goto(roomUrl(server, room), { waitUntil: "commit" });
  await person.composer.pressSequentially("안녕하세요 여러분");
  await person.composer.press("ArrowLeft");
  await person.composer.press("ArrowLeft");
  assert.equal(await person.page.locator("html[data-hydrated]").count(), 0, "the program does not run yet");
  release();
  await person.live();
  const state = () => person.composer.evaluate((field) => [field.value, field.selectionStart, field.selectionEnd]);
  assert.deepEqual(await state(), ["안녕하세요 여러분", 7, 7]);
  assert.ok(await isFocused(person.composer));
  await person.page.keyboard.insertText("친구 ");
  await person.page.keyboard.press("Enter");
  await person.sees("안녕하세요 여친구 러분");
  // What the page before was still asking for does not count.
  assert.deepEqual(person.problems.filter((problem) => !problem.startsWith("request:")), []);
  await person.context.close();
});

test("a text that is too long is not sent, says so, and stays in the composer", async () => {
  const person = await Person.enter(browser, server, "긴-글", "지우");
  const long = "가".repeat(4_001);
  await person.say(long);
  const reason = person.page.locator("form.composer").getByRole("alert").filter({ hasText: "너무 깁니다" });
  await reason.waitFor();
  assert.equal(await person.composer.inputValue(), long);
  assert.deepEqual(await person.rows(), []);
  await person.composer.press("Backspace");
  await until("the reason goes with the excess", async () => (await reason.count()) === 0);
  await person.composer.press("Enter");
  await person.sees(long.slice(1));
  assert.equal((await person.rows()).length, 1);
  await person.context.close();
});

test("who sends faster than allowed loses nothing and doubles nothing", async () => {
  const strict = await Server.start("writing-strict", { MARU_RATE_PER_SECOND: "10", MARU_RATE_BURST: "3" });
  const person = await Person.enter(browser, strict, "급한-방", "지우");
  const texts = Array.from({ length: 15 }, (_, index) => `글 ${index + 1}`);
  for (const text of texts) await person.say(text);
  await person.seesCount(texts.length);
  const sorted = (list) => list.toSorted();
  assert.deepEqual(sorted(await person.texts()), sorted(texts));
  assert.deepEqual(sorted((await strict.history("급한-방")).map((message) => message.body)), sorted(texts));
  await person.context.close();
  await strict.stop();
});

test("a draft stays in its room, and outlives the browser and a server that was replaced", async () => {
  const folder = temporaryFolder();
  const own = await Server.start("writing-draft");
  const open = () =>
    chromium.launchPersistentContext(folder, { executablePath: findChromium(), args: ARGUMENTS, locale: "ko-KR" });
  let context = await open();
  let person = new Person(context, context.pages()[0], "지우");
  await person.open(own, "초안");
  await person.introduce();
  const draft = "쓰다 만 글\n둘째 줄";
  await person.composer.fill(draft);
  await until("the draft is kept", () => person.page.evaluate(() => Object.values(localStorage).some((value) => value.includes("둘째 줄"))));
  await context.close();
  await own.kill();
  await own.start();
  context = await open();
  person = new Person(context, context.pages()[0], "지우");
  await person.open(own, "옆방");
  assert.equal(await person.composer.inputValue(), "");
  await person.open(own, "초안");
  assert.equal(await person.composer.inputValue(), draft);
  await person.composer.press("Enter");
  await person.sees(draft);
  await person.page.reload();
  await person.live();
  assert.equal(await person.composer.inputValue(), "");
  await context.close();
  await own.stop();
});
