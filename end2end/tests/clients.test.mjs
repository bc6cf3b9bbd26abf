// Programs that were not written for Maru chat with its page, and use all of STOMP: @stomp/stompjs, and Python's stomp.py and
// stompman.

import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { tour } from "../clients/tour.mjs";
import { launchChromium } from "../lib/chromium.mjs";
import { Person } from "../lib/person.mjs";
import { ROOT, Server } from "../lib/server.mjs";
import { frame, Program, RawClient } from "../lib/stomp.mjs";
import { until } from "../lib/waiting.mjs";

const PYTHON = join(ROOT, ".tools", "python", "bin", "python");
const WITHOUT_PYTHON = existsSync(PYTHON) ? false : "stomp.py is not installed (python3 is missing)";
const WITHOUT_STOMPMAN =
  WITHOUT_PYTHON || (spawnSync(PYTHON, ["-c", "import stompman"]).status === 0 ? false : "stompman is not installed (Python is older than 3.11)");

let browser, server;

before(async () => ([browser, server] = await Promise.all([launchChromium(), Server.start("clients")])));
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("@stomp/stompjs chats with the page both ways", async () => {
  const person = await Person.enter(browser, server, "자동", "지우");
  const program = await Program.connect(server, "로봇");
  await program.subscribe("자동");
  const receipt = await program.say("자동", "저는 프로그램입니다");
  assert.match(receipt["x-offset"], /^\d+$/);
  const row = await person.sees("저는 프로그램입니다");
  assert.match(row.all, /로봇/);
  assert.equal(row.position, receipt["message-id"]);
  await person.say("반가워, 로봇");
  const heard = await program.hears("반가워, 로봇");
  assert.equal(heard.headers["x-sender-name"], "지우");
  assert.equal(heard.headers["x-prev"], receipt["x-offset"]);
  assert.deepEqual(program.received.map((message) => message.text), ["저는 프로그램입니다", "반가워, 로봇"]);
  await program.disconnect();
  await person.context.close();
});

test("@stomp/stompjs gets by position exactly what it missed", async () => {
  const person = await Person.enter(browser, server, "회복", "지우");
  const program = await Program.connect(server, "로봇");
  await program.subscribe("회복");
  await person.say("하나");
  const { headers: last } = await program.hears("하나");
  await program.disconnect();
  for (const text of ["둘", "셋", "넷"]) await person.say(text);
  await person.sees("넷");
  await program.connect(server, "로봇");
  const position = { "x-recover-epoch": last["x-epoch"], "x-recover-offset": last["x-offset"] };
  const receipt = await program.subscribe("회복", position);
  assert.equal(receipt["x-recovered"], "true");
  assert.equal(receipt["x-replay-count"], "3");
  await person.say("다섯");
  await program.hears("다섯");
  assert.deepEqual(program.received.map((message) => message.text), ["하나", "둘", "셋", "넷", "다섯"]);
  assert.deepEqual(program.received.map((message) => message.headers["x-replay"] ?? "live"), ["live", "true", "true", "true", "live"]);
  await program.disconnect();
  await person.context.close();
});

test("the same client-msg-id twice is one message", async () => {
  const program = await Program.connect(server, "로봇");
  const first = await program.say("한번", "한 번만", { "client-msg-id": "0190-same" });
  const second = await program.say("한번", "한 번만", { "client-msg-id": "0190-same" });
  assert.equal(second["x-duplicate"], "true");
  assert.equal(second["message-id"], first["message-id"]);
  assert.deepEqual((await server.history("한번")).map((message) => message.body), ["한 번만"]);
  await program.disconnect();
});

test("Python's stomp.py chats with the page both ways", { skip: WITHOUT_PYTHON }, async () => {
  const person = await Person.enter(browser, server, "파이썬", "지우");
  const client = spawn(PYTHON, [join(ROOT, "end2end", "clients", "chat.py"), String(server.port), "파이썬", "비단뱀"], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, PYTHONIOENCODING: "utf-8" },
  });
  const heard = [];
  createInterface({ input: client.stdout }).on("line", (line) => heard.push(JSON.parse(line)));
  const hears = (wanted) =>
    until(`stomp.py says ${JSON.stringify(wanted)}`, () => heard.find((event) => Object.entries(wanted).every(([key, value]) => event[key] === value)), {
      describe: () => JSON.stringify(heard),
    });
  try {
    await hears({ event: "subscribed" });
    await person.say("파이썬, 들리니?");
    await hears({ event: "message", text: "파이썬, 들리니?", name: "지우" });
    client.stdin.write("네, 들립니다\n");
    await hears({ event: "stored" });
    assert.match((await person.sees("네, 들립니다")).all, /비단뱀/);
    assert.deepEqual((await person.rows()).map((row) => row.text), ["파이썬, 들리니?", "네, 들립니다"]);
  } finally {
    client.stdin.end();
  }
  await person.context.close();
});

/** A tour of STOMP by a program in Python; gives what it printed. */
async function pythonTour(name, { port }, { login, passcode }, place) {
  const args = [join(ROOT, "end2end", "clients", `${name}.py`), String(port), login, passcode, place.send, place.subscribe];
  const { stdout } = await promisify(execFile)(PYTHON, args, { env: { ...process.env, PYTHONIOENCODING: "utf-8" }, timeout: 120_000 });
  return JSON.parse(stdout);
}

const PROFILES = {
  chat: {
    person: { login: "둘러보는이", passcode: "" },
    place: (name) => ({ send: `/app/rooms.${name}.send`, subscribe: `/topic/rooms.${name}` }),
  },
  conformance: {
    person: { login: "guest", passcode: "guest" },
    place: (name) => ({ send: `/queue/${name}`, subscribe: `/queue/${name}` }),
  },
};
// What a transaction drops and what comes after UNSUBSCRIBE is not heard.
const HEARD = ["하나", "셋", "넷"];
const RECEIPTS = ["subscribe", "one", "ack", "unsubscribe", "five", "disconnect"];

for (const [profile, { person, place }] of Object.entries(PROFILES)) {
  describe(`acknowledgements, transactions and receipts in profile ${profile}`, () => {
    let toured;
    before(async () => (toured = await Server.start(`tour-${profile}`, { MARU_PROFILE: profile })));
    after(() => toured?.stop());

    test("@stomp/stompjs", async () => {
      assert.deepEqual(await tour(toured.socketUrl, person, place("javascript")), { heard: HEARD, receipts: RECEIPTS });
    });

    test("stomp.py", { skip: WITHOUT_PYTHON }, async () => {
      assert.deepEqual(await pythonTour("tour_stomp_py", toured, person, place("stomp-py")), { heard: HEARD, receipts: RECEIPTS });
    });

    test("stompman", { skip: WITHOUT_STOMPMAN }, async () => {
      assert.deepEqual(await pythonTour("tour_stompman", toured, person, place("stompman")), { heard: HEARD });
    });
  });
}

describe("a subscriber that only listens", () => {
  let server, sender, listener;
  before(async () => {
    server = await Server.start("burst", { MARU_PROFILE: "conformance" });
    [sender, listener] = await Promise.all([RawClient.open(server), RawClient.open(server)]);
  });
  after(async () => {
    sender?.close();
    listener?.close();
    await server?.stop();
  });

  test("gets a burst that is larger than its connection's queue", async () => {
    const [count, text] = [200, "x".repeat(100_000)];
    for (const client of [sender, listener]) {
      client.send(frame("CONNECT", { "accept-version": "1.2", host: "/" }));
      await client.hears("CONNECTED");
    }
    listener.send(frame("SUBSCRIBE", { id: "s", destination: "/queue/burst", receipt: "subscribed" }));
    await listener.hears("RECEIPT");
    // Not even the pings of the server are answered: what waits comes without being asked for.
    listener.socket.pong = () => {};
    listener.socket.pause();
    for (let number = 1; number <= count; number++) sender.send(frame("SEND", { destination: "/queue/burst", number, receipt: number }, text));
    await until("all are sent", () => sender.frames.length === count);
    listener.socket.resume();
    await until("all have come", () => listener.frames.length === count, { describe: () => `${listener.frames.length} of ${count}` });
    const numbers = listener.frames.map(({ headers }) => headers.number);
    assert.deepEqual(numbers, Array.from({ length: count }, (_, number) => String(number + 1)));
  });
});
