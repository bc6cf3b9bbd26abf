#!/usr/bin/env bash
# Builds the container image with docker, podman or buildah, whichever is there.
#
#   scripts/image.sh             from source, everything in the container (20 to 30 minutes the first time)
#   scripts/image.sh prebuilt    around target/dist/ as `make dist` left it on this machine (under a minute; Linux only)
#
# IMAGE names it (maru). RUNTIME_BASE and BUILD_BASE replace the bases that deploy/Dockerfile names; a prebuilt release
# needs a RUNTIME_BASE with a libc that is no older than this machine's.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

IMAGE=${IMAGE:-maru}

# The engine's command; a docker client without an engine counts for nothing.
engine() {
    if [ -n "${ENGINE:-}" ]; then printf '%s\n' "$ENGINE"
    elif have docker && docker info >/dev/null 2>&1; then echo docker
    elif have podman; then echo podman
    elif have buildah; then echo buildah
    else fail "No engine builds images here: install Docker (https://docs.docker.com/engine/install), podman or buildah, and start it."
    fi
}

build() {
    local context=$1 options
    shift
    # Only Docker's own form of image has a health check.
    if [ "$engine" = docker ]; then options=''; else options=--format=docker; fi
    [ -z "${RUNTIME_BASE:-}" ] || set -- "$@" --build-arg "RUNTIME_BASE=$RUNTIME_BASE"
    [ -z "${BUILD_BASE:-}" ] || set -- "$@" --build-arg "BUILD_BASE=$BUILD_BASE"
    # shellcheck disable=SC2086 # at most one word
    "$engine" build $options --file deploy/Dockerfile --target runtime --tag "$IMAGE" "$@" "$context" \
        || fail "$engine could not build the image: read the lines above."
    say "The image is $IMAGE"
}

case ${1:-source} in
    source)
        engine=$(engine)
        say "Building the image $IMAGE from source (20 to 30 minutes the first time)"
        build . --build-arg "MARU_COMMIT=$(git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || true)"
        ;;
    prebuilt)
        [ "$(uname -s)" = Linux ] || fail "A release that was built on $(uname -s) does not run in a container: leave 'prebuilt' away."
        [ -x target/dist/maru ] || fail "There is no release in target/dist/: run make dist."
        engine=$(engine)
        say "Building the image $IMAGE around target/dist/"
        build target/dist --build-arg DIST=prebuilt
        ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
