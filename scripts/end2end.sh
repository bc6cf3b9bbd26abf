#!/usr/bin/env bash
# Runs the tests of end2end/ on the release in target/dist/; arguments choose files. The last line counts.
# MARU_TEST_KAFKA=HOST:PORT lets those on Apache Kafka run.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT/end2end"

[ -x "$ROOT/target/dist/maru" ] || fail "There is no release to test: run make dist."
[ $# -gt 0 ] || set -- tests/*.test.mjs
# One file at a time: they share two cores with a browser and several servers.
exec node --test --test-concurrency=1 --test-reporter=./lib/reporter.mjs --test-reporter-destination=stdout "$@"
