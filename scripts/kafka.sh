#!/usr/bin/env bash
# A real Apache Kafka for this checkout, without Docker: one or three nodes in KRaft mode from Maven's jars, on 127.0.0.1 unless told otherwise.
#
#   scripts/kafka.sh start [N…]     fetch what is missing, start (or thaw), return when topics can be created; with N: when the node answers
#   scripts/kafka.sh stop [N…]      stop in order, keep the data
#   scripts/kafka.sh kill [N…]      stop as a power cut does (kill -9), keep the data
#   scripts/kafka.sh freeze [N…]    halt as a stuck machine does (SIGSTOP): its connections stay open, nothing answers
#   scripts/kafka.sh thaw [N…]      let what was frozen go on
#   scripts/kafka.sh status [N…]    say what the nodes do; exit 0 if any of them runs
#   scripts/kafka.sh erase          kill all and delete the data
#   scripts/kafka.sh brokers        print the addresses, for KAFKA_BROKERS
#   scripts/kafka.sh tls-brokers    print those for TLS; scripts/kafka.sh tls-properties: how to log in there, for MARU_KAFKA_PROPERTIES
#   scripts/kafka.sh missing        exit 0 and say what to install, if something is missing; exit 1 if nothing is
#
# N is the number of a node; without it all are meant. Any command may be given at any time, several at once, and only `start` and
# `stop` take longer than a moment. Stopping what is stopped and thawing what runs is fine; freezing or thawing what is stopped is an error.
#
# KAFKA_NAME (main) tells the clusters of one checkout apart. A new one is made with these, and keeps them:
#   KAFKA_NODES   1 or 3 (1). Of three, topics have three copies, and a message is acknowledged when two of them have it.
#   KAFKA_PORT    9092. Each node takes three ports from there on: clients, controllers, clients by TLS.
#   KAFKA_TLS     yes or no (no): whether nodes also listen with TLS and SCRAM-SHA-512.
#   KAFKA_HOST    127.0.0.1. Another address of this machine; the word NODE in it stands for the node's number.
#   KAFKA_RUN     nothing. What nodes are run by, such as `ip netns exec other-NODE`; NODE stands for the number here, too.
#
# Everything lies in .kafka/: jars, AppCDS archive, and per cluster what it was made with, certificates, and each node's data, settings, log
# and pid.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

HOME_DIR=$ROOT/.kafka
DEPLOY=$ROOT/deploy/kafka
CLUSTER_DIR=$HOME_DIR/${KAFKA_NAME:-main}
START_SECONDS=120
STOP_SECONDS=30

. "$ROOT/scripts/kafka/java.sh"
. "$ROOT/scripts/kafka/cluster.sh"
. "$ROOT/scripts/kafka/node.sh"

# Sets CHOSEN to the nodes that the arguments name, or to all.
choose() {
    local node
    for node in "$@"; do
        case " $(all_nodes) " in
            *" $node "*) ;;
            *) fail "There is no node $node: this Kafka has $NODES, counted from 1." ;;
        esac
    done
    CHOSEN=$*
    [ $# -gt 0 ] || CHOSEN=$(all_nodes)
}

start() {
    local node lack launched='' what="Apache Kafka${*:+, node $*}" part=''
    have node || fail "Node.js 20 or newer is missing: install it from https://nodejs.org or with your package manager."
    ask_java
    lack=$(missing)
    [ -z "$lack" ] || fail "$lack"
    lock
    if recall; then agree; choose "$@"; else settle; choose "$@"; make_identity; fi
    for node in $CHOSEN; do
        if [ -n "$(running_pid "$node")" ]; then send CONT "$node"; else launched="$launched $node"; fi
    done
    if [ -n "$launched" ]; then
        for node in $launched; do require_free_ports "$node"; done
        fetch_libs
        archive_classes
        say "Starting $what (a few seconds)"
        start_nodes $launched
    fi
    # From here on others may start, stop or kill nodes.
    unlock
    [ $# -gt 0 ] || part=topics
    for node in $CHOSEN; do wait_until_ready "$node" "$part"; done
    say "$what is ready at $(addresses address "$CHOSEN")"
}

# What is frozen acts on a signal only when it goes on.
stop_chosen() {
    local node
    if status >/dev/null; then say "Stopping Apache Kafka"; else say "Apache Kafka is not running"; fi
    for node in $CHOSEN; do
        send TERM "$node"
        send CONT "$node"
    done
    for node in $CHOSEN; do wait_until_gone "$node" || kill_slow_node "$node"; done
}

kill_nodes() {
    local node
    for node in "$@"; do send KILL "$node"; done
    for node in "$@"; do wait_until_gone "$node" || fail "Node $node cannot be killed: see process $(running_pid "$node")."; done
}

# Sends a signal to those chosen, or to none where one of them does not run.
signal_chosen() {
    local node
    for node in $CHOSEN; do
        [ "$(state_of "$node")" != stopped ] || fail "Node $node does not run: start it with scripts/kafka.sh start $node"
    done
    for node in $CHOSEN; do send "$1" "$node"; done
}

status() {
    local node state result=1
    for node in $CHOSEN; do
        state=$(state_of "$node")
        say "Node $node at $(address "$node") is $state"
        [ "$state" = stopped ] || result=0
    done
    return "$result"
}

erase() {
    [ $# = 0 ] || fail "erase deletes the whole Kafka, not a node of it: give it no number, or use kill."
    lock
    # Not by what is remembered: making it may have been interrupted.
    kill_nodes $(existing_nodes)
    rm -rf "$CLUSTER_DIR"
}

# Where nothing was ever made, nothing runs: that is exit $1.
recall_or() { recall || { say "There is no Apache Kafka in ${CLUSTER_DIR#"$ROOT"/}"; exit "$1"; }; }

# It becomes a folder that `erase` deletes.
case ${KAFKA_NAME:-main} in
    *[!A-Za-z0-9_-]* | -* | libs | lock | maven | rehearsal | classes-*) fail "KAFKA_NAME is $KAFKA_NAME, but must be a word of letters, digits, _ and - that .kafka/ does not use itself." ;;
esac

command=${1:-}
[ $# = 0 ] || shift
case $command in
    start) start "$@" ;;
    stop) recall_or 0; choose "$@"; stop_chosen ;;
    kill) recall_or 0; choose "$@"; kill_nodes $CHOSEN ;;
    freeze) recall_or 1; choose "$@"; signal_chosen STOP ;;
    thaw) recall_or 1; choose "$@"; signal_chosen CONT ;;
    status) recall_or 1; choose "$@"; status ;;
    erase) erase "$@" ;;
    brokers) recall_or 1 >&2; addresses address "$(all_nodes)" ;;
    tls-brokers) recall_or 1 >&2; require_tls; addresses tls_address "$(all_nodes)" ;;
    tls-properties) recall_or 1 >&2; require_tls; login_properties ;;
    missing) ask_java; lack=$(missing); [ -n "$lack" ] && echo "$lack" ;;
    *) sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
