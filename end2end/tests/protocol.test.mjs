// docs/PROTOCOL.md tells the truth: its frames are one conversation, which is held with a running server, byte by byte.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { ROOT, Server } from "../lib/server.mjs";
import { until } from "../lib/waiting.mjs";

const DOCUMENT = readFileSync(join(ROOT, "docs", "PROTOCOL.md"), "utf8");
const FROM_SERVER = ["CONNECTED", "MESSAGE", "RECEIPT", "ERROR"];
/** Headers whose values a server chooses. The same value in the document has to be the same value here. */
const CHOSEN = ["session", "x-sender", "message-id", "ack", "x-epoch", "x-offset", "x-prev", "x-ts"];

/** The frames of the document in their order, without the remarks. */
function frames() {
  const blocks = [...DOCUMENT.matchAll(/^```stomp\n(.*?)^```$/gms)].map(([, block]) => block.replace(/ +← .*$/gm, ""));
  return blocks.flatMap((block) => block.split("^@\n")).filter(Boolean).map(parse);
}

function parse(text) {
  const end = text.indexOf("\n\n");
  const [command, ...lines] = text.slice(0, end).split("\n");
  const headers = lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]);
  return { command, headers, body: text.slice(end + 2) };
}

const written = ({ command, headers, body }) => `${command}\n${headers.map((header) => `${header.join(":")}\n`).join("")}\n${body}\0`;

/** A socket that says what it is told to, and keeps what it hears. */
class Socket {
  heard = [];

  constructor(server) {
    this.socket = new WebSocket(server.socketUrl, ["v12.stomp"]);
    this.socket.on("message", (data) => data.toString().trim() && this.heard.push(parse(data.toString().replace("\0", ""))));
    this.socket.on("close", (code, reason) => (this.closed = [code, reason.toString()]));
    this.open = new Promise((resolve) => this.socket.once("open", resolve));
  }

  next() {
    return until("a frame", () => this.heard.shift(), { describe: () => JSON.stringify(this.closed) });
  }

  /** The close code and its reason, when nothing else was said before. */
  async ended() {
    const closed = await until("the close", () => this.closed, { describe: () => JSON.stringify(this.heard) });
    assert.deepEqual(this.heard, []);
    return closed;
  }
}

let server;
before(async () => (server = await Server.start("protocol")));
after(() => server.stop());

test("the conversation in docs/PROTOCOL.md", async () => {
  const actual = new Map(); // the server's choice for each that stands in the document
  let socket;
  let count = 0;
  for (const frame of frames()) {
    count += 1;
    if (frame.command === "CONNECT") {
      socket = new Socket(server);
      await socket.open;
    }
    if (!FROM_SERVER.includes(frame.command)) {
      const headers = frame.headers.map(([name, value]) => [name, actual.get(value) ?? value]);
      socket.socket.send(written({ ...frame, headers }));
      continue;
    }
    const heard = await socket.next();
    const there = new Map(heard.headers);
    const expected = frame.headers.map(([name, value]) => {
      const chosen = CHOSEN.includes(name) && value !== "-1";
      if (chosen && !actual.has(value)) {
        // Two messages may have the same time; nothing else may mean two things.
        assert.ok(name === "x-ts" || ![...actual.values()].includes(there.get(name)), `${name} is ${value} in the document, but the same as before here`);
        actual.set(value, there.get(name));
      }
      return [name, chosen ? actual.get(value) : value];
    });
    assert.equal(written(heard), written({ ...frame, headers: expected }));
    const code = new Map(frame.headers).get("x-code");
    if (new Map(frame.headers).get("receipt-id") === "bye") assert.deepEqual(await socket.ended(), [1000, ""]);
    if (frame.command === "ERROR") assert.deepEqual(await socket.ended(), [closeCode(code), code]);
  }
  assert.ok(count > 30, `only ${count} frames`);
});

test("the ten lines in docs/PROTOCOL.md are a bot", async () => {
  const [, script] = /^```js\n(.*?)^```$/ms.exec(DOCUMENT);
  const text = script.replace('import { Client } from "@stomp/stompjs";', "").replace("ws://localhost:8080/ws", server.socketUrl);
  const { Client } = await import("@stomp/stompjs");
  globalThis.WebSocket ??= WebSocket;
  const client = new Function("Client", `${text}; return client;`)(Client);
  const connected = client.onConnect;
  await new Promise((resolve) => (client.onConnect = (frame) => resolve(connected(frame))));
  client.publish({ destination: "/app/rooms.general.send", body: "!ping" });
  await until("pong", async () => (await server.history("general")).some((message) => message.body === "pong"));
  await client.deactivate();
});

/** What the document says of a code. */
const closeCode = (code) => Number(new RegExp(`^\\| .*\`${code}\`.* \\| (\\d{4}) \\|`, "m").exec(DOCUMENT)[1]);
