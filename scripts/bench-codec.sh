#!/usr/bin/env bash
# Measures how fast crates/stomp reads and writes, beside the crate stomp-parser, and leaves the table in docs/codec.md.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

CRITERION_HOME=$(target_dir)/criterion
export CRITERION_HOME
say "Measuring the codec (a minute and a half; the first time also a build)"
rm -rf "$CRITERION_HOME"
cargo bench --quiet --package stomp --bench codec -- --quiet --noplot --warm-up-time 1 --measurement-time 3 >"$(target_dir)/codec.log" 2>&1 \
    || { tail -n 20 "$(target_dir)/codec.log" >&2; fail "The codec could not be measured: read the lines above."; }
mkdir -p docs
node scripts/codec-table.mjs "$CRITERION_HOME" | tee docs/codec.md
