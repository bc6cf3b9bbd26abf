// What can be done with a message: where the bar with its buttons stands, when it goes, and how the keyboard gets there.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "../lib/chromium.mjs";
import { Person } from "../lib/person.mjs";
import { Server } from "../lib/server.mjs";
import { Program } from "../lib/stomp.mjs";
import { until } from "../lib/waiting.mjs";

let browser, server;
before(async () => ([browser, server] = await Promise.all([launchChromium(), Server.start("actions")])));
after(async () => {
  await browser?.close();
  await server?.stop();
});

const bar = (person) => person.log.getByRole("group", { name: "메시지 작업" });

test("the bar stands over nobody's name, and inside the timeline", async () => {
  const room = "막대";
  for (const name of ["하늘", "이름이-아주-긴-사람입니다"]) {
    const program = await Program.connect(server, name);
    for (const text of ["ㅋ", "긴 글입니다. ".repeat(30), "ㅎ"]) await program.say(room, text);
    await program.disconnect();
  }
  const person = await Person.enter(browser, server, room, "지우");
  await person.say("제 글");
  await person.sees("제 글");
  for (const width of [1280, 900, 390]) {
    await person.page.setViewportSize({ width, height: 900 });
    for (const bubble of await person.log.locator(".bubble").all()) {
      await person.composer.hover();
      await bubble.hover();
      await bubble.locator("xpath=..").getByRole("group", { name: "메시지 작업" }).waitFor();
      const hidden = await bar(person).evaluate((bar) => {
        const [own, frame] = [bar.getBoundingClientRect(), bar.closest("[role=log]").getBoundingClientRect()];
        const isHidden = (name) => {
          const { left, right, top, bottom, width } = name.getBoundingClientRect();
          return width > 1 && left < own.right && right > own.left && top < own.bottom && bottom > own.top;
        };
        const hidden = [...document.querySelectorAll(".message:not(.continues) .author bdi")].filter(isHidden).map((name) => name.textContent);
        return own.left < frame.left || own.right > frame.right ? [...hidden, "its own end"] : hidden;
      });
      assert.deepEqual(hidden, [], `${width} px: ${(await bubble.textContent()).slice(0, 10)}`);
    }
  }
  await person.context.close();
});

test("the bar is gone once something was chosen", async () => {
  const person = await Person.enter(browser, server, "고르기", "지우");
  await person.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: server.url });
  await person.say("제 글");
  await person.sees("제 글");
  const choose = async (...choices) => {
    await person.composer.hover();
    await person.log.locator(".bubble").hover();
    for (const name of choices) await bar(person).getByRole("button", { name, exact: true }).click();
    await until(`the bar is gone after ${choices}`, async () => (await bar(person).count()) === 0);
    await person.composer.press("Escape");
  };
  await choose("복사");
  assert.equal(await person.page.evaluate(() => navigator.clipboard.readText()), "제 글");
  await choose("링크 복사");
  assert.match(await person.page.evaluate(() => navigator.clipboard.readText()), /\?at=[0-9a-f]{8}-\d+-\d+$/);
  await choose("답장");
  await choose("수정");
  await choose("반응 남기기", "👍");
  await choose("삭제", "취소");
  await person.context.close();
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
  await until("the first button has the keyboard", () => person.page.evaluate(() => document.activeElement.dataset.act === "react"));
  await person.page.keyboard.press("Escape");
  assert.equal(await focused(), "둘");
  await person.page.keyboard.press("Escape");
  assert.equal(await person.page.evaluate(() => document.activeElement.name), "body");
  await person.context.close();
});

test("by keyboard: past a list in a message, and back to the message once something was chosen", async () => {
  const person = await Person.enter(browser, server, "고른-뒤", "지우");
  await person.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: server.url });
  for (const text of ["하나", "- 둘\n- 셋"]) await person.say(text);
  await person.sees("둘\n셋");
  const focused = () => person.page.evaluate(() => document.activeElement.querySelector?.(".bubble")?.textContent);
  await person.log.focus();
  await person.page.keyboard.press("ArrowUp");
  assert.equal(await focused(), "둘셋");
  await person.page.keyboard.press("ArrowUp");
  assert.equal(await focused(), "하나");
  await person.page.keyboard.press("Enter");
  await until("the first button has the keyboard", () => person.page.evaluate(() => document.activeElement.dataset.act === "react"));
  // A pointer that moves elsewhere does not take the bar away.
  await person.log.locator(".bubble").last().hover();
  for (let step = 0; step < 2; step += 1) await person.page.keyboard.press("ArrowRight");
  assert.equal(await person.page.evaluate(() => document.activeElement.dataset.act), "copy");
  await person.page.keyboard.press("Enter");
  await until("the text is copied", async () => (await person.page.evaluate(() => navigator.clipboard.readText())) === "하나");
  await until("the bar is gone", async () => (await bar(person).count()) === 0);
  assert.equal(await focused(), "하나");
  await person.context.close();
});

test("the field keeps what was being written: an edit gives it back, an answer leaves it", async () => {
  const person = await Person.enter(browser, server, "쓰던-글", "지우");
  await person.say("제 글");
  await person.sees("제 글");
  await person.composer.fill("쓰던 글");
  const purpose = person.page.locator(".purpose");
  const choose = async (name, shown, text) => {
    await person.composer.hover();
    await person.log.locator(".bubble").hover();
    await bar(person).getByRole("button", { name, exact: true }).click();
    await purpose.getByText(shown).waitFor();
    await until(`the field holds "${text}"`, async () => (await person.composer.inputValue()) === text);
  };
  await choose("수정", "수정", "제 글");
  await choose("답장", "지우님에게 답장", "쓰던 글");
  // A browser that keeps nothing.
  await person.page.evaluate(() => localStorage.clear());
  await person.composer.press("Escape");
  await until("the answer is none", async () => (await purpose.locator("p").count()) === 0);
  assert.equal(await person.composer.inputValue(), "쓰던 글");
  await person.context.close();
});
