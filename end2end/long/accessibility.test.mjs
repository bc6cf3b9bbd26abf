// axe-core on every state in every combination of language, scheme and width. Writes the table to docs/axe.md.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { judge } from "../lib/accessibility.mjs";
import { ROOT } from "../lib/server.mjs";
import { Stage, stateNames } from "../lib/states.mjs";

const LOCALES = ["ko-KR", "en-US"];
const SCHEMES = ["light", "dark"];
const SIZES = [[1280, 800], [390, 844], [320, 568]];
const combinations = SCHEMES.flatMap((colorScheme) => SIZES.map(([width, height]) => ({ colorScheme, viewport: { width, height } })));

let stage;
const table = [];
before(async () => (stage = await Stage.open("long-accessibility")));
after(async () => {
  await stage?.close();
  const heads = LOCALES.flatMap((locale) => combinations.map(({ colorScheme, viewport }) => `${locale.slice(0, 2)} ${colorScheme} ${viewport.width}`));
  const lines = [
    "# What axe-core finds\n",
    "Violations of WCAG 2.0 to 2.2 at levels A and AA (target size among them) and of what axe's authors call best practice, and in",
    "parentheses the texts whose contrast could not be computed, in each state of the page, language, colour scheme and width.",
    "`make test-all` wrote this.\n",
    `| State | ${heads.join(" | ")} |`,
    `|---|${heads.map(() => "---").join("|")}|`,
    ...stateNames.map((state) => `| ${state} | ${table.filter((cell) => cell.state === state).map((cell) => cell.shown).join(" | ")} |`),
  ];
  writeFileSync(join(ROOT, "docs", "axe.md"), `${lines.join("\n")}\n`);
});

for (const state of stateNames) {
  test(`axe finds nothing in any combination: ${state}`, async () => {
    const found = [];
    for (const locale of LOCALES) {
      for (const options of combinations) {
        const person = await stage.show(state, { locale, ...options });
        const { violations, undecided } = await judge(person.page);
        table.push({ state, shown: `${violations.length} (${undecided.length})` });
        found.push(...[...violations, ...undecided].map((line) => `${locale} ${JSON.stringify(options)} ${line}`));
        await person.context.close();
      }
    }
    assert.deepEqual(found, []);
  });
}
