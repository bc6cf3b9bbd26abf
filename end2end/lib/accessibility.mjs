// What axe-core says of a page, as it is: its Content-Security-Policy holds for scripts of the page, not for the debugger.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** WCAG 2.2 at level AA, whose target-size axe leaves off by itself, and what its authors call best practice. */
const OPTIONS = {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  rules: { "target-size": { enabled: true } },
  resultTypes: ["violations", "incomplete"],
};

const brief = ({ id, nodes }) =>
  nodes.map(({ target, html, any }) => `${id}: ${target.join(" ")} ${html.slice(0, 120)} ${any[0]?.message ?? ""}`);

/** Text that something lies on, such as an open panel, is not there to be read. */
const isCovered = ({ any }) => any[0]?.data?.messageKey === "bgOverlap";

/** What breaks a rule, and where the contrast of a text could not be computed, one line each. */
export async function judge(page) {
  await page.evaluate(AXE);
  const { violations, incomplete } = await page.evaluate((options) => window.axe.run(document, options), OPTIONS);
  return {
    violations: violations.flatMap(brief),
    undecided: incomplete
      .filter(({ id }) => id === "color-contrast")
      .map((rule) => ({ ...rule, nodes: rule.nodes.filter((node) => !isCovered(node)) }))
      .flatMap(brief),
  };
}
