// The input-method sequences catch a page that handles Enter naively; without this the tests of the page could be blind.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "../lib/chromium.mjs";
import { typeJapaneseAndConfirm, typeKoreanAndEnter } from "../lib/ime.mjs";

const NAIVE = `<textarea autofocus></textarea><script>
  window.sent = [];
  document.querySelector("textarea").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    window.sent.push(event.target.value);
    event.target.value = "";
  });
</script>`;

let browser;
before(async () => (browser = await launchChromium()));
after(() => browser?.close());

async function type(sequence, text) {
  const page = await browser.newPage();
  await page.setContent(NAIVE);
  await page.locator("textarea").focus();
  await sequence(await page.context().newCDPSession(page), text);
  const sent = await page.evaluate(() => window.sent);
  await page.close();
  return sent;
}

test("the Korean sequence makes a naive page send twice", async () => {
  assert.notDeepEqual(await type(typeKoreanAndEnter, "안녕하세요"), ["안녕하세요"]);
});

test("the Japanese sequence makes a naive page send too early", async () => {
  assert.notDeepEqual(await type(typeJapaneseAndConfirm, "漢字"), []);
});
