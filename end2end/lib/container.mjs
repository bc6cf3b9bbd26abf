// Starts the image that scripts/image-test.sh built: with buildah, which needs no engine, and its root file system read-only.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT, temporaryFolder } from "./server.mjs";
import { until } from "./waiting.mjs";

const IMAGE = "localhost/maru-test";
const VOLUME = "/var/lib/maru";
/** In a mount namespace of its own: a read-only root, but for the folder where buildah makes and removes a mark. */
const READ_ONLY = `
  mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && mount -t tmpfs -o mode=755 run "$0/run" && touch "$0/run/.containerenv" || exit
  exec buildah "$@"`;
const env = { ...process.env, CONTAINERS_STORAGE_CONF: join(ROOT, "target", "image", "storage.conf"), BUILDAH_ISOLATION: "chroot" };

/** For `test({ skip })`: false, or why there is nothing to test. */
export const WITHOUT_IMAGE = process.env.MARU_TEST_IMAGE ? false : "no image (make image-test builds it)";

function buildah(...words) {
  const { status, stdout, stderr } = spawnSync("buildah", words, { env, encoding: "utf8" });
  if (status !== 0) throw new Error(`buildah ${words.join(" ")}: ${stderr}`);
  return stdout.trim();
}

/** What the image says about itself. */
export const imageConfig = () => JSON.parse(buildah("inspect", "--type", "image", IMAGE)).Docker.config;

/** A folder that belongs to the image's user, as a new volume does. */
export function volume() {
  const folder = temporaryFolder();
  const [uid, gid] = imageConfig().User.split(":").map(Number);
  chownSync(folder, uid, gid);
  return folder;
}

/** One container. What is not a volume is gone with it. */
export class Container {
  output = "";

  /** Makes a container; nothing runs in it yet. */
  constructor(folder, settings) {
    this.name = buildah("from", "--pull-never", IMAGE);
    this.root = buildah("mount", this.name);
    this.settings = settings;
    this.run = ["run", "--volume", `${folder}:${VOLUME}`, ...Object.entries(settings).flatMap(([name, value]) => ["--env", `${name}=${value}`]), this.name, "--"];
  }

  /** Runs the image's entry point; resolves when it greets. */
  async start() {
    const words = ["--mount", "sh", "-c", READ_ONLY, this.root, ...this.run, ...imageConfig().Entrypoint];
    this.engine = spawn("unshare", words, { env, stdio: ["ignore", "pipe", "pipe"] });
    this.engine.stderr.setEncoding("utf8").on("data", (text) => (this.output += text));
    this.ended = once(this.engine, "exit").then(([code]) => code);
    let greeting = false;
    createInterface({ input: this.engine.stdout }).on("line", (line) => (greeting ||= line.startsWith("Maru is open at ")));
    await until("the container greets", () => greeting || this.engine.exitCode !== null, { describe: () => this.output });
    if (!greeting) throw new Error(`the container ended with ${this.engine.exitCode}: ${this.output}`);
    this.host = this.settings.MARU_LISTEN;
    this.url = `http://${this.host}`;
    this.socketUrl = `ws://${this.host}/ws`;
    this.pid = programBelow(this.engine.pid);
  }

  /** A second program in the container, as `docker exec` starts it: its exit code, and what it said on standard error. */
  async exec(...words) {
    const child = spawn("buildah", [...this.run, ...words], { env, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text) => (said += text));
    const [code] = await once(child, "close");
    return { code, said };
  }

  /** What the kernel says about the running program, by the names of /proc/PID/status. */
  status() {
    const lines = readFileSync(`/proc/${this.pid}/status`, "utf8").trim().split("\n");
    return Object.fromEntries(lines.map((line) => line.split(/:\s*/, 2)));
  }

  /** Tells the program to stop as an engine does; gives its exit code. */
  stop() {
    process.kill(this.pid, imageConfig().StopSignal);
    return this.ended;
  }

  /** Ends whatever still runs and deletes the container. */
  remove() {
    if (this.engine?.exitCode === null) process.kill(this.pid ?? this.engine.pid, "SIGKILL");
    buildah("rm", this.name);
  }
}

/** The process below this one that runs the image's program. */
function programBelow(ancestor) {
  const parents = new Map();
  const programs = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      // Field 4, counted after the name in parentheses, which may contain anything.
      parents.set(pid, readFileSync(`/proc/${pid}/stat`, "utf8").replace(/.*\) /s, "").split(" ")[1]);
      if (readlinkSync(`/proc/${pid}/exe`).endsWith("/maru")) programs.push(pid);
    } catch {
      // It has ended meanwhile.
    }
  }
  const isBelow = (pid) => pid === String(ancestor) || (parents.has(pid) && isBelow(parents.get(pid)));
  const found = programs.filter(isBelow);
  if (found.length !== 1) throw new Error(`${found.length} processes run maru below ${ancestor}`);
  return Number(found[0]);
}
