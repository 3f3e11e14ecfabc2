#!/usr/bin/env bash
# Lets libFuzzer look for sequences of calls that break a promise, for so many seconds
# (60). Needs a C++ compiler for libFuzzer itself; `RUSTC_BOOTSTRAP` stands in for a
# nightly toolchain. What it finds is written to a file, whose name is the argument to
# run it again.
set -euo pipefail
cd "$(dirname "$0")"
target="${CARGO_TARGET_DIR:-target}/fuzz"
triple=x86_64-unknown-linux-gnu
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
export RUSTC_BOOTSTRAP=1 RUSTFLAGS="$coverage -Zsanitizer=address --cfg fuzzing"
cargo build --release --target "$triple" --target-dir "$target"
mkdir -p "$target/corpus"
# Planned panics do not reach libFuzzer's hook, which would end the process: see `quiet`
# in the interpreter.
# LeakSanitizer tells threads apart by the system's numbers for them. When these begin again, on
# many systems after 32,768, it takes a new thread for an old one, and what is on its stack for
# leaked. So each process makes some thousand runs, of a few threads each, on top of the corpus.
end=$((SECONDS + ${1:-60}))
while ((SECONDS < end)); do
    runs=$(($(ls "$target/corpus" | wc -l) + 4000))
    "$target/$triple/release/sequences" -runs="$runs" -max_total_time=$((end - SECONDS)) -timeout=60 \
        -max_len=121 -len_control=0 -artifact_prefix="$target/" "$target/corpus"
done
