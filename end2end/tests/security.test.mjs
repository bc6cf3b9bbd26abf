// What must be refused is refused, with a sentence, and nothing else suffers.

import assert from "node:assert/strict";
import { request } from "node:http";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { Server } from "../lib/server.mjs";
import { frame, Program, RawClient } from "../lib/stomp.mjs";

const SEND = { destination: "/app/rooms.문.send" };
let server;

before(async () => (server = await Server.start("security")));
after(() => server?.stop());

/** A plain request; gives status, headers and text. */
function get(path, headers = {}) {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port: server.port, path, headers }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString() }));
    })
      .on("error", reject)
      .end();
  });
}

/** Status of an attempt to open the socket: 101 or the refusal. */
function handshake(headers) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(server.socketUrl, ["v12.stomp"], { headers });
    socket.on("open", () => resolve(101) || socket.close());
    socket.on("unexpected-response", (_, response) => resolve(response.statusCode) || response.destroy());
    socket.on("error", reject);
  });
}

/** The server still serves others. */
async function othersAreWell() {
  const program = await Program.connect(server, "이웃");
  const receipt = await program.say("이웃집", "괜찮아요");
  assert.match(receipt["x-offset"], /^\d+$/);
  await program.disconnect();
}

test("the socket opens for the server's own origin only", async () => {
  assert.equal(await handshake({ Origin: server.url }), 101);
  const foreign = [
    "https://evil.example",
    "null",
    `http://127.0.0.1:${server.port + 1}`,
    `https://127.0.0.1:${server.port}`,
    `${server.url}.evil.example`,
    `http://localhost:${server.port}`,
  ];
  for (const origin of foreign) assert.equal(await handshake({ Origin: origin }), 403, origin);
});

test("a foreign name in Host is refused with a sentence (DNS rebinding)", async () => {
  for (const host of ["evil.example", `evil.example:${server.port}`, "127.0.0.1.evil.example", "localhost.evil.example"]) {
    const answer = await get("/", { Host: host });
    assert.equal(answer.status, 403, host);
    assert.match(answer.text, /MARU_PUBLIC_ORIGINS/);
    assert.equal(await handshake({ Host: host, Origin: `http://${host}` }), 403, host);
  }
});

test("pages forbid what they do not need", async () => {
  const { headers } = await get("/rooms/%EB%AC%B8", { Accept: "text/html" });
  const policy = headers["content-security-policy"];
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'/);
  assert.equal(headers["x-content-type-options"], "nosniff");
});

test("no path leads out of the site's folder", async () => {
  for (const path of ["/pkg/..%2f..%2fhash.txt", "/pkg/%2e%2e/%2e%2e/hash.txt", "/..%5chash.txt", "/pkg/../../hash.txt", "/%00"]) {
    const { status } = await get(path);
    assert.ok(status >= 400 && status < 500, `${path}: ${status}`);
  }
});

test("a bad room name is answered with a sentence, another spelling with the way to the room", async () => {
  for (const name of ["a b", "a.b", "가".repeat(41), "---"]) {
    const answer = await get(`/rooms/${encodeURIComponent(name)}`, { "Accept-Language": "ko" });
    assert.ok(answer.status >= 400 && answer.status < 500, `${name}: ${answer.status}`);
    assert.match(answer.text, /방 이름/);
  }
  const moved = await get("/rooms/General");
  assert.equal(moved.status, 308);
  assert.equal(moved.headers.location, "/rooms/general");
});

test("a frame that is too large gets an ERROR, then close code 1009", async () => {
  const client = await RawClient.open(server, "손님");
  client.send(frame("SEND", SEND, "가".repeat(25_000)));
  assert.equal((await client.hears("ERROR")).headers["x-code"], "frame-too-large");
  assert.equal(await client.ends(), 1009);
  await othersAreWell();
});

test("an empty, an over-long and a non-UTF-8 message are refused with ERROR", async () => {
  for (const body of ["", "가".repeat(4_001), Buffer.from([0x61, 0xff, 0xfe])]) {
    const client = await RawClient.open(server, "손님");
    client.send(frame("SEND", { ...SEND, receipt: "r" }, body), { binary: true });
    const error = await client.hears("ERROR");
    assert.match(error.headers["x-code"], /^(invalid-message|malformed-frame)$/);
    assert.ok(error.body.length > 10, "a sentence");
    await client.ends();
    assert.equal(client.frames.filter((heard) => heard.command === "RECEIPT").length, 0);
  }
  assert.deepEqual(await server.history("문"), []);
  await othersAreWell();
});

test("a client that listens for refusals keeps its connection", async () => {
  const client = await RawClient.open(server, "손님");
  client.send(frame("SUBSCRIBE", { id: "replies", destination: "/user/queue/replies" }));
  client.send(frame("SEND", { ...SEND, receipt: "empty", "client-msg-id": "m-1" }));
  const refusal = await client.hears("MESSAGE");
  assert.equal(refusal.headers["x-code"], "invalid-message");
  assert.equal(refusal.headers["client-msg-id"], "m-1");
  client.send(frame("SEND", { ...SEND, receipt: "good" }, "이제 됐다"));
  assert.equal((await client.hears("RECEIPT")).headers["receipt-id"], "good");
  client.close();
});

test("who sends is never taken from the message", async () => {
  const client = await RawClient.open(server, "손님");
  client.send(frame("SEND", { ...SEND, receipt: "r", "x-sender-name": "관리자" }, "저를 믿으세요"));
  assert.equal((await client.hears("ERROR")).headers["x-code"], "bad-header");
  await client.ends();
});

test("frames before CONNECT, unknown commands and bad destinations are refused", async () => {
  const cases = [
    [null, frame("SEND", SEND, "안녕"), "not-connected"],
    ["손님", frame("FETCH", {}), "unknown-command"],
    ["손님", frame("SUBSCRIBE", { id: "1", destination: "/topic/rooms.두 낱말" }), "unknown-destination"],
    ["손님", frame("SUBSCRIBE", { id: "1", destination: "/queue/secrets" }), "unknown-destination"],
    ["손님", Buffer.from("SEND\nno colon here\n\n\0"), "malformed-frame"],
  ];
  for (const [login, bytes, code] of cases) {
    const client = await RawClient.open(server, login);
    client.send(bytes);
    assert.equal((await client.hears("ERROR")).headers["x-code"], code, bytes.toString());
    await client.ends();
  }
  await othersAreWell();
});

test("bytes that are no HTTP and sockets that say nothing disturb nobody", async () => {
  const noise = connect(server.port, "127.0.0.1", () => noise.write(Buffer.from([0, 1, 2, 3, 255, 254, 10, 13, 10])));
  noise.on("error", () => {});
  const silent = connect(server.port, "127.0.0.1");
  silent.on("error", () => {});
  await othersAreWell();
  noise.destroy();
  silent.destroy();
});
