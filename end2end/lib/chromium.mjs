// Finds and starts the Chromium of this machine. Run as a program, it only says whether there is one.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { argv, env, exit } from "node:process";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const MAC_APPLICATIONS = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];
/** What every Chromium here is started with. */
export const ARGUMENTS = [
  "--no-sandbox", // root in a container has no other way
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Path of the browser, or nothing. MARU_CHROMIUM overrides the search. */
export function findChromium() {
  const folders = (env.PATH ?? "").split(delimiter);
  const onPath = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  const candidates = env.MARU_CHROMIUM ? [env.MARU_CHROMIUM] : [...onPath, ...MAC_APPLICATIONS];
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** A headless browser; the caller closes it. */
export function launchChromium() {
  return chromium.launch({ executablePath: findChromium(), args: ARGUMENTS });
}

if (argv[1] === fileURLToPath(import.meta.url) && !findChromium()) {
  console.error("error: Chromium is missing, which the tests need: apt-get install chromium, or install Google Chrome.");
  exit(1);
}
