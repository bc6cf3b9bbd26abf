// Runs the QUnit suite that @stomp/stompjs 4.0.8 ships (its folder tests/) against the server at MARU_SOCKET.
// Of its configuration only the addresses are replaced.

const { readdirSync } = require("node:fs");
const { dirname, join } = require("node:path");

/** How many cases the suite has: one that is not run would not be missed otherwise. */
const CASES = 38;

const tests = join(dirname(require.resolve("@stomp/stompjs/package.json")), "tests");
const QUnit = (globalThis.QUnit = require("qunit"));
QUnit.config.autostart = false;
// What the package's own Cakefile gives them.
QUnit.config.testTimeout = 10_000;

// Newer versions of Node.js have a WebSocket of their own; the suite was written for the package websocket.
delete globalThis.WebSocket;
require(join(tests, "config", "node-config.js"));
TEST.url = process.env.MARU_SOCKET;
// The suite's own is a port on localhost that nobody listens on, too; this one cannot be taken.
TEST.badUrl = "ws://127.0.0.1:1";
TEST.debug = () => {};
const cases = readdirSync(join(tests, "unit")).sort();
for (const file of cases) require(join(tests, "unit", file));

QUnit.on("testEnd", (test) => {
  if (test.status === "passed") return;
  console.log(`${test.status}: ${test.fullName.join(" > ")}`);
  for (const error of test.errors) console.log(`    ${error.message ?? "assertion"}: got ${error.actual}, expected ${error.expected}\n${error.stack}`);
});
QUnit.on("runEnd", ({ testCounts: { passed, failed, total } }) => {
  console.log(`stompjs 4.0.8: ${passed} passed, ${Math.max(CASES, total) - passed} failed`);
  if (total !== CASES) console.log(`The suite has ${CASES} cases, but ${total} were run.`);
  process.exit(passed === CASES && failed === 0 ? 0 : 1);
});
QUnit.start();
