// Rooms: what is unread in them and where they open, what is notified of, and the list that leads to them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "../lib/chromium.mjs";
import { Person, roomUrl } from "../lib/person.mjs";
import { Server } from "../lib/server.mjs";
import { Program } from "../lib/stomp.mjs";
import { atTheEnd } from "../lib/timeline.mjs";
import { until } from "../lib/waiting.mjs";

let browser, server;

before(async () => {
  [browser, server] = await Promise.all([launchChromium(), Server.start("rooms")]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const listed = (person, room) => person.page.locator(`.room-list a[href="/rooms/${room}"]`);
const badge = async (person, room) => (await listed(person, room).getAttribute("data-unread")) ?? "0";
const title = (person) => person.page.title();

async function program(name, room, texts) {
  const one = await Program.connect(server, name);
  for (const text of texts) await one.say(room, text);
  await one.disconnect();
}

test("what comes in another room is counted at that room and in the title, in every tab, until it has been seen", async () => {
  const [here, there] = ["unread-here", "unread-there"];
  const jiu = await Person.enter(browser, server, there, "지우");
  await program("민준", there, ["하나"]);
  await jiu.sees("하나");
  await jiu.hasRead();
  // A room without messages stands on top of its own page's list.
  await program("민준", here, ["여기"]);
  await jiu.open(server, here);
  const second = await jiu.context.newPage();
  const tab = new Person(jiu.context, second, "지우");
  await tab.open(server, here);
  await jiu.page.bringToFront();

  await program("민준", there, ["둘", "셋"]);
  for (const person of [jiu, tab]) {
    await until("two are unread", async () => (await badge(person, there)) === "2");
    assert.match(await title(person), /^\(2\) unread-here/);
  }
  assert.equal(await jiu.page.locator("link[rel=icon][type]").getAttribute("href"), "/icon-unread.svg");
  const first = jiu.page.locator(".room-list a").first();
  assert.equal(await first.getAttribute("href"), `/rooms/${there}`, "the latest room is on top");
  assert.match(await first.textContent(), /셋/);

  await listed(jiu, there).click();
  await jiu.live();
  const rows = await jiu.log.locator("li").evaluateAll((items) => items.map((item) => item.className.split(" ")[0] + ":" + (item.querySelector(".bubble")?.textContent.trim() ?? "")));
  const divider = rows.indexOf("unread:");
  assert.deepEqual([rows[divider - 1], rows[divider + 1]], ["message:하나", "message:둘"]);
  await until("the other tab follows", async () => (await badge(tab, there)) === "0");
  assert.doesNotMatch(await title(tab), /^\(/);
  assert.equal(await jiu.page.locator("li.unread").count(), 1, "the divider stays");
  await jiu.page.locator("body").press("Escape");
  await until("Esc puts it away", async () => (await jiu.page.locator("li.unread").count()) === 0);
  await jiu.context.close();
});

test("a room opens at the first unread message if there are more than a screenful, else at its end", async () => {
  const room = "unread-many";
  const jiu = await Person.enter(browser, server, room, "지우");
  await program("민준", room, Array.from({ length: 20 }, (_, n) => `읽은 말 ${n}`));
  await jiu.sees("읽은 말 19");
  await jiu.hasRead();
  await jiu.page.goto(`${server.url}/`);
  await program("민준", room, ["하나 더"]);
  await jiu.open(server, room);
  await jiu.log.locator("li.unread").waitFor();
  await atTheEnd(jiu);
  await jiu.hasRead();
  await jiu.page.goto(`${server.url}/`);
  await program("민준", room, Array.from({ length: 40 }, (_, n) => `말 ${n}`));
  await jiu.open(server, room);
  const height = await jiu.log.evaluate((log) => {
    const top = log.querySelector(".unread").getBoundingClientRect().top - log.getBoundingClientRect().top;
    return top / log.clientHeight;
  });
  assert.ok(Math.abs(height - 1 / 3) < 0.05, `the divider stands at ${height}`);
  const jump = jiu.page.locator(".jump");
  assert.match(await jump.textContent(), /새 메시지 40개/);
  await until("the badge says how many", async () => Number(await badge(jiu, room)) > 0);
  // Nothing of it is told while the reader looks at the room.
  const told = async () => [/^\(\d+\)/.test(await title(jiu)), await listed(jiu, room).locator(".badge").isVisible()];
  assert.deepEqual(await told(), [false, false]);
  await jiu.page.evaluate(() => {
    document.hasFocus = () => false;
    window.dispatchEvent(new Event("blur"));
  });
  assert.deepEqual(await told(), [true, true]);
  await jiu.page.evaluate(() => {
    delete document.hasFocus;
    window.dispatchEvent(new Event("focus"));
  });
  assert.deepEqual(await told(), [false, false]);
  await jump.click();
  await until("at the end", async () => (await jump.count()) === 0);
  await until("read to the end", async () => (await badge(jiu, room)) === "0");
  // What was unread once leads nowhere any more.
  await jiu.log.evaluate((log) => (log.scrollTop = 0));
  await jump.click();
  await atTheEnd(jiu);
  await jiu.context.close();
});

test("a page that nobody looks at reads nothing", async () => {
  const room = "unlooked";
  const jiu = await Person.enter(browser, server, room, "지우");
  await program("민준", room, ["하나"]);
  await jiu.sees("하나");
  await jiu.hasRead();
  // Headless pages always have the focus: what the page is told of it is what counts.
  await jiu.page.evaluate(() => (document.hasFocus = () => false));
  // The server counts once a second: were one of them read in between, the number would fall behind.
  for (const [index, text] of ["둘", "셋", "넷"].entries()) {
    await program("민준", room, [text]);
    await jiu.sees(text);
    await until("it is unread", async () => (await badge(jiu, room)) === String(index + 1));
  }
  assert.match(await title(jiu), /^\(3\)/);
  await jiu.page.evaluate(() => {
    delete document.hasFocus;
    window.dispatchEvent(new Event("focus"));
  });
  await until("looked at, and read", async () => (await badge(jiu, room)) === "0");
  await jiu.context.close();
});

test("the list filters, opens and is left by keys alone", async () => {
  const jiu = await Person.enter(browser, server, "서울", "지우");
  await program("민준", "부산", ["바다"]);
  await program("민준", "서울-모임", ["산"]);
  await until("all are listed", async () => (await listed(jiu, "부산").count()) + (await listed(jiu, "서울-모임").count()) === 2);
  await jiu.composer.focus();
  await jiu.page.keyboard.press("Control+k");
  const field = jiu.page.locator("#filter");
  assert.ok(await field.evaluate((input) => input === document.activeElement));
  await jiu.page.keyboard.type("부");
  const shown = () => jiu.page.locator(".room-list a:visible .room-name").allTextContents();
  assert.deepEqual(await shown(), ["부산"]);
  await jiu.page.keyboard.press("Escape");
  assert.ok((await shown()).length >= 3, "Esc shows all");
  await field.fill("서울");
  await jiu.page.keyboard.press("ArrowDown");
  await jiu.page.keyboard.press("ArrowDown");
  const focused = () => jiu.page.evaluate(() => document.activeElement.querySelector(".room-name")?.textContent);
  assert.equal(await focused(), (await shown())[1]);
  await jiu.page.keyboard.press("ArrowUp");
  await jiu.page.keyboard.press("ArrowUp");
  assert.ok(await field.evaluate((input) => input === document.activeElement));
  await field.fill("부산");
  await Promise.all([jiu.page.waitForURL(roomUrl(server, "부산")), jiu.page.keyboard.press("Enter")]);
  await jiu.live();

  const region = () => jiu.page.evaluate(() => document.activeElement.closest(".rooms, [role=log], .composer")?.className.split(" ")[0]);
  const regions = [];
  for (let press = 0; press < 3; press += 1) {
    await jiu.page.keyboard.press("F6");
    regions.push(await region());
  }
  assert.deepEqual([...regions].sort(), ["composer", "rooms", "timeline"]);
  await jiu.page.keyboard.press("Shift+F6");
  assert.equal(await region(), regions[1]);
  assert.deepEqual(jiu.problems, []);
  await jiu.context.close();
});

test("the keyboard stays on its room when another one comes to the top", async () => {
  const jiu = await Person.enter(browser, server, "자리", "지우");
  // A room without messages stands on top of its own page's list.
  for (const room of ["자리", "자리-하나", "자리-둘"]) await program("민준", room, ["글"]);
  const first = () => jiu.page.locator(".room-list a").first().getAttribute("href");
  await until("the last is on top", async () => (await first()) === "/rooms/자리-둘");
  await listed(jiu, "자리-둘").focus();
  await program("민준", "자리-하나", ["글"]);
  await until("the other one is on top", async () => (await first()) === "/rooms/자리-하나");
  assert.equal(await jiu.page.evaluate(() => document.activeElement.getAttribute("href")), "/rooms/자리-둘");
  await jiu.context.close();
});

test("three tabs that are out of sight notify once, and not of what was read meanwhile", async () => {
  const [here, there, elsewhere] = ["notify-here", "notify-there", "notify-elsewhere"];
  const context = await browser.newContext({ locale: "ko-KR", permissions: ["notifications"], viewport: { width: 1280, height: 800 } });
  await context.addInitScript(() => {
    localStorage["maru/notify"] = "all";
    localStorage["shown"] ??= "[]";
    ServiceWorkerRegistration.prototype.showNotification = async function (name, { tag, body }) {
      localStorage["shown"] = JSON.stringify([...JSON.parse(localStorage["shown"]), { name, tag, body }]);
    };
  });
  const jiu = new Person(context, await context.newPage(), "지우");
  await jiu.open(server, there);
  await jiu.introduce();
  for (const room of [elsewhere, there]) {
    await jiu.open(server, room);
    await program("민준", room, ["하나"]);
    await jiu.sees("하나");
    await jiu.hasRead();
  }
  // A lobby hears of nothing; it leaves the notifying to the rooms, though it was there first.
  await jiu.page.goto(`${server.url}/`);
  const tabs = [];
  for (let tab = 0; tab < 3; tab += 1) {
    const other = new Person(context, await context.newPage(), "지우");
    await other.open(server, here);
    tabs.push(other);
  }
  const shown = () => tabs[0].page.evaluate(() => JSON.parse(localStorage["shown"]));
  await program("민준", there, ["둘"]);
  const [notification] = await until("a notification", async () => (await shown()).length > 0 && shown());
  assert.equal(notification.name, there);
  assert.match(notification.body, /민준.*둘/);
  assert.match(notification.tag, new RegExp(`^${there}:[0-9a-f]{8}-\\d+-\\d+$`));

  // The room is open in a tab that is looked at: what comes there is read, and notified of nowhere.
  await tabs[0].open(server, there);
  await tabs[0].page.bringToFront();
  await tabs[0].hasRead();
  await program("민준", there, ["셋"]);
  await tabs[0].sees("셋");
  await tabs[0].hasRead();
  // Whatever was to be shown of the messages before would have been shown before this one.
  await program("민준", elsewhere, ["넷"]);
  await until("a notification of the last", async () => (await shown()).some(({ body }) => body.includes("넷")));
  assert.deepEqual((await shown()).map(({ name }) => name), [there, elsewhere], JSON.stringify(await shown()));

  // The count of what is unread ends somewhere; a mention among as many is told all the same.
  for (const { page } of tabs) {
    await page.evaluate((room) => {
      localStorage["maru/notify"] = "mentions";
      document.querySelector(`.room-list a[href="/rooms/${room}"]`).dataset.mentions = "1";
    }, elsewhere);
  }
  await until("a notification of the mention", async () => (await shown()).length === 3);
  assert.equal((await shown())[2].name, elsewhere);
  await context.close();
});
