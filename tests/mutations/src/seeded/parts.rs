//! Bugs in the parts around the workers, as the whole runtime shows them: ends, groups,
//! scopes, pinned tasks, timers, and what tasks wait at.

use super::{Bug, Catcher};

pub fn bugs() -> Vec<Bug> {
    let mut bugs = ends();
    bugs.extend(groups());
    bugs.extend(pinned());
    bugs.extend(sync());
    bugs.extend(timers());
    bugs
}

/// Shutdown, drop, count.
fn ends() -> Vec<Bug> {
    vec![
        Bug {
            name: "a closer does not look at its limit",
            file: "src/shutdown.rs",
            sound: "self.reached.get() || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)",
            broken: "self.reached.get()",
            by: shuttle!(
                "shutdown::a_limit_that_passes_cancels_the_rest",
                "shutdown::a_shutdown_inside_a_task_ends",
                "shutdown::a_shutdown_without_time_drops_everything",
                "shutdown::shutdowns_from_several_threads_all_end",
                "shutdown::shutdowns_inside_tasks_and_outside_at_once_end",
                "timers::a_shutdown_without_time_beside_timers_drops_everything"
            ),
            quick: false,
        },
        Bug {
            name: "the closer wakes the tasks before it announces that they end",
            file: "src/shutdown.rs",
            sound: "    if shared.phase.advance(Phase::Cancelling) < Phase::Cancelling {\n        shared.registry.close();\n",
            broken: "    shared.registry.close();\n    if shared.phase.advance(Phase::Cancelling) < Phase::Cancelling {\n",
            by: shuttle!(
                "ends::a_drop_drops_what_waits_and_what_yields",
                "pinned::a_shutdown_beside_pinned_tasks_drops_them",
                "shutdown::a_limit_that_passes_cancels_the_rest"
            ),
            quick: false,
        },
        Bug {
            name: "the last end does not wake the closer",
            file: "src/count.rs",
            sound: "            self.wake_parked();\n        }\n        // SeqCst: as in",
            broken: "        }\n        // SeqCst: as in",
            by: shuttle!(
                "ends::a_closer_hears_of_the_end_beside_a_spawn_that_is_refused",
                "shutdown::a_shutdown_with_time_lets_everything_finish",
                "shutdown::panics_against_a_shutdown_hurt_nobody",
                "timers::a_shutdown_with_time_waits_for_sleeps"
            ),
            quick: false,
        },
        Bug {
            name: "the end of a task is not looked at while a closer drains",
            file: "src/count.rs",
            sound: "if phase >= Phase::Draining {",
            broken: "if phase > Phase::Draining {",
            by: model!("count", "the_closer_hears_of_the_end_beside_a_refused_spawn"),
            quick: true,
        },
        Bug {
            name: "a closer does not count the tasks under it",
            file: "src/shutdown.rs",
            sound: "shared.close_depth.fetch_add(own as u64, Ordering::SeqCst);",
            broken: "shared.close_depth.fetch_add(0, Ordering::SeqCst);",
            by: shuttle!(
                "shutdown::a_shutdown_inside_a_task_ends",
                "shutdown::shutdowns_inside_tasks_and_outside_at_once_end"
            ),
            quick: false,
        },
        Bug {
            name: "a drain refuses what tasks spawn",
            file: "src/task/spawn.rs",
            sound: "shared.phase.load(Ordering::Relaxed) < Phase::Cancelling;",
            broken: "shared.phase.load(Ordering::Relaxed) < Phase::Draining;",
            by: shuttle!("shutdown::a_shutdown_with_time_lets_everything_finish"),
            quick: false,
        },
        Bug {
            name: "a refused closure is queued all the same",
            file: "src/task/spawn.rs",
            sound: "    if enlist(&runnable) {\n        shared.submit_blocking(runnable);",
            broken: "    enlist(&runnable);\n    if true {\n        shared.submit_blocking(runnable);",
            by: shuttle!("ends::a_drop_against_foreign_closures_resolves_each_handle"),
            quick: false,
        },
        Bug {
            name: "a refused task is queued all the same",
            file: "src/task/spawn.rs",
            sound: "    if !enlist(&runnable) {\n        return refuse",
            broken: "    if !enlist(&runnable) && false {\n        return refuse",
            by: shuttle!("ends::a_drop_that_spawns_is_refused"),
            quick: false,
        },
        Bug {
            name: "a coordinator that keeps itself does so for ever",
            file: "src/shared.rs",
            sound: "let kept = lock(&self.keep).take();",
            broken: "let kept = lock(&self.keep).clone();",
            by: shuttle!("ends::the_last_owner_may_be_a_task_of_its_own"),
            quick: false,
        },
        Bug {
            name: "a thread keeps its promise through its start hook",
            file: "src/threads.rs",
            sound: "if let Some(promise) = promise.and_then(|promise| shared.take_back(promise)) {\n                shared.wake(promise);\n            }",
            broken: "let _kept = promise;",
            by: shuttle!("ends::a_thread_that_starts_slowly_holds_up_nobody"),
            quick: false,
        },
        Bug {
            name: "the sweeper leaves the queues alone",
            file: "src/sweep.rs",
            sound: "        discard_queued(shared);\n        // Relaxed",
            broken: "        // Relaxed",
            by: shuttle!(
                "ends::a_drop_before_the_start_against_foreign_spawns_resolves_each_handle"
            ),
            quick: false,
        },
        Bug {
            name: "a task that panicked is left waiting",
            file: "src/task/mod.rs",
            sound: "Err(payload) => Poll::Ready(this.on_panic(payload)),",
            broken: "Err(payload) => {\n                drop(this.on_panic(payload));\n                Poll::Pending\n            }",
            by: shuttle!(
                "ends::a_panic_against_the_drop_of_the_coordinator_hurts_nobody",
                "scope::a_panic_leaves_a_scope_when_its_tasks_have_ended",
                "shutdown::panics_against_a_shutdown_hurt_nobody"
            ),
            quick: false,
        },
        Bug {
            name: "the whole: spawns are read before ends",
            file: "src/count.rs",
            sound: "        let finished: u64 = seats().map(|c| c.finished.load(Ordering::Acquire)).sum();\n        let finished = finished + self.foreign.finished.load(Ordering::SeqCst);\n        let spawned: u64 = seats().map(|c| c.spawned.load(Ordering::Relaxed)).sum();\n        let spawned = spawned + self.foreign.spawned.load(Ordering::SeqCst);\n",
            broken: "        let spawned: u64 = seats().map(|c| c.spawned.load(Ordering::Relaxed)).sum();\n        let spawned = spawned + self.foreign.spawned.load(Ordering::SeqCst);\n        let finished: u64 = seats().map(|c| c.finished.load(Ordering::Acquire)).sum();\n        let finished = finished + self.foreign.finished.load(Ordering::SeqCst);\n",
            by: shuttle!("listed::a_task_that_runs_is_counted_alive"),
            quick: false,
        },
    ]
}

/// Groups and scopes.
fn groups() -> Vec<Bug> {
    vec![
        Bug {
            name: "the last child's end calls one joiner",
            file: "src/group/inner.rs",
            sound: "                state.call_if_done(&mut calls);\n                None",
            broken: "                None",
            by: shuttle!(
                "group::a_drain_says_who_is_left_and_ends_beside_a_cancel",
                "group::a_drain_waits_for_what_the_children_spawn",
                "group::joiners_beside_ends_get_each_result_once"
            ),
            quick: false,
        },
        Bug {
            name: "who waits in a group does not look again under the lock",
            file: "src/group/inner.rs",
            sound: "let result = ready(&mut state, *ticket);",
            broken: "let result = ticket.and_then(|ticket| ready(&mut state, Some(ticket)));",
            by: shuttle!(
                "group::a_joiner_that_is_cancelled_loses_no_result",
                "group::joiners_beside_ends_get_each_result_once",
                "group::no_place_of_a_bounded_group_is_lost"
            ),
            quick: false,
        },
        Bug {
            name: "a joiner that is cancelled takes its call along",
            file: "src/group/wait.rs",
            sound: "None if state.has_result() => (None, state.joiners.call()),\n",
            broken: "",
            by: shuttle!("group::a_joiner_that_is_cancelled_loses_no_result"),
            quick: false,
        },
        Bug {
            name: "who is cancelled takes the place that it got along",
            file: "src/group/bounded.rs",
            sound: "None => (None, places.give_back()),",
            broken: "None => (None, None),",
            by: shuttle!("group::no_place_of_a_bounded_group_is_lost"),
            quick: false,
        },
        Bug {
            name: "a spawner does not see that the group is closed",
            file: "src/group/inner.rs",
            sound: "        if state.closed {\n            drop(state);",
            broken: "        if false {\n            drop(state);",
            by: shuttle!("group::a_group_dropped_beside_its_childrens_spawns_ends_them_all"),
            quick: false,
        },
        Bug {
            name: "a scope is woken before its count falls",
            file: "src/scope/mod.rs",
            sound: "        let mut state = lock(&self.state);\n        state.running -= 1;\n        let waker = if state.running == 0 { state.waker.take() } else { None };\n        drop(state);\n        if let Some(waker) = waker {\n            waker.wake();\n        }\n",
            broken: "        let mut state = lock(&self.state);\n        let waker = if state.running == 1 { state.waker.take() } else { None };\n        drop(state);\n        if let Some(waker) = waker {\n            waker.wake();\n        }\n        lock(&self.state).running -= 1;\n",
            by: shuttle!(
                "scope::a_scope_inside_a_task_and_one_inside_that_end",
                "scope::tasks_of_a_scope_have_ended_when_it_returns"
            ),
            quick: false,
        },
    ]
}

/// Pinned tasks.
fn pinned() -> Vec<Bug> {
    vec![
        Bug {
            name: "who pushes where no thread is relies on another",
            file: "src/pinned/spawn.rs",
            sound: "if !home.push(runnable) {",
            broken: "if !home.push(runnable) && false {",
            by: shuttle!(
                "pinned::a_broadcast_runs_on_every_thread",
                "pinned::pinned_tasks_from_outside_beside_the_start_all_run"
            ),
            quick: false,
        },
        Bug {
            name: "who pushes into a home wakes nobody",
            file: "src/pinned/mod.rs",
            sound: "                parker.unpark();\n            }\n        }\n        inbox.parker.is_some()",
            broken: "                let _ = parker;\n            }\n        }\n        inbox.parker.is_some()",
            by: shuttle!(
                "pinned::a_shutdown_beside_pinned_tasks_drops_them",
                "pinned::pinned_tasks_from_outside_beside_the_start_all_run"
            ),
            quick: false,
        },
        Bug {
            name: "what waits for a refused thread stays at home",
            file: "src/pinned/mod.rs",
            sound: "            self.homes[index].discard_homeless();\n",
            broken: "",
            by: shuttle!("pinned::pinned_tasks_whose_thread_is_refused_are_dropped"),
            quick: false,
        },
        Bug {
            name: "a thread that ends does not look home once more",
            file: "src/threads.rs",
            sound: "        shared.ensure_home(index);\n",
            broken: "",
            by: shuttle!("pinned::a_pinned_task_beside_a_thread_that_retires_runs"),
            quick: false,
        },
    ]
}

/// What tasks wait at.
fn sync() -> Vec<Bug> {
    vec![
        Bug {
            name: "who waits at a gate does not look again under the lock",
            file: "src/sync/gate.rs",
            sound: "        if self.is_open() {\n            return Listed::Open(waker);\n        }\n",
            broken: "",
            by: shuttle!(
                "sync::a_latch_waiter_that_is_cancelled_takes_no_wake_up_along",
                "sync::a_token_cancelled_beside_its_children_is_seen_by_all"
            ),
            quick: false,
        },
        Bug {
            name: "who leaves a gate takes the others' wakers along",
            file: "src/sync/gate.rs",
            sound: "let _waker = self.gate.lock().try_remove(key);",
            broken: "let _key = key;\n            self.gate.lock().clear();",
            by: shuttle!("sync::a_latch_waiter_that_is_cancelled_takes_no_wake_up_along"),
            quick: false,
        },
        Bug {
            name: "a child token is made without a look at its parent",
            file: "src/sync/cancel.rs",
            sound: "        if self.is_cancelled() {\n            return CancelToken",
            broken: "        if false {\n            return CancelToken",
            by: shuttle!("sync::a_token_cancelled_beside_its_children_is_seen_by_all"),
            quick: false,
        },
        Bug {
            name: "a receiver does not look again before it waits",
            file: "src/sync/oneshot.rs",
            sound: "    let (unused, seen) = match look(&mut state) {",
            broken: "    let (unused, seen) = match None {",
            by: shuttle!("sync::a_value_sent_beside_a_cancelled_receiver_is_dropped_once"),
            quick: false,
        },
    ]
}

/// Timers.
fn timers() -> Vec<Bug> {
    vec![
        Bug {
            name: "of the timers that are due the first is forgotten",
            file: "src/timers/mod.rs",
            sound: "        for (_, waker) in due.own.drain(..) {",
            broken: "        for (_, waker) in due.own.drain(..).skip(1) {",
            by: shuttle!(
                "timers::sleeps_of_tasks_end_when_their_time_has_come",
                "timers::a_nested_call_that_sleeps_wakes_up",
                "timers::an_earlier_timer_is_not_late_for_a_later_one",
                "timers::timers_are_fired_though_threads_are_refused",
            ),
            quick: false,
        },
        Bug {
            name: "who leaves its seat sends for no holder of the timers",
            file: "src/worker.rs",
            sound: "    shared.send_for_holder();\n",
            broken: "",
            by: shuttle!("timers::a_caller_that_leaves_hands_the_timers_on"),
            quick: false,
        },
        Bug {
            name: "a timer that is dropped stays in the wheel",
            file: "src/timers/shard.rs",
            sound: "let waker = lock(&self.shard.state).wheel.remove(self.key);",
            broken: "let waker = lock(&self.shard.state).wheel.get_mut(self.key).map(|waker| waker.clone());",
            by: shuttle!("timers::a_timer_dropped_beside_its_firing_is_gone"),
            quick: false,
        },
    ]
}
