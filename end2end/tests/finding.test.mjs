// Finding: a message by its link, a day, a room by its name, and everything as a file.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "../lib/chromium.mjs";
import { Person, roomUrl } from "../lib/person.mjs";
import { Server } from "../lib/server.mjs";
import { Program } from "../lib/stomp.mjs";
import { flood, scrollTo, showEarlier } from "../lib/timeline.mjs";
import { until } from "../lib/waiting.mjs";

const ROOM = "오래된-방";
const COUNT = 400;

let browser, server, positions;
before(async () => {
  [browser, server] = await Promise.all([launchChromium(), Server.start("finding")]);
  await flood(server, ROOM, "손님", COUNT, (number) => `글 ${number}`);
  positions = (await server.history(ROOM)).map(({ position }) => position);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const numbers = async (person) => (await person.texts()).map((text) => Number(text.slice(2)));

async function openAt(query) {
  const context = await browser.newContext({ locale: "ko-KR", timezoneId: "Asia/Seoul" });
  const person = new Person(context, await context.newPage(), null);
  await person.page.goto(`${roomUrl(server, ROOM)}?${query}`);
  return person;
}

test("a link to an old message opens with that row in the middle, marked, and paging works both ways", async () => {
  const person = await openAt(`at=${positions[99]}`);
  await person.live();
  const row = person.log.locator(`li[data-position="${positions[99]}"]`);
  const middle = () =>
    row.evaluate((item) => {
      const [outer, inner] = [item.closest("[role=log]").getBoundingClientRect(), item.getBoundingClientRect()];
      return Math.abs((inner.top + inner.bottom) / 2 - (outer.top + outer.bottom) / 2) / outer.height;
    });
  await until("it is in the middle", async () => (await middle()) < 0.25, { describe: middle });
  assert.match(await row.getAttribute("class"), /focused/);
  const shown = await numbers(person);
  assert.ok(shown.includes(100) && !shown.includes(COUNT), `${shown[0]} to ${shown.at(-1)}`);

  const seen = new Set(shown);
  for (let moved = 0; moved !== null; moved = await showEarlier(person)) for (const number of await numbers(person)) seen.add(number);
  assert.ok(seen.has(1));
  await until("the last message is there", async () => {
    await scrollTo(person, 1e7);
    const rows = await numbers(person);
    assert.deepEqual(rows, Array.from(rows, (_, index) => rows[0] + index));
    for (const number of rows) seen.add(number);
    return rows.at(-1) === COUNT;
  });
  assert.equal(seen.size, COUNT);
  const program = await Program.connect(server, "손님");
  await program.say(ROOM, `글 ${COUNT + 1}`);
  await person.sees(`글 ${COUNT + 1}`);
  positions.push("");
  await program.disconnect();
  await person.context.close();
});

test("a link to a message that is not there says so, and the room is open all the same", async () => {
  for (const query of [`at=${positions[0].replace(/\d+$/, "999999999")}`, "at=nonsense"]) {
    const person = await openAt(query);
    await person.page.getByRole("alert").or(person.page.getByRole("status")).or(person.page.locator(".notice")).filter({ hasText: /찾을 수 없|메시지/ }).first().waitFor();
    await person.live();
    await person.context.close();
  }
});

test("a link to a day opens the room there", async () => {
  const day = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Seoul" }).format(new Date());
  const person = await openAt(`on=${day}&zone=540`);
  await person.live();
  assert.ok((await numbers(person)).includes(1), "the day's first message");
  await person.context.close();
});

test("the file of a room is what its page shows", async () => {
  const room = "가져가기";
  const person = await Person.enter(browser, server, room, "지우");
  for (const text of ["하나", "둘", "셋"]) await person.say(text);
  await person.seesCount(3);
  const program = await Program.connect(server, "손님");
  const answer = await program.say(room, "넷");
  const own = (await person.sees("넷")).position;
  await program.change(room, "edit", own, "넷째");
  await person.sees("넷째");
  assert.ok(answer["x-offset"]);
  const lines = async (query) => {
    const response = await fetch(`${server.url}/api/rooms/${encodeURIComponent(room)}/export.ndjson${query}`);
    assert.equal(response.status, 200);
    return (await response.text()).trim().split("\n").map((line) => JSON.parse(line));
  };
  assert.deepEqual((await lines("?rows=true")).map(({ body }) => body), await person.texts());
  assert.deepEqual((await lines("")).map(({ type }) => type), ["message", "message", "message", "message", "edit"]);
  await program.disconnect();
  await person.context.close();
});

test("Ctrl+K finds a room by a part of its name, and Enter opens it", async () => {
  for (const room of ["봄나들이", "가을-소풍", "겨울-바다"]) {
    const program = await Program.connect(server, "손님");
    await program.say(room, "안녕");
    await program.disconnect();
  }
  const person = await Person.enter(browser, server, "봄나들이", "지우");
  await person.composer.focus();
  await person.page.keyboard.press("Control+k");
  const field = person.page.getByRole("searchbox", { name: "채팅방 찾기" });
  assert.ok(await field.evaluate((element) => element === document.activeElement));
  await person.page.keyboard.type("소풍");
  const rooms = person.page.getByRole("navigation", { name: "채팅방" }).getByRole("listitem").getByRole("link");
  await until("only one room is left", async () => (await rooms.filter({ visible: true }).count()) === 1);
  await person.page.keyboard.press("Enter");
  await person.page.waitForURL((url) => decodeURIComponent(url.pathname) === "/rooms/가을-소풍");
  await person.live();
  await person.context.close();
});

test("the search of a room finds Korean by a part of a word and leads to the message", async (t) => {
  const probe = await fetch(`${server.url}/search?q=x`);
  assert.notEqual(probe.status, 404, "there is a page for searching");
  const room = "찾는-방";
  const program = await Program.connect(server, "손님");
  await program.say(room, "점심에 칼국수를 먹었어요");
  await program.say(room, "저녁은 아직이에요");
  t.after(() => program.disconnect());
  const context = await browser.newContext({ locale: "ko-KR" });
  const page = await context.newPage();
  await until("it is found", async () => {
    await page.goto(`${server.url}/search?q=${encodeURIComponent("국수")}`);
    return (await page.getByRole("main").getByText("칼국수").count()) > 0;
  });
  assert.equal(await page.getByText("저녁은 아직").count(), 0);
  await page.getByRole("main").getByRole("link").filter({ hasText: "칼국수" }).first().click();
  await page.locator("[role=log] li.focused").filter({ hasText: "칼국수" }).waitFor();
  await context.close();
});
