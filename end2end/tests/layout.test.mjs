// Nothing scrolls sideways, and pictures of the room for people to look at (target/screenshots/).

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launchChromium } from "../lib/chromium.mjs";
import { Person } from "../lib/person.mjs";
import { ROOT, Server } from "../lib/server.mjs";
import { Program } from "../lib/stomp.mjs";

const SCREENSHOTS = join(ROOT, "target", "screenshots");
const ROOM = "마루-이야기";
const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const CONVERSATION = [
  ["하늘", "다들 점심은 드셨어요? 오늘은 비가 와서 칼국수가 생각나네요."],
  ["바다", "저는 벌써 먹었어요 😋"],
  ["바다", "회사 앞 새로 생긴 집, 국물이 정말 좋더라고요."],
  ["Minjun", "The release notes are up — could somebody read them once more before we publish?"],
  ["하늘", "제가 볼게요. 링크는 https://example.com/releases/2026-11/notes-for-the-autumn-release-of-the-year 맞죠?"],
  ["Minjun", "Yes, thank you!"],
  ["긴낱말", "가나다라마바사".repeat(20)],
  ["LongWord", "x".repeat(300)],
];

let browser, server, cookies;

before(async () => {
  mkdirSync(SCREENSHOTS, { recursive: true });
  [browser, server] = await Promise.all([launchChromium(), Server.start("layout")]);
  for (const [name, text] of CONVERSATION) {
    const program = await Program.connect(server, name);
    await program.say(ROOM, text);
    await program.say("점심", "오늘 뭐 먹지?");
    await program.disconnect();
  }
  const person = await Person.enter(browser, server, ROOM, "지우");
  await person.say("저도 같이 가요!");
  await person.sees("저도 같이 가요!");
  cookies = await person.context.storageState();
  await person.context.close();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

for (const [device, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ["light", "dark"]) {
    test(`nothing scrolls sideways: ${device}, ${colorScheme}`, async () => {
      const person = await Person.enter(browser, server, ROOM, null, { viewport, colorScheme, storageState: cookies });
      await person.composer.fill("비가 와도 좋아요 ☔");
      assert.equal(await overflow(person.page), 0, "the room");
      await person.page.screenshot({ path: join(SCREENSHOTS, `room-${device}-${colorScheme}.png`) });
      await person.page.goto(`${server.url}/`);
      assert.equal(await overflow(person.page), 0, "the list of rooms");
      await person.page.screenshot({ path: join(SCREENSHOTS, `rooms-${device}-${colorScheme}.png`) });
      await person.context.close();
    });
  }
}
