// A server is replaced by one with other files of the page, as in a rolling upgrade.

import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launchChromium } from "../lib/chromium.mjs";
import { Person } from "../lib/person.mjs";
import { freePort, ROOT, Server, temporaryFolder } from "../lib/server.mjs";
import { until } from "../lib/waiting.mjs";

let browser;
before(async () => (browser = await launchChromium()));
after(() => browser?.close());

/** The release once more, with other names for the page's files, and the old ones beside them as `make dist PREVIOUS=` leaves them. */
function nextRelease() {
  const [old, folder] = [join(ROOT, "target", "dist"), temporaryFolder()];
  cpSync(old, folder, { recursive: true });
  const names = readFileSync(join(old, "hash.txt"), "utf8");
  const renamed = new Map([...names.matchAll(/: *(\S+)/g)].map(([, hash]) => [hash, [...hash].reverse().join("")]));
  writeFileSync(join(folder, "hash.txt"), names.replaceAll(/(: *)(\S+)/g, (_, colon, hash) => colon + renamed.get(hash)));
  const files = join(folder, "site", "pkg");
  for (const name of readdirSync(files)) {
    for (const [hash, other] of renamed) if (name.includes(hash)) renameSync(join(files, name), join(files, name.replace(hash, other)));
  }
  cpSync(join(old, "site", "pkg"), files, { recursive: true });
  return join(folder, "maru");
}

test("a page of the version before goes on, is told, and loads the new one when its reader wants", async () => {
  const settings = { MARU_LISTEN: `127.0.0.1:${await freePort()}`, MARU_DATA: temporaryFolder() };
  const first = await Server.start("upgrade-old", settings);
  const person = await Person.enter(browser, first, "판올림", "지우");
  await person.say("옛 판에서");
  await person.sees("옛 판에서");
  await person.composer.fill("쓰다 만 글");
  const files = () => person.page.locator("link[rel=preload], link[rel=modulepreload], link[rel=stylesheet]").evaluateAll((links) => links.map((link) => link.href));
  const before = await files();
  await person.page.evaluate(() => (window.untouched = true));

  await first.stop();
  const second = await Server.start("upgrade-new", settings, nextRelease());
  const bar = person.page.getByText("새 버전이 있습니다");
  await bar.waitFor();
  assert.equal(await person.composer.inputValue(), "쓰다 만 글");
  await person.composer.fill("옛 쪽에서 새 판으로");
  await person.composer.press("Enter");
  await person.sees("옛 쪽에서 새 판으로");
  assert.equal(await person.page.evaluate(() => window.untouched), true, "nothing is loaded without consent");
  for (const file of before) assert.equal((await fetch(file)).status, 200, file);

  await person.composer.fill("새 판으로 가져갈 글");
  await Promise.all([person.page.waitForEvent("load"), person.page.getByRole("button", { name: "새로고침" }).click()]);
  await person.live();
  assert.notDeepEqual(await files(), before);
  assert.equal(await person.composer.inputValue(), "새 판으로 가져갈 글");
  assert.deepEqual(await person.texts(), ["옛 판에서", "옛 쪽에서 새 판으로"]);
  await until("nothing more is said", async () => !(await bar.isVisible()));
  await person.context.close();
  await second.stop();
});
