// docs/checks.md names tests that exist.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../lib/server.mjs";
import { stateNames } from "../lib/states.mjs";

/** The titles of a file; a part that is filled in stands for any of its values. */
function titles(file) {
  const found = readFileSync(file, "utf8").matchAll(/^\s*test\((["`])(.*?)\1, /gm);
  return [...found].map(([, , title]) => new RegExp(`^${title.split(/\$\{[^}]*\}/).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".+")}$`));
}

test("every test that docs/checks.md names exists", () => {
  const lines = readFileSync(join(ROOT, "docs", "checks.md"), "utf8").split("\n").filter((line) => line.startsWith("| "));
  let named = 0;
  for (const [, place, list] of lines.join("\n").matchAll(/\b((?:tests|long)\/\w+): ((?:"[^"]+"(?:, )?)+)/g)) {
    const file = join(ROOT, "end2end", `${place}.test.mjs`);
    assert.ok(existsSync(file), file);
    const existing = titles(file);
    for (const [, title] of list.matchAll(/"([^"]+)"/g)) {
      assert.ok(existing.some((pattern) => pattern.test(title)), `${place}: ${title}`);
      named += 1;
    }
  }
  assert.ok(named > 50, `${named} are named`);
  assert.ok(stateNames.includes("a room"), "the state that stands for all of them");
  for (let number = 1; number <= 40; number += 1) assert.ok(lines.some((line) => line.startsWith(`| ${number} |`)), `fact ${number}`);
});
