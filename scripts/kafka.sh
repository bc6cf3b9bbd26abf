#!/usr/bin/env bash
# A real Apache Kafka for this checkout, without Docker: one broker in KRaft mode from Maven's jars, on 127.0.0.1 only.
#
#   scripts/kafka.sh start     fetch what is missing, start, return when topics can be created
#   scripts/kafka.sh stop      stop in order, keep the data
#   scripts/kafka.sh kill      stop as a power cut does (kill -9), keep the data
#   scripts/kafka.sh status    exit 0 if it runs
#   scripts/kafka.sh erase     stop and delete the data
#   scripts/kafka.sh missing   exit 0 and say what to install, if something is missing; exit 1 if nothing is
#
# KAFKA_PORT (9092; the controller takes the next port) and KAFKA_NAME (main) tell two clusters of one checkout apart.
# Everything lies in .kafka/: jars, AppCDS archive, and per cluster the nodes' data, settings, logs and pids.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

PORT=${KAFKA_PORT:-9092}
NAME=${KAFKA_NAME:-main}
HOME_DIR=$ROOT/.kafka
CLUSTER_DIR=$HOME_DIR/$NAME
LIBS=$HOME_DIR/libs
DEPLOY=$ROOT/deploy/kafka
START_SECONDS=120
STOP_SECONDS=30

java_program() { if [ -n "${JAVA_HOME:-}" ]; then printf '%s\n' "$JAVA_HOME/bin/java"; else printf 'java\n'; fi; }

# Says what a person has to install; nothing if all is there.
missing() {
    local version
    # The first line reads: openjdk version "17.0.15" 2025-04-15
    version=$("$(java_program)" -version 2>&1 | sed -n 's/^[a-z]* version "\([0-9]*\).*/\1/p') || true
    if [ -z "$version" ]; then
        echo "Java 17 or newer is missing: apt-get install default-jre-headless, or brew install openjdk."
    elif [ "$version" -lt 17 ]; then
        echo "Java 17 or newer is needed, this is $version: install a newer one, or point JAVA_HOME at it."
    elif ! libs_are_current && ! have mvn; then
        echo "Maven is missing, which fetches Kafka's jars: apt-get install maven, or brew install maven."
    fi
}

libs_are_current() { cmp -s "$DEPLOY/pom.xml" "$LIBS/pom.xml"; }

fetch_libs() {
    if libs_are_current; then return; fi
    say "Fetching Apache Kafka with Maven (44 MB, under a minute)"
    rm -rf "$LIBS" "$HOME_DIR"/classes-*
    if ! mvn --batch-mode --quiet --file "$DEPLOY/pom.xml" -Dmaven.repo.local="$HOME_DIR/maven" \
        dependency:copy-dependencies -DoutputDirectory="$LIBS"; then
        fail "Maven could not fetch Kafka's jars: check the connection to Maven Central and try again."
    fi
    rm -rf "$HOME_DIR/maven"
    cp "$DEPLOY/pom.xml" "$LIBS/pom.xml"
}

# An explicit, sorted class path: the AppCDS archive is only valid for exactly the same one.
class_path() { printf '%s\n' "$LIBS"/*.jar | LC_ALL=C sort | paste -s -d : -; }

# A random id as Kafka writes them: 16 bytes in base64url without padding. Asked again where it begins with a hyphen.
random_id() {
    node -e 'let id; do id = require("crypto").randomBytes(16).toString("base64url"); while (id.startsWith("-")); console.log(id)'
}

# --- one cluster -------------------------------------------------------------------------------------------------------

lock() {
    mkdir -p "$CLUSTER_DIR"
    local waited=0 holder
    until mkdir "$CLUSTER_DIR/lock" 2>/dev/null; do
        holder=$(cat "$CLUSTER_DIR/lock/pid" 2>/dev/null || true)
        if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
            rm -rf "$CLUSTER_DIR/lock"
            continue
        fi
        waited=$((waited + 1))
        [ "$waited" -lt $((2 * START_SECONDS * 5)) ] || fail "Another scripts/kafka.sh holds $CLUSTER_DIR/lock: wait for it, or delete that folder."
        sleep 0.2
    done
    echo $$ >"$CLUSTER_DIR/lock/pid"
    trap 'rm -rf "$CLUSTER_DIR/lock"' EXIT
}

cluster_id() {
    [ -s "$CLUSTER_DIR/cluster.id" ] || random_id >"$CLUSTER_DIR/cluster.id"
    cat "$CLUSTER_DIR/cluster.id"
}

# --- one node ----------------------------------------------------------------------------------------------------------

node_dir() { printf '%s\n' "$CLUSTER_DIR/node-$1"; }
client_port() { echo $((PORT + ($1 - 1) * 2)); }
controller_port() { echo $((PORT + ($1 - 1) * 2 + 1)); }

# When a process was started, or nothing: with the pid it names one process for ever.
started_at() {
    if [ -d /proc/self ]; then
        # Field 22, counted after the name in parentheses, which may contain anything. State Z has ended already.
        sed -n 's/.*) \([^Z]\)/\1/p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
    else
        LC_ALL=C TZ=UTC ps -o lstart= -p "$1" 2>/dev/null | tr -s ' ' '_' || true
    fi
}

# The pid of node $1 if it is running, else nothing.
running_pid() {
    local file pid stamp
    file=$(node_dir "$1")/pid
    [ -s "$file" ] || return 0
    read -r pid stamp <"$file" || return 0
    if [ -n "$stamp" ] && [ "$stamp" = "$(started_at "$pid")" ]; then echo "$pid"; fi
}

port_is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

write_settings() {
    local dir=$1 node=$2
    cat >"$dir/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=$node
listeners=PLAINTEXT://127.0.0.1:$(client_port "$node"),CONTROLLER://127.0.0.1:$(controller_port "$node")
advertised.listeners=PLAINTEXT://127.0.0.1:$(client_port "$node"),CONTROLLER://127.0.0.1:$(controller_port "$node")
controller.quorum.bootstrap.servers=127.0.0.1:$(controller_port 1)
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$dir/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
min.insync.replicas=1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
# A killed broker is let back in as soon as its old session has ended; the default of 9 s is a long wait in tests.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
PROPERTIES
}

# Formats the node's storage once. A format that was interrupted starts over.
format() {
    local dir=$1 node=$2
    if [ -e "$dir/formatted" ]; then return; fi
    rm -rf "$dir/data"
    CLASSPATH=$(class_path) "$(java_program)" -Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
        -Dlog4j2.configurationFile="$DEPLOY/log4j2.properties" \
        kafka.tools.StorageTool format -t "$(cluster_id)" -c "$dir/server.properties" \
        --initial-controllers "$node@127.0.0.1:$(controller_port "$node"):$(random_id)" >"$dir/format.log" 2>&1 \
        || fail "Kafka could not format its storage: read $dir/format.log"
    touch "$dir/formatted"
}

# The archive of loaded classes halves the start; it belongs to one build of Java.
class_archive() {
    printf '%s\n' "$HOME_DIR/classes-$("$(java_program)" -version 2>&1 | cksum | tr -dc '0-9').jsa"
}

launch() {
    local dir=$1 node=$2 archive sharing
    archive=$(class_archive)
    # The first run writes the archive when it is stopped in order.
    if [ -s "$archive" ]; then sharing=-XX:SharedArchiveFile=$archive; else sharing=-XX:ArchiveClassesAtExit=$archive.$$; fi
    # In a process group of its own (set -m), or Ctrl+C in `make cluster` would reach the broker too.
    (
        set -m
        CLASSPATH=$(class_path) nohup "$(java_program)" -Xms128m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
            "$sharing" -Xshare:auto -Xlog:cds=off -Xlog:cds+dynamic=off \
            -Dlog4j2.configurationFile="$DEPLOY/log4j2.properties" -Dkafka.logs.dir="$dir" \
            kafka.Kafka "$dir/server.properties" </dev/null >"$dir/broker.log" 2>&1 &
        echo "$! $(started_at $!)" >"$dir/pid"
    )
}

# Fails if the node ends meanwhile.
wait_until_ready() {
    local dir=$1 node=$2 address answer code deadline=$((SECONDS + START_SECONDS))
    address=127.0.0.1:$(client_port "$node")
    while :; do
        code=0
        answer=$(node "$DEPLOY/probe.mjs" "$address" "$(cluster_id)") || code=$?
        [ "$code" != 0 ] || return 0
        [ "$code" != 2 ] || fail "$answer: set KAFKA_PORT to another port."
        [ -n "$(running_pid "$node")" ] || return 1
        [ "$SECONDS" -lt "$deadline" ] || fail "Kafka was not ready after $START_SECONDS s ($answer): read $dir/broker.log"
        sleep 0.2
    done
}

start_node() {
    local node=$1 dir port
    dir=$(node_dir "$node")
    mkdir -p "$dir"
    for port in $(client_port "$node") $(controller_port "$node"); do
        if port_is_taken "$port"; then
            fail "Port $port on 127.0.0.1 is in use by another program: stop it, or set KAFKA_PORT to another port."
        fi
    done
    write_settings "$dir" "$node"
    format "$dir" "$node"
    launch "$dir" "$node"
    if ! wait_until_ready "$dir" "$node"; then
        tail -n 20 "$dir/broker.log" >&2
        fail "Kafka ended while it was starting: the lines above are the end of $dir/broker.log"
    fi
}

wait_until_gone() {
    local node=$1 deadline=$((SECONDS + $2))
    while [ -n "$(running_pid "$node")" ]; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

# Stops node $1 with signal $2.
stop_node() {
    local node=$1 signal=$2 dir pid part
    dir=$(node_dir "$node")
    pid=$(running_pid "$node")
    if [ -n "$pid" ]; then
        kill -"$signal" "$pid"
        if ! wait_until_gone "$node" "$STOP_SECONDS"; then
            warn "Kafka did not stop within $STOP_SECONDS s and is killed; its data is safe."
            kill -KILL "$pid"
            wait_until_gone "$node" 5 || fail "Process $pid cannot be killed."
        fi
    fi
    rm -f "$dir/pid"
    for part in "$HOME_DIR"/classes-*.jsa.*; do
        # Complete only if the process ended in order.
        if [ -e "$part" ]; then
            if [ "$signal" = TERM ] && [ -n "$pid" ]; then mv "$part" "${part%.*}"; else rm -f "$part"; fi
        fi
    done
}

# --- commands ----------------------------------------------------------------------------------------------------------

start() {
    local lack
    lock
    if [ -n "$(running_pid 1)" ]; then
        grep -q "^listeners=PLAINTEXT://127.0.0.1:$PORT," "$(node_dir 1)/server.properties" \
            || fail "This Kafka runs at another port already: stop it first, or give this one another KAFKA_NAME."
    fi
    if [ -n "$(running_pid 1)" ] && wait_until_ready "$(node_dir 1)" 1; then
        say "Apache Kafka is already running at 127.0.0.1:$PORT"
        return
    fi
    have node || fail "Node.js 20 or newer is missing: install it from https://nodejs.org or with your package manager."
    lack=$(missing)
    [ -z "$lack" ] || fail "$lack"
    fetch_libs
    say "Starting Apache Kafka at 127.0.0.1:$PORT (a few seconds)"
    start_node 1
    say "Apache Kafka is ready at 127.0.0.1:$PORT, data in ${CLUSTER_DIR#"$ROOT"/}"
}

stop() {
    lock
    if [ -z "$(running_pid 1)" ]; then say "Apache Kafka is not running"; else say "Stopping Apache Kafka"; fi
    stop_node 1 "$1"
}

case ${1:-} in
    start) start ;;
    stop) stop TERM ;;
    kill) stop KILL ;;
    erase) stop TERM && rm -rf "$CLUSTER_DIR" ;;
    status)
        pid=$(running_pid 1)
        [ -n "$pid" ] || { say "Apache Kafka is not running"; exit 1; }
        say "Apache Kafka runs at 127.0.0.1:$PORT (process $pid)"
        ;;
    missing) lack=$(missing); [ -n "$lack" ] && echo "$lack" ;;
    *) sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
