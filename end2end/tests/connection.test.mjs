// Losing the connection and coming back: what is said about it, when, and that nothing but the network is needed.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { chromium } from "playwright-core";
import { ARGUMENTS, findChromium, launchChromium } from "../lib/chromium.mjs";
import { Person, roomUrl } from "../lib/person.mjs";
import { Server } from "../lib/server.mjs";
import { Program } from "../lib/stomp.mjs";
import { until } from "../lib/waiting.mjs";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let browser, server;
before(async () => (browser = await launchChromium()));
after(() => browser?.close());
// Not one that the system lends to others while the server is down.
beforeEach(async () => (server = await Server.start("connection", { MARU_LISTEN: "127.0.0.1:25013" })));
afterEach(() => server.kill());

const banner = (person) => person.page.locator("main").getByText(/연결 끊김 · |오프라인 · /);
const isLive = (person) => person.page.locator("[data-connection=live]").first().waitFor({ state: "attached" });
const isNotLive = (person) => person.page.locator("[data-connection]:not([data-connection=live])").waitFor({ state: "attached" });

/** A person whose page has a clock of its own, which stands still from now on. */
async function withStoppedClock(room) {
  const context = await browser.newContext({ locale: "ko-KR" });
  await context.clock.install();
  const person = new Person(context, await context.newPage(), "지우");
  await person.open(server, room);
  await person.introduce();
  await person.say("글 1");
  await person.sees("글 1");
  await context.clock.pauseAt(Date.now() + MINUTE);
  // The page takes the leap for a sleep and asks whether the connection still lives, which needs its clock.
  await until("it is live", async () => {
    await context.clock.runFor(50);
    return (await person.page.locator("[data-connection=live]").count()) > 0;
  });
  return person;
}

test("a connection that is back within a second was never gone; otherwise a bar says so, with a countdown and a button", async () => {
  const person = await withStoppedClock("끊김");
  const { clock } = person.context;
  await server.kill();
  await until("the page has noticed", () => person.page.locator("[data-connection]:not([data-connection=live])").count());
  await clock.runFor(900);
  assert.equal(await banner(person).count(), 0, "nothing is said within a second");
  await clock.runFor(600);
  await banner(person).first().waitFor();
  // Each attempt fails until the server is back, with a longer pause after each: one is long enough to be counted.
  const counted = await until("the bar counts the seconds", async () => {
    const text = (await banner(person).first().innerText()).match(/(\d+)초 뒤/);
    if (!text || Number(text[1]) < 2) await clock.runFor(100);
    return text && Number(text[1]) >= 2 && Number(text[1]);
  });
  await clock.runFor(SECOND);
  await person.page.getByText(`${counted - 1}초 뒤`).waitFor();
  await server.start();
  await person.page.getByRole("button", { name: "지금 연결" }).click();
  await until("it is live", async () => {
    await clock.runFor(10);
    return (await person.page.locator("[data-connection=live]").count()) > 0;
  });
  await clock.runFor(2 * SECOND);
  await until("the bar is gone", async () => (await person.page.locator(".banner").count()) === 0);
  await person.context.close();
});

test("the timeline does not jump when the bar opens and closes", async () => {
  const person = await Person.enter(browser, server, "제자리", "지우");
  for (let number = 1; number <= 40; number += 1) await person.say(`글 ${number}`);
  await person.seesCount(40);
  const bottom = () => person.log.locator(".bubble").last().evaluate((bubble) => bubble.getBoundingClientRect().bottom);
  const before = await bottom();
  await server.kill();
  await person.page.locator(".banner").waitFor();
  assert.ok(Math.abs((await bottom()) - before) <= 1, "at the end");
  await server.start();
  await isLive(person);
  await until("the bar is gone", async () => (await person.page.locator(".banner").count()) === 0);
  assert.ok(Math.abs((await bottom()) - before) <= 1, "at the end again");
  await person.context.close();
});

test("a page that was hidden for ten minutes, with a connection that died meanwhile, catches up when it is shown", async () => {
  const person = await withStoppedClock("숨은-쪽");
  const { clock } = person.context;
  const show = (state) =>
    person.page.evaluate((state) => {
      Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
      Object.defineProperty(document, "hidden", { configurable: true, get: () => state === "hidden" });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);
  await show("hidden");
  await person.context.setOffline(true);
  const program = await Program.connect(server, "손님");
  await program.say("숨은-쪽", "그동안");
  // The page's timers sleep as well: none of them runs in these ten minutes.
  await clock.pauseAt(Date.now() + 12 * MINUTE);
  await person.context.setOffline(false);
  await show("visible");
  await until("it has caught up", async () => {
    await clock.runFor(50);
    return (await person.texts()).includes("그동안");
  });
  await program.disconnect();
  await person.context.close();
});

test("back and forward: the page is live, with what was said meanwhile", async () => {
  // Playwright switches the cache for going back off, which people have.
  const own = await chromium.launch({
    executablePath: findChromium(),
    args: ARGUMENTS,
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
  const person = await Person.enter(own, server, "갔다-오기", "지우");
  await person.say("글 1");
  await person.sees("글 1");
  await person.page.goto(`${server.url}/`);
  const program = await Program.connect(server, "손님");
  await program.say("갔다-오기", "그동안");
  await person.page.goBack();
  await person.live();
  await person.sees("그동안");
  await person.say("글 2");
  await person.sees("글 2");
  assert.deepEqual(await person.texts(), ["글 1", "그동안", "글 2"]);
  await program.disconnect();
  await own.close();
});

test("three messages written offline on a half-open socket reach the others once, in order", async () => {
  const room = "반쯤-열린";
  const person = await Person.enter(browser, server, room, "지우");
  const other = await Person.enter(browser, server, room, "하늘");
  await person.say("글 1");
  await other.sees("글 1");
  await person.context.setOffline(true);
  for (const text of ["글 2", "글 3", "글 4"]) await person.say(text);
  // The first may have left before the page noticed: it is not confirmed, and the rest wait.
  const waiting = person.log.getByText(/연결되면 보냅니다|아직 확인되지 않음|보내는 중/);
  await until("all three wait", async () => (await waiting.count()) === 3, { describe: () => person.log.innerText() });
  await person.context.setOffline(false);
  await other.sees("글 4");
  await person.sees("글 4");
  for (const reader of [person, other]) {
    assert.deepEqual((await reader.rows()).map((row) => row.text), ["글 1", "글 2", "글 3", "글 4"]);
  }
  assert.equal(await waiting.count(), 0);
  await Promise.all([person.context.close(), other.context.close()]);
});

test("a file of the site that is not there is a 404, never a page", async () => {
  for (const path of ["/pkg/maru.0000000000000000.js", "/pkg/maru_bg.0000000000000000.wasm", "/pkg/missing.css"]) {
    const answer = await fetch(server.url + path);
    assert.equal(answer.status, 404, path);
    assert.doesNotMatch(answer.headers.get("content-type") ?? "", /html/, path);
  }
});

test("what the page loads comes from its own server, in few requests, and not again", async () => {
  const context = await browser.newContext({ locale: "ko-KR" });
  const page = await context.newPage();
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(roomUrl(server, "손님방"));
  await page.locator("[data-connection=live]").first().waitFor({ state: "attached" });
  // Icons are the browser's own wish, and the page does not wait for them.
  const needed = requests.filter((url) => !/\.(ico|svg|png|webmanifest)$/.test(url));
  assert.ok(needed.length <= 6, needed.join("\n"));
  for (const url of requests) assert.equal(new URL(url).host, server.host, url);
  await page.reload();
  await page.locator("[data-connection=live]").first().waitFor({ state: "attached" });
  const loaded = await page.evaluate(() =>
    performance.getEntriesByType("resource").filter(({ name }) => /\.(js|wasm|css)$/.test(name)).map(({ name, transferSize }) => [name, transferSize]),
  );
  assert.ok(loaded.length >= 3, JSON.stringify(loaded));
  for (const [name, size] of loaded) assert.equal(size, 0, name);
  await context.close();
});
