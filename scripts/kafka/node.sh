# Sourced by scripts/kafka.sh: one node, from its settings to its end.

node_dir() { printf '%s\n' "$CLUSTER_DIR/node-$1"; }
client_port() { echo $((PORT + ($1 - 1) * 3)); }
controller_port() { echo $((PORT + ($1 - 1) * 3 + 1)); }
tls_port() { echo $((PORT + ($1 - 1) * 3 + 2)); }
host() { echo "${HOST//NODE/$1}"; }
address() { echo "$(host "$1"):$(client_port "$1")"; }
tls_address() { echo "$(host "$1"):$(tls_port "$1")"; }

# What function $1 gives for each node of $2, as librdkafka takes it.
addresses() { for node in $2; do "$1" "$node"; done | paste -s -d , -; }

# --- its process -------------------------------------------------------------------------------------------------------

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

# running, frozen or stopped.
state_of() {
    local pid letter
    pid=$(running_pid "$1")
    if [ -z "$pid" ]; then echo stopped; return; fi
    if [ -d /proc/self ]; then letter=$(sed -n 's/.*) \(.\).*/\1/p' "/proc/$pid/stat" 2>/dev/null); else letter=$(ps -o state= -p "$pid" 2>/dev/null); fi
    case $letter in T*) echo frozen ;; *) echo running ;; esac
}

# Sends signal $1 to node $2, if it runs.
send() {
    local pid
    pid=$(running_pid "$2")
    if [ -n "$pid" ]; then kill -"$1" "$pid" 2>/dev/null || true; fi
}

wait_until_gone() {
    local node=$1 deadline=$((SECONDS + STOP_SECONDS))
    while [ -n "$(running_pid "$node")" ]; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

kill_slow_node() {
    warn "Node $1 did not stop within $STOP_SECONDS s and is killed; its data is safe."
    kill_nodes "$1"
}

port_is_taken() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

require_free_ports() {
    local port
    for port in $(client_port "$1") $(controller_port "$1") $(tls_port "$1"); do
        if port_is_taken "$(host "$1")" "$port"; then
            fail "Port $port on $(host "$1") is in use by another program: stop it, or make a Kafka with a KAFKA_NAME and a KAFKA_PORT of its own."
        fi
    done
}

# --- its start ---------------------------------------------------------------------------------------------------------

# For each node what follows, with NODE and PORT in it replaced, as a list.
for_each_node() {
    local node
    for node in $(all_nodes); do
        printf '%s\n' "$1" | sed -e "s/NODE/$node/g" -e "s/PORT/$(controller_port "$node")/" -e "s/DIRECTORY/$(directory_id "$node")/"
    done | paste -s -d , -
}

write_settings() {
    local dir=$1 node=$2 copies=$NODES acknowledging=1 tls_listener='' tls_protocol=''
    if [ "$NODES" -gt 1 ]; then acknowledging=2; fi
    if [ "$TLS" = yes ]; then tls_listener=,SASL_SSL://$(tls_address "$node") tls_protocol=,SASL_SSL:SASL_SSL; fi
    cat >"$dir/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=$node
listeners=PLAINTEXT://$(address "$node"),CONTROLLER://$(host "$node"):$(controller_port "$node")$tls_listener
advertised.listeners=PLAINTEXT://$(address "$node"),CONTROLLER://$(host "$node"):$(controller_port "$node")$tls_listener
controller.quorum.bootstrap.servers=$(for_each_node "$HOST:PORT")
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT$tls_protocol
log.dirs=${dir#"$HOME_DIR"/}/data
default.replication.factor=$copies
min.insync.replicas=$acknowledging
offsets.topic.replication.factor=$copies
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=$acknowledging
share.coordinator.state.topic.replication.factor=$copies
share.coordinator.state.topic.min.isr=$acknowledging
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
# The default of 128 MB is half of the heap, and with it a node that comes back from a crash may run out of memory.
log.cleaner.dedupe.buffer.size=16777216
# A killed broker is let back in as soon as its old session has ended; the default of 9 s is a long wait in tests.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
# Otherwise the node that was started first leads every partition for five minutes.
leader.imbalance.check.interval.seconds=5
PROPERTIES
    if [ "$TLS" = no ]; then return; fi
    cat >>"$dir/server.properties" <<PROPERTIES
ssl.keystore.type=PKCS12
ssl.keystore.location=${CLUSTER_DIR#"$HOME_DIR"/}/keys.p12
ssl.keystore.password=$PASSWORD
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
PROPERTIES
}

# Formats the storage of node $1 once. A format that was interrupted starts over.
format() {
    local dir scram=''
    dir=$(node_dir "$1")
    if [ -e "$dir/formatted" ]; then return; fi
    rm -rf "$dir/data"
    if [ "$TLS" = yes ]; then scram="--add-scram SCRAM-SHA-512=[name=maru,password=$PASSWORD]"; fi
    cd "$HOME_DIR"
    # shellcheck disable=SC2086 # lists of words
    CLASSPATH=$(class_path) "$(java_program java)" -Xmx128m $JVM_FLAGS $(ARCHIVE_AT_EXIT='' class_sharing) \
        -Dlog4j2.configurationFile="$DEPLOY/log4j2.properties" \
        kafka.tools.StorageTool format -t "$CLUSTER_ID" -c "$dir/server.properties" $scram \
        --initial-controllers "$(for_each_node "NODE@$HOST:PORT:DIRECTORY")" >"$dir/format.log" 2>&1 \
        || fail "Kafka could not format its storage: read $dir/format.log"
    touch "$dir/formatted"
}

launch() {
    local dir
    dir=$(node_dir "$1")
    # In a process group of its own (set -m), or Ctrl+C in `make cluster` would reach the broker too. Without the lock.
    (
        set -m
        cd "$HOME_DIR"
        # shellcheck disable=SC2086 # lists of words
        CLASSPATH=$(class_path) nohup ${RUN//NODE/$1} "$(java_program java)" -Xms128m -Xmx256m $JVM_FLAGS $(class_sharing) \
            -Dlog4j2.configurationFile="$DEPLOY/log4j2.properties" -Dkafka.logs.dir="$dir" \
            kafka.Kafka "$dir/server.properties" </dev/null >>"$dir/broker.log" 2>&1 9>&- &
        echo "$! $(started_at $!)" >"$dir/pid"
    )
}

# Starts the nodes given, which do not run, and waits for none.
start_nodes() {
    local node formats='' pid
    for node in "$@"; do
        write_settings "$(node_dir "$node")" "$node"
        format "$node" &
        formats="$formats $!"
    done
    for pid in $formats; do wait "$pid" || exit 1; done
    for node in "$@"; do launch "$node"; done
}

# Returns when node $1 answers as one of this cluster; with $2 = topics, when it can make them, too. Fails if the node ends meanwhile.
wait_until_ready() {
    local node=$1 part=$2 answer code log deadline=$((SECONDS + START_SECONDS))
    log=$(node_dir "$node")/broker.log
    while :; do
        code=0
        # shellcheck disable=SC2086 # a word or none
        answer=$(node "$DEPLOY/probe.mjs" "$(address "$node")" "$CLUSTER_ID" $part) || code=$?
        [ "$code" != 0 ] || return 0
        [ "$code" != 2 ] || fail "$answer: make a Kafka with a KAFKA_NAME and a KAFKA_PORT of its own."
        if [ -z "$(running_pid "$node")" ]; then
            tail -n 20 "$log" >&2
            fail "Node $node ended while it was starting: the lines above are the end of $log"
        fi
        [ "$SECONDS" -lt "$deadline" ] || fail "Node $node was not ready after $START_SECONDS s ($answer): read $log"
        sleep 0.1
    done
}
