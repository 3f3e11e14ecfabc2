//! Bugs for the models of what runs tasks and closures.

use super::{Bug, Catcher};

pub fn bugs() -> Vec<Bug> {
    let mut bugs = parts();
    bugs.extend(tasks());
    bugs.extend(closures());
    bugs
}

/// Of single parts, for loom.
fn parts() -> Vec<Bug> {
    vec![
        Bug {
            name: "what is queued beside a cancelled closure is lost",
            file: "src/blocking/cancel.rs",
            sound: "        state.queue = alive;\n",
            broken: "        let _lost = alive;\n",
            by: model!("blocking", "a_closure_that_is_cancelled_leaves_once"),
            quick: true,
        },
        Bug {
            name: "a closure queued before the start counts a thread that does not start",
            file: "src/blocking/mod.rs",
            sound: "        let starts = self.wants_one(state) && room(state);\n        if starts {\n            state.expect_one();\n        }\n        starts\n",
            broken: "        let waits = !state.coming && !state.queue.is_empty() && !self.wake_idle(state);\n        let starts = waits && room(state);\n        if starts {\n            state.expect_one();\n        }\n        starts && state.open\n",
            by: model!("blocking", "closures_queued_before_the_start_are_run"),
            quick: true,
        },
        Bug {
            name: "an unpark that finds nobody parked leaves no token",
            file: "src/parker.rs",
            sound: "if self.state.swap(NOTIFIED, Ordering::Release) == PARKED {",
            broken: "if self.state.compare_exchange(PARKED, NOTIFIED, Ordering::Release, Ordering::Relaxed).is_ok() {",
            by: model!(
                "parker",
                "two_unparks_may_be_one_token_but_never_none",
                "a_deadline_loses_no_token"
            ),
            quick: true,
        },
        Bug {
            name: "a task that ends after a close stays in the registry",
            file: "src/task/registry.rs",
            sound: "else { return };\n        let mut guard = lock(&self.shards[shard]);\n",
            broken: "else { return };\n        let mut guard = lock(&self.shards[shard]);\n        if guard.closed {\n            return;\n        }\n",
            by: model!("registry", "a_task_that_has_ended_is_in_no_list"),
            quick: true,
        },
        Bug {
            name: "two thieves count what they took in two steps",
            file: "src/queue/local.rs",
            sound: "self.stolen.fetch_add(n, Ordering::Release);",
            broken: "self.stolen.store(self.stolen.load(Ordering::Relaxed) + n, Ordering::Release);",
            by: ring!("two_thieves_and_the_owner"),
            quick: true,
        },
        Bug {
            name: "each who pokes takes itself for the first, and starts a watcher",
            file: "src/watch/mod.rs",
            sound: "match self.state.compare_exchange(state, next, Ordering::SeqCst, Ordering::SeqCst) {",
            broken: "match Ok::<u8, u8>(self.state.swap(next, Ordering::SeqCst)) {",
            by: model!("watcher", "two_that_poke_start_one_watcher"),
            quick: true,
        },
    ]
}

fn tasks() -> Vec<Bug> {
    vec![
        Bug {
            name: "who comes for a promise does not count its search",
            file: "src/worker.rs",
            sound: "    sit(entry, seat);\n    entry.searching.set(true);\n",
            broken: "    sit(entry, seat);\n",
            by: shuttle!(
                "block_on::a_nested_call_lets_the_others_run",
                "block_on::two_callers_at_once_share_the_seat",
                "spawn::a_chain_of_joins_ends",
                "spawn::a_storm_of_yields_ends",
                "spawn::a_tree_of_tasks_ends",
                "spawn::many_spawned_at_once_all_run",
                "spawn::one_task_at_a_time_finds_the_only_worker_each_time",
                "spawn::what_is_spawned_from_outside_and_inside_runs",
                "spawn::what_is_spawned_while_the_coordinator_starts_runs",
                "wake::a_pair_that_wake_each_other_goes_on"
            ),
            quick: false,
        },
        Bug {
            name: "who found work counts as searching while it runs that",
            file: "src/worker.rs",
            sound: "                end_search(entry);\n                task::run(entry, runnable);",
            broken: "                task::run(entry, runnable);",
            by: shuttle!(
                "meet::tasks_that_are_woken_run_at_once",
                "meet::tasks_that_overflow_run_at_once",
                "meet::three_tasks_of_a_caller_run_at_once",
                "meet::three_tasks_of_a_foreign_thread_run_at_once",
                "meet::two_tasks_of_a_foreign_thread_run_at_once"
            ),
            quick: false,
        },
        Bug {
            name: "a local queue that runs over loses its oldest task",
            file: "src/wake.rs",
            sound: "self.injector.push_block(half.into());",
            broken: "self.injector.push_block(half.into_iter().skip(1).collect());",
            by: shuttle!(
                "meet::tasks_that_overflow_run_at_once",
                "spawn::a_storm_of_yields_ends",
                "spawn::a_tree_of_tasks_ends",
                "spawn::many_spawned_at_once_all_run"
            ),
            quick: false,
        },
        Bug {
            name: "a task that is woken in its poll is forgotten",
            file: "src/task/spawn.rs",
            sound: "        Some(seat) if info.woken_while_running => requeue(shared, seat, runnable),",
            broken: "        Some(_) if info.woken_while_running => std::mem::forget(runnable),",
            by: shuttle!(
                "spawn::a_storm_of_yields_ends",
                "wake::a_cancel_against_the_end_of_the_task_resolves",
                "wake::a_pair_that_wake_each_other_goes_on",
                "wake::a_task_cancels_another_that_cancels_it"
            ),
            quick: false,
        },
        Bug {
            name: "a wake-up from outside brings no worker",
            file: "src/task/spawn.rs",
            sound: "None => shared.to_arc().inject(runnable),",
            broken: "None => shared.to_arc().injector.push(runnable),",
            by: shuttle!(
                "meet::tasks_that_are_woken_run_at_once",
                "wake::a_wake_from_outside_is_not_lost"
            ),
            quick: false,
        },
        Bug {
            name: "the end of a cancelled task is not counted",
            file: "src/task/meta.rs",
            sound: "        if self.is_admitted() {\n            shared.registry",
            broken: "        if self.is_admitted() && !cancelled {\n            shared.registry",
            by: shuttle!(
                "blocking::a_closure_cancelled_before_it_starts_is_dropped",
                "blocking::a_closure_told_to_stop_beside_its_start_ends",
                "wake::a_cancel_against_the_end_of_the_task_resolves",
                "wake::a_task_cancels_another_that_cancels_it",
                "wake::a_wake_against_the_drop_of_the_coordinator_does_nothing"
            ),
            quick: false,
        },
        Bug {
            name: "the watcher sends nobody for what is queued behind a stuck worker",
            file: "src/watch/look.rs",
            sound: "            send_help(shared);\n            if let",
            broken: "            if let",
            by: shuttle!(
                "watch::a_watcher_that_falls_asleep_misses_no_stuck_worker",
                "watch::what_is_queued_behind_a_stuck_worker_runs"
            ),
            quick: false,
        },
    ]
}

fn closures() -> Vec<Bug> {
    vec![
        Bug {
            name: "a blocking thread that is out of work idles without a look",
            file: "src/blocking/thread.rs",
            sound: "        if !state.queue.is_empty() {\n            return Some(state);\n        }\n",
            broken: "",
            by: shuttle!(
                "blocking::a_lender_does_not_miss_a_closure",
                "blocking::a_lender_that_blocks_makes_room",
                "blocking::a_thread_whose_time_is_over_does_not_miss_a_closure",
                "blocking::closures_submitted_at_once_all_run"
            ),
            quick: false,
        },
        Bug {
            name: "a blocking thread that was refused counts as coming",
            file: "src/blocking/mod.rs",
            sound: "        state.threads -= 1;\n        state.coming = false;\n",
            broken: "        state.threads -= 1;\n",
            by: shuttle!(
                "refused::a_closure_that_a_lender_waits_for_runs_though_a_thread_was_refused",
                "refused::a_closure_that_another_waits_for_runs_though_a_thread_was_refused"
            ),
            quick: false,
        },
    ]
}
