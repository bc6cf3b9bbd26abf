// Runs tests that other STOMP projects publish against the release in its conformance profile: all suites, or those named.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT, Server } from "../lib/server.mjs";
import { relay } from "./relay.mjs";

const HERE = join(ROOT, "end2end", "suites");
const PYTHON = join(ROOT, ".tools", "python", "bin", "python");
const STOMPPY = join(ROOT, ".tools", "suites", "stomp.py-4.1.24");

const suites = { stompjs, stomppy };
const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(suites);
let failed = false;
for (const name of names) {
  if (!(name in suites)) throw new Error(`there is no suite ${name}; there are: ${Object.keys(suites).join(", ")}`);
  const server = await Server.start(`suite-${name}`, { MARU_PROFILE: "conformance" });
  failed = !(await suites[name](server)) || failed;
  await server.stop();
}
process.exit(failed ? 1 : 0);

async function stompjs(server) {
  return succeeds(process.execPath, [join(HERE, "stompjs.cjs")], { MARU_SOCKET: server.socketUrl });
}

async function stomppy(server) {
  const has6 = Object.values(networkInterfaces()).flat().some((face) => face.address === "::1");
  const doors = await Promise.all([
    relay(server.socketUrl, "127.0.0.1"),
    relay(server.socketUrl, "127.0.0.1", certificate()),
    has6 ? relay(server.socketUrl, "::1") : { port: 0, close() {} },
  ]);
  const ok = await succeeds(PYTHON, ["-u", join(HERE, "stomppy.py"), STOMPPY, ...doors.map((door) => String(door.port))]);
  for (const door of doors) door.close();
  return ok;
}

/** A key and a certificate that nobody trusts, made for this run; the suite does not ask who signed it. */
function certificate() {
  const folder = mkdtempSync(join(tmpdir(), "maru-suite-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  try {
    const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert];
    execFileSync("openssl", made, { stdio: ["ignore", "ignore", "pipe"] });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function succeeds(program, args, settings = {}) {
  const child = spawn(program, args, { env: { ...process.env, ...settings }, stdio: ["ignore", "inherit", "inherit"] });
  const [code] = await once(child, "exit");
  return code === 0;
}
