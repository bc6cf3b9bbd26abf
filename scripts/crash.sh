#!/usr/bin/env bash
# Kills the server of target/dist/ with its embedded log a thousand times while eight people send, and checks what they saw.
#
#   scripts/crash.sh [OPTION…]     the options of crates/chaos (--help lists them), such as --rounds 100

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

[ -x target/dist/maru ] || fail "There is no release to crash: run make dist."
say "Building the people"
cargo build --quiet --package chaos
say "Crashing the server"
# Nobody is to be slowed down by the limits for people.
unset KAFKA_BROKERS
MARU_PROFILE=bench exec "$(target_dir)/debug/chaos" --faults crash-server --rounds 1000 --rooms 4 --people 2 --rate 400 --vanish 0 "$@"
