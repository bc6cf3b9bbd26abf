#!/usr/bin/env bash
# Runs the contract suite of the embedded log on both logs and writes what came of each case into docs/contract.md.
#
# MARU_TEST_KAFKA names the Apache Kafka (host:port) that scripts/kafka.sh runs as KAFKA_NAME at KAFKA_PORT; one of its own is started without.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

RECORD=docs/contract.md
LOG=$(target_dir)/contract.log

start_kafka() {
    local lack
    [ -z "${MARU_TEST_KAFKA:-}" ] || return 0
    if lack=$(scripts/kafka.sh missing); then
        warn "SKIPPED: the cases on Apache Kafka. $lack"
        return
    fi
    export KAFKA_NAME=contract KAFKA_PORT=${MARU_TEST_KAFKA_PORT:-19092}
    scripts/kafka.sh erase >/dev/null
    trap 'scripts/kafka.sh erase >/dev/null' EXIT
    scripts/kafka.sh start
    export MARU_TEST_KAFKA=127.0.0.1:$KAFKA_PORT
}

# The lines "test area::case ... ok" and what the cases say, as a table.
table() {
    awk '
        function note(name, log_name, outcome) {
            if (!(name in seen)) { seen[name] = 1; order[++count] = name }
            result[name, log_name] = outcome
        }
        $1 == "test" && $3 == "..." && $4 != "ignored," {
            name = $2
            outcome = $4 == "ok" ? "passed" : "FAILED"
            sub(/^killed_again_and_again::pocket_kafka$/, "pocket_kafka_does::killing::nothing_acknowledged_is_lost_doubled_or_reordered", name)
            sub(/^killed_again_and_again::apache_kafka$/, "apache_kafka_does::killing::nothing_acknowledged_is_lost_doubled_or_reordered", name)
            if (sub(/^pocket_kafka_does::/, "", name)) note(name, "pocket", outcome)
            else if (sub(/^apache_kafka_does::/, "", name)) note(name, "apache", outcome)
            else if (sub(/^pocket::/, "", name)) { note(name, "pocket", outcome); note(name, "apache", "not applicable") }
        }
        $1 == "----" && $3 == "stdout" {
            name = $2
            sub(/^killed_again_and_again::apache_kafka$/, "apache_kafka_does::killing::nothing_acknowledged_is_lost_doubled_or_reordered", name)
            sub(/^apache_kafka_does::/, "", name)
        }
        /^not run: / { result[name, "apache"] = "not run" }
        END {
            print "| case | pocket-kafka | Apache Kafka |"
            print "|---|---|---|"
            for (i = 1; i <= count; i++) {
                text = order[i]
                sub(/::/, ": ", text)
                gsub(/_/, " ", text)
                print "| " text " | " result[order[i], "pocket"] " | " result[order[i], "apache"] " |"
            }
        }' "$1"
}

start_kafka
say "Running the contract of the logs (two minutes)"
code=0
cargo test --package pocket-kafka --test contract -- --show-output >"$LOG" 2>&1 || code=$?
{
    echo '# The contract of the logs'
    echo
    echo 'What Maru relies on, tried with librdkafka and with requests written byte by byte (`crates/pocket-kafka/tests/contract`). `make test-all` writes this table.'
    echo '"Not applicable" are promises that pocket-kafka alone makes: its one password, its file, its limits.'
    echo
    table "$LOG"
} >"$RECORD"
[ "$code" = 0 ] || { tail -n 60 "$LOG" >&2; fail "The logs do not keep their contract: see the lines above, and $LOG"; }
say "$(grep -c '| passed |' "$RECORD") cases hold; the table is $RECORD"
