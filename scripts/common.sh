# Sourced by every script here: where the checkout is, where its own tools lie, how to speak.
# Everything must also run under the bash 3.2 and the BSD tools of macOS.

set -euo pipefail

# Where it is set, `cd` may go elsewhere, and says so.
unset CDPATH
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOOLS=$ROOT/.tools
CARGO_BIN=${CARGO_HOME:-$HOME/.cargo}/bin
# cargo-leptos takes whatever comes first on the PATH, so the pinned tools must.
PATH=$TOOLS/bin:$ROOT/scripts/wasm-opt/node_modules/.bin:$PATH:$CARGO_BIN
export PATH

if [ -t 1 ] && [ -t 2 ]; then BOLD=$'\033[1m' YELLOW=$'\033[1;33m' RED=$'\033[1;31m' PLAIN=$'\033[0m'; else BOLD='' YELLOW='' RED='' PLAIN=''; fi

# What is going on, for the person who waits.
say() { printf '%s==>%s %s\n' "$BOLD" "$PLAIN" "$*"; }

# Something the person should know although the work goes on.
warn() { printf '%sATTENTION:%s %s\n' "$YELLOW" "$PLAIN" "$*" >&2; }

# The one sentence that says what to do, and the end.
fail() { printf '%serror:%s %s\n' "$RED" "$PLAIN" "$*" >&2; exit 1; }

have() { command -v "$1" >/dev/null 2>&1; }

# Where cargo writes; CARGO_TARGET_DIR may point elsewhere.
target_dir() { printf '%s\n' "${CARGO_TARGET_DIR:-$ROOT/target}"; }

# The packages in $1/package.json, exactly as locked; nothing to do when they are there already.
npm_packages() {
    local folder=$1 what=$2
    if cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed-lock.json"; then return; fi
    say "Fetching $what with npm (under a minute)"
    (cd "$folder" && npm ci --no-audit --no-fund --loglevel=error) \
        || fail "npm could not fetch $what: check the connection to the npm registry and try again."
    cp "$folder/package-lock.json" "$folder/node_modules/.installed-lock.json"
}
