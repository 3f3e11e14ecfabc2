//! Bugs that only the whole runtime shows, or shows too: the models of
//! `tests/shuttle`.

use super::{Bug, Catcher};

pub fn bugs() -> Vec<Bug> {
    vec![
        Bug {
            name: "the whole: who gave up its seat does not look again",
            file: "src/worker.rs",
            sound: "if stand(entry) == Vacated::LookAgain && shared.has_work() {",
            broken: "if stand(entry) == Vacated::LookAgain && false {",
            by: shuttle!(
                "spawn::one_task_at_a_time_finds_a_worker_each_time",
                "spawn::one_task_at_a_time_finds_the_only_worker_each_time",
                "wake::a_pair_that_wake_each_other_goes_on",
                "wake::a_wake_from_outside_is_not_lost"
            ),
            quick: true,
        },
        Bug {
            name: "the whole: the last searcher to find work wakes nobody",
            file: "src/worker.rs",
            sound: "if entry.searching.replace(false) && shared.idle.end_search() && shared.has_work() {",
            broken: "if entry.searching.replace(false) && shared.idle.end_search() && false {",
            by: shuttle!(
                "meet::three_tasks_of_a_task_run_at_once",
                "meet::three_tasks_of_a_caller_run_at_once",
                "meet::three_tasks_of_a_foreign_thread_run_at_once"
            ),
            quick: false,
        },
        Bug {
            name: "the whole: a seat is left without a look",
            file: "src/worker.rs",
            sound: "        if looked == Vacated::LookAgain && shared.has_work() {\n            shared.notify();\n        }\n",
            broken: "        let _ = looked;\n",
            by: shuttle!(
                "block_on::block_in_place_lets_the_task_that_it_waits_for_run",
                "block_on::a_caller_that_leaves_hands_its_queue_on",
                "block_on::a_thread_that_retires_leaves_no_promise_behind",
                "block_on::two_callers_at_once_share_the_seat"
            ),
            quick: false,
        },
        Bug {
            name: "the whole: a promise is lost with a refused thread",
            file: "src/wake.rs",
            sound: "next = self.take_back(promise);",
            broken: "next = None;\n            let _lost = promise;",
            by: shuttle!("refused::what_threads_are_refused_for_runs_elsewhere"),
            quick: false,
        },
        Bug {
            name: "a nested call does not see that no thread is to be had",
            file: "src/block_on/mod.rs",
            sound: "if !makes_room(entry) || entry.shared.threads.ensure_one(entry.shared).is_err() {",
            broken: "if !makes_room(entry) {",
            by: shuttle!("refused::a_nested_call_without_a_thread_runs_the_tasks_itself"),
            quick: false,
        },
        Bug {
            name: "a main future's wake is taken after its poll",
            file: "src/block_on/frame.rs",
            sound: "        signal.take();\n        self.polling.set(true);\n        let polled = self.poll(waker);\n",
            broken: "        self.polling.set(true);\n        let polled = self.poll(waker);\n        signal.take();\n",
            by: shuttle!("wake::a_caller_is_woken_for_its_main_future_and_for_tasks"),
            quick: false,
        },
        Bug {
            name: "a nested call leaves the main futures below alone",
            file: "src/block_on/mod.rs",
            sound: "        advance_suspended(main);\n        if main.is_ready()",
            broken: "        if main.is_ready()",
            by: shuttle!("block_on::a_nested_call_advances_the_main_future_below"),
            quick: false,
        },
        Bug {
            name: "the whole: a blocking thread does not send for the next",
            file: "src/blocking/thread.rs",
            sound: "                self.pool.unlock_and_send(self.shared, state);\n                task::run",
            broken: "                drop(state);\n                task::run",
            by: shuttle!("meet::closures_run_at_once_up_to_the_bound"),
            quick: false,
        },
        Bug {
            name: "the whole: who steps aside does not send for another",
            file: "src/blocking/mod.rs",
            sound: "        self.unlock_and_send(entry.shared, state);\n        if lends",
            broken: "        drop(state);\n        if lends",
            by: shuttle!(
                "blocking::a_closure_that_says_it_waits_makes_room_for_another",
                "blocking::a_lender_that_blocks_makes_room"
            ),
            quick: false,
        },
        Bug {
            name: "who blocks in a lent poll sends for no other lender",
            file: "src/blocking/mod.rs",
            sound: "if lends && entry.shared.has_work() {",
            broken: "if lends && entry.away.get() {",
            by: shuttle!("blocking::a_lender_that_blocks_lets_another_lend"),
            quick: false,
        },
        Bug {
            name: "the watcher leaves the run slot of a stuck worker alone",
            file: "src/watch/look.rs",
            sound: "if let Some(runnable) = seat.slot.take() {",
            broken: "if let Some(runnable) = None::<crate::task::Runnable> {",
            by: shuttle!("watch::what_is_in_the_run_slot_of_a_stuck_worker_runs"),
            quick: false,
        },
        Bug {
            name: "the whole: nobody looks after tasks that no worker comes for",
            file: "src/watch/look.rs",
            sound: "if wait.is_over(shared, forsaken) {",
            broken: "if wait.is_over(shared, forsaken && false) {",
            by: shuttle!("pinned::a_pinned_task_that_waits_for_a_task_of_the_same_moment_gets_it"),
            quick: false,
        },
        Bug {
            name: "the watcher is not told of a thread that lends",
            file: "src/blocking/lend.rs",
            sound: "            shared.watcher.poke(shared);\n",
            broken: "",
            by: shuttle!("watch::a_closure_that_a_lender_waits_for_runs"),
            quick: true,
        },
        Bug {
            name: "the whole: admission before the count",
            file: "src/count.rs",
            sound: "        self.foreign.spawned.fetch_add(1, Ordering::SeqCst);\n        let closed = if inside { Phase::Cancelling } else { Phase::Draining };\n        let admitted = self.phase.load(Ordering::SeqCst) < closed;\n",
            broken: "        let closed = if inside { Phase::Cancelling } else { Phase::Draining };\n        let admitted = self.phase.load(Ordering::SeqCst) < closed;\n        self.foreign.spawned.fetch_add(1, Ordering::SeqCst);\n",
            by: shuttle!("ends::a_drop_against_foreign_spawns_resolves_each_handle"),
            quick: false,
        },
        Bug {
            name: "a refused spawn does not look at the end",
            file: "src/task/spawn.rs",
            sound: "    drop(runnable);\n    shared.look_at_end();\n",
            broken: "    drop(runnable);\n    let _ = shared;\n",
            by: shuttle!("ends::a_closer_hears_of_the_end_beside_a_spawn_that_is_refused"),
            quick: false,
        },
        Bug {
            name: "two closers on one stack count a task twice",
            file: "src/shutdown.rs",
            sound: "usize::from(!task.in_closer.replace(true))",
            broken: "1",
            by: shuttle!("shutdown::a_shutdown_inside_a_shutdown_waits_for_the_others"),
            quick: true,
        },
        Bug {
            name: "a task is listed with the spawn site of another",
            file: "src/seat.rs",
            sound: "        let id = self.running.load(Ordering::Acquire);\n        let site = self.running_site.load(Ordering::Acquire);\n",
            broken: "        let site = self.running_site.load(Ordering::Acquire);\n        let id = self.running.load(Ordering::Acquire);\n",
            by: shuttle!("listed::what_is_listed_stands_with_its_own_spawn_site"),
            quick: true,
        },
        Bug {
            name: "who counts on a refused thread is not woken",
            file: "src/wake.rs",
            sound: "if refusal.is_some() {",
            broken: "if false && refusal.is_some() {",
            by: shuttle!("refused::a_nested_call_without_a_thread_runs_the_tasks_itself"),
            quick: false,
        },
        Bug {
            name: "the watcher sees what waits and sends nobody",
            file: "src/watch/look.rs",
            sound: "fn send_help(shared: &Shared) {\n    if shared.has_work() {",
            broken: "fn send_help(shared: &Shared) {\n    if false && shared.has_work() {",
            by: shuttle!(
                "refused::what_counts_on_a_pinned_tasks_thread_runs_though_that_is_refused"
            ),
            quick: false,
        },
        Bug {
            name: "a watcher that was refused is never asked for again later",
            file: "src/watch/mod.rs",
            sound: "REFUSED if shared.now() < self.retry_at.load(Ordering::Relaxed) => {",
            broken: "REFUSED => {",
            by: shuttle!("refused::a_watcher_that_was_refused_comes_later"),
            quick: false,
        },
        Bug {
            name: "a watcher that was refused once is not asked for again",
            file: "src/watch/mod.rs",
            sound: "if self.refusals.fetch_add(1, Ordering::Relaxed) >= EAGER {",
            broken: "if self.refusals.fetch_add(1, Ordering::Relaxed) < u64::MAX {",
            by: shuttle!("refused::what_is_behind_a_stuck_worker_runs_though_a_thread_was_refused"),
            quick: false,
        },
    ]
}
