// What screen readers are told, and what people see who need larger text, fewer movements or colours of their own.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { judge } from "../lib/accessibility.mjs";
import { Person, roomUrl } from "../lib/person.mjs";
import { Stage, stateNames } from "../lib/states.mjs";
import { Program } from "../lib/stomp.mjs";
import { flood } from "../lib/timeline.mjs";
import { until } from "../lib/waiting.mjs";

const WIDTHS = [[320, 568], [360, 640], [390, 844], [1280, 800]];

let stage;
before(async () => (stage = await Stage.open("assistive")));
after(() => stage?.close());

/** Writes down every text that a live region is given, from the first on; nobody hears one that is not displayed. */
function listen() {
  window.said = [];
  document.addEventListener("DOMContentLoaded", () => {
    const note = (region) => {
      const text = region.textContent;
      if (!region.checkVisibility()) return;
      if (text.trim() && region.said !== text) window.said.push(text.trim());
      region.said = text;
    };
    const regions = "[aria-live=polite], [aria-live=assertive], [role=status], [role=alert]";
    new MutationObserver((changes) => {
      for (const { target, addedNodes } of changes) {
        const element = target.nodeType === Node.ELEMENT_NODE ? target : target.parentElement;
        const region = element?.closest(regions);
        if (region) note(region);
        for (const node of addedNodes) {
          if (node.nodeType === Node.ELEMENT_NODE) for (const inner of [node, ...node.querySelectorAll("*")]) if (inner.matches(regions)) note(inner);
        }
      }
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
    document.querySelectorAll(regions).forEach(note);
  });
}

test("history is not read out; one message is, once, with its author, also if it says the same; many are counted; one's own are not", async () => {
  const room = "듣는-방";
  await flood(stage.server, room, "손님", 20, (number) => `지난 글 ${number}`);
  const context = await stage.browser.newContext({ locale: "ko-KR", storageState: stage.storageState });
  await context.addInitScript(listen);
  // Time stands still but for what the test lets pass: a burst is one however long it takes.
  await context.clock.install();
  const person = new Person(context, await context.newPage(), "지우");
  await person.open(stage.server, room);
  await context.clock.pauseAt(Date.now() + 5_000);
  const pass = (milliseconds) => context.clock.runFor(milliseconds);
  const shows = (text) =>
    until(`the page shows ${text}`, async () => {
      await pass(1);
      return (await person.texts()).includes(text);
    });
  const said = async () => {
    await pass(1_500);
    return person.page.evaluate(() => window.said.splice(0));
  };
  assert.deepEqual(await said(), [], "nothing of the history");

  const program = await Program.connect(stage.server, "하늘");
  await program.say(room, "안녕하세요");
  await shows("안녕하세요");
  assert.deepEqual(await said(), ["하늘: 안녕하세요"]);
  await program.say(room, "안녕하세요");
  await until("it is there again", async () => {
    await pass(1);
    return (await person.texts()).filter((text) => text === "안녕하세요").length === 2;
  });
  assert.deepEqual(await said(), ["하늘: 안녕하세요"]);

  await flood(stage.server, room, "손님", 20, (number) => `새 글 ${number}`);
  await shows("새 글 20");
  assert.deepEqual(await said(), ["새 메시지 20개"]);

  await person.composer.fill("제 글");
  await person.composer.press("Enter");
  await shows("제 글");
  assert.deepEqual(await said(), []);
  await program.disconnect();
  await context.close();
});

/** A style sheet of the reader's own, which a page's policy cannot refuse. */
const restyle = (page, css) =>
  page.evaluate(async (css) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    document.adoptedStyleSheets = [sheet];
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  }, css);

/** What sticks out of the window sideways, and controls that cut their own text off. */
const misfits = (page) =>
  page.evaluate(() => {
    const root = document.documentElement;
    const sideways = root.scrollWidth > root.clientWidth ? [`the page is ${root.scrollWidth} px wide`] : [];
    const inner = [...document.querySelectorAll("[role=log], nav, main, dialog")]
      .filter((box) => box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== "hidden" && getComputedStyle(box).overflowX !== "visible")
      .map((box) => `${box.tagName} scrolls sideways: ${box.scrollWidth} of ${box.clientWidth}`);
    const cut = [...document.querySelectorAll("button, .bubble, .banner, h1, h2, label, summary")]
      .filter((box) => box.clientWidth > 1 && getComputedStyle(box).textOverflow !== "ellipsis")
      .filter((box) => getComputedStyle(box).overflow !== "visible" && (box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1))
      .map((box) => `${box.tagName}.${box.className} cuts "${box.textContent.trim().slice(0, 30)}"`);
    return [...sideways, ...inner, ...cut];
  });

const SPACING = "* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }";

for (const state of stateNames) {
  test(`fits at every width, with wider spacing, at twice the size, and from right to left: ${state}`, async () => {
    const person = await stage.show(state);
    const check = async (what) => assert.deepEqual(await misfits(person.page), [], what);
    for (const [width, height] of WIDTHS) {
      await person.page.setViewportSize({ width, height });
      await restyle(person.page, "");
      await check(`${width} px`);
      await restyle(person.page, SPACING);
      await check(`${width} px, wider spacing`);
      if (width >= 640) {
        await restyle(person.page, "html { font-size: 200% !important }");
        await check(`${width} px, text at twice the size`);
      }
      await restyle(person.page, "");
      await person.page.evaluate(() => (document.documentElement.dir = "rtl"));
      await check(`${width} px, from right to left`);
      await person.page.evaluate(() => document.documentElement.removeAttribute("dir"));
    }
    // The browser's own zoom at 200 % halves the window.
    await person.page.setViewportSize({ width: 640, height: 400 });
    await check("zoom of 200 %");
    await person.context.close();
  });

  test(`nothing moves for those who asked for that, and forced colours leave edges: ${state}`, async () => {
    const person = await stage.show(state, { reducedMotion: "reduce", forcedColors: "active" });
    const moving = () => document.getAnimations().filter((animation) => animation.playState === "running").map((animation) => `${animation.animationName} of ${animation.effect.target.className}`);
    await until("nothing moves", async () => (await person.page.evaluate(moving)).length === 0, { describe: async () => `but ${await person.page.evaluate(moving)}` });
    const flat = () =>
      [...document.querySelectorAll(".bubble, .send, .banner, .button, .jump")]
        .filter((box) => box.clientWidth > 0 && parseFloat(getComputedStyle(box).borderTopWidth) < 1)
        .map((box) => box.className);
    assert.deepEqual(await person.page.evaluate(flat), [], "every surface has an edge");
    assert.deepEqual((await judge(person.page)).violations, []);
    await person.context.close();
  });
}

test("an Arabic name leaves a Korean row in its order", async () => {
  const room = "이름들";
  const program = await Program.connect(stage.server, "محمد");
  await program.say(room, "안녕하세요");
  await program.say(room, "مرحبا");
  const person = await Person.enter(stage.browser, stage.server, room, null, { storageState: stage.storageState });
  const [korean, arabic] = await person.log.locator(".bubble").evaluateAll((bubbles) =>
    bubbles.map((bubble) => getComputedStyle(bubble).direction),
  );
  assert.deepEqual([korean, arabic], ["ltr", "rtl"]);
  const left = await person.log.locator("li.message").evaluateAll((rows) => rows.map((row) => row.querySelector(".bubble").getBoundingClientRect().left - row.getBoundingClientRect().left));
  assert.equal(left[0], left[1], "both stand on their author's side");
  assert.equal(new URL(person.page.url()).href, roomUrl(stage.server, room));
  await program.disconnect();
  await person.context.close();
});
