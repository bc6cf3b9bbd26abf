# Sourced by scripts/kafka.sh: what a cluster is made with and keeps, its certificates, and who may change it.

# Only one at a time makes, launches or erases nodes. The lock ends with the process, however that ends.
lock() {
    mkdir -p "$HOME_DIR"
    exec 9>"$HOME_DIR/lock"
    # bash and macOS have no flock of their own. The lock belongs to the open file, which stays open here.
    perl -e 'use Fcntl ":flock"; open(my $lock, ">&=", 9) or die; local $SIG{ALRM} = sub { exit 1 }; alarm shift; flock($lock, LOCK_EX) or die' \
        $((2 * START_SECONDS)) || fail "Another scripts/kafka.sh is busy for too long: wait for it, or end it."
}

unlock() { exec 9>&-; }

# Reads what this cluster was made with; fails if it was never made.
recall() {
    [ -s "$CLUSTER_DIR/cluster" ] || return 1
    # Clusters of earlier versions do not name these.
    HOST=127.0.0.1 RUN=''
    # shellcheck disable=SC1091 # written by make_identity
    . "$CLUSTER_DIR/cluster"
}

# Whether what is asked for is what the cluster was made with.
agree() {
    agree_on KAFKA_NODES "${KAFKA_NODES:-$NODES}" "$NODES"
    agree_on KAFKA_PORT "${KAFKA_PORT:-$PORT}" "$PORT"
    agree_on KAFKA_TLS "${KAFKA_TLS:-$TLS}" "$TLS"
    agree_on KAFKA_HOST "${KAFKA_HOST:-$HOST}" "$HOST"
    agree_on KAFKA_RUN "${KAFKA_RUN:-$RUN}" "$RUN"
}

agree_on() {
    local name=$1 asked=$2 kept=$3 folder=${CLUSTER_DIR#"$ROOT"/}
    [ "$asked" = "$kept" ] || fail "The Kafka in $folder was made with $name=$kept, not $asked: leave that out to use it as it is," \
        "delete it and its messages with scripts/kafka.sh erase, or make another one with a KAFKA_NAME and a KAFKA_PORT of its own."
}

# What a new cluster is to be made with. Nothing is made yet.
settle() {
    NODES=${KAFKA_NODES:-1} PORT=${KAFKA_PORT:-9092} TLS=${KAFKA_TLS:-no} HOST=${KAFKA_HOST:-127.0.0.1} RUN=${KAFKA_RUN:-}
    case $NODES in 1 | 3) ;; *) fail "KAFKA_NODES is $NODES, but must be 1 or 3: two cannot outvote one, and more teach nothing new." ;; esac
    case $TLS in yes | no) ;; *) fail "KAFKA_TLS is $TLS, but must be yes or no." ;; esac
    case $HOST$RUN in
        *\'*) fail "KAFKA_HOST and KAFKA_RUN may not contain an apostrophe." ;;
    esac
    [ "$TLS" = no ] || [ "$HOST" = 127.0.0.1 ] || fail "KAFKA_TLS=yes needs KAFKA_HOST=127.0.0.1: certificates are for that address only."
    case $PORT in
        [1-9]*[!0-9]* | [!1-9]* | ??????*) false ;;
        *) [ "$PORT" -le $((65536 - 3 * NODES)) ] ;;
    esac || fail "KAFKA_PORT is $PORT, but must be a number from 1 to $((65536 - 3 * NODES))."
}

# Everything that makes a cluster itself.
make_identity() {
    local node
    CLUSTER_ID=$(random_id) PASSWORD=$(random_id) DIRECTORY_IDS=''
    for node in $(all_nodes); do
        DIRECTORY_IDS="$DIRECTORY_IDS $(random_id)"
        mkdir -p "$(node_dir "$node")"
    done
    if [ "$TLS" = yes ]; then make_certificates; fi
    (
        umask 077
        for name in NODES PORT TLS HOST RUN CLUSTER_ID DIRECTORY_IDS PASSWORD; do printf "%s='%s'\n" "$name" "${!name}"; done >"$CLUSTER_DIR/cluster.new"
    )
    mv "$CLUSTER_DIR/cluster.new" "$CLUSTER_DIR/cluster"
}

# A random id as Kafka writes them: 16 bytes in base64url without padding. Asked again where it begins with a hyphen.
random_id() {
    node -e 'let id; do id = require("crypto").randomBytes(16).toString("base64url"); while (id.startsWith("-")); console.log(id)'
}

all_nodes() { if [ "$NODES" = 3 ]; then echo 1 2 3; else echo 1; fi; }

# The nodes that have a folder, whatever is remembered.
existing_nodes() {
    local folder
    for folder in "$CLUSTER_DIR"/node-*; do
        if [ -d "$folder" ]; then echo "${folder##*-}"; fi
    done
}

# The directory id of node $1.
directory_id() {
    # shellcheck disable=SC2086 # a list of words
    set -- "$1" $DIRECTORY_IDS
    shift "$1"
    echo "$1"
}

# --- TLS ---------------------------------------------------------------------------------------------------------------

use_keytool() {
    "$(java_program keytool)" -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1 "$@" -keystore "$CLUSTER_DIR/keys.p12" \
        -storetype PKCS12 -storepass "$PASSWORD" >>"$CLUSTER_DIR/keytool.log" 2>&1 \
        || fail "The certificates could not be made: read $CLUSTER_DIR/keytool.log"
}

# An authority of the cluster's own, whose certificate clients are to trust, and one certificate for all nodes, for this address only.
make_certificates() {
    rm -f "$CLUSTER_DIR/keys.p12"
    use_keytool -genkeypair -alias authority -dname 'CN=Authority of this Kafka' -ext bc:critical=ca:true -ext ku:critical=keyCertSign \
        -keyalg EC -groupname secp256r1 -validity 3650
    use_keytool -genkeypair -alias node -signer authority -dname CN=127.0.0.1 -ext san=ip:127.0.0.1 \
        -keyalg EC -groupname secp256r1 -validity 3650
    use_keytool -exportcert -rfc -alias authority -file "$CLUSTER_DIR/authority.pem"
    # Or Java might show it in place of the node's.
    use_keytool -delete -alias authority
}

require_tls() {
    [ "$TLS" = yes ] || fail "This Kafka was made without TLS: make another one with KAFKA_TLS=yes and a KAFKA_NAME and a KAFKA_PORT of its own."
}

# librdkafka's properties for the TLS ports, as MARU_KAFKA_PROPERTIES takes them.
login_properties() {
    printf '%s;' security.protocol=SASL_SSL sasl.mechanism=SCRAM-SHA-512 sasl.username=maru "sasl.password=$PASSWORD"
    printf 'ssl.ca.location=%s\n' "$CLUSTER_DIR/authority.pem"
}
