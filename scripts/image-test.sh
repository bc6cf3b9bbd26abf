#!/usr/bin/env bash
# Tests the image without an engine: buildah puts target/dist/ on a Debian made by mmdebstrap, starts it, and chats through it. Linux only.
#
#   scripts/image-test.sh            make the release, build the image and test it
#   scripts/image-test.sh build      only build it; MARU_TEST_IMAGE=yes then lets scripts/end2end.sh test it
#   scripts/image-test.sh missing    exit 0 and say what is missing, if something is; exit 1 if nothing is
#
# Everything lies in target/image/: the base, and a store of images of its own.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

FOLDER=$ROOT/target/image
BASE=localhost/maru-base
export CONTAINERS_STORAGE_CONF=$FOLDER/storage.conf BUILDAH_ISOLATION=chroot

missing() {
    if [ "$(uname -s)" != Linux ]; then
        echo "The image is tested on Linux only; make image builds it here, too."
    elif [ "$(id -u)" != 0 ]; then
        echo "Only root can start it without an engine: sudo make image-test."
    elif ! have buildah || ! have mmdebstrap; then
        echo "buildah and mmdebstrap are missing: apt-get install buildah mmdebstrap."
    fi
}

# This machine's release of Debian or Ubuntu, so that the libc fits what was built here.
release() { (. /etc/os-release && echo "$VERSION_CODENAME"); }

base() { printf '%s\n' "$FOLDER/$(release).tar"; }

make_base() {
    if [ -s "$(base)" ]; then return; fi
    say "Making a plain $(release) as the image's base (under a minute)"
    mmdebstrap --quiet --variant=minbase "$(release)" "$FOLDER/part.tar" \
        || fail "mmdebstrap could not make a base: check the connection to Debian's packages and try again."
    mv "$FOLDER/part.tar" "$(base)"
}

# Before anything that takes long.
require_all() {
    local lack
    lack=$(missing)
    [ -z "$lack" ] || fail "$lack"
}

build() {
    mkdir -p "$FOLDER"
    # The driver that works on every file system, in containers too.
    printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/store"\nrunroot = "%s/run"\n' "$FOLDER" "$FOLDER" >"$CONTAINERS_STORAGE_CONF"
    make_base
    say "Putting target/dist/ into an image (under a minute)"
    assemble >"$FOLDER/build.log" 2>&1 || { tail -n 30 "$FOLDER/build.log" >&2; fail "The lines above are the end of $FOLDER/build.log"; }
}

# Whatever an earlier run left goes first. Joined by && because `set -e` sleeps where a failure is waited for.
assemble() {
    local container
    buildah rm --all && buildah rmi --all --force \
        && container=$(buildah from scratch) \
        && buildah add --quiet "$container" "$(base)" / \
        && buildah commit --quiet --rm "$container" "$BASE" \
        && ENGINE=buildah IMAGE=localhost/maru-test RUNTIME_BASE=$BASE scripts/image.sh prebuilt
}

case ${1:-test} in
    test)
        require_all
        scripts/dist.sh
        build
        say "Testing the image"
        MARU_TEST_IMAGE=yes scripts/end2end.sh tests/image.test.mjs
        ;;
    build)
        require_all
        build
        ;;
    missing) lack=$(missing); [ -n "$lack" ] && echo "$lack" ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
