//! Bugs against users' code that waits or blocks where one does not expect it: in hooks, in
//! wakers, in destructors, at the end.

use super::{Bug, Catcher};

pub fn bugs() -> Vec<Bug> {
    let mut bugs = at_the_end();
    bugs.extend(in_destructors());
    bugs.extend(in_hooks());
    bugs.extend(in_wakers());
    bugs
}

fn bug(
    name: &'static str,
    file: &'static str,
    sound: &'static str,
    broken: &'static str,
    by: Catcher,
) -> Bug {
    Bug { name, file, sound, broken, by, quick: false }
}

fn at_the_end() -> Vec<Bug> {
    vec![
        bug(
            "a thread has ended before the destructors of its thread-locals have",
            "src/sync_facade/native.rs",
            "self.ended.load(Ordering::Acquire)",
            "self.handle.is_finished()",
            test!(
                "shutdown",
                "left::nor_does_it_if_another_thread_was_started_since",
                "left::nor_do_those_of_several_threads_all_of_which_are_named"
            ),
        ),
        bug(
            "a shutdown waits for its threads without a limit",
            "src/shutdown.rs",
            "join(shared, limit.map(|limit| limit.max(grace)))",
            "join(shared, None.or(limit.filter(|_| false).map(|_| grace)))",
            test!(
                "shutdown",
                "left::a_stop_hook_does_not_hold_up_a_shutdown",
                "left::the_drop_of_a_result_that_nobody_takes_does_not_hold_up_a_shutdown",
                "left::a_waker_of_somebody_else_does_not_hold_up_a_shutdown"
            ),
        ),
        bug(
            "the drop waits for threads that a shutdown gave up",
            "src/shutdown.rs",
            "if closer.stop(ended) && !gave_up {",
            "if closer.stop(ended) {",
            test!("shutdown", "left::a_stop_hook_does_not_hold_up_a_shutdown"),
        ),
        bug(
            "threads that have ended are named beside one that has not",
            "src/handles.rs",
            "self.list.iter().filter(|handle| !handle.has_ended());",
            "self.list.iter();",
            test!("shutdown", "left::a_stop_hook_does_not_hold_up_a_shutdown"),
        ),
        bug(
            "past its limit a shutdown polls main futures below it",
            "src/block_on/frame.rs",
            "        !pressed && !self.done",
            "        !self.done",
            test!(
                "shutdown",
                "bound::in_a_task_on_a_callers_thread_no_main_future_is_polled_past_the_limit"
            ),
        ),
    ]
}

fn in_destructors() -> Vec<Bug> {
    vec![
        bug(
            "what comes after the drop of a task is no place to wait in",
            "src/context/mod.rs",
            "called || in_aftermath() || seated()",
            "called || seated()",
            test!(
                "block_on",
                "on_top::of_the_waker_of_a_closure_at_its_end",
                "on_top::of_the_waker_of_a_task_that_is_dropped_before_the_start"
            ),
        ),
        bug(
            "what the runtime calls is no place to wait in",
            "src/context/mod.rs",
            "polling || called || in_aftermath()",
            "polling || (false && called) || in_aftermath()",
            test!(
                "block_on",
                "on_top::of_the_stall_hook",
                "on_top::timers::of_a_waker_at_the_end",
                "on_top::timers::of_a_waker_behind_a_stuck_worker"
            ),
        ),
        bug(
            "the drop of a closure is taken for its call",
            "src/context/mod.rs",
            "code.is_dropped() || !is_closure(code)",
            "!is_closure(code)",
            test!("block_on", "on_top::of_the_destructor_of_a_closure"),
        ),
        bug(
            "a closer does not look what it holds up",
            "src/shutdown.rs",
            "        beside.look();\n        match &mut sweepers {",
            "        let _ = &mut beside;\n        match &mut sweepers {",
            test!(
                "shutdown",
                "unwatched::a_destructor_can_drop_a_coordinator_that_waits_for_a_closure"
            ),
        ),
        bug(
            "a destructor that waits holds up the others in a drop",
            "src/shutdown.rs",
            "Some(sweepers) => sweepers.look(),",
            "Some(_) => {}",
            test!(
                "shutdown",
                "waits::before_the_start_a_destructor_that_blocks_until_another_task_is_dropped_goes_on"
            ),
        ),
        bug(
            "a destructor that does not return holds up the others at the limit",
            "src/shutdown.rs",
            "|| sweepers.look()",
            "|| drop(&mut sweepers)",
            test!("shutdown", "stuck::each_task_whose_destructor_is_stuck_is_reported"),
        ),
        bug(
            "nobody goes on with the queues while a destructor waits",
            "src/sweep.rs",
            "        if late && self.sweeper.is_none() {",
            "        if false && late {",
            test!("shutdown", "unwatched::a_destructor_that_waits_for_a_closure_gets_its_answer"),
        ),
        bug(
            "who blocks once the registry is closed is not listed",
            "src/task/registry.rs",
            "self.enter(shard, meta, waker, now, |_| true)",
            "self.enter(shard, meta, waker, now, |shard| !shard.closed)",
            test!(
                "shutdown",
                "nested::a_poll_that_waits_in_a_nested_call_past_the_limit_is_named",
                "nested::a_poll_that_blocks_in_place_past_the_limit_is_named"
            ),
        ),
        bug(
            "who waits in a destructor is not listed",
            "src/task/meta.rs",
            "if self.is_admitted() && self.place.is_nowhere() {",
            "if waker.is_some() && self.is_admitted() && self.place.is_nowhere() {",
            test!("shutdown", "nested::a_destructor_that_waits_after_the_first_poll_is_listed"),
        ),
        bug(
            "a task is listed no more once its future is ready, though that is not dropped",
            "src/task/mod.rs",
            "        // SAFETY: `future` is dropped in place; see `poll_user`.\n        let this",
            "        if let Some(seat) = context::seat(self.own().shared()) {\n            seat.end_poll();\n        }\n        // SAFETY: `future` is dropped in place; see `poll_user`.\n        let this",
            test!("shutdown", "nested::a_destructor_that_blocks_after_the_first_poll_is_listed"),
        ),
    ]
}

fn in_hooks() -> Vec<Bug> {
    vec![
        bug(
            "closures that are waited for in all start hooks stay in the pool",
            "src/blocking/mod.rs",
            "} else if self.away() > lend::most(shared) {",
            "} else if self.away() > usize::MAX - 1 {",
            test!(
                "rescue",
                "hooks::a_closure_runs_though_every_thread_waits_for_another_one_in_its_hook"
            ),
        ),
        bug(
            "the drop of a worker state comes when nothing can be pinned to its thread",
            "src/threads.rs",
            "    entry.drop_state();\n",
            "",
            test!(
                "pinned",
                "hooks::the_drop_of_a_worker_state_can_wait_for_a_pinned_task_of_its_thread"
            ),
        ),
        bug(
            "nobody polls pinned tasks while their thread waits in its start hook",
            "src/pinned/host.rs",
            "(!pressed || drops())\n",
            "(!pressed || drops())\n            && !self.entry.starting.get()\n",
            test!(
                "pinned",
                "hooks::a_task_in_a_start_hook_can_wait_for_a_pinned_one_of_that_thread",
                "hooks::a_start_hook_can_wait_for_a_pinned_task_of_its_thread"
            ),
        ),
        bug(
            "a call in a hook polls nothing that waits below",
            "src/block_on/mod.rs",
            "let _done = if is_lowest() {",
            "let _done = if is_lowest() || true {",
            test!(
                "pinned",
                "hooks::a_start_hook_can_wait_for_a_pinned_task_of_its_thread",
                "hooks::a_stop_hook_can_wait_for_a_pinned_task_of_its_thread"
            ),
        ),
        bug(
            "a thread leaves with what was pinned to it in its stop hook",
            "src/pinned/host.rs",
            "        while !is_over(home) {",
            "        if is_over(home) {\n            return;\n        }\n        while false {",
            test!(
                "pinned",
                "hooks::what_is_pinned_in_a_stop_hook_runs_after_it_and_has_the_worker_state_still"
            ),
        ),
        bug(
            "a thread of the pool counts again while its start hook goes on",
            "src/context/entry.rs",
            "let some = || self.is_worker_thread() && self.preferred_seat() < MOST_IN_HOOKS;",
            "let some = || MOST_IN_HOOKS > 0;",
            test!("rescue", "hooks::a_closure_runs_while_a_hook_blocks_after_a_nested_call",),
        ),
        bug(
            "who tells of stalls leaves without another look",
            "src/watch/deputy.rs",
            "if !self.is_due(shared, duty) || !self.begins(duty) {",
            "if true || !self.begins(duty) {",
            shuttle!("watch::the_hook_is_told_of_every_stall"),
        ),
        bug(
            "the watcher calls the stall hook itself",
            "src/watch/look.rs",
            "shared.watcher.deputies.tell(shared, stall);",
            "crate::stall::tell(&shared.hooks, &stall);",
            test!(
                "rescue",
                "stalls::a_stall_hook_gets_the_result_of_a_task_while_all_workers_are_stuck"
            ),
        ),
    ]
}

fn in_wakers() -> Vec<Bug> {
    vec![
        bug(
            "one calls others' wakers for the watcher, however long it takes",
            "src/watch/look.rs",
            "if foreign.is_over(shared, waits) {",
            "if foreign.is_over(shared, waits) && !waits {",
            test!("time", "wakers::wakers_that_block_do_not_keep_each_other_from_their_calls"),
        ),
        bug(
            "one calls the wakers of timers that nobody will fire",
            "src/watch/deputy.rs",
            "let more = wakers.len().min(MOST_WAKING) - 1;",
            "let more = wakers.len().min(MOST_WAKING).min(1) - 1;",
            test!(
                "time",
                "wakers::at_the_end_a_waker_that_blocks_does_not_keep_others_from_their_calls"
            ),
        ),
        bug(
            "the watcher calls others' wakers itself",
            "src/watch/look.rs",
            "shared.watcher.deputies.send(shared, Duty::Timers);",
            "let _ = Duty::Timers;\n        shared.fire_timers();",
            test!(
                "time",
                "wakers::a_waker_that_blocks_does_not_keep_the_watcher_from_stuck_workers"
            ),
        ),
        bug(
            "others' wakers are called in one go with the runtime's",
            "src/timers/mod.rs",
            "let own = context::is_own_waker(waker);",
            "let own = true;",
            test!("time", "wakers::a_waker_that_blocks_holds_up_no_other_timer"),
        ),
    ]
}
