#!/usr/bin/env bash
# Changes the sources of the protocols, one small change at a time, and tells which changes no
# test notices. Works on a copy of the tree that has only the tests that are meant for it, for
# all tests are built anew each time: some mutants a minute on two cores. What
# follows is for cargo-mutants, for example `--in-diff FILE` or `-f src/parker.rs`; without,
# all mutants of the files below: some hours.
#
#     cargo install cargo-mutants cargo-nextest --locked
#     tests/mutants.sh [ARGUMENT]...
set -euo pipefail
cd "$(dirname "$0")/.."
target="${CARGO_TARGET_DIR:-$PWD/target}/mutants"

files=('src/idle/*.rs' 'src/queue/*.rs' src/parker.rs 'src/blocking/*.rs' src/task/registry.rs
    src/task/slots.rs 'src/task/arena/*.rs' 'src/watch/*.rs' src/wake.rs src/thief.rs
    src/handles.rs src/sweep.rs src/pinned/host.rs)
tests=(arena blocking block_on faults hooks idle join lending metrics panics pinned queues
    rescue scope sequences shutdown spawn stop_token time worker_state)

rm -rf "$target"
mkdir -p "$target"
tar --exclude=./target --exclude=./.git -cf - . | tar -C "$target" -xf -
cd "$target"
# Many tests wait for most of their time. What hangs is ended after 20 seconds.
mkdir .config
printf '[profile.default]\ntest-threads = 8\nslow-timeout = { period = "20s", terminate-after = 1 }\n' >.config/nextest.toml
keep=$(printf -- '-e ^%s$ ' "${tests[@]}" common alone)
ls tests | sed 's/\.rs$//' | grep -v $keep | while read -r test; do rm -rf "tests/$test" "tests/$test.rs"; done

chosen=("$@")
if [[ ${#chosen[@]} == 0 ]]; then
    for file in "${files[@]}"; do chosen+=(-f "$file"); done
fi
cargo mutants --no-shuffle --baseline=run --test-tool nextest --timeout 100 -j 2 "${chosen[@]}"
