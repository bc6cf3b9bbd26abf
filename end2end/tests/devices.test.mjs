// What a page keeps and shows on different devices: colours, language, zones, keyboards on screens, no network, a newer server.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launchChromium } from "../lib/chromium.mjs";
import { Person, roomUrl } from "../lib/person.mjs";
import { ROOT, Server } from "../lib/server.mjs";
import { Program } from "../lib/stomp.mjs";
import { until } from "../lib/waiting.mjs";

const SCREENSHOTS = join(ROOT, "target", "screenshots");
const ROOM = "기기";
const LIGHT = "rgb(255, 255, 255)";
const DARK = "rgb(21, 24, 28)";

let browser, server;

before(async () => {
  mkdirSync(SCREENSHOTS, { recursive: true });
  [browser, server] = await Promise.all([launchChromium(), Server.start("devices")]);
  const program = await Program.connect(server, "하늘");
  for (let n = 0; n < 30; n += 1) await program.say(ROOM, `말 ${n}`);
  await program.disconnect();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const ground = (page) => page.evaluate(() => getComputedStyle(document.querySelector(".talk") ?? document.querySelector(".lobby")).backgroundColor);

test("colours and language are chosen by buttons, kept, and there before any script runs", async () => {
  const context = await browser.newContext({ locale: "ko-KR", colorScheme: "light", javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(roomUrl(server, ROOM));
  assert.equal(await ground(page).catch(() => LIGHT), LIGHT);
  await page.locator("details.me summary").click();
  await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: "어둡게" }).click()]);
  assert.equal(page.url(), roomUrl(server, ROOM), "back where it was chosen");
  await page.locator("details.me summary").click();
  await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: "English" }).click()]);
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
  const state = await context.storageState();
  await context.close();

  const later = await browser.newContext({ locale: "ko-KR", colorScheme: "light", storageState: state });
  const again = await later.newPage();
  for (const path of ["/", `/rooms/${encodeURIComponent(ROOM)}`]) {
    await again.goto(server.url + path, { waitUntil: "commit" });
    await again.locator(".app").waitFor();
    assert.equal(await ground(again), DARK, `${path}, against what the browser prefers`);
    assert.equal(await again.locator("html").getAttribute("lang"), "en");
  }
  await later.close();
});

test("without a choice the colours are the browser's", async () => {
  for (const [colorScheme, colour] of [["light", LIGHT], ["dark", DARK]]) {
    const person = await Person.enter(browser, server, ROOM, null, { colorScheme });
    assert.equal(await ground(person.page), colour);
    await person.context.close();
  }
});

test("reduced motion and forced colours are obeyed", async () => {
  const person = await Person.enter(browser, server, ROOM, "지우", { reducedMotion: "reduce", forcedColors: "active" });
  const running = () => person.page.evaluate(() => document.getAnimations().filter((one) => one.effect.getTiming().iterations === Infinity).length);
  assert.equal(await running(), 0);
  assert.notEqual(await person.page.locator(".bubble").first().evaluate((bubble) => getComputedStyle(bubble).borderTopStyle), "none");
  await person.context.close();
});

for (const [name, viewport] of Object.entries({ "360×640": { width: 360, height: 640 }, "320×568": { width: 320, height: 568 } })) {
  test(`nothing scrolls sideways at ${name}, settings and people open`, async () => {
    const person = await Person.enter(browser, server, ROOM, "지우", { viewport });
    const overflow = () => person.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    await person.page.locator("details.people summary").click();
    assert.equal(await overflow(), 0, "people");
    await person.page.screenshot({ path: join(SCREENSHOTS, `people-${viewport.width}.png`) });
    await person.page.goto(`${server.url}/`);
    await person.page.locator("details.me summary").click();
    assert.equal(await overflow(), 0, "settings");
    await person.page.screenshot({ path: join(SCREENSHOTS, `settings-${viewport.width}.png`) });
    await person.context.close();
  });
}

test("with a keyboard on the screen the header, the last message and the field are all in sight", async () => {
  const person = await Person.enter(browser, server, ROOM, "지우", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await person.composer.fill("맨 끝");
  await person.page.locator(".send").tap();
  await person.sees("맨 끝");
  await person.composer.tap();
  await person.page.setViewportSize({ width: 390, height: 480 });
  const inSight = (selector) => person.page.locator(selector).last().evaluate((element) => {
    const { top, bottom } = element.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  });
  for (const selector of [".room-head", ".message .bubble", ".composer .box"]) {
    await until(`${selector} is in sight`, () => inSight(selector));
  }
  await person.context.close();
});

test("on a phone the way back leads to the same place of the list", async () => {
  const rooms = Array.from({ length: 20 }, (_, n) => `길-${n}`);
  const program = await Program.connect(server, "바다");
  for (const room of rooms) await program.say(room, "안녕");
  await program.disconnect();
  const person = await Person.enter(browser, server, ROOM, null, { viewport: { width: 390, height: 700 } });
  const { page } = person;
  await page.goto(`${server.url}/`);
  await page.locator(".room-list").evaluate((list) => (list.scrollTop = 300));
  await page.locator(".room-list a", { hasText: "길-9" }).first().click();
  await person.live();
  const steps = await page.evaluate(() => history.length);
  await page.locator(".back").click();
  await page.waitForURL(`${server.url}/`);
  await until("the list is where it was", () => page.locator(".room-list").evaluate((list) => list.scrollTop === 300));
  assert.equal(await page.evaluate(() => history.length), steps, "back is back, not on");
  await person.context.close();
});

test("days are the reader's: a message lies on different days in Seoul and New York", async () => {
  // Kiritimati is a whole day and an hour ahead of Hawaii: the days differ at any time.
  const days = new Set();
  for (const timezoneId of ["Asia/Seoul", "America/New_York", "Pacific/Kiritimati", "Pacific/Honolulu"]) {
    const person = await Person.enter(browser, server, ROOM, null, { timezoneId });
    const [{ time }] = (await person.rows()).slice(-1);
    const day = await person.page.evaluate((time) => new Intl.DateTimeFormat("ko-KR", { month: "long", day: "numeric", weekday: "long" }).format(new Date(time)), time);
    await until(`${timezoneId} has ${day}`, async () => (await person.page.locator("li.day").last().textContent()) === day);
    days.add(day);
    assert.deepEqual(person.problems, [], "the browser's first view was the server's");
    await person.context.close();
  }
  assert.ok(days.size > 1);
});

test("at midnight what is written about days is written anew", async () => {
  const context = await browser.newContext({ locale: "ko-KR", timezoneId: "Asia/Seoul" });
  const page = await context.newPage();
  // Twenty seconds before the reader's midnight.
  const zone = 9 * 3_600_000;
  const midnight = Math.ceil((Date.now() + zone) / 86_400_000) * 86_400_000 - zone;
  await page.clock.install({ time: midnight - 20_000 });
  await page.goto(roomUrl(server, ROOM));
  await page.locator("html[data-hydrated=true]").waitFor({ state: "attached" });
  const when = page.locator(".room-list a[aria-current] time");
  await until("a time of today", async () => /^오[전후]/.test(await when.textContent()));
  await page.clock.runFor(30_000);
  await until("yesterday", async () => (await when.textContent()) === "어제");
  await context.close();
});

test("without a network there is a page that says so, and it comes back by itself; nothing else is kept", async () => {
  const context = await browser.newContext({ locale: "ko-KR" });
  const page = await context.newPage();
  await page.goto(roomUrl(server, ROOM));
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  await until("the worker is in charge", () => page.evaluate(() => Boolean(navigator.serviceWorker.controller)));
  await context.setOffline(true);
  await page.goto(`${server.url}/`);
  assert.equal(await page.locator("h1").textContent(), "오프라인입니다");
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.body).margin), "8px", "with its style sheet");
  await context.setOffline(false);
  await page.locator(".in-lobby").waitFor();
  const kept = await page.evaluate(async () => (await (await caches.open("offline")).keys()).map((request) => new URL(request.url).pathname));
  assert.ok(kept.every((path) => path === "/offline" || /^\/pkg\/.*\.css$/.test(path)), kept.join());
  await context.close();
});

test("a server with other files is noticed; the page goes on, and draft and all are there after the reload", async () => {
  const person = await Person.enter(browser, server, ROOM, "지우");
  const { page } = person;
  assert.ok(await page.locator(".update").isHidden());
  await page.route("**/build", (route) => route.fulfill({ body: "fedcba9876543210" }));
  await person.composer.fill("쓰다 만 글");
  await server.stop();
  await server.start();
  await page.locator(".update").waitFor();
  await person.composer.focus();
  await Promise.all([page.waitForEvent("load"), page.locator(".update button").click()]);
  await person.live();
  assert.equal(await person.composer.inputValue(), "쓰다 만 글");
  const missing = await fetch(`${server.url}/pkg/maru.0000000000000000.wasm`);
  assert.equal(missing.status, 404);
  assert.doesNotMatch(missing.headers.get("content-type") ?? "", /html/);
  await person.context.close();
});

test("the page can be installed", async () => {
  const manifest = await (await fetch(`${server.url}/manifest.webmanifest`)).json();
  assert.equal(manifest.display, "standalone");
  for (const { src } of manifest.icons) assert.equal((await fetch(server.url + src)).status, 200, src);
  const response = await fetch(`${server.url}/worker.js`);
  assert.match(response.headers.get("content-type"), /javascript/);
  assert.equal(response.headers.get("cache-control"), "no-cache");
});
