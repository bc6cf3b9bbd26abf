#!/usr/bin/env bash
# Measures what the page of the release in target/dist/ weighs and how quick it is, and leaves the table in docs/budgets.md.
# Fails if it weighs too much.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

[ -x target/dist/maru ] || fail "There is no release to measure: run make dist."
npm_packages end2end "the browser's packages"
node end2end/lib/chromium.mjs
say "Measuring the page (five minutes)"
node end2end/budgets.mjs | tee docs/budgets.md
