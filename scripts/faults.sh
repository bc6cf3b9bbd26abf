#!/usr/bin/env bash
# The long versions of the tests that damage the embedded log: ten thousand copies with a flipped bit, a zeroed page or a lost end, and two
# hundred data directories cut back to what was synced when the power failed (the latter needs strace).
#
#   MARU_TEST_SEED=2 scripts/faults.sh     other copies than the last time

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

say "Reading 10,000 damaged copies of the embedded log"
MARU_TEST_FLIPS=10000 cargo test --quiet --package pocket-kafka --lib -- flips --nocapture
say "Reading 10,000 damaged copies of the history"
MARU_TEST_FLIPS=10000 cargo test --quiet --package server --test log_history -- flipped --nocapture
say "Cutting the power 200 times"
MARU_TEST_CUTS=200 cargo test --quiet --package server --test power_loss -- --nocapture
