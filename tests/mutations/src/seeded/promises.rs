//! Bugs against promises that need no model, for no moment between two threads counts:
//! panics stay where they belong, no lock is held while user code runs, the others have
//! their turn, what is stuck holds up nobody, and nothing happens while nothing is to do.

use super::{Bug, Catcher};

pub fn bugs() -> Vec<Bug> {
    vec![
        Bug {
            name: "a panic of a hook comes out of it",
            file: "src/hooks.rs",
            sound: "        if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {\n            self.count();\n            forget(payload);\n        }\n",
            broken: "        f();\n",
            by: test!("panics", "in_a_hook_it_is_counted"),
            quick: false,
        },
        Bug {
            name: "a panic in the drop of a result comes out of it",
            file: "src/hooks.rs",
            sound: "        if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {\n            self.report(None, payload);\n        }\n",
            broken: "        f();\n",
            by: test!(
                "panics",
                "in_the_drop_of_a_result_that_nobody_waits_for_it_reaches_the_hook",
                "in_the_drop_of_a_result_it_does_not_come_out_of_go",
            ),
            quick: false,
        },
        Bug {
            name: "a panic in the drop of a future is told to nobody",
            file: "src/task/mod.rs",
            sound: "                self.own().report(payload);",
            broken: "                crate::hooks::forget(payload);",
            by: test!("panics", "in_the_drop_of_a_cancelled_future_it_reaches_the_hook"),
            quick: false,
        },
        Bug {
            name: "a waker that is replaced is dropped under the lock",
            file: "src/sync/gate.rs",
            sound: "Some(old) => Listed::Shut(Some(mem::replace(old, waker))),",
            broken: "Some(old) => {\n                *old = waker;\n                Listed::Shut(None)\n            }",
            by: test!("sync", "latch::no_lock_is_held_while_a_waker_is_woken_or_dropped"),
            quick: false,
        },
        Bug {
            name: "a result that nobody wants is dropped under the lock of its group",
            file: "src/group/inner.rs",
            sound: "        drop(state);\n        let hooks = &self.shared.hooks;\n        hooks.guard(|| drop(unwanted));\n        drop(child);\n",
            broken: "        let hooks = &self.shared.hooks;\n        hooks.guard(|| drop(unwanted));\n        drop(state);\n        drop(child);\n",
            by: test!(
                "group",
                "locks::no_lock_is_held_while_a_waker_is_woken_or_dropped_or_a_result_is"
            ),
            quick: false,
        },
        Bug {
            name: "the waker of a timer that is given up is dropped under the lock",
            file: "src/timers/shard.rs",
            sound: "        let waker = lock(&self.shard.state).wheel.remove(self.key);\n        // Outside of the lock.\n        drop(waker);\n",
            broken: "        drop(lock(&self.shard.state).wheel.remove(self.key));\n",
            by: test!("time", "locks::no_lock_is_held_while_a_waker_is_woken_or_dropped"),
            quick: false,
        },
        Bug {
            name: "who yields goes to the front",
            file: "src/task/spawn.rs",
            sound: "Some(seat) if info.woken_while_running =>",
            broken: "Some(seat) if false && info.woken_while_running =>",
            by: test!("fairness", "yielding_goes_to_the_back_of_the_queue"),
            quick: true,
        },
        Bug {
            name: "the run slot goes before all others a hundred times",
            file: "src/seat.rs",
            sound: "const MAX_SLOT_RUNS: u32 = 3;",
            broken: "const MAX_SLOT_RUNS: u32 = 100;",
            by: test!("fairness", "a_ready_task_waits_for_a_bounded_number_of_polls"),
            quick: false,
        },
        Bug {
            name: "what is taken for a full queue goes behind it, and so back again",
            file: "src/worker.rs",
            sound: "    let full = seat.room() == 0;",
            broken: "    let full = false;",
            by: test!(
                "fairness",
                "full::a_task_from_outside_has_its_turn_while_spawns_fill_the_queue"
            ),
            quick: false,
        },
        Bug {
            name: "who yields stays in a queue that has no room for others",
            file: "src/worker.rs",
            sound: "seat.spill(seat.room() < CAPACITY / 2 && !shared.injector.is_empty());",
            broken: "seat.spill(false);",
            by: test!(
                "fairness",
                "full::each_of_more_tasks_than_a_queue_holds_waits_for_a_bounded_number_of_polls"
            ),
            quick: false,
        },
        Bug {
            name: "nothing is taken for a queue that is full",
            file: "src/worker.rs",
            sound: "let room = seat.room().saturating_sub(1)",
            broken: "let room = seat.room().checked_sub(1)?",
            by: test!("fairness", "full::what_comes_from_outside_to_a_full_queue_has_its_turn"),
            quick: false,
        },
        Bug {
            name: "the injector is looked at every thousand polls",
            file: "src/seat.rs",
            sound: "bound(61, 3) as u64",
            broken: "bound(1_000, 3) as u64",
            by: test!("fairness", "the_injector_is_served_within_a_bounded_number_of_polls"),
            quick: false,
        },
        Bug {
            name: "as many lenders as may be keep threads from closures",
            file: "src/blocking/mod.rs",
            sound: "!self.is_full(state) && self.away() <= lend::most(shared)",
            broken: "!self.is_full(state) && self.away() < lend::most(shared)",
            by: test!("rescue", "away::closures_run_though_as_many_lend_as_may"),
            quick: false,
        },
        Bug {
            name: "lenders look at the injector first each time",
            file: "src/thief.rs",
            sound: "if turn % QUEUES_FIRST + 1 == QUEUES_FIRST {",
            broken: "if turn == usize::MAX {",
            by: test!("rescue", "behind::what_waits_behind_tasks_that_yield_without_end_runs"),
            quick: false,
        },
        Bug {
            name: "nobody looks after tasks whose only worker is in a start hook",
            file: "src/wake.rs",
            sound: "self.idle.vacant() > 0 && !self.idle.somebody_comes() && self.has_work()",
            broken: "self.idle.vacant() > usize::MAX - 1",
            by: test!("rescue", "hooks::a_task_is_lent_while_the_only_worker_is_in_the_hook"),
            quick: false,
        },
        Bug {
            name: "help comes after ten thresholds",
            file: "src/watch/look.rs",
            sound: "lasts >= shared.options.stall_threshold * (seen.thresholds + 1)",
            broken: "lasts >= shared.options.stall_threshold * (seen.thresholds + 10)",
            by: test!("rescue", "soon::a_thousand_tasks_behind_blocked_workers_run_within_50_ms"),
            quick: false,
        },
        Bug {
            name: "the watcher looks every four milliseconds",
            file: "src/watch/look.rs",
            sound: "TICK: Duration = Duration::from_micros(400);",
            broken: "TICK: Duration = Duration::from_micros(4_000);",
            by: test!("rescue", "soon::what_is_in_a_run_slot_is_taken_within_a_millisecond"),
            quick: false,
        },
        Bug {
            name: "a panic of the stall hook ends the thread that calls it",
            file: "src/stall.rs",
            sound: "context::call(|| hooks.contain(tell));",
            broken: "context::call(tell);",
            by: test!("rescue", "stalls::a_hook_that_panics_is_told_of_the_next_stall"),
            quick: false,
        },
        Bug {
            name: "a nested call that is woken in its poll does not look again",
            file: "src/block_on/mod.rs",
            sound: "        if main.is_ready() || has_suspended(main) {\n            // Woken",
            broken: "        if false {\n            // Woken",
            by: test!(
                "block_on",
                "nested::a_nested_call_that_is_woken_in_its_poll_beside_another_one_is_polled_again"
            ),
            quick: false,
        },
        Bug {
            name: "a stall of a main future is told to nobody",
            file: "src/watch/look.rs",
            sound: "shared.seats[worker].counters.running()?;",
            broken: "shared.seats[worker].counters.running().filter(|(id, _)| id.is_some())?;",
            by: test!("rescue", "stalls::a_stall_of_a_main_future_names_its_block_on"),
            quick: false,
        },
        Bug {
            name: "many short polls of a main future look like a long one",
            file: "src/seat.rs",
            sound: "bump(&counters.polls, 1, Ordering::Release);",
            broken: "bump(&counters.polls, u64::from(id != MAIN), Ordering::Release);",
            by: test!("rescue", "stalls::many_short_polls_of_a_main_future_are_no_stall"),
            quick: false,
        },
        Bug {
            name: "the watcher never sleeps",
            file: "src/watch/look.rs",
            sound: "if quiet >= LINGER && shared.watcher.try_sleep(shared) {",
            broken: "if quiet > LINGER + u32::from(shared.watcher.try_sleep(shared)) * 1_000_000 {",
            by: test!("idle", "after_work"),
            quick: false,
        },
        Bug {
            name: "who sleeps looks again every ten milliseconds",
            file: "src/worker.rs",
            sound: "            Hold::Free => main.deadline(),",
            broken: "            Hold::Free => Some(Instant::now() + std::time::Duration::from_millis(10)),",
            by: test!("idle", "after_work", "with_tasks_that_wait", "after_block_on_returned"),
            quick: false,
        },
    ]
}
