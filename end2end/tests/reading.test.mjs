// Reading: what stands under the eye stays there, whatever comes before or after it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { launchChromium } from "../lib/chromium.mjs";
import { Person, roomUrl, watchForProblems } from "../lib/person.mjs";
import { Server } from "../lib/server.mjs";
import { Program } from "../lib/stomp.mjs";
import { atTheEnd, flood, place, scrollTo, showEarlier } from "../lib/timeline.mjs";
import { until } from "../lib/waiting.mjs";

const MANY = 600;
/** Most rows on the page, with messages still to be confirmed and chips of days among them. */
const ROWS = 300;

let browser, server, program;

before(async () => {
  [browser, server] = await Promise.all([launchChromium(), Server.start("reading")]);
  program = await Program.connect(server, "손님");
});

after(async () => {
  await program?.disconnect();
  await browser?.close();
  await server?.stop();
});

/** Heights differ, so that a row that moved cannot be taken for its neighbour. */
const varied = (number) => `글 ${number}${"\n한 줄 더".repeat(number % 4)}`;
const numbers = async (person) => (await person.texts()).map((text) => Number(/^글 (\d+)/.exec(text)[1]));
const pill = (person) => person.page.locator("main").getByRole("button", { name: /새 메시지|최신 메시지/ });

test("from the end to the first message the row under the eye never moves, and no row is missing or doubled", async () => {
  const room = "옛날-이야기";
  await flood(server, room, "손님", MANY, varied);
  const person = await Person.enter(browser, server, room, "지우");
  const seen = new Set();
  let worst = 0;
  for (let moved = 0; moved !== null; moved = await showEarlier(person)) {
    worst = Math.max(worst, moved);
    const shown = await numbers(person);
    assert.deepEqual(shown, Array.from(shown, (_, index) => shown[0] + index), "the rows on the page follow each other");
    const rows = await person.log.locator("li").count();
    assert.ok(rows <= ROWS + 20, `${rows} rows on the page`);
    for (const number of shown) seen.add(number);
  }
  assert.ok(worst <= 1, `the row under the eye moved by ${worst} px`);
  assert.equal(seen.size, MANY);
  assert.equal(Math.min(...seen), 1);
  assert.deepEqual(person.problems, []);
  await person.context.close();
});

test("a reader of older messages is left alone; the button counts what arrives and leads to it", async () => {
  const room = "읽는-중";
  await flood(server, room, "손님", 45, varied);
  const person = await Person.enter(browser, server, room, "지우");
  await atTheEnd(person);
  assert.equal(await pill(person).count(), 0);
  const { below } = await place(person);
  const end = (await place(person)).top;
  assert.ok(below <= 1);
  const top = await scrollTo(person, end - 700);
  await pill(person).waitFor();
  assert.doesNotMatch(await pill(person).innerText(), /\d/, "nothing has arrived yet");
  for (let number = 1; number <= 5; number += 1) await program.say(room, `새 글 ${number}`);
  await until("five are counted", async () => /(^|\D)5(\D|$)/.test(await pill(person).innerText()), { describe: () => pill(person).innerText() });
  assert.equal((await place(person)).top, top);
  await pill(person).click();
  await person.sees("새 글 5");
  // The unread come first where there are more than a screenful; five are not.
  await atTheEnd(person);
  await pill(person).waitFor({ state: "detached" });
  await person.context.close();
});

test("a reader at the end sees the newest row whole, also when a row grows later", async () => {
  const room = "끝에서";
  await flood(server, room, "손님", 45, varied);
  const person = await Person.enter(browser, server, room, "지우");
  await atTheEnd(person);
  await program.say(room, `긴 글${"\n한 줄 더".repeat(9)}`);
  await person.sees(`긴 글${"\n한 줄 더".repeat(9)}`);
  await atTheEnd(person);
  // As a picture does that arrives after its row.
  await person.log.locator("li[data-position]").nth(-3).evaluate((row) => (row.style.minHeight = "400px"));
  await atTheEnd(person);
  await program.say(room, "그다음");
  await person.sees("그다음");
  await atTheEnd(person);
  assert.equal(await pill(person).count(), 0);
  await person.context.close();
});

test("days and times are those of the reader's zone, and hydration finds nothing to complain of", async () => {
  const room = "시차";
  await program.say(room, "지금");
  const look = async (timezoneId) => {
    const context = await browser.newContext({ locale: "ko-KR", timezoneId });
    const page = await context.newPage();
    const problems = watchForProblems(page);
    await page.goto(roomUrl(server, room));
    await page.locator("[data-connection=live]").first().waitFor({ state: "attached" });
    const instant = await page.locator("[role=log] li[data-position] time").getAttribute("datetime");
    const shown = async () => ({
      day: await page.locator("[role=log] time:not([datetime*=T])").innerText(),
      time: await page.locator("[role=log] li[data-position] time").innerText(),
    });
    // Asked of the same browser: another has other words for the same time.
    const right = await page.evaluate((instant) => {
      const write = (options) => new Intl.DateTimeFormat("ko-KR", options).format(new Date(instant));
      return {
        day: write({ month: "long", day: "numeric", weekday: "long" }),
        time: write({ hour: "numeric", minute: "2-digit" }),
      };
    }, instant);
    // The zone becomes known with hydration, and the page changes in the frame after it.
    await until(`${timezoneId} shows ${JSON.stringify(right)}`, async () => isDeepStrictEqual(await shown(), right), {
      describe: async () => `but ${JSON.stringify(await shown())}`,
    });
    assert.deepEqual(problems, [], timezoneId);
    await context.close();
    return right.day;
  };
  // 25 hours apart: never on the same day.
  assert.notEqual(await look("Pacific/Kiritimati"), await look("Pacific/Pago_Pago"));
});

test("a message after midnight stands below a chip of its own, without a reload", async () => {
  const room = "자정";
  await program.say(room, "오늘 글");
  const context = await browser.newContext({ locale: "ko-KR", timezoneId: "Asia/Seoul" });
  const person = new Person(context, await context.newPage(), null);
  // The way from the server makes it tomorrow.
  await person.page.routeWebSocket(/\/ws$/, (socket) => {
    const upstream = socket.connectToServer();
    const tomorrow = (text) => text.replace(/(\nx-ts:)(\d+)/, (_, name, ts) => `${name}${Number(ts) + 86_400_000}`);
    upstream.onMessage((data) => socket.send(typeof data === "string" ? tomorrow(data) : data));
  });
  await person.open(server, room);
  const chips = person.log.locator("time:not([datetime*=T])");
  assert.equal(await chips.count(), 1);
  await program.say(room, "내일 글");
  await person.sees("내일 글");
  const order = await person.log.locator("ol > li").evaluateAll((items) =>
    items.map((item) => item.querySelector(".bubble")?.textContent.trim() ?? item.querySelector("time")?.dateTime).filter(Boolean),
  );
  assert.equal(order.length, 4, JSON.stringify(order));
  const day = Date.parse(order[2]) - Date.parse(order[0]);
  assert.deepEqual([order[1], order[3], day], ["오늘 글", "내일 글", 86_400_000]);
  await context.close();
});

test("what was missed while away comes in order, none doubled, without a reload", async () => {
  const room = "천-개";
  const person = await Person.enter(browser, server, room, "지우");
  await person.say("먼저");
  await person.sees("먼저");
  await person.page.evaluate(() => (window.untouched = true));
  await person.context.setOffline(true);
  await flood(server, room, "손님", 1_000, (number) => `글 ${number}`);
  await person.context.setOffline(false);
  await person.sees("글 1000");
  const seen = new Set();
  for (let moved = 0; moved !== null; moved = await showEarlier(person)) {
    const shown = (await person.texts()).map((text) => (text === "먼저" ? 0 : Number(text.slice(2))));
    assert.deepEqual(shown, Array.from(shown, (_, index) => shown[0] + index));
    for (const number of shown) seen.add(number);
  }
  assert.equal(seen.size, 1_001);
  assert.equal(await person.page.evaluate(() => window.untouched), true, "the page was not loaded again");
  await person.context.close();
});
