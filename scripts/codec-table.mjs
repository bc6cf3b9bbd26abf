// Prints the table of docs/codec.md from what criterion measured; its folder is the argument.

import { readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";

const home = process.argv[2];
const read = (...path) => JSON.parse(readFileSync(join(home, ...path), "utf8"));

/** Megabytes per second, from the median of the measured times. */
function speed(folder, library) {
  const { throughput } = read(folder, library, "new", "benchmark.json");
  const { median } = read(folder, library, "new", "estimates.json");
  return (throughput.Bytes / median.point_estimate) * 1_000;
}

const rows = readdirSync(home)
  .filter((folder) => /^(en|de)code/.test(folder))
  .map((folder) => {
    const { group_id: name } = read(folder, "stomp", "new", "benchmark.json");
    const [ours, theirs] = [speed(folder, "stomp"), speed(folder, "stomp-parser")];
    return `| ${name} | ${ours.toFixed(0)} | ${theirs.toFixed(0)} | ${(ours / theirs).toFixed(1)} |`;
  });

console.log(`# How fast the codec is

\`crates/stomp\` and the crate \`stomp-parser\` 0.8.0 on the same frames, one after the other in one run on one core of ${cpus().length} × ${cpus()[0].model}: medians, in
megabytes per second of encoded frames. Written by \`make bench-codec\`; the benches are in \`crates/stomp/benches/\`.

| what | crates/stomp, MB/s | stomp-parser, MB/s | ratio |
|---|---|---|---|
${rows.join("\n")}

\`stomp-parser\` cannot read a stream: for the row with chunks it gets every frame cut out already, in memory of its own.`);
