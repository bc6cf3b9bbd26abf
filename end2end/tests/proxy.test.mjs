// Behind the nginx configuration that deploy/ ships, everything is as without it: pages, sockets, headers, refusals.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { launchChromium } from "../lib/chromium.mjs";
import { shipped, Nginx, WITHOUT_NGINX } from "../lib/nginx.mjs";
import { Person } from "../lib/person.mjs";
import { clusterSettings, KAFKA, Server, WITHOUT_KAFKA } from "../lib/server.mjs";
import { Program } from "../lib/stomp.mjs";

const NAME = "chat.example.com";
const options = { skip: WITHOUT_NGINX };
let browser, first, second, proxy;

before(async () => {
  if (WITHOUT_NGINX) return;
  const settings = { MARU_PUBLIC_ORIGINS: `http://${NAME}`, ...(KAFKA ? clusterSettings() : {}) };
  browser = await launchChromium();
  first = await Server.start("proxy-1", { ...settings });
  // Two servers need a log that both can reach; the embedded one is for its own server only.
  if (KAFKA) second = await Server.start("proxy-2", { ...settings });
  proxy = await Nginx.start(first.host, second?.host);
});

after(async () => {
  await browser?.close();
  await Promise.all([proxy?.stop(), first?.stop(), second?.stop()]);
});

/** A plain request; gives status, headers and text. */
function get(server, path, { localAddress, ...headers } = {}) {
  return new Promise((resolve, reject) => {
    request(`${server.url}${path}`, { headers, localAddress }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString() }));
    })
      .on("error", reject)
      .end();
  });
}

/** Status of an attempt to open the socket through the proxy: 101 or the refusal. */
function handshake(headers) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(proxy.socketUrl, ["v12.stomp"], { headers });
    socket.on("open", () => resolve(101) || socket.close());
    socket.on("unexpected-response", (_, response) => resolve(response.statusCode) || response.destroy());
    socket.on("error", reject);
  });
}

test("a page and a program chat through the proxy", options, async () => {
  const person = await Person.enter(browser, proxy, "문간", "지우");
  const program = await Program.connect(proxy, "로봇");
  await program.subscribe("문간");
  await person.say("문 너머로 들려요?");
  await program.hears("문 너머로 들려요?");
  await program.say("문간", "잘 들려요");
  await person.sees("잘 들려요");
  assert.deepEqual(person.problems, []);
  await program.disconnect();
  await person.context.close();
});

test("the proxy takes no header from a page and adds none of its own", options, async () => {
  const path = "/rooms/%EB%AC%B8";
  const [direct, proxied] = await Promise.all([get(first, path), get(proxy, path)]);
  assert.equal(proxied.status, 200);
  const names = (answer) => Object.keys(answer.headers).filter((name) => !["server", "connection", "keep-alive", "content-length", "transfer-encoding"].includes(name));
  assert.deepEqual(names(proxied).sort(), names(direct).sort());
  assert.match(proxied.headers["content-security-policy"], /default-src 'none'/);
  assert.ok(proxied.headers["content-security-policy"].includes(`ws://${proxy.host}`), "the page may open a socket to where it came from");
  for (const name of ["x-content-type-options", "referrer-policy", "cache-control"]) assert.equal(proxied.headers[name], direct.headers[name], name);
  assert.equal(proxied.headers.server, "nginx");
});

test("Host and Origin are judged as without the proxy", options, async () => {
  assert.equal((await get(proxy, "/", { Host: NAME })).status, 200);
  const refused = await get(proxy, "/", { Host: "evil.example" });
  assert.equal(refused.status, 403);
  assert.match(refused.text, /MARU_PUBLIC_ORIGINS/);
  assert.equal(await handshake({ Origin: proxy.url }), 101);
  assert.equal(await handshake({ Host: NAME, Origin: `http://${NAME}` }), 101);
  for (const origin of ["null", "https://evil.example", first.url]) assert.equal(await handshake({ Origin: origin }), 403, origin);
});

test("servers are told who asks and where, whatever the client claims", options, async (t) => {
  const heard = [];
  const recorder = createServer(({ headers }, response) => heard.push(headers) && response.end()).listen(0, "127.0.0.1");
  await once(recorder, "listening");
  t.after(() => recorder.close());
  const witness = await Nginx.start(`127.0.0.1:${recorder.address().port}`);
  t.after(() => witness.stop());
  await get(witness, "/", { "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", Upgrade: "" });
  const { host, connection, ...headers } = heard.at(-1);
  assert.equal(host, witness.host);
  assert.notEqual(connection, "close", "connections to servers are kept");
  assert.equal(headers["x-forwarded-for"], "127.0.0.1");
  assert.equal(headers["x-forwarded-proto"], "http");
  assert.equal(headers["x-forwarded-host"], witness.host);
});

test("connections outlive the longest silence between heart-beats", options, () => {
  // Maru agrees on 60 s at most and drops who is silent for 90 s (server/src/stomp/session/liveness.rs).
  for (const side of ["read", "send"]) {
    const seconds = Number(new RegExp(`proxy_${side}_timeout (\\d+)s;`).exec(shipped())?.[1]);
    assert.ok(seconds > 90, `proxy_${side}_timeout is ${seconds} s`);
  }
});

const cluster = { skip: WITHOUT_NGINX || WITHOUT_KAFKA };

test("both servers serve, and when one is stopped or killed its people go on at the other", cluster, async () => {
  const people = [await Person.enter(browser, proxy, "교대", "지우"), await Person.enter(browser, proxy, "교대", "하늘")];
  const said = [];
  const talk = async (text) => {
    for (const person of people) {
      said.push(`${person.nickname}: ${text}`);
      await person.say(said.at(-1));
      for (const listener of people) await listener.sees(said.at(-1));
    }
  };
  await talk("둘 다 있을 때");
  await first.stop();
  await talk("첫째가 멈춘 뒤");
  await first.start();
  await second.kill();
  await talk("둘째가 죽은 뒤");
  await second.start();
  for (const person of people) {
    assert.deepEqual(await person.texts(), said, "each message once, in one order");
    await person.context.close();
  }
  const answered = new Set(proxy.upstreams());
  for (const server of [first, second]) assert.ok(answered.has(server.host), `${server.host} among ${[...answered]}`);
});

test("who floods is told so, and nobody else suffers", options, async () => {
  // Every address of 127.0.0.0/8 is this machine on Linux, and another client to the proxy.
  const localAddress = process.platform === "linux" ? "127.0.0.2" : undefined;
  const statuses = [];
  // A few at once: a person's terminal often may not hold more than 256 files open.
  for (let batch = 0; batch < 100 && !statuses.includes(429); batch += 1) {
    const answers = await Promise.all(Array.from({ length: 100 }, () => get(proxy, "/healthz/live", { localAddress })));
    statuses.push(...answers.map((answer) => answer.status));
  }
  assert.ok(statuses.filter((status) => status === 200).length >= 2400, "a crowd gets through");
  assert.ok(statuses.includes(429), "a flood does not");
  if (localAddress) assert.equal((await get(proxy, "/healthz/live")).status, 200);
});
