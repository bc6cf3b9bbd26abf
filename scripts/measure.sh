#!/usr/bin/env bash
# Measures how long a message takes to the other page, how fast the codec is, and what the page weighs and how quick it is,
# and leaves the figures in docs/. Only the bytes and counts of the page are asserted.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

scripts/bench-codec.sh

export KAFKA_NAME=test KAFKA_PORT=${MARU_TEST_KAFKA_PORT:-19092}

if lack=$(scripts/kafka.sh missing); then
    warn "SKIPPED: the figures for Apache Kafka. $lack"
else
    trap 'scripts/kafka.sh erase >/dev/null' EXIT
    scripts/kafka.sh start
    MARU_TEST_KAFKA=$(scripts/kafka.sh brokers)
    export MARU_TEST_KAFKA
fi
say "Measuring (a minute or two)"
node end2end/latency.mjs | tee docs/latency.md
scripts/budgets.sh
