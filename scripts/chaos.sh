#!/usr/bin/env bash
# Breaks three servers of target/dist/ on three Kafka brokers while 200 people chat, and checks what they saw.
#
#   scripts/chaos.sh RUN… [OPTION…]     one or several of the runs below one after the other, or `all`; each leaves a row in the table
#   scripts/chaos.sh OPTION…            a run of your own: the options of crates/chaos (--help lists them)
#
# Options that follow a run's name replace its own: scripts/chaos.sh kill-servers --rounds 20
# Each run has a Kafka of its own (cluster "chaos" in .kafka/), which is erased afterwards. Where network namespaces can be made (Linux, root,
# ip and iptables) every server and broker has one; elsewhere all are on 127.0.0.1, and what needs them is skipped, and says so.
#
# MARU_CHAOS_DIST (target/dist) is the release that is broken, MARU_CHAOS_TABLE (target/chaos/table.md) where the rows go.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

export KAFKA_NAME=chaos KAFKA_PORT=${MARU_CHAOS_KAFKA_PORT:-19292} KAFKA_NODES=3
DIST=${MARU_CHAOS_DIST:-target/dist}
TABLE=${MARU_CHAOS_TABLE:-target/chaos/table.md}
RUNS='kill-servers freeze-servers roll-servers kill-broker kill-two-brokers kill-all-brokers expire freeze-broker partitions vanish'
# Where it is made, by network.sh.
NETWORK=''

# What a run is, as options.
options() {
    case $1 in
        kill-servers) echo --faults kill-server --rounds 200 ;;
        freeze-servers) echo --faults freeze-server --rounds 100 ;;
        roll-servers) echo --faults roll-servers --rounds 20 ;;
        kill-broker) echo --faults kill-broker --rounds 30 ;;
        kill-two-brokers) echo --faults kill-two-brokers --rounds 10 ;;
        kill-all-brokers) echo --faults kill-all-brokers --rounds 10 ;;
        # Messages are given up long before the brokers are back, and sent again: the log then holds some twice.
        expire) echo --faults kill-all-brokers,kill-two-brokers --rounds 10 --set MARU_KAFKA_PROPERTIES=message.timeout.ms=4000 ;;
        freeze-broker) echo --faults freeze-broker --rounds 20 ;;
        partitions) echo --faults cut-server,cut-people,flap-server,cut-broker --rounds 100 ;;
        vanish) echo --faults nothing --rounds 60 --vanish 5 ;;
    esac
}

# Kafka's nodes and their network go when a run is over, however that ends.
clear_away() {
    scripts/kafka.sh erase >/dev/null
    if [ -n "$NETWORK" ]; then scripts/chaos/network.sh down; fi
}

run() {
    local network=''
    scripts/kafka.sh erase >/dev/null
    if [ -n "$NETWORK" ]; then
        scripts/chaos/network.sh up
        network="--network $NETWORK"
    fi
    scripts/kafka.sh start
    say "Breaking things: $*"
    # shellcheck disable=SC2086 # two words or none
    "$PEOPLE" --brokers "$(scripts/kafka.sh brokers)" --maru "$DIST/maru" --table "$TABLE" $network "$@"
}

[ -x "$DIST/maru" ] || fail "There is no release to break: run make dist."
say "Building the people"
# As the release is built: they are many, and share the machine with what they test.
cargo build --quiet --profile server-release --package chaos
PEOPLE=$(target_dir)/server-release/chaos
case " $* " in *' --help '*) exec "$PEOPLE" --help ;; esac

chosen=''
while [ $# -gt 0 ]; do
    case $1 in
        all) chosen="$chosen $RUNS" ;;
        -*) break ;;
        *) [ -n "$(options "$1")" ] || fail "There is no run $1, but $RUNS, and all."; chosen="$chosen $1" ;;
    esac
    shift
done

if lack=$(scripts/kafka.sh missing); then fail "$lack"; fi
if lack=$(scripts/chaos/network.sh missing); then
    warn "SKIPPED: every partition. $lack"
else
    NETWORK=scripts/chaos/network.sh
    export KAFKA_HOST=10.77.0.NODE KAFKA_RUN='ip netns exec maru-chaos-broker-NODE'
fi
mkdir -p "$(dirname "$TABLE")"
# A server that crashes leaves its core beside its log, where the system writes cores.
ulimit -c unlimited 2>/dev/null || true
trap clear_away EXIT
if [ -z "$chosen" ]; then run "$@"; exit; fi
result=0
for name in $chosen; do
    # shellcheck disable=SC2046 # a list of words
    run --name "$name" $(options "$name") "$@" || result=1
done
exit "$result"
