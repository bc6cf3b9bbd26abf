#!/usr/bin/env bash
# Runs the tests that other STOMP projects publish on the release in target/dist/. Arguments choose suites: stompjs, stomppy.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

[ -x target/dist/maru ] || fail "There is no release to test: run make dist."
[ $# -gt 0 ] || set -- stompjs stomppy

# The source package of stomp.py, unpacked. Its tests run as they are, so nothing is built or installed.
stomppy() {
    local wanted=$ROOT/end2end/suites/stomppy.txt folder=$TOOLS/suites
    if cmp -s "$wanted" "$folder/fetched.txt"; then return; fi
    say "Fetching stomp.py's source package with pip (a few seconds)"
    rm -rf "$folder"
    "$TOOLS/python/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-binary=:all: \
        --require-hashes --dest "$folder" -r "$wanted" \
        || fail "pip could not fetch stomp.py's source package: check the connection to the package index and try again."
    tar -xzf "$folder"/stomp.py-*.tar.gz -C "$folder"
    cp "$wanted" "$folder/fetched.txt"
}

npm_packages end2end/suites "the suite of @stomp/stompjs"
chosen=()
for suite in "$@"; do
    if [ "$suite" = stomppy ]; then
        if [ ! -x "$TOOLS/python/bin/python" ]; then
            warn "SKIPPED: the suite of stomp.py, because Python's tools are missing (scripts/tools.sh test says why)."
            continue
        fi
        have openssl || fail "openssl is missing, which makes the certificate that stomp.py's suite connects to: install it with your package manager."
        stomppy
    fi
    chosen+=("$suite")
done
[ ${#chosen[@]} -gt 0 ] || exit 0
say "Running tests of other STOMP projects: ${chosen[*]}"
exec node end2end/suites/run.mjs "${chosen[@]}"
