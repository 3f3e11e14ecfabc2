#!/usr/bin/env bash
# Runs the tests that stress memory: all under AddressSanitizer with LeakSanitizer,
# and some, which are short, under valgrind's memcheck, where each takes fifty times as
# long. Needs Linux on x86-64; valgrind, if it is to be used; no other toolchain:
# RUSTC_BOOTSTRAP lets a stable compiler take `-Z` flags.
#
#     tests/sanitize.sh [asan|valgrind] [TEST]...
set -euo pipefail
cd "$(dirname "$0")/.."
target="${CARGO_TARGET_DIR:-target}"
what="${1:-all}"
chosen=("${@:2}")

# Left out of both, by their whole names: what leaks memory on purpose (by `forget`, in an
# arena, in a payload without end); what is so deep that the sanitizer's frames fill the
# stack; what asks for more memory than there is, or measures what is resident, for what is
# freed is held back for a while.
leaks=(in_a_main_future in_the_drop_of_a_payload_it_goes_nowhere leaked_by_itself_it_runs_on
    kept::a_waker_kept_past_the_coordinator_does_nothing_for_ever
    kept::a_forgotten_handle_is_a_detached_task
    kept::a_forgotten_future_of_a_join_leaves_the_task_alone
    kept::a_forgotten_coordinator_goes_on
    oneshot::closed_is_ready_when_the_receiver_is_gone)
deep=(nested::main_futures_a_thousand_deep_take_stack_and_no_threads
    nested::tasks_a_thousand_deep_take_a_thread_each)
memory=(large::an_arena_beyond_all_memory_says_so_and_the_task_goes_on
    tasks::ten_million_in_sequence_take_no_more_memory tasks::bursts_take_no_more_memory)
# Left out of memcheck, for it takes minutes each.
long=(a_thousand_of_them_are_all_counted in_many_tasks_on_many_threads
    nested::a_thousand_pinned_tasks_in_nested_calls_do_not_use_up_the_stack
    races::spawns_from_many_threads_against_cancel_and_detach
    scopes_on_many_threads_share_the_workers
    threads::pinned_tasks_from_many_threads_all_end_while_threads_come_and_go)
without() { printf ' --skip %s' "$@"; }
skip=(--exact $(without "${leaks[@]}" "${deep[@]}" "${memory[@]}"))

asan() {
    local triple=x86_64-unknown-linux-gnu
    local tests=(arena bad_days block_on blocking coop group hooks idle join join_many lending
        load memory metrics panics pinned rescue scope sequences shutdown spawn spawn_many stop_token
        structure_time sync task_local time windows worker_state)
    for test in "${chosen[@]:-${tests[@]}}"; do
        echo "== AddressSanitizer: $test"
        RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_TARGET_DIR="$target/asan" \
            RUST_MIN_STACK=16777216 ASAN_OPTIONS=allocator_may_return_null=1 PROPTEST_CASES=64 \
            cargo test --quiet --target "$triple" --test "$test" -- "${skip[@]}"
    done
}

memcheck() {
    export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="valgrind --quiet --leak-check=full \
        --show-leak-kinds=definite --errors-for-leak-kinds=definite --fair-sched=yes --error-exitcode=9"
    local tests=(arena group join panics pinned scope spawn sync task_local windows)
    for test in "${chosen[@]:-${tests[@]}}"; do
        echo "== valgrind: $test"
        cargo test --quiet --target x86_64-unknown-linux-gnu --test "$test" -- \
            --test-threads=1 "${skip[@]}" $(without "${long[@]}")
    done
}

case "$what" in
    asan) asan ;;
    valgrind) memcheck ;;
    all) asan; memcheck ;;
    *) echo "usage: $0 [asan|valgrind] [TEST]..." >&2; exit 2 ;;
esac
echo "== no findings"
