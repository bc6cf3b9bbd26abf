#!/usr/bin/env bash
# Leaves the release in target/dist/: the program, the files it serves beside it, the licences.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

"$ROOT/scripts/tools.sh"
cd "$ROOT"
say "Building the release (the first time 5 to 15 minutes, most of it OpenSSL, librdkafka and Leptos)"
# Files of earlier builds have other hashes in their names and would stay for ever.
rm -rf target/site
LEPTOS_HASH_FILES=true cargo leptos build --release --precompress

built=$(target_dir)/server-release
mkdir -p target/dist
# Not overwritten in place: a program that is running keeps its old file.
rm -rf target/dist/*
cp "$built/maru" "$built/hash.txt" README.md LICENSE-MIT LICENSE-APACHE target/dist/
cp -R target/site target/dist/site
say "The release is in target/dist/: start it with target/dist/maru"
