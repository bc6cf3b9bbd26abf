// What people choose for themselves stays: colours and language, from the first paint on.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "../lib/chromium.mjs";
import { Person, roomUrl } from "../lib/person.mjs";
import { Server } from "../lib/server.mjs";
import { until } from "../lib/waiting.mjs";

const LIGHT = "rgb(255, 255, 255)";
const DARK = "rgb(21, 24, 28)";

let browser, server;
before(async () => ([browser, server] = await Promise.all([launchChromium(), Server.start("choices")])));
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** What stands behind the conversation, or the welcome. */
const ground = (page) => page.locator(".talk, .lobby").first().evaluate((part) => getComputedStyle(part).backgroundColor);
async function choose(person, name) {
  await person.page.locator(".rooms-foot summary").click();
  await Promise.all([person.page.waitForEvent("load"), person.page.locator(".rooms-foot").getByRole("button", { name, exact: true }).click()]);
}

test("the page follows the system's colours until somebody chooses, at once and without a reload", async () => {
  const person = await Person.enter(browser, server, "빛깔", null, { colorScheme: "light" });
  assert.equal(await ground(person.page), LIGHT);
  await person.page.emulateMedia({ colorScheme: "dark" });
  await until("it is dark", async () => (await ground(person.page)) === DARK, { describe: () => ground(person.page) });
  await person.context.close();
});

test("chosen colours are there with the first paint, whatever the system says and without the page's program", async () => {
  const person = await Person.enter(browser, server, "빛깔", "지우", { colorScheme: "light" });
  await choose(person, "어둡게");
  assert.equal(await ground(person.page), DARK);
  const storageState = await person.context.storageState();
  await person.context.close();
  // What needs no script cannot flash.
  const context = await browser.newContext({ storageState, colorScheme: "light", javaScriptEnabled: false });
  const page = await context.newPage();
  for (const url of [roomUrl(server, "빛깔"), `${server.url}/`]) {
    await page.goto(url);
    assert.equal(await ground(page), DARK, url);
  }
  await context.close();
});

test("the chosen language stays, on every page", async () => {
  const person = await Person.enter(browser, server, "말글", "지우");
  assert.equal(await person.page.locator("html").getAttribute("lang"), "ko");
  await choose(person, "English");
  for (const url of [roomUrl(server, "말글"), `${server.url}/`, `${server.url}/nothing`]) {
    await person.page.goto(url);
    assert.equal(await person.page.locator("html").getAttribute("lang"), "en", url);
  }
  await person.page.goto(roomUrl(server, "말글"));
  await person.page.getByRole("log", { name: "Messages in 말글" }).waitFor();
  await person.context.close();
});
