// The page on a phone, after midnight, installed, and without a network.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "../lib/chromium.mjs";
import { Person, roomUrl } from "../lib/person.mjs";
import { Server } from "../lib/server.mjs";
import { Program } from "../lib/stomp.mjs";
import { until } from "../lib/waiting.mjs";

const ROOM = "기기";

let browser, server;

before(async () => {
  [browser, server] = await Promise.all([launchChromium(), Server.start("devices")]);
  const program = await Program.connect(server, "하늘");
  await program.say(ROOM, "안녕하세요");
  await program.disconnect();
});

after(async () => {
  await browser?.close();
  await server?.stop();
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

test("after midnight the list of rooms says yesterday, without a reload", async () => {
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

test("the page can be installed, and what it keeps for times without a network is never an old page", async () => {
  const manifest = await (await fetch(`${server.url}/manifest.webmanifest`)).json();
  for (const field of ["name", "start_url"]) assert.ok(manifest[field], field);
  assert.equal(manifest.display, "standalone");
  assert.ok(manifest.icons.length > 0);
  for (const { src } of manifest.icons) assert.equal((await fetch(new URL(src, server.url))).status, 200, src);
  const worker = await fetch(`${server.url}/worker.js`);
  assert.match(worker.headers.get("content-type"), /javascript/);
  assert.equal(worker.headers.get("cache-control"), "no-cache");

  const person = await Person.enter(browser, server, ROOM, "지우");
  const { page, context } = person;
  await until("the worker is in charge", () => page.evaluate(() => Boolean(navigator.serviceWorker.controller)));
  await person.say("방금 쓴 글");
  await person.sees("방금 쓴 글");
  const html = await page.evaluate(() => fetch(location.href).then((answer) => answer.text()));
  assert.match(html, /방금 쓴 글/, "the page is the server's, as it is now");
  await context.setOffline(true);
  await page.goto(`${server.url}/`);
  assert.equal(await page.locator("h1").textContent(), "오프라인입니다");
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.body).margin), "8px", "with its style sheet");
  await context.setOffline(false);
  // It comes back by itself.
  await page.locator(".in-lobby").waitFor();
  const kept = await page.evaluate(async () => (await (await caches.open("offline")).keys()).map((request) => new URL(request.url).pathname));
  assert.ok(kept.every((path) => path === "/offline" || /^\/pkg\/.*\.css$/.test(path)), kept.join());
  await context.close();
});
