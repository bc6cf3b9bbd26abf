// STOMP clients that are not ours: @stomp/stompjs as programs use it, and raw frames for what a proper client never sends.

import { Client } from "@stomp/stompjs";
import WebSocket from "ws";
import { until } from "./waiting.mjs";

/** A program that chats through @stomp/stompjs. */
export class Program {
  received = [];
  #client;
  #receipts = 0;

  static async connect(server, login) {
    const program = new Program();
    await program.connect(server, login);
    return program;
  }

  connect(server, login) {
    return new Promise((resolve, reject) => {
      this.#client = new Client({
        webSocketFactory: () => new WebSocket(server.socketUrl, ["v12.stomp", "v11.stomp", "v10.stomp"]),
        connectHeaders: { login },
        reconnectDelay: 0,
        onConnect: (frame) => {
          this.connected = frame.headers;
          resolve();
        },
        onStompError: (frame) => reject(new Error(`ERROR ${JSON.stringify(frame.headers)} ${frame.body}`)),
        onWebSocketError: (event) => reject(new Error(event.message)),
      });
      this.#client.activate();
    });
  }

  disconnect() {
    return this.#client.deactivate();
  }

  #receipt() {
    const id = `receipt-${++this.#receipts}`;
    const answer = new Promise((resolve) => this.#client.watchForReceipt(id, (frame) => resolve(frame.headers)));
    return [id, answer];
  }

  /** Subscribes to a room; gives the receipt's headers. */
  subscribe(room, headers = {}) {
    const [receipt, answer] = this.#receipt();
    const take = (frame) => this.received.push({ text: frame.body, headers: frame.headers });
    this.#client.subscribe(`/topic/rooms.${room}`, take, { receipt, ...headers });
    return answer;
  }

  /** Sends a message to a room; gives the receipt's headers. */
  say(room, text, headers = {}) {
    const [receipt, answer] = this.#receipt();
    this.#client.publish({ destination: `/app/rooms.${room}.send`, body: text, headers: { receipt, ...headers } });
    return answer;
  }

  /** Edits, deletes, reacts or takes a reaction back; gives the receipt's headers. */
  change(room, action, position, body = "") {
    const [receipt, answer] = this.#receipt();
    this.#client.publish({ destination: `/app/rooms.${room}.${action}`, body, headers: { receipt, ref: position } });
    return answer;
  }

  hears(text) {
    return until(`the program hears "${text}"`, () => this.received.find((message) => message.text === text), {
      describe: () => `among ${JSON.stringify(this.received.map((message) => message.text).slice(-5))}`,
    });
  }
}

/** Writes one STOMP 1.2 frame; header values must need no escaping. */
export function frame(command, headers = {}, body = "") {
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  return Buffer.concat([Buffer.from(`${command}\n${lines.join("")}\n`), Buffer.from(body), Buffer.from([0])]);
}

function parse(text) {
  const [head, ...rest] = text.split("\n\n");
  const [command, ...lines] = head.split("\n");
  const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]));
  return { command, headers, body: rest.join("\n\n").replace(/\0\n*$/, "") };
}

/** A socket that sends whatever bytes it is told to. */
export class RawClient {
  frames = [];
  closed = null;

  /** Opens the socket and connects as a guest; without a login only the socket is opened. */
  static async open(server, login) {
    const client = new RawClient();
    client.socket = new WebSocket(server.socketUrl, ["v12.stomp"]);
    client.socket.on("message", (data) => {
      const text = data.toString();
      if (text.trim()) client.frames.push(parse(text));
    });
    client.socket.on("close", (code) => (client.closed = code));
    client.socket.on("error", () => {});
    await new Promise((resolve, reject) => client.socket.once("open", resolve).once("error", reject));
    if (login) {
      client.send(frame("CONNECT", { "accept-version": "1.2", host: "maru", login }));
      await client.hears("CONNECTED");
    }
    return client;
  }

  send(bytes, options = { binary: false }) {
    this.socket.send(bytes, options);
  }

  /** Waits for the next frame with this command, and takes it. */
  async hears(command) {
    const found = await until(`a ${command} frame`, () => this.frames.find((frame) => frame.command === command), {
      describe: () => JSON.stringify({ frames: this.frames, closed: this.closed }),
    });
    this.frames.splice(this.frames.indexOf(found), 1);
    return found;
  }

  /** Waits for the end; gives the close code. */
  ends() {
    return until("the socket is closed", () => this.closed, { describe: () => JSON.stringify(this.frames) });
  }

  close() {
    this.socket.close();
  }
}
