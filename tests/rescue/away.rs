//! Threads of the blocking pool that are stuck in something other than a closure do not
//! keep closures from running, nor closures that came back keep others from lending.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};

use futures_lite::future::block_on;
use oasync::{Coordinator, Handle, block_in_place};

use crate::common::{LONG, eventually};
use crate::spin_until;

/// One worker, one thread for closures.
fn small() -> Coordinator {
    let coord = Coordinator::builder().workers(1).blocking_threads(1).build().unwrap();
    coord.start().unwrap();
    coord
}

/// Blocks until a closure has run.
fn wait_for_a_closure(handle: &Handle) {
    let (sender, receiver) = mpsc::channel();
    handle.gob(move || sender.send(()).unwrap());
    receiver.recv_timeout(LONG).expect("the closure runs");
}

#[test]
fn closures_run_though_as_many_lend_as_may() {
    let coord = small();
    // The worker, and two lenders: all that poll tasks.
    let meet = Arc::new(Barrier::new(3));
    let tasks: Vec<_> = (0..3)
        .map(|_| {
            let (meet, handle) = (meet.clone(), coord.handle());
            coord.spawn(async move {
                meet.wait();
                wait_for_a_closure(&handle);
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| block_on(task).unwrap());
}

#[test]
fn a_closure_runs_behind_a_lender_however_long_polls_may_take() {
    let builder = Coordinator::builder().workers(1).blocking_threads(1);
    let coord = builder.stall_threshold(10 * LONG).build().unwrap();
    coord.start().unwrap();
    let (open, gate) = mpsc::channel::<()>();
    coord.gob(move || gate.recv_timeout(LONG).unwrap());
    let (release, held) = mpsc::channel::<()>();
    let (enter, entered) = mpsc::channel();
    coord.go(async move {
        enter.send(()).unwrap();
        let _ = held.recv_timeout(2 * LONG);
    });
    entered.recv_timeout(LONG).unwrap();
    let handle = coord.handle();
    let lent = coord.spawn(async move { wait_for_a_closure(&handle) });
    // Out of closures, and the worker is busy.
    open.send(()).unwrap();
    block_on(lent).unwrap();
    drop(release);
}

#[test]
fn a_worker_gets_help_though_closures_that_came_back_are_many() {
    let coord = small();
    let back = Arc::new(AtomicUsize::new(0));
    let done = Arc::new(AtomicBool::new(false));
    let gates: Vec<_> = (0..3)
        .map(|_| {
            let (enter, entered) = mpsc::channel();
            let (open, gate) = mpsc::channel::<()>();
            let (handle, back, done) = (coord.handle(), back.clone(), done.clone());
            coord.gob(move || {
                // Blocked in a poll, it does not count: the next one comes.
                handle.block_on(async {
                    block_in_place(|| {
                        enter.send(()).unwrap();
                        gate.recv_timeout(LONG).unwrap();
                    });
                });
                back.fetch_add(1, Ordering::SeqCst);
                eventually("the task ran", || done.load(Ordering::SeqCst));
            });
            entered.recv_timeout(LONG).unwrap();
            open
        })
        .collect();
    gates.iter().for_each(|open| open.send(()).unwrap());
    eventually("all are back", || back.load(Ordering::SeqCst) == 3);
    let stuck = coord.spawn(async move {
        let set = done.clone();
        let _tasks = oasync::spawn_many([async move { set.store(true, Ordering::SeqCst) }]);
        spin_until(&done);
    });
    block_on(stuck).unwrap();
}

#[test]
fn what_waits_behind_more_stuck_polls_than_may_be_runs_when_one_ends() {
    let coord = small();
    let (enter, entered) = mpsc::channel();
    // The worker, and two lenders.
    let gates: Vec<_> = (0..3)
        .map(|_| {
            let (open, gate) = mpsc::channel::<()>();
            let enter = enter.clone();
            coord.go(async move {
                enter.send(()).unwrap();
                let _ = gate.recv_timeout(2 * LONG);
            });
            open
        })
        .collect();
    (0..3).for_each(|_| entered.recv_timeout(LONG).unwrap());
    let last = coord.task().name("last").spawn(async {});
    assert!(coord.tasks().iter().any(|task| task.name() == Some("last")));
    drop(gates.into_iter().next_back());
    block_on(last).unwrap();
}
