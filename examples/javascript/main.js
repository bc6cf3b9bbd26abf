// The bot under Node.js: settings from the environment, its position in a file.

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import WebSocket from "ws";
import { startBot } from "./bot.js";

const { MARU_URL = "ws://localhost:8080/ws", BOT_ROOM = "general", BOT_LOGIN = "javascript-bot", BOT_PASSCODE, BOT_POSITION = "position.json" } = process.env;
if (!BOT_PASSCODE) {
  console.error("Set BOT_PASSCODE to a secret of your choice: with BOT_LOGIN it says who the bot is.");
  process.exit(1);
}

const stop = startBot({
  room: BOT_ROOM,
  login: BOT_LOGIN,
  passcode: BOT_PASSCODE,
  open: () => new WebSocket(MARU_URL, ["v12.stomp"]),
  load: () => existsSync(BOT_POSITION) && JSON.parse(readFileSync(BOT_POSITION, "utf8")),
  save: (position) => {
    writeFileSync(`${BOT_POSITION}.part`, JSON.stringify(position));
    renameSync(`${BOT_POSITION}.part`, BOT_POSITION);
  },
  log: console.log,
  failed: (sentence) => {
    console.error(sentence);
    process.exitCode = 1;
  },
});

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, stop);
