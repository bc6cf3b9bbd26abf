#!/usr/bin/env bash
# Serves a development build at http://localhost:8080 and follows edits, on embedded storage in data/dev.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

"$ROOT/scripts/tools.sh"
cd "$ROOT"
say "Building for development (the first time about 5 minutes), then following edits until Ctrl+C"
exec cargo leptos watch
