// How long a message takes from Enter on one page to its row on another. Prints a table; asserts nothing.
//
//   node latency.mjs      MARU_TEST_KAFKA=HOST:PORT adds the row for two servers on Apache Kafka

import { setTimeout as sleep } from "node:timers/promises";
import { cpus } from "node:os";
import { launchChromium } from "./lib/chromium.mjs";
import { Person } from "./lib/person.mjs";
import { clusterSettings, KAFKA, Server } from "./lib/server.mjs";

const WARM_UP = 20;
const SAMPLES = 300;
const PAUSE_MS = 50;

/** Notes on the page when each row with a text of its own appeared, by the machine's clock. */
function noteArrivals() {
  window.arrivals = {};
  const note = () => {
    for (const row of document.querySelectorAll("[role=log] li[data-position] .bubble")) {
      window.arrivals[row.textContent.trim()] ??= performance.timeOrigin + performance.now();
    }
  };
  new MutationObserver(note).observe(document.querySelector("[role=log]"), { subtree: true, childList: true, attributes: true });
}

/** Notes on the page when Enter was pressed for each text. */
function noteKeys() {
  window.pressed = {};
  const note = (event) => {
    if (event.key === "Enter") window.pressed[event.target.value] = performance.timeOrigin + performance.now();
  };
  document.addEventListener("keydown", note, { capture: true });
}

async function measure(browser, sending, receiving) {
  const sender = await Person.enter(browser, sending, "속도", "보내는이");
  const reader = await Person.enter(browser, receiving, "속도", "받는이");
  await sender.page.evaluate(noteKeys);
  await reader.page.evaluate(noteArrivals);
  for (let number = 0; number < WARM_UP + SAMPLES; number += 1) {
    await sender.say(`글 ${number}`);
    await sleep(PAUSE_MS);
  }
  await reader.sees(`글 ${WARM_UP + SAMPLES - 1}`);
  const pressed = await sender.page.evaluate(() => window.pressed);
  const arrivals = await reader.page.evaluate(() => window.arrivals);
  await Promise.all([sender.context.close(), reader.context.close()]);
  const texts = Array.from({ length: SAMPLES }, (_, index) => `글 ${WARM_UP + index}`);
  return texts.map((text) => arrivals[text] - pressed[text]).sort((a, b) => a - b);
}

const at = (times, share) => times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(1);

function row(name, times) {
  console.log(`| ${name} | ${at(times, 0.5)} | ${at(times, 0.9)} | ${at(times, 0.99)} | ${at(times, 1)} |`);
}

console.log("# From Enter to the other page\n");
console.log(`Milliseconds from pressing Enter on one page until the row stands on another, both in one Chromium on one machine`);
console.log(`with ${cpus().length} cores (${process.platform}); ${SAMPLES} messages, ${PAUSE_MS} ms after each. \`make test-all\` wrote this.\n`);
console.log("| | p50 | p90 | p99 | max |\n|---|---|---|---|---|");

const browser = await launchChromium();
const alone = await Server.start("latency-embedded");
row("one server, embedded log", await measure(browser, alone, alone));
await alone.stop();
if (KAFKA) {
  const settings = clusterSettings();
  const first = await Server.start("latency-kafka-1", settings);
  const second = await Server.start("latency-kafka-2", settings);
  row("two servers, Apache Kafka", await measure(browser, first, second));
  await Promise.all([first.stop(), second.stop()]);
}
await browser.close();
