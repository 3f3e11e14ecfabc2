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
"$target/$triple/release/sequences" -max_total_time="${1:-60}" -timeout=60 -max_len=121 -len_control=0 \
    -artifact_prefix="$target/" "$target/corpus"
