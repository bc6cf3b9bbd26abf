// Somebody in a browser: has a nickname, opens a room, reads and writes.

import { until, PATIENCE_MS } from "./waiting.mjs";

const KOREAN = { locale: "ko-KR", timezoneId: "Asia/Seoul", viewport: { width: 1280, height: 800 } };

/** Collects everything that a clean page does not do. */
export function watchForProblems(page) {
  const problems = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("requestfailed", (request) => problems.push(`request: ${request.url()} ${request.failure()?.errorText}`));
  page.on("response", (response) => {
    if (response.status() >= 400) problems.push(`response: ${response.url()} ${response.status()}`);
  });
  return problems;
}

export const roomUrl = (server, room) => `${server.url}/rooms/${encodeURIComponent(room)}`;

/** A person in a browser context of their own. */
export class Person {
  constructor(context, page, nickname) {
    this.context = context;
    this.page = page;
    this.nickname = nickname;
    this.problems = watchForProblems(page);
    this.log = page.getByRole("log");
    this.composer = page.locator("textarea[name=body]");
  }

  /** Opens a room, and takes a nickname there unless it is left out. */
  static async enter(browser, server, room, nickname, options = {}) {
    const context = await browser.newContext({ ...KOREAN, ...options });
    const person = new Person(context, await context.newPage(), nickname);
    await person.open(server, room);
    if (nickname) await person.introduce();
    return person;
  }

  async open(server, room) {
    await this.page.goto(roomUrl(server, room));
    await this.live();
  }

  async introduce() {
    const field = this.page.locator("main form[action='/session'] input[name=nickname]");
    await field.fill(this.nickname);
    await Promise.all([this.page.waitForEvent("load"), field.press("Enter")]);
    await this.composer.waitFor();
    await this.live();
  }

  /** Waits until the page is hydrated and connected. */
  async live() {
    await this.page.locator("html[data-hydrated=true]").waitFor({ state: "attached", timeout: PATIENCE_MS });
    await this.page.locator("[data-connection=live]").first().waitFor({ state: "attached", timeout: PATIENCE_MS });
  }

  /** Types a text and presses Enter; does not wait for the server. */
  async say(text) {
    await this.composer.fill(text);
    await this.composer.press("Enter");
  }

  /** Types a text and presses the button, as on a phone. */
  async sayByButton(text) {
    await this.composer.fill(text);
    await this.page.locator("form:has(textarea[name=body])").getByRole("button", { name: /^(보내기|Send)$/ }).click();
  }

  /** What the page shows, in its order. A row without a position is on its way. */
  rows() {
    return this.log.locator("li").evaluateAll((items) => {
      // Lines are elements of their own, and a quote is not what the author says.
      const said = (item) => {
        const bubble = item.querySelector(".bubble") ?? item;
        const lines = [...bubble.querySelectorAll("p, li, pre")].map((line) => line.textContent);
        return (lines.length > 0 ? lines.join("\n") : bubble.textContent).trim();
      };
      return items
        .filter((item) => item.dataset.position || item.querySelector(".bubble"))
        .map((item) => ({
          position: item.dataset.position ?? null,
          text: said(item),
          all: item.textContent,
          time: item.querySelector("time")?.dateTime ?? null,
        }));
    });
  }

  /** The texts of the rows that are in the log, in the page's order. */
  async texts() {
    return (await this.rows()).filter((row) => row.position).map((row) => row.text);
  }

  /** Waits until the page shows a message that the log holds, and gives its row. */
  sees(text) {
    return until(
      `${this.nickname ?? "the reader"} sees "${text}"`,
      async () => (await this.rows()).find((row) => row.position && row.text === text),
      { describe: async () => `among ${JSON.stringify((await this.texts()).slice(-5))}` },
    );
  }

  /** Waits until the server knows that the person has read what the page shows last: only then does what comes later count. */
  hasRead() {
    const asked = () =>
      this.page.evaluate(async () => {
        const html = await (await fetch(location.pathname)).text();
        const state = new DOMParser().parseFromString(html, "text/html").getElementById("maru-state");
        return JSON.parse(state.textContent).read ?? -1;
      });
    const last = async () => Number((await this.rows()).findLast((row) => row.position).position.split("-").at(-1));
    return until(`${this.nickname} has read the room`, async () => (await asked()) >= (await last()), {
      describe: async () => `${await asked()} of ${await last()}`,
    });
  }

  /** Waits until the page shows this many messages of the log. */
  seesCount(count) {
    return until(`${this.nickname} sees ${count} messages`, async () => (await this.texts()).length >= count, {
      describe: async () => `but ${(await this.texts()).length}`,
    });
  }
}
