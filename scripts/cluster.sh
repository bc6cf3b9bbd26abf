#!/usr/bin/env bash
# Two servers of target/dist/ on one Apache Kafka (of KAFKA_NODES brokers), at http://localhost:8080 and http://localhost:8081, until Ctrl+C.
# Each keeps its data in data/cluster/; both sign cookies with the same keys, so a nickname holds on either.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

FIRST_PORT=8080
SECOND_PORT=8081
first='' second='' own_kafka=''

# Both are asked before either is waited for. Nothing here may end the script early.
stop_all() {
    trap '' INT TERM
    say "Stopping the cluster"
    for server in $first $second; do kill -TERM "$server" 2>/dev/null || true; done
    for server in $first $second; do wait "$server" || true; done
    if [ -n "$own_kafka" ]; then "$ROOT/scripts/kafka.sh" stop || true; fi
}

start_server() {
    local port=$1 name=$2
    KAFKA_BROKERS=$brokers MARU_KEYS_FILE=$ROOT/data/cluster/keys \
        MARU_LISTEN=127.0.0.1:$port MARU_DATA=$ROOT/data/cluster/$name \
        "$ROOT/target/dist/maru" &
}

if ! "$ROOT/scripts/kafka.sh" status >/dev/null; then own_kafka=yes; fi
"$ROOT/scripts/kafka.sh" start
brokers=$("$ROOT/scripts/kafka.sh" brokers)
mkdir -p "$ROOT/data/cluster"
trap 'stop_all' EXIT
trap 'exit 0' INT TERM
say "Starting two servers; Ctrl+C stops them"
start_server "$FIRST_PORT" one && first=$!
start_server "$SECOND_PORT" two && second=$!
# bash 3.2 has no `wait -n`.
while kill -0 "$first" 2>/dev/null && kill -0 "$second" 2>/dev/null; do sleep 1; done
warn "A server has ended by itself: its last lines above say why."
exit 1
