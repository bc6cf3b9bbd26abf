// deploy/compose.yaml, without an engine: it fits the Compose Specification, its parts fit each other, and its brokers'
// settings are what the image makes of them: the image's own start program is one of Kafka's jars.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DCLinter } from "dclint";
import { parse } from "yaml";
import { shipped } from "../lib/nginx.mjs";
import { ROOT, temporaryFolder, WITHOUT_KAFKA } from "../lib/server.mjs";

const FILE = join(ROOT, "deploy", "compose.yaml");
const BROKERS = ["kafka-1", "kafka-2", "kafka-3"];
const SERVERS = ["maru-1", "maru-2"];
const { services, volumes } = parse(readFileSync(FILE, "utf8"), { merge: true });

test("the file fits the Compose Specification, and a linter finds nothing but the one open port", async () => {
  const rules = { "require-quotes-in-ports": [1, { quoteType: "double" }] };
  const [{ messages }] = await new DCLinter({ rules, quiet: false, debug: false, exclude: [] }).lintFiles([FILE], false);
  const found = messages.filter((message) => message.category !== "style").map((message) => `${message.rule}: ${message.message}`);
  // The proxy's port is for the network; people on phones open it.
  assert.deepEqual(found, ['no-unbound-port-interfaces: Service "proxy" is exporting port "${MARU_PORT:-8080}:80" without specifying the interface to listen on.']);
});

test("what a service refers to is there", () => {
  assert.deepEqual(Object.keys(services), [...BROKERS, ...SERVERS, "proxy"]);
  const used = Object.values(services).flatMap((service) => service.volumes.map((volume) => volume.split(":")[0]));
  assert.deepEqual([...new Set(used.filter((name) => !name.startsWith(".")))].sort(), Object.keys(volumes).sort());
  for (const name of SERVERS) assert.deepEqual(Object.keys(services[name].depends_on), BROKERS);
  assert.deepEqual(Object.keys(services.proxy.depends_on), SERVERS);
  const waitsFor = Object.values(services).flatMap((service) => Object.entries(service.depends_on ?? {}));
  // Maru's health check is in its image.
  for (const [name, { condition }] of waitsFor) {
    assert.equal(condition, "service_healthy");
    assert.ok(services[name].healthcheck || SERVERS.includes(name), `${name} can become healthy`);
  }
  for (const service of Object.values(services)) assert.match(service.image, /:[\d.]+|^\$\{MARU_IMAGE:-maru\}$/);
});

test("both servers have data of their own, share the keys, and know all brokers; the proxy knows both servers", () => {
  const inside = BROKERS.map((name) => `${name}:19092`);
  for (const name of SERVERS) {
    const { environment, volumes: mounts, read_only: readOnly } = services[name];
    assert.deepEqual(environment.KAFKA_BROKERS.split(","), inside);
    assert.deepEqual(mounts, [`${name}:/var/lib/maru`, "maru-keys:/etc/maru"]);
    assert.match(environment.MARU_KEYS_FILE, /^\/etc\/maru\//);
    assert.equal(readOnly, true);
  }
  assert.deepEqual([...shipped().matchAll(/^\s*server (\S+:\d+) /gm)].map((match) => match[1]), SERVERS.map((name) => `${name}:8080`));
  const dockerfile = readFileSync(join(ROOT, "deploy", "Dockerfile"), "utf8");
  assert.match(dockerfile, /install --directory --owner=maru .* \/var\/lib\/maru \/etc\/maru\b/, "new volumes belong to the image's user");
});

test("the brokers differ in what makes each itself, and are the Kafka that the other tests run on", () => {
  const [first, ...others] = BROKERS.map((name) => services[name].environment);
  for (const other of others) {
    const differing = Object.keys(first).filter((name) => first[name] !== other[name]);
    assert.deepEqual(differing, ["KAFKA_NODE_ID", "KAFKA_ADVERTISED_LISTENERS"]);
    assert.deepEqual(Object.keys(other), Object.keys(first));
  }
  const voters = first.KAFKA_CONTROLLER_QUORUM_VOTERS.split(",");
  for (const [index, name] of BROKERS.entries()) {
    const { environment, ports } = services[name];
    assert.equal(voters[index], `${environment.KAFKA_NODE_ID}@${name}:9093`);
    const host = Number(ports[0].split(":")[1]);
    assert.equal(environment.KAFKA_ADVERTISED_LISTENERS, `INSIDE://${name}:19092,HOST://localhost:${host}`);
  }
  const version = /<artifactId>kafka_2.13<\/artifactId>\s*<version>(.*)<\/version>/.exec(readFileSync(join(ROOT, "deploy", "kafka", "pom.xml"), "utf8"))[1];
  assert.equal(services["kafka-1"].image, `apache/kafka:${version}`);
});

test("Kafka knows every setting of the brokers and formats its storage by them", { skip: WITHOUT_KAFKA }, () => {
  const libs = join(ROOT, ".kafka", "libs");
  const CLASSPATH = readdirSync(libs).filter((name) => name.endsWith(".jar")).map((name) => join(libs, name)).join(":");
  const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, "bin", "java") : "java";
  const run = (env, ...words) => execFileSync(java, words, { env: { PATH: process.env.PATH, CLASSPATH, ...env }, encoding: "utf8", stdio: "pipe", maxBuffer: 2 ** 24 });

  const known = new Set([...run({}, "kafka.server.KafkaConfig").matchAll(/ id="([a-z0-9._]+)"/g)].map((match) => match[1]));
  const { environment } = services["kafka-1"];
  const ofImage = ["KAFKA_HEAP_OPTS"];
  const settings = Object.entries(environment).filter(([name]) => name.startsWith("KAFKA_") && !ofImage.includes(name));
  const wanted = new Map(settings.map(([name, value]) => [name.slice("KAFKA_".length).toLowerCase().replaceAll("_", "."), value]));
  assert.deepEqual([...wanted.keys()].filter((name) => !known.has(name)), []);

  const [defaults, mounted, final] = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
  writeFileSync(join(defaults, "server.properties"), "the.image.forgets=this\n");
  writeFileSync(join(defaults, "log4j2.yaml"), "");
  wanted.set("log.dirs", join(final, "data"));
  const folders = ["--default-configs-dir", defaults, "--mounted-configs-dir", mounted, "--final-configs-dir", final];
  const said = run({ ...environment, KAFKA_LOG_DIRS: wanted.get("log.dirs") }, "kafka.docker.KafkaDockerWrapper", "setup", ...folders);
  assert.match(said, /Formatting/);
  const lines = readFileSync(join(final, "server.properties"), "utf8").trim().split("\n");
  assert.deepEqual(new Map(lines.map((line) => line.split(/=(.*)/s, 2)).sort()), new Map([...wanted].sort()));
  const stored = readFileSync(join(final, "data", "meta.properties"), "utf8");
  assert.ok(stored.includes(`cluster.id=${environment.CLUSTER_ID}`), stored);
});
