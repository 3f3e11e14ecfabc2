//! Bugs in everything else.

use super::{Bug, Catcher};

const BLOCKING: &str = "src/blocking/mod.rs";
const COUNT: &str = "src/count.rs";
const LOCAL: &str = "src/queue/local.rs";
const PARKER: &str = "src/parker.rs";
const REGISTRY: &str = "src/task/registry.rs";
const SLOT: &str = "src/queue/run_slot.rs";
const AWAY: &str = "src/blocking/away.rs";
const THREAD: &str = "src/blocking/thread.rs";
const WATCH: &str = "src/watch/mod.rs";

pub fn bugs() -> Vec<Bug> {
    let mut bugs = threads();
    bugs.extend(queues());
    bugs.extend(ends());
    bugs
}

/// Parker, signal, blocking pool, watcher.
fn threads() -> Vec<Bug> {
    vec![
        quick(
            "unpark signals without passing through the lock",
            PARKER,
            "            drop(lock(&self.lock));\n",
            "",
            model!("parker", "what_was_written_before_an_unpark_is_seen_after_the_park"),
        ),
        quick(
            "unpark publishes nothing",
            PARKER,
            "self.state.swap(NOTIFIED, Ordering::Release)",
            "self.state.swap(NOTIFIED, Ordering::Relaxed)",
            model!("parker", "what_was_written_before_an_unpark_is_seen_after_the_park"),
        ),
        quick(
            "a park that times out takes the token blindly",
            PARKER,
            "consumed.\n                self.state.swap(EMPTY, Ordering::Acquire);",
            "consumed.\n                self.state.store(EMPTY, Ordering::Relaxed);",
            model!("parker", "a_deadline_loses_no_token"),
        ),
        quick(
            "a main future's poll does not see the wake that it takes",
            "src/block_on/signal.rs",
            "self.woken.swap(false, Ordering::AcqRel);",
            "self.woken.store(false, Ordering::Relaxed);",
            model!("signal", "every_wake_is_followed_by_a_poll_that_sees_it"),
        ),
        quick(
            "a blocking thread that arrives still counts as coming",
            THREAD,
            "        state.coming = false;\n        state.running.insert(None)\n",
            "        state.running.insert(None)\n",
            model!("blocking", "closures_that_wait_for_each_other_get_a_thread_each"),
        ),
        quick(
            "a blocking thread that takes a closure does not send for the next",
            THREAD,
            "                self.pool.unlock_and_send(self.shared, state);\n                task::run",
            "                drop(state);\n                task::run",
            model!("blocking", "closures_that_wait_for_each_other_get_a_thread_each"),
        ),
        quick(
            "a blocking thread that timed out still counts",
            THREAD,
            "        state.threads -= 1;\n        state.running.remove(self.key);",
            "        state.running.remove(self.key);",
            model!("blocking", "a_closure_submitted_beside_a_time_out_is_run"),
        ),
        quick(
            "after a refused thread nobody is sent for",
            BLOCKING,
            "let wait = !state.queue.is_empty() && !self.wake_idle(&mut state);",
            "let wait = !state.queue.is_empty();",
            model!("blocking", "a_refused_thread_costs_no_closure"),
        ),
        quick(
            "a thread that was refused is not asked for again",
            BLOCKING,
            "        if self.expects_one(shared) && self.try_start(shared).is_some() {\n            self.give_away(shared);\n        }\n",
            "        let _ = shared;\n",
            model!("blocking", "a_thread_that_was_refused_is_asked_for_again"),
        ),
        quick(
            "the watcher sleeps though a thread was refused",
            WATCH,
            "\n                && !self.short.load(Ordering::SeqCst)",
            "",
            model!("watcher", "a_watcher_that_goes_to_sleep_tries_again_what_was_refused"),
        ),
        quick(
            "what was left to a watcher that is refused stays there",
            WATCH,
            "        shared.wake_parked();\n        shared.blocking.send(shared);\n",
            "        shared.wake_parked();\n",
            model!("watcher", "what_is_left_to_a_watcher_that_is_refused_goes_to_the_workers"),
        ),
        quick(
            "what is in a slot stays there when the watcher is refused",
            WATCH,
            "        fence(Ordering::SeqCst);\n        self.empty_slots(shared);\n",
            "        fence(Ordering::SeqCst);\n",
            model!("watcher", "what_gets_stuck_without_a_watcher_goes_to_the_others"),
        ),
        quick(
            "what goes into a slot when the watcher was refused stays there",
            WATCH,
            "return self.empty_slots(shared);",
            "return;",
            model!("watcher", "what_gets_stuck_without_a_watcher_goes_to_the_others"),
        ),
        quick(
            "who fills a slot passes no fence before it relies on a watcher",
            WATCH,
            "        // Between what may get stuck and the state; meets the fence in `do_without`.\n        fence(Ordering::SeqCst);\n",
            "",
            model!("watcher", "what_gets_stuck_without_a_watcher_goes_to_the_others"),
        ),
        quick(
            "a watcher that is refused passes no fence before it looks into slots",
            WATCH,
            "        // Between the state and what may be stuck; meets the fence in `rouse`.\n        fence(Ordering::SeqCst);\n",
            "",
            model!("watcher", "what_gets_stuck_without_a_watcher_goes_to_the_others"),
        ),
        quick(
            "without a watcher, a closure that was refused a thread is left alone",
            BLOCKING,
            "if left == 0 || !shared.watcher.try_again_later(shared) {",
            "if left == 0 || shared.watcher.try_again_later(shared) && false {",
            model!("blocking", "without_a_watcher_a_refused_thread_is_done_without"),
        ),
        quick(
            "who steps aside does not send for another",
            BLOCKING,
            "        self.unlock_and_send(entry.shared, state);",
            "        drop(state);",
            model!("blocking", "who_blocks_in_a_closure_makes_room_for_the_next"),
        ),
        quick(
            "the watcher sleeps without a look at the word",
            WATCH,
            "shared.idle.vacant() == shared.seats.len()\n                && ",
            "",
            model!("watcher", "a_watcher_that_goes_to_sleep_sees_what_gets_stuck"),
        ),
        quick(
            "the watcher's sleep is not sequentially consistent",
            WATCH,
            "self.state.swap(state, Ordering::SeqCst);",
            "self.state.swap(state, Ordering::AcqRel);",
            model!("watcher", "a_watcher_that_goes_to_sleep_sees_what_gets_stuck"),
        ),
        quick(
            "the watcher sleeps while a thread lends",
            WATCH,
            "\n                && shared.blocking.away() == 0",
            "",
            model!("watcher", "a_watcher_that_goes_to_sleep_sees_who_lends"),
        ),
        quick(
            "a lender's count may come after its look at the watcher",
            AWAY,
            "self.0.fetch_add(1, Ordering::SeqCst)",
            "self.0.fetch_add(1, Ordering::AcqRel)",
            model!("watcher", "a_watcher_that_goes_to_sleep_sees_who_lends"),
        ),
        quick(
            "the watcher gets slow without a look at the word",
            WATCH,
            "self.enter(SLOW, || shared.idle.vacant() == 0)",
            "self.enter(SLOW, || true)",
            model!("watcher", "a_watcher_that_gets_slow_sees_who_is_free"),
        ),
        quick(
            "a slow watcher is not told of a vacant seat",
            WATCH,
            "        if self.state.load(Ordering::SeqCst) == SLOW {\n            self.rouse(shared);\n        }\n",
            "        let _ = shared;\n",
            model!("watcher", "a_watcher_that_gets_slow_sees_who_is_free"),
        ),
    ]
}

fn queues() -> Vec<Bug> {
    vec![
        quick(
            "a run slot is replaced in two steps",
            SLOT,
            "from_raw(self.0.swap(new, Ordering::Release))",
            "let old = self.0.load(Ordering::Acquire);\n        self.0.store(new, Ordering::Release);\n        from_raw(old)",
            model!("run_slot", "a_runnable_leaves_the_slot_once"),
        ),
        quick(
            "a run slot hands a runnable on without its contents",
            SLOT,
            "self.0.store(new, Ordering::Release);",
            "self.0.store(new, Ordering::Relaxed);",
            model!("run_slot", "a_runnable_leaves_the_slot_once"),
        ),
        quick(
            "a local queue's length counts a pop before the push",
            LOCAL,
            "self.popped.store(self.popped.load(Ordering::Relaxed) + n, Ordering::Release);",
            "self.popped.store(self.popped.load(Ordering::Relaxed) + n, Ordering::Relaxed);",
            ring!("the_length_is_never_too_small"),
        ),
        quick(
            "a local queue's length counts a steal before the push",
            LOCAL,
            "self.stolen.fetch_add(n, Ordering::Release);",
            "self.stolen.fetch_add(n, Ordering::Relaxed);",
            ring!("the_length_counts_what_a_thief_left"),
        ),
        quick(
            "what a split takes out stays counted",
            LOCAL,
            "                shared.count_popped(half.len() as u64);\n",
            "",
            ring!("overflow_beside_a_thief"),
        ),
        quick(
            "memory that does not fit into the pool stays counted",
            "src/task/arena/pool.rs",
            "self.spare.push(bump).is_err() {",
            "self.spare.push(bump).is_err() && false {",
            model!("arena_pool", "a_piece_of_memory_has_one_owner_and_is_counted_once"),
        ),
    ]
}

/// Registry, count, phase.
fn ends() -> Vec<Bug> {
    vec![
        quick(
            "a task binds to a closed registry",
            REGISTRY,
            "self.enter(shard, meta, Some(waker), now, |shard| !shard.closed)",
            "self.enter(shard, meta, Some(waker), now, |_| true)",
            model!("registry", "a_task_that_binds_beside_a_close_is_refused_or_woken"),
        ),
        quick(
            "the registry lets go of the lock between collecting and closing",
            REGISTRY,
            "                let mut shard = lock(shard);\n                shard.closed = true;\n                shard.entries.iter().filter_map(|entry| entry.waker.clone()).collect()",
            "                let wakers = lock(shard).entries.iter().filter_map(|entry| entry.waker.clone()).collect();\n                lock(shard).closed = true;\n                wakers",
            model!("registry", "a_task_that_binds_beside_a_close_is_refused_or_woken"),
        ),
        quick(
            "spawns are read before ends",
            COUNT,
            "        let finished: u64 = seats().map(|c| c.finished.load(Ordering::Acquire)).sum();\n        let finished = finished + self.foreign.finished.load(Ordering::SeqCst);\n        let spawned: u64 = seats().map(|c| c.spawned.load(Ordering::Relaxed)).sum();\n        let spawned = spawned + self.foreign.spawned.load(Ordering::SeqCst);\n",
            "        let spawned: u64 = seats().map(|c| c.spawned.load(Ordering::Relaxed)).sum();\n        let spawned = spawned + self.foreign.spawned.load(Ordering::SeqCst);\n        let finished: u64 = seats().map(|c| c.finished.load(Ordering::Acquire)).sum();\n        let finished = finished + self.foreign.finished.load(Ordering::SeqCst);\n",
            model!("count", "nobody_counts_zero_while_a_task_is_alive"),
        ),
        quick(
            "the end of a task does not publish what it spawned",
            COUNT,
            "bump(&seat.counters.finished, 1, Ordering::Release);",
            "bump(&seat.counters.finished, 1, Ordering::Relaxed);",
            model!("count", "nobody_counts_zero_while_a_task_is_alive"),
        ),
        quick(
            "a spawn looks at the phase before it counts",
            COUNT,
            "        self.foreign.spawned.fetch_add(1, Ordering::SeqCst);\n        let closed = if inside { Phase::Cancelling } else { Phase::Draining };\n        let admitted = self.phase.load(Ordering::SeqCst) < closed;\n",
            "        let closed = if inside { Phase::Cancelling } else { Phase::Draining };\n        let admitted = self.phase.load(Ordering::SeqCst) < closed;\n        self.foreign.spawned.fetch_add(1, Ordering::SeqCst);\n",
            model!("count", "a_spawn_beside_the_end_is_refused_or_counted"),
        ),
        quick(
            "a spawn's look at the phase may come early",
            COUNT,
            "let admitted = self.phase.load(Ordering::SeqCst) < closed;",
            "let admitted = self.phase.load(Ordering::Acquire) < closed;",
            model!("count", "a_spawn_beside_the_end_is_refused_or_counted"),
        ),
        quick(
            "the last end without a seat may miss the phase",
            COUNT,
            "one of the two sees the other. Nobody may look after it.\n                self.phase.load(Ordering::SeqCst)",
            "one of the two sees the other. Nobody may look after it.\n                self.phase.load(Ordering::Relaxed)",
            model!("count", "the_last_end_beside_a_closer_that_leaves_stops_the_coordinator"),
        ),
    ]
}

fn quick(
    name: &'static str,
    file: &'static str,
    sound: &'static str,
    broken: &'static str,
    by: Catcher,
) -> Bug {
    Bug { name, file, sound, broken, by, quick: true }
}
