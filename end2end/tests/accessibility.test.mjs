// What axe-core can find, in every state, in two of the twelve combinations of language, scheme and width; `make test-all`
// has them all (long/accessibility.test.mjs).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { judge } from "../lib/accessibility.mjs";
import { Stage, stateNames } from "../lib/states.mjs";

const COMBINATIONS = [
  { locale: "ko-KR", colorScheme: "light", viewport: { width: 1280, height: 800 } },
  { locale: "en-US", colorScheme: "dark", viewport: { width: 390, height: 844 } },
];

let stage;
before(async () => (stage = await Stage.open("accessibility")));
after(() => stage?.close());

for (const options of COMBINATIONS) {
  for (const state of stateNames) {
    const where = `${options.locale}, ${options.colorScheme}, ${options.viewport.width} px`;
    test(`axe finds nothing: ${state} (${where})`, async () => {
      const person = await stage.show(state, options);
      assert.deepEqual(await judge(person.page), { violations: [], undecided: [] });
      await person.context.close();
    });
  }
}

test("axe does find what is wrong, and the page's policy does not keep it from looking", async () => {
  const person = await stage.show("a room");
  await person.page.evaluate(() => {
    const button = document.createElement("button");
    button.style.cssText = "width: 8px; height: 8px; padding: 0; position: fixed; inset: 0 auto auto 0";
    document.querySelector("main").append(button);
    [...document.querySelectorAll(".bubble")].at(-1).style.color = "#ccc";
  });
  const { violations } = await judge(person.page);
  for (const rule of ["button-name", "color-contrast"]) assert.ok(violations.some((line) => line.startsWith(rule)), `${rule} among ${violations}`);
  await person.context.close();
});
