// The states of the page that people may find themselves in, each reached as a person reaches it. Accessibility, layout and
// pictures are judged on these.

import { launchChromium } from "./chromium.mjs";
import { Person, roomUrl } from "./person.mjs";
import { Server } from "./server.mjs";
import { Program } from "./stomp.mjs";
import { atTheEnd, flood, scrollTo } from "./timeline.mjs";
import { until } from "./waiting.mjs";

const ME = "지우";
const ROOM = "마루-이야기";
const LONG_ROOM = "책-읽는-밤";
const NEWS_ROOM = "점심-뭐-먹지";
const EMPTY_ROOM = "빈-방";
/** A control character: the one thing that the page lets pass and the server does not. */
const REFUSED = "거절될 글\u0001";

const CONVERSATION = [
  ["하늘", "다들 점심은 드셨어요? 오늘은 비가 와서 칼국수가 생각나네요."],
  ["바다", "저는 벌써 먹었어요 😋"],
  ["바다", "회사 앞 새로 생긴 집, 국물이 정말 좋더라고요."],
  ["Minjun", "The release notes are up. Could somebody read them once more before we publish?"],
  ["하늘", "제가 볼게요. 링크는 https://example.com/releases/2026-11/notes-for-the-autumn-release 맞죠?"],
  ["Minjun", "Yes, thank you!"],
  ["محمد", "مرحبا، هل يعمل الخادم الثاني الآن؟"],
  ["바다", "네, 두 대 모두 잘 돌아가요 🎉"],
  ["Minjun", "**마루**는 이렇게 띄웁니다:\n```sh\nmake cluster NODES=3\n```"],
  ["하늘", "@지우 오늘 같이 점심 드실래요?"],
  ["바다", "👏"],
];
/** Which of these were reacted to, by whom and how. */
const REACTIONS = [
  [3, "하늘", "👍"],
  [3, "바다", "👍"],
  [3, "محمد", "🎉"],
  [7, "Minjun", "❤️"],
];

/** Reads a room to its end, and waits until the server knows of that: it decides where the room opens the next time. */
async function readToTheEnd(person, server, room) {
  await person.open(server, room);
  await atTheEnd(person);
  const last = (await server.history(room)).at(-1).position.split("-").at(-1);
  const knows = async () => (await (await person.context.request.get(roomUrl(server, room))).text()).includes(`"read":${last},`);
  await until(`the server knows that ${room} has been read`, knows);
}

/** Beside the room, or on the list of rooms where that is a page of its own. */
async function openForm(person, stage, details) {
  await person.open(stage.server, ROOM);
  const summary = person.page.locator(`${details} summary`);
  if (!(await summary.isVisible())) await person.page.goto(`${stage.server.url}/`);
  if (!(await person.page.locator(`${details}[open]`).count())) await summary.click();
}

/** The buttons over the last message of others, reached by keyboard, as on every device. */
async function reachActions(person, stage) {
  await person.open(stage.server, ROOM);
  await atTheEnd(person);
  await person.log.focus();
  await person.page.keyboard.press("ArrowUp");
  await person.page.keyboard.press("ArrowUp");
  const actions = person.log.getByRole("group", { name: /^(메시지 작업|Message actions)$/ });
  await actions.waitFor();
  return actions;
}

/** How a person gets into each state, from a page that is theirs and at the room's address. */
const STATES = {
  "the lobby": (person, stage) => person.page.goto(`${stage.server.url}/`),
  "a newcomer's room": async (person, stage) => {
    await person.context.clearCookies();
    await person.open(stage.server, ROOM);
  },
  "a room": (person, stage) => person.open(stage.server, ROOM),
  "scrolled up": async (person, stage) => {
    await person.open(stage.server, LONG_ROOM);
    await atTheEnd(person);
    await scrollTo(person, 500);
    await person.page.locator(".jump").waitFor();
  },
  "a failed message": async (person, stage) => {
    await person.open(stage.server, `${ROOM}-2`);
    await person.sayByButton(REFUSED);
    await person.log.getByRole("button").nth(1).waitFor();
  },
  "an empty room": (person, stage) => person.open(stage.server, EMPTY_ROOM),
  "the form for a new room": async (person, stage) => {
    await openForm(person, stage, ".new-room");
  },
  settings: async (person, stage) => openForm(person, stage, ".me"),
  "the people of a room": async (person, stage) => {
    await person.open(stage.server, ROOM);
    await person.page.locator("details.people summary").click();
  },
  "what can be done with a message": (person, stage) => reachActions(person, stage),
  "choosing a reaction": async (person, stage) => {
    const actions = await reachActions(person, stage);
    await actions.getByRole("button", { name: /^(반응 남기기|React)$/ }).click();
    await actions.getByRole("textbox").waitFor();
  },
  "writing a reply": async (person, stage) => {
    const actions = await reachActions(person, stage);
    await actions.getByRole("button", { name: /^(답장|Reply)$/ }).click();
    await person.composer.fill("네, 좋아요");
  },
  "an old message by its link": async (person, stage) => {
    await person.page.goto(`${roomUrl(stage.server, LONG_ROOM)}?at=${stage.old}`);
    await person.live();
  },
  "unread messages": async (person, stage) => {
    await stage.news.say(NEWS_ROOM, "비빔밥 좋네요");
    await stage.news.say(NEWS_ROOM, "@지우 12시에 볼까요?");
    await person.open(stage.server, NEWS_ROOM);
    await person.log.locator("li.unread").waitFor();
  },
  // Late: what is said here stays in the room.
  offline: async (person, stage) => {
    await person.open(stage.server, ROOM);
    await person.context.setOffline(true);
    await person.sayByButton("지하철이라 잠깐 끊겼어요");
    await person.page.locator(".banner").waitFor();
  },
  "what a search found": (person, stage) => person.page.goto(`${stage.server.url}/search?q=${encodeURIComponent("칼국수")}`),
  "a search that found nothing": (person, stage) => person.page.goto(`${stage.server.url}/search?q=${encodeURIComponent("없는말")}`),
  "a page that is not there": async (person, stage) => {
    await person.page.goto(`${stage.server.url}/nothing`);
  },
};

/** The names of all states. */
export const stateNames = Object.keys(STATES);

/** A browser and a server with something to look at. */
export class Stage {
  static async open(name) {
    const stage = new Stage();
    [stage.browser, stage.server] = await Promise.all([launchChromium(), Server.start(name)]);
    await flood(stage.server, LONG_ROOM, "서연", 120, (number) => `${number}쪽까지 읽었어요. 다음 모임에서 이야기해요.`);
    const programs = new Map();
    for (const [author, text] of CONVERSATION) {
      if (!programs.has(author)) programs.set(author, await Program.connect(stage.server, author));
      await programs.get(author).say(ROOM, text);
    }
    const positions = (await stage.server.history(ROOM)).map(({ position }) => position);
    for (const [index, author, emoji] of REACTIONS) await programs.get(author).change(ROOM, "react", positions[index], emoji);
    await programs.get("하늘").say(ROOM, "맞아요, 거기 좋아요", { ref: positions[2] });
    stage.old = (await stage.server.history(LONG_ROOM))[40].position;
    const person = await Person.enter(stage.browser, stage.server, ROOM, ME);
    await person.say("저도 같이 가요!");
    await person.sees("저도 같이 가요!");
    // The person has been there, so that what comes later is news.
    stage.news = programs.get("하늘");
    await stage.news.say(NEWS_ROOM, "오늘은 뭐 먹을까요?");
    for (const room of [LONG_ROOM, NEWS_ROOM]) await readToTheEnd(person, stage.server, room);
    for (const program of programs.values()) if (program !== stage.news) await program.disconnect();
    stage.storageState = await person.context.storageState();
    await person.context.close();
    return stage;
  }

  /** A page in one of the states; its reader closes the context. */
  async show(state, options = {}) {
    const context = await this.browser.newContext({ locale: "ko-KR", timezoneId: "Asia/Seoul", storageState: this.storageState, ...options });
    const person = new Person(context, await context.newPage(), ME);
    await STATES[state](person, this);
    return person;
  }

  async close() {
    await this.news?.disconnect();
    await this.browser?.close();
    await this.server?.stop();
  }
}
