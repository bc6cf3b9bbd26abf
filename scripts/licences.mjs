// Writes the licences of everything that a release contains and that is not Maru's own.
//
//   node licences.mjs FILE
//
// Asks cargo which crates are in the program and in the page's WASM, and takes the texts from their own sources. Ends with
// an error when there is none for a crate, or when a crate brings a C library that is not in the list below.

import { execFile } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");

/** What crates bring along that is not Rust: where its licence is in the crate that has the sources. */
const LIBRARIES = [
  { name: "librdkafka, with lz4, snappy and others", from: "rdkafka-sys", file: "librdkafka/LICENSES.txt" },
  { name: "OpenSSL", from: "openssl-src", file: "openssl/LICENSE.txt" },
  { name: "Zstandard", from: "zstd-sys", file: "zstd/LICENSE" },
  { name: "zlib", from: "libz-sys", file: "src/zlib/LICENSE" },
  {
    name: "SQLite",
    from: "libsqlite3-sys",
    text: "SQLite is in the public domain: its authors disclaim copyright to its source code (https://sqlite.org/copyright.html).",
  },
];
/** Crates that cargo counts as linking something, and why they are not in the list above. */
const NO_LIBRARY = {
  "openssl-sys": "its OpenSSL comes from openssl-src",
  "wasm-bindgen-shared": "links nothing: only keeps two versions apart",
};

const LICENCE_FILE = /^(licen[cs]e|copying|copyright|notice|unlicense)/i;
const APACHE = readFileSync(join(ROOT, "LICENSE-APACHE"), "utf8");
const MIT = readFileSync(join(ROOT, "LICENSE-MIT"), "utf8");

function fail(sentence) {
  console.error(`licences: ${sentence}`);
  process.exit(1);
}

async function run(program, ...words) {
  const options = { cwd: ROOT, maxBuffer: 1 << 28 };
  const { stdout } = await promisify(execFile)(program, words, options).catch((error) => fail(error.message.trim()));
  return stdout.trim();
}
const cargo = (...words) => run("cargo", ...words, "--locked");

/** `name version` of all that is compiled into a package for this target: neither what builds it nor what tests it. */
async function crates(name, target) {
  const options = ["--no-default-features", "--edges", "normal,no-proc-macro", "--prefix", "none", "--no-dedupe", "--format", "{p}"];
  const listed = await cargo("tree", "--package", name, "--target", target, ...options);
  return listed.split("\n").map((line) => line.split(" ", 2).join(" ").replace(" v", " "));
}

const byName = (one, other) => (one.id < other.id ? -1 : 1);
/** Two places in one repository are one repository. */
const repository = (crate) => crate.repository?.replace(/(\.git)?(\/tree\/.*)?\/?$/, "");
const folder = (crate) => dirname(crate.manifest_path);

/** The texts in the crate's own sources. */
function ownTexts(crate) {
  const files = readdirSync(folder(crate), { withFileTypes: true })
    .filter((entry) => entry.isFile() && LICENCE_FILE.test(entry.name) && !entry.name.endsWith(".rs"))
    .map((entry) => entry.name);
  if (crate.license_file && !files.includes(crate.license_file)) files.push(crate.license_file);
  return files.sort().map((file) => readFileSync(join(folder(crate), file), "utf8"));
}

/** The texts for a crate whose package lacks them. */
function otherTexts(crate, all) {
  const neighbour = all.find((other) => repository(crate) && repository(other) === repository(crate) && ownTexts(other).length > 0);
  if (neighbour) return ownTexts(neighbour);
  const offered = (crate.license ?? "").split(/\s+OR\s+|\//);
  if (offered.includes("Apache-2.0")) return [APACHE];
  // Its holders are named nowhere but as the authors.
  const holders = crate.authors.map((author) => author.replace(/\s*<.*>/, "")).join(", ");
  if (offered.includes("MIT") && holders) return [MIT.replace(/Copyright.*/, `Copyright (c) ${holders}`)];
  return fail(`${crate.id} has no licence text: find out what it is under, and teach scripts/licences.mjs.`);
}

const [target] = process.argv.slice(2);
if (!target) fail("say where to write to: node licences.mjs FILE");

const HERE = await run("rustc", "--print", "host-tuple");
const BROWSER = "wasm32-unknown-unknown";
const [forServer, forBrowser, metadata] = await Promise.all([
  crates("server", HERE),
  crates("frontend", BROWSER),
  cargo("metadata", "--format-version", "1", "--filter-platform", HERE, "--filter-platform", BROWSER).then(JSON.parse),
]);
const contained = new Set([...forServer, ...forBrowser]);
const packages = metadata.packages.map((crate) => ({ ...crate, id: `${crate.name} ${crate.version}` })).sort(byName);
const found = packages.filter((crate) => contained.has(crate.id));
if (found.length !== contained.size) fail(`cargo tree knows ${contained.size} crates, of which cargo metadata knows ${found.length}.`);
const foreign = found.filter((crate) => crate.source);

const parts = [];
for (const crate of foreign) {
  const known = crate.name in NO_LIBRARY || LIBRARIES.some((library) => library.from === crate.name);
  if (crate.links && !known) fail(`${crate.id} brings the library ${crate.links}: name its licence in scripts/licences.mjs.`);
  const own = ownTexts(crate);
  parts.push({ title: `${crate.id} (${crate.license ?? "see below"})`, texts: own.length > 0 ? own : otherTexts(crate, foreign) });
}
for (const { name, from, file, text } of LIBRARIES) {
  const crate = packages.find((candidate) => candidate.name === from);
  if (!crate) fail(`${from}, which brings ${name}, is not used any more: take it out of scripts/licences.mjs.`);
  const path = file && join(folder(crate), file);
  if (path && !existsSync(path)) fail(`the licence of ${name} is not at ${path} any more: correct scripts/licences.mjs.`);
  parts.push({ title: `${name} (in ${crate.id})`, texts: [text ?? readFileSync(path, "utf8")] });
}
parts.push({ title: "the Rust standard library (MIT OR Apache-2.0)", texts: [APACHE] });

// Most texts are those of others to the letter, but for line breaks.
const users = new Map();
for (const { title, texts } of parts) {
  for (const text of texts) {
    const same = text.replace(/\s+/g, " ").trim();
    if (!users.has(same)) users.set(same, { text: text.replace(/\r/g, "").trim(), titles: new Set() });
    users.get(same).titles.add(title);
  }
}
const line = "=".repeat(100);
const list = (titles) => [...titles].map((title) => `  ${title}\n`).join("");
const head = `Maru is under MIT or Apache-2.0. It contains works of others, ${parts.length} of them, whose licences follow.\n\n`;
const body = [...users.values()].map(({ text, titles }) => `\n${line}\n${list(titles)}${line}\n\n${text}\n`).join("");
writeFileSync(target, head + list(parts.map(({ title }) => title)) + body);
