// What was written is neither lost nor doubled, whatever becomes of the page: loaded again, crashed, offline, refused.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launchChromium } from "../lib/chromium.mjs";
import { Person } from "../lib/person.mjs";
import { Server } from "../lib/server.mjs";
import { until } from "../lib/waiting.mjs";

/** A control character: the one thing that the page lets pass and the server does not. */
const REFUSED = "거절될 글\u0001";

/** Not one that the system lends to others while the server is down. */
const MARU_LISTEN = "127.0.0.1:25011";

let browser, server;
before(async () => (browser = await launchChromium()));
after(() => browser?.close());
beforeEach(async () => (server = await Server.start("outbox", { MARU_LISTEN })));
afterEach(() => server.kill());

const numbered = (count) => Array.from({ length: count }, (_, index) => `글 ${index + 1}`);
const bodies = async (room) => (await server.history(room)).map((message) => message.body);
const sayAll = async (person, texts) => {
  for (const text of texts) await person.say(text);
};
/** The keys of this project's part of the storage. */
const stored = (page, prefix) =>
  page.evaluate((prefix) => Object.keys(localStorage).filter((key) => key.startsWith(prefix)), prefix);
/** Waits until the page has nothing left to send, and checks what it and the log hold. */
async function delivered(person, room, texts) {
  await person.seesCount(texts.length);
  assert.deepEqual(await person.texts(), texts, "the page");
  assert.equal((await person.rows()).length, texts.length, "nothing is left on its way");
  assert.deepEqual(await bodies(room), texts, "the log");
  await until("the storage is empty", async () => (await stored(person.page, "maru/outbox/")).length === 0);
}

test("written while the server is down, and the page is loaded again before it is back", async () => {
  const room = "다시-열기";
  const person = await Person.enter(browser, server, room, "지우");
  await person.say("글 1");
  await person.sees("글 1");
  await server.kill();
  await sayAll(person, ["글 2", "글 3", "글 4"]);
  await until("all four are shown", async () => (await person.rows()).length === 4);
  assert.equal((await stored(person.page, "maru/outbox/")).length, 3);
  await until("the worker is in charge", () => person.page.evaluate(() => Boolean(navigator.serviceWorker.controller)));
  await person.page.reload();
  assert.equal(await person.page.locator("h1").textContent(), "오프라인입니다");
  await server.start();
  // The page comes back by itself.
  await person.live();
  await person.say("글 5");
  await delivered(person, room, numbered(5));
  await person.context.close();
});

test("a tab that crashed: another one, in another room, sends what it left", async () => {
  const room = "무너진-방";
  const person = await Person.enter(browser, server, room, "지우");
  const other = new Person(person.context, await person.context.newPage(), "지우");
  await other.open(server, "옆방");
  await server.kill();
  await sayAll(person, numbered(3));
  const session = await person.context.newCDPSession(person.page);
  const crashed = person.page.waitForEvent("crash");
  session.send("Page.crash").catch(() => {});
  await crashed;
  await server.start();
  await until("the log has all", async () => (await bodies(room)).length >= 3, { patience: 60_000 });
  assert.deepEqual(await other.rows(), [], "the other room is not where they belong");
  await other.open(server, room);
  await delivered(other, room, numbered(3));
  await person.context.close();
});

test("loaded again in the moment the network is back, when the old socket still delivers what it held", async () => {
  const room = "늦은-소켓";
  const person = await Person.enter(browser, server, room, "지우");
  await person.say("글 1");
  await person.sees("글 1");
  await person.context.setOffline(true);
  await sayAll(person, ["글 2", "글 3"]);
  await person.context.setOffline(false);
  await person.page.reload();
  await person.say("글 4");
  await delivered(person, room, numbered(4));
  await person.context.close();
});

test("a socket that died without a word is found out", async () => {
  const room = "말없이";
  const person = await Person.enter(browser, server, room, "지우");
  await person.context.setOffline(true);
  await sayAll(person, numbered(2));
  await person.page.locator(".app:not([data-connection=live])").waitFor({ state: "attached" });
  await person.page.locator(".queued").first().waitFor();
  await person.context.setOffline(false);
  await delivered(person, room, numbered(2));
  await person.context.close();
});

test("kill -9 of the server, then the page loaded again, in the middle of typing", async () => {
  const room = "한창-쓰다가";
  const texts = numbered(90);
  const person = await Person.enter(browser, server, room, "지우");
  await sayAll(person, texts.slice(0, 30));
  await server.kill();
  await sayAll(person, texts.slice(30, 60));
  await server.start();
  await person.page.reload();
  await person.page.locator("html[data-hydrated=true]").waitFor({ state: "attached" });
  await sayAll(person, texts.slice(60));
  await delivered(person, room, texts);
  await person.context.close();
});

test("a refused message keeps its reason over a reload, until it is retried or deleted", async () => {
  const room = "거절";
  const person = await Person.enter(browser, server, room, "지우");
  await sayAll(person, [REFUSED, "그다음 글"]);
  await person.sees("그다음 글");
  const trouble = person.page.locator(".trouble");
  const reason = await trouble.textContent();
  assert.match(reason, /전송되지 않았습니다: 보낼 수 없는 내용입니다/);
  await person.page.reload();
  await person.live();
  assert.equal(await trouble.textContent(), reason);
  const retry = trouble.getByRole("button", { name: "다시 보내기" });
  await retry.click();
  await until("it is refused once more", async () => (await trouble.count()) === 1);
  await trouble.getByRole("button", { name: "삭제" }).click();
  await until("it is gone", async () => (await person.rows()).length === 1);
  await person.page.reload();
  await person.live();
  await delivered(person, room, ["그다음 글"]);
  await person.context.close();
});

test("what waited for more than a day is not sent by itself", async () => {
  const room = "어제";
  const person = await Person.enter(browser, server, room, "지우");
  await server.kill();
  await person.say("글 1");
  await person.page.evaluate(() => {
    const key = Object.keys(localStorage).find((key) => key.startsWith("maru/outbox/"));
    const yesterday = (_, at) => `asked-at:${Number(at) - 25 * 3_600_000}\n`;
    localStorage.setItem(key, localStorage.getItem(key).replace(/asked-at:(\d+)\n/, yesterday));
  });
  await server.start();
  await person.open(server, room);
  const trouble = person.page.locator(".trouble");
  assert.match(await trouble.textContent(), /하루가 넘게/);
  assert.deepEqual(await bodies(room), []);
  await trouble.getByRole("button", { name: "다시 보내기" }).click();
  await delivered(person, room, ["글 1"]);
  await person.context.close();
});

test("a full storage: the message is sent, and until then the page says that it would be lost", async () => {
  const room = "꽉-찬";
  const person = await Person.enter(browser, server, room, "지우");
  await person.page.evaluate(() => {
    for (let size = 1 << 22; size >= 1; size >>= 1) {
      try {
        for (let number = 0; ; number += 1) localStorage.setItem(`filler ${size} ${number}`, "x".repeat(size));
      } catch {}
    }
  });
  await server.kill();
  await person.say("글 1");
  await person.page.locator(".unkept").waitFor();
  await server.start();
  await delivered(person, room, ["글 1"]);
  assert.equal(await person.page.locator(".unkept").count(), 0);
  await person.context.close();
});
