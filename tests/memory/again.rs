//! What is done again and again: wakes, coordinators.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Poll, Waker};
use std::thread;

use futures_lite::future::block_on;
use oasync::Coordinator;

use crate::alone;
use crate::common::counting::{live, most_in};
use crate::common::{LONG, eventually, started};

#[test]
fn a_waker_called_ten_million_times_takes_no_memory() {
    const WAKES: usize = if cfg!(debug_assertions) { 1_000_000 } else { 10_000_000 };
    const BOUND: usize = 64 << 10; // Threads that are started take some.
    alone(|| {
        let coord = started(2);
        let polls = Arc::new(AtomicUsize::new(0));
        let (counted, (tell, told)) = (polls.clone(), mpsc::channel());
        let mut tell = Some(tell);
        coord.go(poll_fn(move |cx| {
            counted.fetch_add(1, Ordering::SeqCst);
            tell.take().inspect(|tell| tell.send(cx.waker().clone()).unwrap());
            Poll::<()>::Pending
        }));
        let waker: Waker = told.recv_timeout(LONG).unwrap();
        let call = |times: usize| {
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| (0..times / 2).for_each(|_| waker.wake_by_ref()));
                }
            });
        };
        call(10_000); // Threads, queues.
        let most = most_in(|| call(WAKES));
        assert!(most < BOUND, "{most} bytes at once for {WAKES} wakes");
        assert!(polls.load(Ordering::SeqCst) > 0);
        drop(coord);
        // And for a task that is no more.
        let most = most_in(|| call(WAKES));
        assert!(most < BOUND, "{most} bytes at once for {WAKES} wakes that do nothing");
    });
}

/// Makes a coordinator, in one of several ways, and drops it.
fn come_and_go(i: usize) {
    let coord = Coordinator::builder().workers(1 + i % 3).build().unwrap();
    coord.go(async {});
    match i % 5 {
        0 => {} // Never started.
        1 => coord.start().unwrap(),
        2 => coord.block_on(async { oasync::spawn(async {}).await }).unwrap(),
        3 => {
            coord.start().unwrap();
            block_on(coord.spawn_blocking(|| ())).unwrap();
        }
        _ => {
            // Named, with an arena, waiting to the end; a waker that outlives it.
            let (tell, told) = mpsc::channel();
            coord.task().name("waits").go(poll_fn(move |cx| {
                oasync::arena().alloc(1_u8);
                let _ = tell.send(cx.waker().clone());
                Poll::<()>::Pending
            }));
            coord.start().unwrap();
            let waker = told.recv_timeout(LONG).unwrap();
            drop(coord);
            waker.wake();
        }
    }
}

#[test]
fn ten_thousand_coordinators_leave_no_memory() {
    const COORDINATORS: usize = if cfg!(debug_assertions) { 2_000 } else { 10_000 };
    const BOUND: usize = 4 << 10; // The test runner takes some.
    alone(|| {
        (0..100).for_each(come_and_go); // What is made once for all.
        let before = live();
        (0..COORDINATORS).for_each(come_and_go);
        // A thread that was joined may hold something for a moment.
        eventually("all is given back", || live() < before + BOUND);
    });
}
