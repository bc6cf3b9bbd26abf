// Starts and ends the real program, target/dist/maru.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { until } from "./waiting.mjs";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const PROGRAM = join(ROOT, "target", "dist", "maru");
const LOGS = join(ROOT, "target", "end2end");
const GREETING = /^Maru is open at (http:\/\/[^:]+:(\d+))$/;

/** Address of the Apache Kafka that the tests may use, or nothing. */
export const KAFKA = process.env.MARU_TEST_KAFKA || undefined;
/** For `test({ skip })`: false, or why there is nothing to test on. */
export const WITHOUT_KAFKA = KAFKA ? false : "no Apache Kafka (MARU_TEST_KAFKA is not set)";

/** Settings that servers of one cluster share; topics of its own keep a run apart from every other. */
export function clusterSettings() {
  const folder = temporaryFolder();
  return {
    KAFKA_BROKERS: KAFKA,
    MARU_KEYS_FILE: join(folder, "keys"),
    MARU_TOPIC_PREFIX: `test-${process.pid}-${Date.now()}`,
  };
}

const folders = [];
/** A folder that is deleted when the test's process ends. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), "maru-test-"));
  folders.push(folder);
  return folder;
}

/** A port of the loopback address where nothing listens, for programs that have to be told one. */
export async function freePort() {
  // Below those that systems give to outgoing connections.
  for (let port = 22000; ; port += 1) {
    const server = createServer();
    const listening = once(server, "listening").then(() => true, () => false);
    server.listen(port, "127.0.0.1");
    if (!(await listening)) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** One server. Its data outlives `kill` and `stop`, until the test's process ends. */
export class Server {
  #name;
  #settings;
  #program;
  #child;

  constructor(name, settings, program) {
    this.#name = name;
    this.#settings = settings;
    this.#program = program;
  }

  /** Starts a server with data of its own and waits until it is ready. */
  static async start(name, settings = {}, program = PROGRAM) {
    const server = new Server(name, { MARU_LISTEN: "127.0.0.1:0", MARU_DATA: temporaryFolder(), ...settings }, program);
    try {
      await server.start();
    } catch (error) {
      // A server that nobody knows would keep the tests from ending.
      await server.kill();
      throw error;
    }
    return server;
  }

  /** Starts again after `kill` or `stop`: same address, same data. */
  async start() {
    mkdirSync(LOGS, { recursive: true });
    const log = createWriteStream(join(LOGS, `${this.#name}.log`), { flags: "a" });
    // The tests type faster than people; what limits people has tests of its own.
    const rates = { MARU_RATE_PER_SECOND: "100000", MARU_RATE_BURST: "100000" };
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...rates, ...this.#settings };
    const child = spawn(this.#program, [], { env, stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    child.stderr.pipe(log);
    const port = await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`maru ended with ${code} before it listened: ${LOGS}/${this.#name}.log`)));
      createInterface({ input: child.stdout }).on("line", (line) => {
        const greeting = GREETING.exec(line);
        if (greeting) resolve(Number(greeting[2]));
      });
    });
    this.#settings.MARU_LISTEN = `127.0.0.1:${port}`;
    this.port = port;
    this.host = `127.0.0.1:${port}`;
    this.url = `http://${this.host}`;
    this.socketUrl = `ws://${this.host}/ws`;
    let state = "";
    await until(
      `${this.#name} becomes ready`,
      async () => {
        const response = await fetch(`${this.url}/healthz/ready`);
        state = await response.text();
        return response.ok;
      },
      { describe: () => state },
    );
  }

  /** As a power cut ends it. */
  kill() {
    return this.#end("SIGKILL");
  }

  /** In order. */
  stop() {
    return this.#end("SIGTERM");
  }

  async #end(signal) {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }

  /** All messages of a room, from the history API. */
  async history(room) {
    const messages = [];
    let before = "";
    for (;;) {
      const response = await fetch(`${this.url}/api/rooms/${encodeURIComponent(room)}/messages?limit=200${before}`);
      if (!response.ok) throw new Error(`history: ${response.status} ${await response.text()}`);
      const page = await response.json();
      messages.unshift(...page.messages);
      if (!page.more) return messages;
      before = `&before=${page.messages[0].position}`;
    }
  }
}
