#!/usr/bin/env bash
# The gate: lints, the tests of every crate, and the release in a real browser, on the embedded log and on Apache Kafka.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

# A Kafka of the tests' own, so that neither the data nor the port of `make kafka` is touched.
export KAFKA_NAME=test KAFKA_PORT=${MARU_TEST_KAFKA_PORT:-19092} KAFKA_NODES=1 KAFKA_TLS=yes

start_kafka() {
    local lack
    if lack=$(scripts/kafka.sh missing); then
        warn "SKIPPED: every test on Apache Kafka. $lack"
        return
    fi
    scripts/kafka.sh erase >/dev/null
    trap 'scripts/kafka.sh erase >/dev/null' EXIT
    if scripts/kafka.sh start; then
        MARU_TEST_KAFKA=$(scripts/kafka.sh brokers)
        MARU_TEST_KAFKA_TLS=$(scripts/kafka.sh tls-brokers)
        MARU_TEST_KAFKA_TLS_PROPERTIES=$(scripts/kafka.sh tls-properties)
        export MARU_TEST_KAFKA MARU_TEST_KAFKA_TLS MARU_TEST_KAFKA_TLS_PROPERTIES
    else
        warn "SKIPPED: every test on Apache Kafka, because it did not start (see above)."
    fi
}

# The test programs that can also run against a broker, as cargo's options: those that read MARU_TEST_KAFKA.
tests_for_kafka() {
    git grep -l MARU_TEST_KAFKA -- '*.rs' | sed -n 's#.*/tests/\([^/.]*\).*#--test \1#p' | sort -u
}

scripts/tools.sh test
node end2end/lib/chromium.mjs
scripts/lint.sh

say "Testing the crates"
cargo test --quiet --workspace --exclude frontend
# Not built by the tests of a crate that has none.
cargo build --quiet --package chaos

scripts/dist.sh archive

start_kafka
if [ -n "${MARU_TEST_KAFKA:-}" ]; then
    say "Testing the crates on Apache Kafka"
    # shellcheck disable=SC2046 # a list of words
    cargo test --quiet --workspace --exclude frontend $(tests_for_kafka)
fi

if lack=$(scripts/image-test.sh missing); then
    warn "SKIPPED: the tests of the image. $lack"
else
    scripts/image-test.sh build
    export MARU_TEST_IMAGE=yes
fi

if [ -n "${MARU_TEST_KAFKA:-}" ]; then
    say "Breaking servers and the broker while people chat (a minute)"
    "$(target_dir)/debug/chaos" --brokers "$MARU_TEST_KAFKA" --rooms 5 --people 5 --rate 50 --vanish 10 \
        --faults kill-server,freeze-server,kill-only-broker,freeze-only-broker,roll-servers --rounds 5
fi

say "Crashing a server with its embedded log while people send"
scripts/crash.sh --rounds 20

say "Testing the release in Chromium (a few minutes)"
scripts/end2end.sh

scripts/suites.sh stompjs
