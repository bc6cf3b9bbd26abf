// The container image, started for real: who it runs as, where it writes, when it is healthy, how it ends, what outlives it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { Container, imageConfig, volume, WITHOUT_IMAGE } from "../lib/container.mjs";
import { freePort, ROOT } from "../lib/server.mjs";
import { Program } from "../lib/stomp.mjs";
import { until } from "../lib/waiting.mjs";

const ROOM = "상자";
const options = { skip: WITHOUT_IMAGE };
const containers = [];
after(() => containers.forEach((container) => container.remove()));

async function container(folder, settings = {}) {
  const made = new Container(folder, { MARU_LISTEN: `127.0.0.1:${await freePort()}`, ...settings });
  containers.push(made);
  return made;
}

const healthy = (made) => until("the container is healthy", async () => (await made.exec(...healthcheck())).code === 0, { describe: () => made.output });
const healthcheck = () => imageConfig().Healthcheck.Test.slice(1);

test("the image is built with the toolchain of the checkout", () => {
  const wanted = /channel = "(.*)"/.exec(readFileSync(join(ROOT, "rust-toolchain.toml"), "utf8"))[1];
  const base = /^ARG BUILD_BASE=.*rust:([\d.]+)-/m.exec(readFileSync(join(ROOT, "deploy", "Dockerfile"), "utf8"))[1];
  assert.equal(base, wanted);
});

test("the image says how it is to be run", options, () => {
  const config = imageConfig();
  assert.equal(config.User, "10001:10001");
  assert.deepEqual(Object.keys(config.Volumes), ["/var/lib/maru"]);
  assert.deepEqual(Object.keys(config.ExposedPorts), ["8080/tcp"]);
  assert.equal(config.StopSignal, "SIGTERM");
  assert.deepEqual(config.Entrypoint, ["maru"]);
  assert.deepEqual(config.Healthcheck.Test, ["CMD", "maru", "healthcheck"]);
  for (const setting of ["MARU_LISTEN=0.0.0.0:8080", "MARU_DATA=/var/lib/maru"]) assert.ok(config.Env.includes(setting), setting);
});

test("a container chats on a read-only root, as nobody special; its messages and keys outlive it", options, async () => {
  const data = volume();
  const first = await container(data);
  const before = await first.exec(...healthcheck());
  assert.equal(before.code, 1, "not healthy before it runs");
  assert.match(before.said, /maru: .*127\.0\.0\.1:\d+/);

  await first.start();
  await healthy(first);
  const status = first.status();
  assert.equal(status.Uid, "10001\t10001\t10001\t10001");
  assert.equal(status.Gid, "10001\t10001\t10001\t10001");
  assert.match(status.CapEff, /^0+$/);
  assert.match(readFileSync(`/proc/${first.pid}/mounts`, "utf8"), /^\S+ \/ \S+ ro,/m, "the root is read-only");

  const program = await Program.connect(first, "뱃사람");
  await program.subscribe(ROOM);
  await program.say(ROOM, "상자 안에서 인사드려요");
  const heard = await program.hears("상자 안에서 인사드려요");

  assert.equal(await first.stop(), 0, first.output);
  const ended = await first.exec(...healthcheck());
  assert.equal(ended.code, 1, "not healthy after it has ended");
  await program.disconnect();

  const second = await container(data);
  await second.start();
  await healthy(second);
  const page = await (await fetch(`${second.url}/rooms/${encodeURIComponent(ROOM)}`)).text();
  assert.match(page, /상자 안에서 인사드려요/);
  const again = await Program.connect(second, "뱃사람");
  await again.subscribe(ROOM);
  await again.say(ROOM, "새 상자에서도");
  const later = await again.hears("새 상자에서도");
  assert.equal(later.headers["x-sender"], heard.headers["x-sender"], "signed with the same keys");
  await again.disconnect();
  assert.equal(await second.stop(), 0, second.output);
});

test("a container whose brokers are away is not healthy, says so, and still stops in order", options, async () => {
  const lost = await container(volume(), { KAFKA_BROKERS: `127.0.0.1:${await freePort()}` });
  await lost.start();
  const { code, said } = await lost.exec(...healthcheck());
  assert.equal(code, 1);
  assert.match(said, /connecting to the room log/);
  assert.equal(await lost.stop(), 0, lost.output);
});
