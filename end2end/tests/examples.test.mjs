// The bots of examples/ answer every question once, whatever happens to them, to their connection and to the server.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, createReadStream, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { test } from "node:test";
import WebSocket, { WebSocketServer } from "ws";
import { launchChromium } from "../lib/chromium.mjs";
import { ROOT, Server } from "../lib/server.mjs";
import { frame, Program, RawClient } from "../lib/stomp.mjs";
import { until } from "../lib/waiting.mjs";

const EXAMPLES = join(ROOT, "examples");
const PYTHON = join(ROOT, ".tools", "python", "bin", "python");
const JARS = join(ROOT, ".tools", "java-bot");
const PASSCODE = "비밀";
const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, "bin", "java") : "java";

const BOTS = {
  Python: {
    command: [PYTHON, join(EXAMPLES, "python", "bot.py")],
    codes: { SIGTERM: 0, SIGINT: 0 },
    skip: existsSync(PYTHON) ? false : "stomp.py is not installed (python3 is missing)",
  },
  JavaScript: {
    command: ["node", join(EXAMPLES, "javascript", "main.js")],
    codes: { SIGTERM: 0, SIGINT: 0 },
    skip: false,
  },
  Java: {
    command: [java, "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", `${JARS}/*`, join(EXAMPLES, "java", "src", "main", "java", "Bot.java")],
    // Java's own; nothing that a program does changes them.
    codes: { SIGTERM: 143, SIGINT: 130 },
    skip: withoutJava(),
  },
};

function withoutJava() {
  if (!existsSync(JARS)) return "the Java bot's packages are not there (Maven is missing)";
  const sees = spawnSync(java, ["--list-modules"], { encoding: "utf8" });
  return /jdk\.compiler/.test(sees.stdout) ? false : "there is no Java development kit (apt-get install default-jdk-headless)";
}

/** A bot's process and its position; the position outlives the process. */
class Bot {
  output = "";
  folder = mkdtempSync(join(tmpdir(), "maru-bot-"));
  position = join(this.folder, "position");

  constructor(name, t) {
    this.name = `${name}-bot`;
    this.command = BOTS[name].command;
    this.codes = BOTS[name].codes;
    t.after(() => {
      this.child?.kill("SIGKILL");
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  /** Starts it and waits until it is in the room. */
  async start(socketUrl, room) {
    const settings = { MARU_URL: socketUrl, BOT_ROOM: room, BOT_LOGIN: this.name, BOT_PASSCODE: PASSCODE, BOT_POSITION: this.position };
    const [program, ...args] = this.command;
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, LANG: "C.UTF-8", ...settings };
    const child = spawn(program, args, { cwd: this.folder, env, stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (this.output += text));
    await this.says(`In ${room}, `);
  }

  /** Waits for a text in what it prints from now on. */
  async says(text) {
    const found = () => this.output.indexOf(text) + 1;
    const at = await until(`the bot says "${text}"`, found, { describe: () => this.output });
    this.output = this.output.slice(at - 1 + text.length);
  }

  /** Ends it; a signal that it can hear has to end it in order. */
  async end(signal) {
    const ended = once(this.child, "exit");
    this.child.kill(signal);
    const [code] = await ended;
    if (signal !== "SIGKILL") assert.equal(code, this.codes[signal], this.output);
  }
}

/** Says something as a guest; gives where it stands. Every time another session, so that the rate limits only the bot. */
async function ask(server, room, text) {
  const program = await Program.connect(server, "지우");
  const receipt = await program.say(room, text);
  await program.disconnect();
  return receipt["message-id"];
}

/** Says something with the bot's own login and passcode. */
async function sayAs(bot, server, room, text) {
  const client = await RawClient.open(server);
  client.send(frame("CONNECT", { "accept-version": "1.2", host: "maru", login: bot.name, passcode: PASSCODE }));
  await client.hears("CONNECTED");
  client.send(frame("SEND", { destination: `/app/rooms.${room}.send`, receipt: "said" }, text));
  await client.hears("RECEIPT");
  client.close();
}

/** What the room holds: of each question, the answers to it, in the order of the log. */
async function answers(server, room, bot) {
  const messages = await server.history(room);
  const said = messages.filter((message) => message.sender.name === bot.name);
  const questions = messages.filter((message) => message.sender.name !== bot.name);
  const of = (question) => said.filter((answer) => answer.id === `answer-${question.position}`).map((answer) => answer.body);
  return { count: said.length, of: questions.map((question) => [question.body, ...of(question)]), questions };
}

const answered = (server, room, bot, position) =>
  until(`the answer to ${position}`, async () => (await server.history(room)).some((message) => message.id === `answer-${position}`), {
    describe: () => bot.output,
  });

for (const [name, { skip }] of Object.entries(BOTS)) {
  const room = `봇-${name.toLowerCase()}`;

  test(`the ${name} bot answers once what was asked before, during and after a crash of the server`, { skip }, async (t) => {
    const server = await Server.start(`examples-${name}`, { MARU_RATE_PER_SECOND: "5", MARU_RATE_BURST: "3" });
    t.after(() => server.stop());
    const bot = new Bot(name, t);
    await ask(server, room, "!ping"); // before the bot was ever there
    await bot.start(server.socketUrl, room);
    await answered(server, room, bot, await ask(server, room, "!ping"));
    const early = `${bot.position}.early`;
    copyFileSync(bot.position, early);
    await ask(server, room, "아무 말");
    await sayAs(bot, server, room, "!ping"); // its own words are no questions

    // More at once than the bot may say at once; then the server dies while the bot answers.
    for (let count = 0; count < 5; count++) await ask(server, room, "!ping");
    await bot.says("Refused, rate-limited");
    await server.kill();
    await server.start();
    await ask(server, room, "!ping");
    await answered(server, room, bot, await ask(server, room, "!시간"));

    // The bot dies; then it is asked, and comes back.
    await bot.end("SIGKILL");
    const missed = await ask(server, room, "!ping");
    await bot.start(server.socketUrl, room);
    await answered(server, room, bot, missed);

    // The bot forgets that it has answered, as after a crash between an answer and the note of it.
    await bot.end("SIGTERM");
    copyFileSync(early, bot.position);
    await bot.start(server.socketUrl, room);
    await answered(server, room, bot, await ask(server, room, "!ping"));
    await bot.end("SIGINT");

    const { count, of, questions } = await answers(server, room, bot);
    const time = new Date(questions.find((question) => question.body === "!시간").ts).toISOString();
    const ping = ["!ping", "pong"];
    assert.deepEqual(of, [
      ["!ping"],
      ping,
      ["아무 말"],
      ...Array(6).fill(ping),
      ["!시간", `${time.slice(0, 10)} ${time.slice(11, 19)} UTC`],
      ping,
      ping,
    ]);
    assert.equal(count, 11, "ten answers, and its own question");
  });

  test(`the ${name} bot sends an answer again, with the same id, when the RECEIPT was lost`, { skip }, async (t) => {
    const server = await Server.start(`examples-${name}-relay`);
    t.after(() => server.stop());
    const relay = await Relay.start(server.socketUrl);
    t.after(() => relay.stop());
    const bot = new Bot(name, t);
    await bot.start(relay.socketUrl, room);
    relay.loses = /^RECEIPT\n(.*\n)*receipt-id:answer-/;
    const position = await ask(server, room, "!ping");
    await until("the second RECEIPT", () => relay.frames.some((frame) => frame.startsWith("RECEIPT") && frame.includes("x-duplicate:true")), {
      describe: () => relay.frames.join("\n"),
    });
    await bot.end("SIGTERM");
    const sent = relay.frames.filter((frame) => frame.startsWith("SEND\n"));
    assert.deepEqual(sent.map((frame) => /^client-msg-id:(.*)$/m.exec(frame)[1]), Array(2).fill(`answer-${position}`));
    assert.match(relay.frames.find((frame) => /^(CONNECT|STOMP)\n/.test(frame)), /^heart-beat:10000,10000$/m);
    assert.match(relay.frames.findLast((frame) => !/^(RECEIPT|MESSAGE)\n/.test(frame)), /^DISCONNECT\n(.*\n)*receipt:/);
    const { count, of } = await answers(server, room, bot);
    assert.deepEqual([count, of], [1, [["!ping", "pong"]]]);
  });
}

test("the JavaScript bot answers from a browser, on a page of the server's own address", async (t) => {
  const server = await Server.start("examples-page");
  t.after(() => server.stop());
  const proxy = await startProxy(server, join(EXAMPLES, "javascript"));
  t.after(() => proxy.close());
  const browser = await launchChromium();
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${proxy.address().port}/bot/page.html?room=browser`);
  await page.getByText("In browser, ").waitFor();
  const bot = { name: "browser-bot", output: "" };
  await answered(server, "browser", bot, await ask(server, "browser", "!ping"));
  assert.deepEqual((await answers(server, "browser", bot)).of, [["!ping", "pong"]]);
});

test("what people install for the Python bot is what the tests run", () => {
  const lines = (...path) => readFileSync(join(ROOT, ...path), "utf8").trim().split("\n");
  const known = lines("scripts", "python-tools.txt");
  for (const line of lines("examples", "python", "requirements.txt")) assert.ok(known.includes(line), line);
});

/** A proxy in front of the server, as the README asks for: it serves the folder under /bot/ and hands the rest on as it is. */
async function startProxy(server, folder) {
  const types = { ".html": "text/html", ".js": "text/javascript" };
  const proxy = createServer((request, response) => {
    const path = join(folder, new URL(request.url, server.url).pathname.slice("/bot".length));
    const found = existsSync(path) && types[extname(path)];
    response.writeHead(found ? 200 : 404, { "content-type": found || "text/plain" });
    if (found) createReadStream(path).pipe(response);
    else response.end();
  });
  proxy.on("upgrade", (request, socket) => {
    const onward = connect(server.port, "127.0.0.1", () => {
      const headers = request.rawHeaders.map((text, index) => (index % 2 ? `${text}\r\n` : `${text}: `)).join("");
      onward.write(`GET ${request.url} HTTP/1.1\r\n${headers}\r\n`);
      socket.pipe(onward).pipe(socket);
    });
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return proxy;
}

/** Stands between a bot and the server, writes down what both say, and cuts the line once instead of handing on what it is told to lose. */
class Relay {
  frames = [];
  loses = null;

  static async start(target) {
    const relay = new Relay();
    relay.door = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: (offered) => [...offered][0] });
    relay.door.on("connection", (client) => relay.join(client, new WebSocket(target, ["v12.stomp"])));
    await once(relay.door, "listening");
    relay.socketUrl = `ws://127.0.0.1:${relay.door.address().port}/ws`;
    return relay;
  }

  join(client, server) {
    const opened = once(server, "open");
    for (const [from, to] of [[client, server], [server, client]]) {
      from.on("error", () => {});
      from.on("close", () => to.close());
      from.on("message", async (data, isBinary) => {
        await opened;
        const text = data.toString();
        if (from === server && this.loses?.test(text)) {
          this.loses = null;
          client.terminate();
          server.terminate();
          return;
        }
        if (text.trim()) this.frames.push(text.replace("\0", ""));
        to.send(data, { binary: isBinary }, () => {});
      });
    }
  }

  stop() {
    for (const client of this.door.clients) client.terminate();
    this.door.close();
  }
}
