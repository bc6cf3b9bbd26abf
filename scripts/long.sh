#!/usr/bin/env bash
# Runs the tests of end2end/long/ on the release in target/dist/: hundreds of kills, long rooms, long silences (an hour).
# Arguments choose files of that folder.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

export KAFKA_NAME=test KAFKA_PORT=${MARU_TEST_KAFKA_PORT:-19092}

npm_packages end2end "the browser's packages"
node end2end/lib/chromium.mjs
if lack=$(scripts/kafka.sh missing); then
    warn "SKIPPED: the long tests on Apache Kafka. $lack"
else
    trap 'scripts/kafka.sh erase >/dev/null' EXIT
    scripts/kafka.sh start
    MARU_TEST_KAFKA=$(scripts/kafka.sh brokers)
    export MARU_TEST_KAFKA
fi
say "Testing the release in Chromium for long (about an hour)"
# shellcheck disable=SC2046 # a list of words
[ $# -gt 0 ] || set -- $(cd end2end && echo long/*.test.mjs)
scripts/end2end.sh "$@"
