// Waiting for something to become true. The limit only tells a slow machine from a hang.

import { setTimeout as sleep } from "node:timers/promises";

/** How long anything may take before it counts as hung, in milliseconds. */
export const PATIENCE_MS = 30_000;

/** Asks until the answer is truthy, and gives it. `describe` may tell what was seen last. */
export async function until(what, ask, { patience = PATIENCE_MS, describe = () => "" } = {}) {
  const deadline = Date.now() + patience;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${patience} ms in vain: ${what} ${await describe()}`);
    await sleep(25);
  }
}
