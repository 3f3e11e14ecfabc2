//! Where memory changes hands between two threads, aimed at by a barrier: what is borrowed,
//! or the coordinator itself, goes away at the moment at which another thread lets go of it.
//! These are for the sanitizers (`tests/sanitize.sh`); without them a use of freed memory
//! would mostly go unseen.

mod common;

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use oasync::Coordinator;

use common::{LONG, coordinator, started};

const ROUNDS: usize = 200;

/// A result that is looked at once more in its drop, late: when the scope has returned, or
/// after some time in which it has not.
struct Late<'a> {
    borrowed: &'a [u64],
    returned: Arc<AtomicBool>,
}

impl Drop for Late<'_> {
    fn drop(&mut self) {
        let begun = Instant::now();
        while !self.returned.load(Ordering::SeqCst) && begun.elapsed() < Duration::from_millis(20) {
            thread::yield_now();
        }
        assert_eq!(self.borrowed.iter().sum::<u64>(), 64);
    }
}

#[test]
fn a_result_that_nobody_takes_is_dropped_before_its_scope_returns() {
    let coord = started(2);
    let returned = Arc::new(AtomicBool::new(false));
    let memory = vec![1; 64];
    coord.scope(|s| {
        let (borrowed, returned) = (&memory[..], returned.clone());
        let (tell, told) = mpsc::channel();
        drop(s.spawn(async move {
            tell.send(()).unwrap();
            Late { borrowed, returned }
        }));
        // On another thread: this one is to return.
        told.recv_timeout(LONG).unwrap();
    });
    drop(memory);
    returned.store(true, Ordering::SeqCst);
}

/// A task that waits for ever, and its waker.
fn waiting(coord: &Coordinator) -> Waker {
    let (tell, told) = mpsc::channel();
    coord.task().name("waits").go(poll_fn(move |cx| {
        let _ = tell.send(cx.waker().clone());
        Poll::<()>::Pending
    }));
    told.recv_timeout(LONG).unwrap()
}

#[test]
fn wakes_from_outside_while_the_coordinator_is_dropped() {
    const WAKERS: usize = 4;
    for _ in 0..ROUNDS {
        let coord = started(1);
        let wakers: Vec<Waker> = (0..WAKERS).map(|_| waiting(&coord)).collect();
        let met = Barrier::new(WAKERS + 1);
        thread::scope(|s| {
            for waker in wakers {
                let met = &met;
                s.spawn(move || {
                    met.wait();
                    waker.wake();
                });
            }
            met.wait();
            drop(coord);
        });
    }
}

#[test]
fn spawns_from_outside_while_the_coordinator_is_dropped() {
    for _ in 0..ROUNDS {
        let coord = started(1);
        let handle = coord.handle();
        let met = Barrier::new(2);
        thread::scope(|s| {
            s.spawn(|| {
                met.wait();
                let task = handle.spawn(async { 1 });
                handle.gob(|| ());
                drop(handle);
                futures_lite::future::block_on(task).is_ok()
            });
            met.wait();
            drop(coord);
        });
    }
}

#[test]
fn tasks_are_listed_while_they_end() {
    let coord = started(2);
    for round in 0..ROUNDS {
        let met = Arc::new(Barrier::new(2));
        let tasks: Vec<_> = (0..4)
            .map(|i| coord.task().name(format!("{round}, {i}")).spawn(pending::<()>()))
            .collect();
        let theirs = met.clone();
        let ends = thread::spawn(move || {
            theirs.wait();
            tasks.into_iter().for_each(|task| task.abort());
        });
        met.wait();
        // Each name is read to its end.
        let length: usize = coord.tasks().iter().filter_map(|task| task.name()).map(str::len).sum();
        assert!(length < 10_000);
        ends.join().unwrap();
    }
}

#[test]
fn a_handle_is_dropped_while_its_task_ends() {
    let coord = coordinator(2);
    coord.block_on(async {
        for _ in 0..ROUNDS {
            let met = Arc::new(Barrier::new(2));
            let theirs = met.clone();
            let task = oasync::task().name("ends").spawn(async move {
                theirs.wait();
                vec![1; 64]
            });
            let drops = oasync::spawn_blocking(move || {
                met.wait();
                drop(task);
            });
            drops.await.unwrap();
        }
    });
}
