// Takes a picture of every state of the page, light and dark, on a desktop and on phones, for people to look at. They go to
// target/screenshots/, with a page that shows them side by side.
//
//   node pictures.mjs [STATE …]      all states, or those whose names contain one of these words

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { ROOT } from "./lib/server.mjs";
import { Stage, stateNames } from "./lib/states.mjs";

const FOLDER = join(ROOT, "target", "screenshots");
const DESKTOP = { viewport: { width: 1280, height: 800 } };
const phone = (width, height) => ({ viewport: { width, height }, deviceScaleFactor: 2, isMobile: true, hasTouch: true });
const DEVICES = { desktop: DESKTOP, phone: phone(390, 844), small: phone(360, 640), narrow: phone(320, 568) };

const words = argv.slice(2);
const wanted = stateNames.filter((state) => words.length === 0 || words.some((word) => state.includes(word)));
const file = (state, device, scheme) => `${state.replaceAll(/[^a-z]+/gi, "-")}-${device}-${scheme}.png`;

mkdirSync(FOLDER, { recursive: true });
const stage = await Stage.open("pictures");
for (const state of wanted) {
  for (const [device, options] of Object.entries(DEVICES)) {
    for (const colorScheme of ["light", "dark"]) {
      // The smaller phones are for the layout, which the scheme does not change.
      if (colorScheme === "dark" && ["small", "narrow"].includes(device)) continue;
      const person = await stage.show(state, { ...options, colorScheme });
      await person.page.evaluate(() => document.fonts.ready);
      await person.page.screenshot({ path: join(FOLDER, file(state, device, colorScheme)), animations: "disabled" });
      await person.context.close();
    }
  }
  console.log(state);
}
await stage.close();

const figure = (state, device, scheme) => `<img src="${file(state, device, scheme)}" alt="${state}, ${device}, ${scheme}">`;
const rows = wanted.map((state) =>
  `<h2>${state}</h2><p>${["light", "dark"].flatMap((scheme) => [figure(state, "desktop", scheme), figure(state, "phone", scheme)]).join("")}${figure(state, "small", "light")}${figure(state, "narrow", "light")}</p>`,
);
writeFileSync(join(FOLDER, "index.html"), `<!doctype html><meta charset="utf-8"><title>Maru</title><style>img { height: 400px; margin: 4px; border: 1px solid gray }</style>${rows.join("")}`);
console.log(join(FOLDER, "index.html"));
