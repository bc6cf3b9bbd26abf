// Where rows stand on the page and what moves, as the eye sees it: measured after each paint.

import { until } from "./waiting.mjs";
import { frame, RawClient } from "./stomp.mjs";

/** Has a program say many things in one breath: `text(1)` to `text(count)`. Resolves when the log has them all. */
export async function flood(server, room, name, count, text) {
  const client = await RawClient.open(server, name);
  // The socket's buffer is not the place for a hundred thousand messages.
  for (let first = 1; first <= count; first += 500) {
    const last = Math.min(count, first + 499);
    for (let number = first; number <= last; number += 1) {
      const receipt = number === last ? { receipt: `r-${last}` } : {};
      client.send(frame("SEND", { destination: `/app/rooms.${room}.send`, ...receipt }, text(number)));
    }
    await client.hears("RECEIPT");
  }
  client.close();
}

/** Scrolls the timeline as a script would; gives where it then is. */
export const scrollTo = (person, top) =>
  person.log.evaluate((timeline, top) => {
    timeline.scrollTop = top;
    return timeline.scrollTop;
  }, top);

/** How far the timeline is scrolled, and how far its end is out of sight, in CSS pixels. */
export const place = (person) =>
  person.log.evaluate(({ scrollTop, scrollHeight, clientHeight }) => ({ top: scrollTop, below: scrollHeight - clientHeight - scrollTop }));

/** Waits until the end of the timeline is in sight, to a pixel. */
export const atTheEnd = (person) =>
  until("the timeline is at its end", async () => (await place(person)).below <= 1, { describe: async () => JSON.stringify(await place(person)) });

/**
 * Scrolls near the first row and waits until earlier ones stand above it. Gives by how many pixels the row under the eye was
 * off at worst after any paint meanwhile, or nothing if there is nothing earlier.
 */
export const showEarlier = (person) =>
  person.log.evaluate(async (timeline) => {
    const painted = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    const rows = () => [...timeline.querySelectorAll("li[data-position]")];
    const whole = () => !timeline.querySelector("ol > li.top:first-child > *");
    timeline.scrollTop = 250;
    const edge = timeline.getBoundingClientRect().top;
    const first = rows()[0].dataset.position;
    const eye = rows().find((row) => row.getBoundingClientRect().bottom > edge + 1);
    const at = eye.getBoundingClientRect().top;
    let worst = 0;
    const deadline = performance.now() + 30_000;
    // Some frames more than it takes: what comes late would be seen too.
    for (let later = 0; later < 5; ) {
      await painted();
      worst = Math.max(worst, Math.abs(eye.getBoundingClientRect().top - at));
      if (rows()[0].dataset.position !== first) later += 1;
      else if (whole()) return null;
      else if (performance.now() > deadline) throw new Error("nothing earlier came");
    }
    return worst;
  });
