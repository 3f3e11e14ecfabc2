//! Wakers of timers that block: nobody else waits for them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use oasync::time::Sleep;
use oasync::{Coordinator, WorkerKind, sleep_until};

use crate::common::gate::{Gate, gate};
use crate::common::wakers::Call;
use crate::common::{LONG, ends_within, eventually, started, within};
use crate::{FAR, ms};

/// Longer than what must happen takes.
const BOUND: Duration = ms(10_000);

/// Waits at the gate when it is called.
fn blocks(gate: &Gate) -> Waker {
    let gate = gate.clone();
    Call::waker(move || _ = gate.pass())
}

/// Registers a timer with that waker, on the worker thread `index`; nothing if it is over
/// already.
fn register(coord: &Coordinator, index: usize, at: Instant, waker: Waker) -> Option<Sleep> {
    let make = move || async move {
        let mut sleep = sleep_until(at);
        let polled = Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker));
        polled.is_pending().then_some(sleep)
    };
    block_on(coord.spawn_pinned_on(index, make).unwrap()).unwrap()
}

/// Four tasks, and as many wakers that block as there are threads that fire timers, are due
/// at the same time; false if that was too early.
fn tasks_end_beside_wakers_that_block(workers: usize) -> bool {
    let coord = started(workers);
    let (open, gate) = gate();
    let at = Instant::now() + ms(500);
    let is_late = || Instant::now() >= at;
    let (tell, told) = mpsc::channel();
    let sleeper = || {
        let tell = tell.clone();
        coord.go(async move {
            sleep_until(at).await;
            tell.send(()).unwrap();
        });
    };
    // Whichever way round they are woken, some are behind.
    (0..2).for_each(|_| sleeper());
    eventually("two sleep", || coord.metrics().num_timers() == 2 || is_late());
    let blocked: Vec<_> =
        (0..=workers).map(|i| register(&coord, i % workers, at, blocks(&gate))).collect();
    (0..2).for_each(|_| sleeper());
    eventually("all sleep", || coord.metrics().num_timers() == workers + 5 || is_late());
    if is_late() || blocked.iter().any(Option::is_none) {
        return false;
    }
    for _ in 0..4 {
        told.recv_timeout(BOUND).expect("no task waits for a waker");
    }
    assert!(!gate.is_open());
    gate.wait_for(1);
    open.open();
    // Each is called once.
    gate.wait_for(workers + 1);
    true
}

#[test]
fn a_waker_that_blocks_holds_up_no_other_timer() {
    for workers in [1, 2, 2, 2] {
        eventually("all sleep in time", || tasks_end_beside_wakers_that_block(workers));
    }
}

#[test]
fn a_waker_that_blocks_does_not_keep_the_watcher_from_stuck_workers() {
    eventually("the only worker is stuck in time", || {
        let coord = started(1);
        let (open, gate) = gate();
        let at = Instant::now() + ms(200);
        let Some(_sleep) = register(&coord, 0, at, blocks(&gate)) else { return false };
        let (end, ended) = mpsc::channel::<()>();
        let (enter, entered) = mpsc::channel();
        let stuck = coord.spawn(async move {
            enter.send(oasync::worker_info().unwrap().kind()).unwrap();
            let _closed = ended.recv();
        });
        let kind = entered.recv_timeout(LONG).unwrap();
        if kind != WorkerKind::Worker || Instant::now() >= at {
            return false;
        }
        gate.wait_for(1);
        // One after the other: each is behind the worker, and nobody is awake.
        for _ in 0..3 {
            let behind = coord.spawn(async { oasync::spawn(async { 5 }).await.unwrap() });
            assert_eq!(ends_within(BOUND, || block_on(behind)).unwrap(), 5);
        }
        assert!(!gate.is_open());
        drop((open, end));
        block_on(stuck).unwrap();
        true
    });
}

/// How many wakers there are in those tests that are about nothing else.
const WAKERS: usize = 5;

/// So many may block at the end, and no other waits for them.
const MAY_BLOCK: usize = 15;

#[test]
fn wakers_that_block_do_not_keep_each_other_from_their_calls() {
    let coord = started(1);
    // Those who came for others leave, and come again.
    for _ in 0..3 {
        eventually("all sleep in time", || all_are_called_while_each_blocks(&coord));
    }
}

fn all_are_called_while_each_blocks(coord: &Coordinator) -> bool {
    let (_open, gate) = gate();
    let at = Instant::now() + ms(500);
    let sleeps: Vec<_> = (0..WAKERS).map(|_| register(coord, 0, at, blocks(&gate))).collect();
    if Instant::now() >= at || sleeps.iter().any(Option::is_none) {
        return false;
    }
    within(BOUND, "each is called", || gate.arrivals() == WAKERS);
    assert!(!gate.is_open());
    true
}

#[test]
fn at_the_end_a_waker_that_blocks_does_not_keep_others_from_their_calls() {
    // In whatever order they are called, the others are behind.
    for first in [0, 1, WAKERS] {
        let blocking = first..first + MAY_BLOCK;
        let coord = started(1);
        let (_open, gate) = gate();
        let called = Arc::new(AtomicUsize::new(0));
        let register_one = |i| {
            let called = called.clone();
            let count = move || _ = called.fetch_add(1, Ordering::SeqCst);
            let waker = if blocking.contains(&i) { blocks(&gate) } else { Call::waker(count) };
            register(&coord, 0, Instant::now() + FAR, waker).expect("it is not over")
        };
        let _sleeps: Vec<_> = (0..MAY_BLOCK + WAKERS).map(register_one).collect();
        let handle = coord.handle();
        ends_within(BOUND, move || handle.shutdown(Duration::ZERO));
        gate.wait_for(MAY_BLOCK);
        within(BOUND, "the others are called", || called.load(Ordering::SeqCst) == WAKERS);
        assert!(!gate.is_open());
    }
}
