#!/usr/bin/env bash
# Leaves the release in target/dist/: the program, the files it serves beside it, the documents, the licences of all it contains.
#
#   scripts/dist.sh            the folder
#   scripts/dist.sh archive    also target/maru-VERSION-MACHINE.tar.gz, which unpacks to that folder
#
# PREVIOUS=folder names the release before this one, unpacked: its page's files are kept beside the new ones, so that pages
# which were loaded from it go on working while servers are replaced one after the other.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

"$ROOT/scripts/tools.sh"
cd "$ROOT"

# The commit, and `-dirty` where the files differ from it; nothing outside a checkout.
commit() {
    if [ -e .git ]; then git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || true; fi
}

# The same commit gives the same archive, byte for byte, when it is built by the same tools on the same machine: names in one
# order, of one owner, as old as the commit. Tar of GNU and of BSD (macOS) name the owner differently.
archive() {
    local version name parts owner
    version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
    name=maru-$version-$(machine)
    parts=$ROOT/target/archive
    say "Packing target/$name.tar.gz"
    rm -rf "$parts" target/maru-*.tar.gz
    mkdir -p "$parts"
    cp -R target/dist "$parts/$name"
    chmod -R u=rwX,go=rX "$parts/$name"
    find "$parts/$name" -exec env TZ=UTC touch -t "$(commit_time)" {} +
    case $(tar --version) in
        bsdtar*) owner='--uid 0 --gid 0 --uname root --gname root' ;;
        *) owner='--owner root:0 --group root:0' ;;
    esac
    # shellcheck disable=SC2086 # a list of words
    (cd "$parts" && find "$name" -type f | LC_ALL=C sort | COPYFILE_DISABLE=1 tar --format ustar $owner -cf - -T -) \
        | gzip -n >"target/$name.tar.gz"
    rm -rf "$parts"
}

# As in x86_64-linux or aarch64-macos.
machine() {
    local processor system
    processor=$(uname -m | sed 's/^arm64$/aarch64/')
    system=$(uname -s | sed 's/^Darwin$/macos/' | tr '[:upper:]' '[:lower:]')
    printf '%s-%s\n' "$processor" "$system"
}

# When the commit was made, in the form that touch wants; a fixed day outside a checkout.
commit_time() {
    { [ -e .git ] && TZ=UTC git log -1 --format=%cd --date=format-local:%Y%m%d%H%M.%S 2>/dev/null; } || echo 200001010000.00
}

# The files that the release before named in its hash.txt; those that it kept itself belong to an older one.
keep_previous() {
    local kind hash
    while IFS=': ' read -r kind hash; do
        cp -p "$1/site/pkg/maru.$hash.$kind"* target/dist/site/pkg/ \
            || fail "$1 lacks a file that its hash.txt names: maru.$hash.$kind"
    done <"$1/hash.txt"
}

# The folder may be the one that is about to be replaced.
if [ -n "${PREVIOUS:-}" ]; then
    [ -f "$PREVIOUS/hash.txt" ] || fail "PREVIOUS=$PREVIOUS is no release: it has no hash.txt."
    previous=$ROOT/target/previous
    rm -rf "$previous"
    mkdir -p "$previous/site"
    cp "$PREVIOUS/hash.txt" "$previous/"
    cp -R "$PREVIOUS/site/pkg" "$previous/site/"
fi

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
# An image is built without git; it says the commit itself.
printf '%s\n' "${MARU_COMMIT-$(commit)}" >target/dist/commit.txt
# Those of cargo-leptos hold the time of the build, and are larger.
find target/dist/site -name '*.gz' | while read -r file; do gzip -n9 <"${file%.gz}" >"$file"; done
if [ -n "${PREVIOUS:-}" ]; then
    keep_previous "$previous"
    rm -rf "$previous"
fi
# An image is built from source without them.
if [ -d docs ]; then cp -R docs target/dist/docs; fi
node scripts/licences.mjs target/dist/LICENSE-THIRD-PARTY.txt || fail "The release cannot be given away: see the line above."
if [ "${1:-}" = archive ]; then archive; fi
say "The release is in target/dist/: start it with target/dist/maru"
