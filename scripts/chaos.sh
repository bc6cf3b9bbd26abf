#!/usr/bin/env bash
# Breaks three servers of target/dist/ on three Kafka brokers while 200 people chat, and checks what they saw.
#
#   scripts/chaos.sh [OPTION…]     the options of crates/chaos (--help lists them), such as --faults kill-broker --rounds 30
#
# The brokers are this script's own (cluster "chaos" in .kafka/) and are erased afterwards.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

export KAFKA_NAME=chaos KAFKA_PORT=${MARU_CHAOS_KAFKA_PORT:-19292} KAFKA_NODES=3

[ -x target/dist/maru ] || fail "There is no release to break: run make dist."
say "Building the people"
cargo build --quiet --package chaos
case " $* " in *' --help '*) exec "$(target_dir)/debug/chaos" --help ;; esac

if lack=$(scripts/kafka.sh missing); then fail "$lack"; fi
scripts/kafka.sh erase >/dev/null
trap 'scripts/kafka.sh erase >/dev/null' EXIT
scripts/kafka.sh start
say "Breaking things"
"$(target_dir)/debug/chaos" --brokers "$(scripts/kafka.sh brokers)" "$@"
