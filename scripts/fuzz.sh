#!/usr/bin/env bash
# Feeds the decoders with made-up input (fuzz/README.md). Fails on the first input that breaks one, and names it.
#
#   scripts/fuzz.sh [TARGET] [SECONDS]   one target, or all; for so many seconds each (60)
#   scripts/fuzz.sh keep [TARGET]        keep in fuzz/corpus/ those inputs of earlier runs that reach what no kept one does
#
# libFuzzer comes with the crate libfuzzer-sys; the flags below make the stable compiler count what an input reaches.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT/fuzz"

OUT=$ROOT/fuzz/target
HOST=$(rustc -vV | sed -n 's/^host: //p')
PROGRAMS=$OUT/$HOST/release

targets() { for file in src/bin/*.rs; do basename "$file" .rs; done; }

# With --target, build scripts and procedural macros are built without the flags.
build() {
    say "Building the fuzz targets (two minutes the first time)"
    RUSTFLAGS='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares' \
        CARGO_TARGET_DIR=$OUT cargo build --quiet --release --locked --target "$HOST" \
        || fail "The fuzz targets could not be built: read the lines above. (libFuzzer needs a C++ compiler: apt-get install build-essential, or xcode-select --install.)"
}

# Runs the program of a target with libFuzzer's options. What it writes beside its findings goes away with it.
run() {
    local target=$1 code=0
    shift
    rm -rf "$OUT/tmp"
    mkdir -p "$OUT/tmp" "$OUT/corpus/$target" "$OUT/crashes" "corpus/$target"
    TMPDIR=$OUT/tmp "$PROGRAMS/$target" -artifact_prefix="$OUT/crashes/$target-" "$@" >"$OUT/$target.log" 2>&1 || code=$?
    rm -rf "$OUT/tmp"
    return "$code"
}

fuzz() {
    local target=$1 seconds=$2 dictionary=dictionaries/$1.dict options=() runs coverage
    if [ -e "$dictionary" ]; then options=(-dict="$dictionary"); fi
    say "Fuzzing $target for $seconds s"
    if ! run "$target" -max_total_time="$seconds" -max_len=4096 -timeout=60 -print_final_stats=1 \
        ${options[@]+"${options[@]}"} "$OUT/corpus/$target" "corpus/$target"; then
        grep -v '^#' "$OUT/$target.log" | tail -n 40 >&2
        fail "$target has failed on the input that the lines above name (all of them: ${OUT#"$ROOT"/}/$target.log). fuzz/README.md says what to do with it."
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$OUT/$target.log")
    coverage=$(sed -n 's/^#.* cov: \([0-9]*\) .*/\1/p' "$OUT/$target.log" | tail -n 1)
    say "$target: $runs inputs, none of them broke it; they reached $coverage places in the code"
}

keep() {
    local before
    before=$(ls "corpus/$1" | wc -l)
    run "$1" -set_cover_merge=1 "corpus/$1" "$OUT/corpus/$1" || fail "The inputs of $1 could not be compared: read ${OUT#"$ROOT"/}/$1.log"
    say "$1: kept $(($(ls "corpus/$1" | wc -l) - before)) more inputs"
}

command=fuzz
if [ "${1:-}" = keep ]; then
    command=keep
    shift
fi
chosen=$(targets)
case ${1:-} in
    '' | [0-9]*) ;;
    *)
        # Not by `grep -q`, which ends at its find, and the list with it: then that would count as failed.
        [ -e "src/bin/$1.rs" ] || fail "There is no fuzz target $1: choose one of $(targets | paste -s -d ' ' -)."
        chosen=$1
        shift
        ;;
esac
build
for target in $chosen; do $command "$target" "${1:-60}"; done
