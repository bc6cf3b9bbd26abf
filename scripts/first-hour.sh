#!/usr/bin/env bash
# A newcomer's first hour: a clone of this checkout in a plain Debian, where README.md is followed word for word.
#
#   scripts/first-hour.sh     needs Linux, root, Debian's mmdebstrap and buildah; takes as long as a first hour does
#
# The commands are taken from README.md itself: the packages to install, then the block under "Start". rustup and Node.js,
# which README.md leaves to their own installers, are this machine's. What was said, and how long each step took, stands
# in target/first-hour/ afterwards.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

RESULTS=$ROOT/target/first-hour
CONTAINER=maru-first-hour
RELEASE=bookworm

buildah() { command buildah --storage-driver vfs "$@"; }

# What README.md tells people on Debian to install, and what it tells them to type.
packages() { grep -o 'Debian and Ubuntu: `apt-get install [^`]*`' README.md | sed 's/.*install \(.*\)`/\1/' | paste -s -d ' ' -; }
commands() { sed -n '/^## Start/,$p' README.md | sed -n '/^```sh$/,/^```$/p' | sed -e '/^```$/q' | sed -e '/^```/d' -e 's/ *#.*//'; }

clean_up() { buildah rm "$CONTAINER" >/dev/null 2>&1 || true; }

[ "$(uname -s)" = Linux ] || fail "A plain Debian is made on Linux only: run this there."
[ "$(id -u)" = 0 ] || fail "Only root can make a Debian: run it with sudo."
for program in mmdebstrap buildah; do
    have "$program" || fail "$program is missing: apt-get install mmdebstrap buildah"
done
[ -n "$(packages)" ] && [ -n "$(commands)" ] || fail "README.md no longer says what to install or what to type in the words that this script looks for."
have rustup && have node || fail "rustup or Node.js is missing on this machine."

mkdir -p "$RESULTS"
clean_up
trap clean_up EXIT

say "Making a plain Debian (about 20 s)"
mmdebstrap --quiet --variant=minbase --include=ca-certificates "$RELEASE" "$RESULTS/debian.tar" \
    || fail "mmdebstrap could not make a Debian: read the lines above."
buildah from --name "$CONTAINER" scratch >/dev/null
debian=$(buildah mount "$CONTAINER")
tar -x -C "$debian" -f "$RESULTS/debian.tar"
rm "$RESULTS/debian.tar"

say "Giving it rustup, Node.js and a person"
# As their installers leave them: no tool of cargo, nothing in a cache.
toolchain=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
person=$debian/home/newcomer
mkdir -p "$person/.cargo/bin" "$person/.rustup/toolchains"
for proxy in cargo rustc rustdoc rustup rustfmt cargo-fmt cargo-clippy clippy-driver; do
    cp -a "$CARGO_BIN/$proxy" "$person/.cargo/bin/"
done
host=$(rustup run "$toolchain" rustc -vV | sed -n 's/^host: //p')
cp -a "$(rustup run "$toolchain" rustc --print sysroot)" "$person/.rustup/toolchains/$toolchain-$host"
cp "${RUSTUP_HOME:-$HOME/.rustup}/settings.toml" "$person/.rustup/"
[ ! -e "$CARGO_BIN/../config.toml" ] || cp "$CARGO_BIN/../config.toml" "$person/.cargo/"
node_prefix=$(dirname "$(dirname "$(command -v node)")")
mkdir -p "$debian/usr/local/lib/node_modules"
cp "$(command -v node)" "$debian/usr/local/bin/"
cp -a "$node_prefix/lib/node_modules/npm" "$debian/usr/local/lib/node_modules/"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$debian/usr/local/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$debian/usr/local/bin/npx"
# Authorities that this machine trusts beside Debian's own, as somebody at this desk would have them.
cp -R /usr/local/share/ca-certificates/. "$debian/usr/local/share/ca-certificates/"
git clone --quiet "file://$ROOT" "$person/maru"
commands >"$person/commands"
cp scripts/first-hour/newcomer.sh "$person/"
inside() { buildah run --isolation chroot --user "$1" "$CONTAINER" -- "${@:2}"; }
inside root update-ca-certificates >/dev/null
inside root sh -c 'useradd --shell /bin/bash newcomer && chown -R newcomer /home/newcomer'

say "Installing what README.md asks for: $(packages)"
# shellcheck disable=SC2046 # lists of words
inside root sh -c "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(packages) >/dev/null" \
    || fail "Debian's packages could not be installed: read the lines above."

say "Following README.md"
code=0
inside newcomer bash /home/newcomer/newcomer.sh 2>&1 | tee "$RESULTS/transcript.txt" || code=$?
cp "$person/times.txt" "$RESULTS/" 2>/dev/null || true
say "What was said is in ${RESULTS#"$ROOT"/}/transcript.txt; how long it took:"
cat "$RESULTS/times.txt"
exit "$code"
