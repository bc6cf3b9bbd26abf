#!/usr/bin/env bash
# Three brokers, and what can happen to them: the commands of scripts/kafka.sh, and two servers that go on through it all.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"
export KAFKA_NAME=test-3 KAFKA_PORT=${MARU_TEST_KAFKA_3_PORT:-19192} KAFKA_NODES=3 KAFKA_TLS=no

kafka() { scripts/kafka.sh "$@"; }

# The command must fail and say $1.
refused() {
    local words=$1 said
    shift
    if said=$(kafka "$@" 2>&1); then fail "scripts/kafka.sh $* should have been refused."; fi
    case $said in *"$words"*) ;; *) fail "scripts/kafka.sh $* should have said \"$words\", but said: $said" ;; esac
}

# Node $1 must be in state $2.
is() {
    local said
    said=$(kafka status "$1") || true
    case $said in *"is $2") ;; *) fail "Node $1 should be $2: $said" ;; esac
}

if lack=$(kafka missing); then
    warn "SKIPPED: the tests on three brokers. $lack"
    exit 0
fi
kafka erase
trap 'kafka erase' EXIT

say "Testing scripts/kafka.sh with three nodes"
KAFKA_NODES=2 refused "must be 1 or 3" start
kafka start
kafka stop 2
kafka stop 2
kafka kill 2
is 2 stopped
refused "Node 2 does not run" freeze 2
refused "Node 2 does not run" thaw 2
refused "no node 4" start 4
KAFKA_NODES=1 refused "made with KAFKA_NODES=3" start
# Two at once: one launches, both wait.
kafka start 2 &
kafka start 2
wait $!
is 2 running
kafka freeze 3
kafka freeze 3
is 3 frozen
kafka start 3
is 3 running
# What is launched can be killed before it is ready; whoever waits for it is told.
kafka kill 1
kafka start 1 >/dev/null 2>&1 &
until kafka status 1 >/dev/null; do sleep 0.05; done
kafka kill 1
if wait $!; then fail "scripts/kafka.sh start 1 should have said that the node was killed."; fi
kafka freeze 2
kafka stop
for node in 1 2 3; do is "$node" stopped; done
kafka start

say "Testing two servers while brokers die, freeze and come back (a minute)"
MARU_TEST_KAFKA=$(kafka brokers) cargo test --quiet --workspace --exclude frontend --test log_bridge three_brokers -- --ignored
