// Takes the pictures in README.md: a conversation that happens while this runs, on a desktop and on a phone.
//
//   node screenshots.mjs          docs/screenshot-desktop.png and docs/screenshot-phone.png, in five minutes
//   node screenshots.mjs draft    the same without the pauses, in target/screenshots/

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { launchChromium } from "./lib/chromium.mjs";
import { Person } from "./lib/person.mjs";
import { ROOT, Server } from "./lib/server.mjs";
import { Program } from "./lib/stomp.mjs";

const DRAFT = argv[2] === "draft";
const FOLDER = DRAFT ? join(ROOT, "target", "screenshots") : join(ROOT, "docs");

const ROOM = "개발팀";
const AT_THE_DESK = "나연";
const ON_THE_PHONE = "하준";

/** Seconds since the line before, where, who, and what. */
const CONVERSATIONS = [
  [0, "책-읽는-밤", "지우", "다음 달은 시집으로 할까요?"],
  [25, "launch-2026", "Ana", "The announcement is ready. Could somebody proofread it?"],
  [30, "운영-알림", "배포봇", "maru 배포 완료 ✅"],
  [25, "점심-뭐-먹지", "서연", "비 오는데 칼국수 어때요? 🍜"],
  [15, ROOM, "민준", "오늘 오후에 2번 브로커의 디스크를 교체합니다."],
  [6, ROOM, "민준", "복제본이 세 개니까 평소처럼 쓰시면 돼요 🙂"],
  [40, ROOM, "배포봇", "브로커 2 중지 · 복제본 2/3"],
  [20, ROOM, AT_THE_DESK, "지금 쓰는 글도 바로 올라가네요."],
  [35, ROOM, ON_THE_PHONE, "저는 지하철이라 끊겼다 붙었는데, 빠진 글 없이 다 왔어요."],
  [15, ROOM, "서연", "순서도 그대로예요 👏"],
  [45, ROOM, "배포봇", "브로커 2 복귀 · 복제본 3/3"],
  [25, ROOM, "민준", "끝났습니다! 커피 마시러 가실 분?"],
  [15, ROOM, AT_THE_DESK, "저요! 10분 뒤에 로비에서 봬요 🙌"],
];

/** A time zone in which it is the middle of the afternoon. The signs of these names are the wrong way round. */
function afternoon() {
  const ahead = 15 - new Date().getUTCHours();
  const hours = ahead > 14 ? ahead - 24 : ahead;
  return `Etc/GMT${hours > 0 ? "-" : "+"}${Math.abs(hours)}`;
}

/** The page without a blinking caret and without a hover, as it is when nobody touches it. */
async function picture(person, name) {
  await person.page.mouse.move(0, 0);
  await person.page.evaluate(() => document.activeElement?.blur());
  await person.page.evaluate(() => document.fonts.ready);
  const path = join(FOLDER, `screenshot-${name}.png`);
  await person.page.screenshot({ path, animations: "disabled" });
  console.log(path);
}

mkdirSync(FOLDER, { recursive: true });
const [browser, server] = await Promise.all([launchChromium(), Server.start("screenshots")]);
const timezoneId = afternoon();
const people = {
  [AT_THE_DESK]: await Person.enter(browser, server, ROOM, AT_THE_DESK, { timezoneId, colorScheme: "light" }),
  [ON_THE_PHONE]: await Person.enter(browser, server, ROOM, ON_THE_PHONE, {
    timezoneId,
    colorScheme: "dark",
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 2,
    isMobile: true,
    hasTouch: true,
  }),
};

/** Says something, with a session of its own where the speaker has no page. */
async function say(room, name, text) {
  const person = people[name];
  if (person) {
    await person.composer.fill(text);
    // On a phone, Enter begins a new line.
    await person.page.locator("form:has(textarea[name=body]) button").click();
    await person.sees(text);
    return;
  }
  const program = await Program.connect(server, name);
  await program.say(room, text);
  await program.disconnect();
}

for (const [pause, room, name, text] of CONVERSATIONS) {
  if (!DRAFT) await sleep(pause * 1_000);
  await say(room, name, text);
}
// Whoever opens a room sees the list of rooms as it is then.
for (const person of Object.values(people)) {
  await person.open(server, ROOM);
  await person.sees(CONVERSATIONS.at(-1)[3]);
}
await picture(people[AT_THE_DESK], "desktop");
await picture(people[ON_THE_PHONE], "phone");
const problems = Object.values(people).flatMap((person) => person.problems);
await browser.close();
await server.stop();
if (problems.length > 0) throw new Error(`The pages had problems: ${problems.join("; ")}`);
