// What `make dist` gives away: an archive that runs wherever it is unpacked, with the licences of all it contains.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT, Server, temporaryFolder } from "../lib/server.mjs";

const TARGET = join(ROOT, "target");
const archives = readdirSync(TARGET).filter((name) => /^maru-.*\.tar\.gz$/.test(name));
const skip = archives.length === 0 && "no archive in target/ (make dist makes it)";

test("the archive runs from wherever it is unpacked", { skip }, async () => {
  assert.equal(archives.length, 1, `one archive, not ${archives}`);
  const place = join(temporaryFolder(), "어느 곳");
  mkdirSync(place);
  execFileSync("tar", ["-xzf", join(TARGET, archives[0]), "-C", place]);
  const name = archives[0].replace(/\.tar\.gz$/, "");
  assert.deepEqual(readdirSync(place), [name], "one folder, named as the archive");
  const folder = join(place, name);

  const server = await Server.start("archive", {}, join(folder, "maru"));
  try {
    const room = await (await fetch(`${server.url}/rooms/archive`)).text();
    const files = [...room.matchAll(/"(\/pkg\/[^"]+)"/g)].map(([, path]) => path);
    for (const kind of [".css", ".js", ".wasm"]) {
      const path = files.find((file) => file.endsWith(kind));
      assert.ok(path, `the room names no ${kind}: ${files}`);
      assert.equal((await fetch(server.url + path)).status, 200, path);
    }
  } finally {
    await server.stop();
  }

  const version = execFileSync(join(folder, "maru"), ["--version"], { encoding: "utf8" });
  if (existsSync(join(ROOT, ".git"))) assert.match(version, /^maru \d+\.\d+\.\d+ \([0-9a-f]{12}(-dirty)?\)\n/);

  const licences = readFileSync(join(folder, "LICENSE-THIRD-PARTY.txt"), "utf8");
  for (const work of [/^ {2}leptos \d/m, /^ {2}wasm-bindgen \d/m, /^ {2}librdkafka,/m, /^ {2}OpenSSL /m, /^ {2}SQLite /m]) assert.match(licences, work);
  for (const own of ["LICENSE-MIT", "LICENSE-APACHE", "README.md", "docs"]) assert.ok(readdirSync(folder).includes(own), own);
  assert.ok(readdirSync(join(folder, "docs")).includes("OPERATIONS.md"));
});
