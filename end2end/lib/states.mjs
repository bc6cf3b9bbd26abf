// The states of the page that people may find themselves in, each reached as a person reaches it. Accessibility, layout and
// pictures are judged on these.

import { launchChromium } from "./chromium.mjs";
import { Person, roomUrl } from "./person.mjs";
import { Server } from "./server.mjs";
import { Program } from "./stomp.mjs";
import { atTheEnd, flood, scrollTo } from "./timeline.mjs";

const ME = "지우";
const ROOM = "마루-이야기";
const LONG_ROOM = "책-읽는-밤";
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
];

/** Beside the room, or on the list of rooms where that is a page of its own. */
async function openForm(person, stage, details) {
  await person.open(stage.server, ROOM);
  const summary = person.page.locator(`${details} summary`);
  if (!(await summary.isVisible())) await person.page.goto(`${stage.server.url}/`);
  if (!(await person.page.locator(`${details}[open]`).count())) await summary.click();
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
  offline: async (person, stage) => {
    await person.open(stage.server, ROOM);
    await person.context.setOffline(true);
    await person.sayByButton("지하철이라 잠깐 끊겼어요");
    await person.page.locator(".banner").waitFor();
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
  "the form for another nickname": async (person, stage) => {
    await openForm(person, stage, ".me");
  },
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
    for (const [author, text] of CONVERSATION) {
      const program = await Program.connect(stage.server, author);
      await program.say(ROOM, text);
      await program.disconnect();
    }
    const person = await Person.enter(stage.browser, stage.server, ROOM, ME);
    await person.say("저도 같이 가요!");
    await person.sees("저도 같이 가요!");
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
    await this.browser?.close();
    await this.server?.stop();
  }
}
