#!/usr/bin/env bash
# Takes the pictures in README.md of the release in target/dist/. With the argument draft: at once, into target/screenshots/.
# With the argument states: pictures of every state of the page, for people to look at, into target/screenshots/.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

[ -x target/dist/maru ] || fail "There is no release to take pictures of: run make dist."
npm_packages end2end "the browser's packages"
node end2end/lib/chromium.mjs
if [ "${1:-}" = states ]; then
    shift
    say "Taking pictures of every state (two minutes)"
    exec node end2end/pictures.mjs "$@"
fi
if [ "${1:-}" = draft ]; then say "Taking the pictures"; else say "Taking the pictures while people chat (five minutes)"; fi
node end2end/screenshots.mjs "$@"
