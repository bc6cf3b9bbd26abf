# Sourced by scripts/kafka.sh: Java, Kafka's jars, and the archive of loaded classes that halves every start.

LIBS=$HOME_DIR/libs
# What every JVM here is started with. The archive is only valid for the same garbage collector.
JVM_FLAGS='-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto -Xlog:cds=off -Xlog:cds+dynamic=off'

# Every JVM runs in .kafka/, so that neither its options nor its settings need the folder's own name: that may have blanks, and
# Java reads settings as Latin-1.
java_program() { if [ -n "${JAVA_HOME:-}" ]; then echo "$JAVA_HOME/bin/$1"; else echo "$1"; fi; }

# What Java says of itself. Asked once, in the script's own process, for it takes a tenth of a second.
JAVA_VERSION=
ask_java() { JAVA_VERSION=$("$(java_program java)" -version 2>&1) || JAVA_VERSION=none; }

# Says what a person has to install; nothing if all is there.
missing() {
    local version
    # The first line reads: openjdk version "17.0.15" 2025-04-15
    version=$(printf '%s\n' "$JAVA_VERSION" | sed -n 's/^[a-z]* version "\([0-9]*\).*/\1/p')
    if [ -z "$version" ]; then
        echo "Java 17 or newer is missing: apt-get install default-jre-headless, or brew install --cask temurin."
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

# An explicit, sorted class path: the archive is only valid for exactly the same one.
class_path() { printf '%s\n' "$LIBS"/*.jar | LC_ALL=C sort | paste -s -d : -; }

# The archive belongs to one build of Java and one set of jars.
class_archive() {
    printf '%s\n' "$HOME_DIR/classes-$(printf '%s\n' "$JAVA_VERSION" | cat - "$LIBS/pom.xml" | cksum | tr -dc '0-9').jsa"
}

# What Java is told about the archive: to use it, or in the run that is for nothing else, to write it at its end. By its name
# alone, as these are words without quotes: it lies where Java is started.
class_sharing() {
    local archive
    archive=$(class_archive)
    if [ -n "${ARCHIVE_AT_EXIT:-}" ]; then
        echo "-XX:ArchiveClassesAtExit=${ARCHIVE_AT_EXIT##*/}"
    elif [ -s "$archive" ]; then
        echo "-XX:SharedArchiveFile=${archive##*/}"
    fi
}

# Once for each build of Java, a node without a past runs for a moment and leaves the archive. Without it all works, slower.
archive_classes() {
    local archive
    archive=$(class_archive)
    if [ -s "$archive" ]; then return; fi
    say "Preparing quick starts (once, about ten seconds)"
    rm -rf "$HOME_DIR"/classes-* "$HOME_DIR/rehearsal"
    (
        CLUSTER_DIR=$HOME_DIR/rehearsal ARCHIVE_AT_EXIT=$archive.new NODES=1 TLS=yes HOST=127.0.0.1 RUN=''
        make_identity
        start_nodes 1
        wait_until_ready 1 topics
        send TERM 1
        wait_until_gone 1 || kill_slow_node 1
    )
    rm -rf "$HOME_DIR/rehearsal"
    # Java writes it last of all, and not at all where it was killed.
    if [ -s "$archive.new" ]; then mv "$archive.new" "$archive"; fi
}
