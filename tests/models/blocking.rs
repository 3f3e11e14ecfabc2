//! The blocking pool: every closure gets a thread, however threads come, go, time
//! out, are refused or step aside; and at the end every thread leaves.

use oasync_models::{explore_with, sync_facade};

#[allow(dead_code)]
#[path = "../../src/blocking/mod.rs"]
mod blocking;
#[allow(dead_code)]
#[path = "../../src/parker.rs"]
mod parker;

#[path = "blocking/stand_ins.rs"]
mod stand_ins;

pub(crate) use stand_ins::{WorkerInfo, WorkerKind, context, shared, task, thief, threads};

use std::time::Duration;

use context::Entry;
use loom::thread;
use shared::Shared;
use task::{Runnable, TaskId};

/// A thread does not idle for ever, but for longer than the model lasts.
const LONG: Duration = Duration::MAX;
const SHORT: Duration = Duration::from_millis(1);

#[test]
fn closures_that_wait_for_each_other_get_a_thread_each() {
    explore_with("blocking, burst", 3, || {
        let shared = Shared::new(2, LONG, 2, |entry, id| entry.shared.meet(id));
        shared.blocking.open(&shared);
        shared.submit_blocking(Runnable::new(0));
        shared.submit_blocking(Runnable::new(1));
        shared.end();
    });
}

#[test]
fn a_closure_submitted_beside_a_time_out_is_run() {
    explore_with("blocking, time-out", 3, || {
        let shared = Shared::new(1, SHORT, 3, |_, _| ());
        shared.blocking.open(&shared);
        shared.submit_blocking(Runnable::new(0));
        shared.submit_blocking(Runnable::new(1));
        shared.submit_blocking(Runnable::new(2));
        shared.end();
    });
}

#[test]
fn closures_queued_before_the_start_are_run() {
    explore_with("blocking, start", 3, || {
        let shared = Shared::new(1, LONG, 2, |_, _| ());
        let submitter = {
            let shared = shared.clone();
            thread::spawn(move || shared.submit_blocking(Runnable::new(0)))
        };
        shared.blocking.open(&shared);
        shared.submit_blocking(Runnable::new(1));
        submitter.join().unwrap();
        shared.end();
    });
}

#[test]
fn a_refused_thread_costs_no_closure() {
    explore_with("blocking, refused", 3, || {
        let shared = Shared::new(2, LONG, 3, |_, _| ());
        shared.threads.refuse_from(1);
        shared.blocking.open(&shared);
        let submitter = {
            let shared = shared.clone();
            thread::spawn(move || shared.submit_blocking(Runnable::new(2)))
        };
        shared.submit_blocking(Runnable::new(0));
        shared.submit_blocking(Runnable::new(1));
        submitter.join().unwrap();
        shared.end();
    });
}

/// The closure that has a thread waits for the one that was refused one.
#[test]
fn a_thread_that_was_refused_is_asked_for_again() {
    explore_with("blocking, refused once", 2, || {
        let shared = Shared::new(2, LONG, 2, |entry, id| entry.shared.meet(id));
        shared.threads.refuse_one(1);
        shared.blocking.open(&shared);
        let watcher = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.watcher.told.park(None);
                shared.blocking.try_again(&shared);
            })
        };
        shared.submit_blocking(Runnable::new(0));
        shared.submit_blocking(Runnable::new(1));
        watcher.join().unwrap();
        shared.end();
    });
}

/// The same without a watcher: it runs without a thread of the pool.
#[test]
fn without_a_watcher_a_refused_thread_is_done_without() {
    explore_with("blocking, refused for ever", 3, || {
        let body = |entry: &Entry<'_>, id| {
            if id == 0 {
                entry.shared.given_away.park(None);
            }
        };
        let shared = Shared::new(2, LONG, 2, body);
        shared.threads.refuse_from(1);
        shared.watcher.refuse();
        shared.blocking.open(&shared);
        shared.submit_blocking(Runnable::new(0));
        shared.submit_blocking(Runnable::new(1));
        shared.end();
    });
}

#[test]
fn who_blocks_in_a_closure_makes_room_for_the_next() {
    explore_with("blocking, step aside", 3, || {
        let body = |entry: &Entry<'_>, id| {
            if id == 0 && !entry.counted_out.replace(true) {
                entry.shared.blocking.step_aside(entry);
            }
            entry.shared.meet(id);
        };
        let shared = Shared::new(1, LONG, 2, body);
        shared.blocking.open(&shared);
        shared.submit_blocking(Runnable::new(0));
        shared.submit_blocking(Runnable::new(1));
        shared.end();
    });
}

/// It runs, or goes to the workers, who drop it; and what comes after it runs.
#[test]
fn a_closure_that_is_cancelled_leaves_once() {
    explore_with("blocking, cancel", 3, || {
        let shared = Shared::new(1, LONG, 3, |_, _| ());
        shared.blocking.open(&shared);
        shared.submit_blocking(Runnable::new(0));
        shared.submit_blocking(Runnable::new(1));
        let canceller = {
            let shared = shared.clone();
            thread::spawn(move || shared.blocking.forget(&shared, &[TaskId(1)]))
        };
        shared.submit_blocking(Runnable::new(2));
        canceller.join().unwrap();
        shared.end();
    });
}
