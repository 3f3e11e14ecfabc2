#!/usr/bin/env bash
# Proves that the models of tests/shuttle can fail: puts one bug at a time
# (shuttle/*.patch) into a copy of the sources, and demands that the models named
# in the patch's first line find it.
#
#     tests/mutations/shuttle.sh [NAME...]
set -euo pipefail
cd "$(dirname "$0")/../.."
export RUSTFLAGS="--cfg shuttle -C debug-assertions"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/shuttle"
export SHUTTLE_ITERATIONS="${SHUTTLE_ITERATIONS:-2000}"

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z | xargs -0 cp --parents -t "$copy"

[ $# -gt 0 ] || set -- $(basename -s .patch tests/mutations/shuttle/*.patch)
missed=0
for name in "$@"; do
    patch="$PWD/tests/mutations/shuttle/$name.patch"
    read -r -a models < <(sed -n 's/^Caught by: //p' "$patch")
    patch -s -d "$copy" -p1 < "$patch"
    (cd "$copy" && cargo test -q --release --test shuttle --no-run)
    if (cd "$copy" && cargo test --release --test shuttle -- "${models[@]}") > "$copy/log" 2>&1; then
        echo "MISSED  $name"
        missed=1
    else
        found=$(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$copy/log" | sort | tr '\n' ' ')
        echo "caught  $name: ${found:-aborted}"
    fi
    patch -s -R -d "$copy" -p1 < "$patch"
done
exit $missed
