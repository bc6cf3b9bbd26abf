// The whole journey by keyboard alone: join, read, send, retry, switch rooms, jump to the latest, leave. Wherever the focus
// stops it can be seen, and nothing lies on top of it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "../lib/chromium.mjs";
import { Person } from "../lib/person.mjs";
import { Server } from "../lib/server.mjs";
import { atTheEnd, flood, place } from "../lib/timeline.mjs";
import { until } from "../lib/waiting.mjs";

const READING = "독서";
/** A control character: the one thing that the page lets pass and the server does not. */
const REFUSED = "거절될 글\u0001";
const MOST_STOPS = 80;

let browser, server;
before(async () => {
  [browser, server] = await Promise.all([launchChromium(), Server.start("keyboard")]);
  await flood(server, READING, "손님", 120, (number) => `글 ${number}`);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** What has the focus, whether that can be seen, and whether something hides it. */
function look() {
  const element = document.activeElement;
  const name = `${element.tagName} ${element.getAttribute("aria-label") ?? element.textContent.trim().slice(0, 30)}`;
  // The ring may be drawn around the box that the element stands in.
  const ringed = [element, element.parentElement].some((candidate) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(candidate);
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  });
  const { left, right, top, bottom } = element.getBoundingClientRect();
  const hit = document.elementFromPoint((left + right) / 2, (Math.max(top, 0) + Math.min(bottom, innerHeight)) / 2);
  // The timeline holds rows, and pictures stand inside links.
  const uncovered = hit !== null && (element.contains(hit) || hit.contains(element));
  return { name, ringed, uncovered };
}

/** Presses Tab until the focus is there, and looks at every stop. */
async function tabTo(page, locator, key = "Tab") {
  const stops = [];
  for (let stop = 0; stop < MOST_STOPS; stop += 1) {
    await page.keyboard.press(key);
    if (await page.evaluate(() => document.activeElement === document.body)) continue;
    const { name, ringed, uncovered } = await page.evaluate(look);
    stops.push(name);
    assert.ok(ringed, `the focus can be seen: ${name}`);
    assert.ok(uncovered, `nothing lies on top of the focus: ${name}`);
    if ((await locator.count()) === 1 && (await locator.evaluate((element) => element === document.activeElement))) return;
  }
  assert.fail(`the focus never comes to ${locator}: ${stops.join(", ")}`);
}

for (const [device, viewport] of Object.entries({ desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } })) {
  test(`join, read, send, retry, switch rooms, jump to the latest, leave: ${device}`, async () => {
    const context = await browser.newContext({ locale: "ko-KR", timezoneId: "Asia/Seoul", viewport });
    const person = new Person(context, await context.newPage(), "지우");
    const { page } = person;
    const { keyboard } = page;
    await page.goto(`${server.url}/`);

    // Join: a nickname, then a room of that name.
    await tabTo(page, page.getByRole("textbox", { name: "닉네임" }));
    await keyboard.type("지우");
    await Promise.all([page.waitForEvent("load"), keyboard.press("Enter")]);
    const opened = `방-${device}`;
    await tabTo(page, page.getByRole("textbox", { name: "채팅방 이름" }));
    await keyboard.type(opened);
    await keyboard.press("Enter");
    await page.waitForURL((url) => decodeURIComponent(url.pathname) === `/rooms/${opened}`);
    await person.live();

    // Send: the skip link leads to the composer.
    await tabTo(page, page.getByRole("link", { name: "메시지 입력으로 건너뛰기" }));
    await keyboard.press("Enter");
    if (!(await person.composer.evaluate((field) => field === document.activeElement))) await tabTo(page, person.composer);
    await keyboard.type("안녕하세요");
    await keyboard.press("Enter");
    await person.sees("안녕하세요");

    // Retry and delete: back from the composer to the row.
    await keyboard.type(REFUSED);
    await keyboard.press("Enter");
    const retry = person.log.getByRole("button", { name: "다시 보내기" });
    await retry.waitFor();
    await tabTo(page, retry, "Shift+Tab");
    await keyboard.press("Enter");
    const discard = person.log.getByRole("button", { name: "삭제" });
    await until("it is refused again", async () => (await discard.count()) === 1);
    await tabTo(page, discard, "Shift+Tab");
    await keyboard.press("Enter");
    await until("the row is gone", async () => (await person.rows()).length === 1);

    // Switch rooms: beside the room, or by the list of rooms on a phone.
    if (device === "phone") {
      await tabTo(page, page.getByRole("link", { name: "채팅방 목록" }));
      await Promise.all([page.waitForEvent("load"), keyboard.press("Enter")]);
    }
    await tabTo(page, page.getByRole("link").filter({ hasText: READING }));
    await keyboard.press("Enter");
    await page.waitForURL((url) => decodeURIComponent(url.pathname) === `/rooms/${READING}`);
    await person.live();
    await atTheEnd(person);

    // Read: the timeline scrolls by its keys, and a button leads back.
    await tabTo(page, person.log);
    for (let press = 0; press < 3; press += 1) await keyboard.press("PageUp");
    await until("it has scrolled", async () => (await place(person)).below > 300);
    await tabTo(page, page.locator("main").getByRole("button", { name: /최신 메시지|새 메시지/ }));
    await keyboard.press("Enter");
    await atTheEnd(person);

    // Leave.
    if (device === "phone") {
      await tabTo(page, page.getByRole("link", { name: "채팅방 목록" }), "Shift+Tab");
      await Promise.all([page.waitForEvent("load"), keyboard.press("Enter")]);
      assert.equal(new URL(page.url()).pathname, "/");
    }
    await person.context.close();
  });
}
