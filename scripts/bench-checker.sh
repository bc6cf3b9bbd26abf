#!/usr/bin/env bash
# Measures how long crates/checker takes for ten million events (or as many as given), and how much memory.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

say "Measuring the checker (half a minute; the first time also a build)"
cargo run --quiet --profile server-release --package checker --example large -- "$@"
