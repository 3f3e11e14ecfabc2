//! Latch.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Waker;
use std::thread;

use oasync::sync::Latch;

use crate::common::wakers::{Call, Count, OnDrop, on_clone, poll};
use crate::common::{coordinator, in_time};

#[test]
fn it_opens_at_the_last_count_and_stays_open() {
    let latch = Latch::new(2);
    let count = Count::new();
    let waker = Waker::from(count.clone());
    let mut wait = latch.wait();
    assert!(poll(&mut wait, &waker).is_pending());
    latch.count_down();
    assert_eq!((latch.missing(), latch.is_open(), count.get()), (1, false, 0));
    latch.count_down();
    assert_eq!((latch.missing(), latch.is_open(), count.get()), (0, true, 1));
    latch.count_down(); // once too often
    assert_eq!((latch.missing(), count.get()), (0, 1));
    assert!(poll(&mut wait, &waker).is_ready());
    assert!(poll(&mut wait, &waker).is_ready(), "polled again");
    assert!(poll(&mut latch.wait(), &waker).is_ready(), "who comes later goes through");
}

#[test]
fn a_latch_of_zero_is_open() {
    static OPEN: Latch = Latch::new(0);
    assert!(OPEN.is_open());
    OPEN.wait_blocking();
}

#[test]
fn arriving_counts_at_once_and_dropping_takes_nothing_back() {
    let latch = Latch::new(2);
    drop(latch.arrive()); // never polled
    assert_eq!(latch.missing(), 1);
    drop(latch.wait());
    assert_eq!(latch.missing(), 1);
}

#[test]
fn tasks_closures_and_threads_wait_for_one_latch() {
    let coord = coordinator(2);
    let latch = Arc::new(Latch::new(1));
    let passed = Arc::new(AtomicUsize::new(0));
    let with = || (latch.clone(), passed.clone());
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (latch, passed) = with();
            coord.spawn(async move {
                latch.wait().await;
                passed.fetch_add(1, SeqCst);
            })
        })
        .collect();
    let wait = |(latch, passed): (Arc<Latch>, Arc<AtomicUsize>)| {
        move || {
            latch.wait_blocking();
            passed.fetch_add(1, SeqCst);
        }
    };
    let closure = coord.spawn_blocking(wait(with()));
    let thread = thread::spawn(wait(with()));
    assert_eq!(passed.load(SeqCst), 0);
    latch.count_down();
    thread.join().unwrap();
    coord.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
        closure.await.unwrap();
    });
    assert_eq!(passed.load(SeqCst), 102);
}

#[test]
fn waiting_on_the_thread_in_a_task_gives_its_worker_to_others() {
    let coord = coordinator(1);
    let latch = Arc::new(Latch::new(1));
    let there = latch.clone();
    // Queued on the only worker, behind the task that waits.
    coord
        .block_on(coord.spawn(async move {
            oasync::go(async move { there.count_down() });
            latch.wait_blocking();
        }))
        .unwrap();
}

/// The opener must neither miss a waiter that is about to enter the list, nor the
/// waiter the opening.
#[test]
fn no_wake_up_is_lost_whoever_comes_first() {
    for _ in 0..3_000 {
        let latch = Arc::new(Latch::new(2));
        let there = latch.clone();
        let thread = thread::spawn(move || {
            there.count_down();
            there.wait_blocking();
        });
        latch.count_down();
        latch.wait_blocking();
        thread.join().unwrap();
    }
}

#[test]
fn a_latch_that_opens_between_look_and_entry_is_seen() {
    let latch = Arc::new(Latch::new(1));
    let opener = latch.clone();
    let mut wait = latch.wait();
    assert!(poll(&mut wait, &on_clone(move || opener.count_down())).is_ready());
}

#[test]
fn a_waiter_is_woken_by_the_waker_it_was_polled_with_last() {
    let latch = Latch::new(1);
    let (first, last) = (Count::new(), Count::new());
    let mut wait = latch.wait();
    assert!(poll(&mut wait, &Waker::from(first.clone())).is_pending());
    assert!(poll(&mut wait, &Waker::from(last.clone())).is_pending());
    assert_eq!(Arc::strong_count(&first), 1, "the waker replaced is dropped");
    latch.count_down();
    assert_eq!((first.get(), last.get()), (0, 1));
    drop(wait);
    assert_eq!(Arc::strong_count(&last), 1);
}

#[test]
fn a_waiter_that_is_dropped_leaves_nothing_behind() {
    let latch = Latch::new(1);
    let (gone, here) = (Count::new(), Count::new());
    let mut wait = latch.wait();
    let mut other = latch.wait();
    assert!(poll(&mut wait, &Waker::from(gone.clone())).is_pending());
    assert!(poll(&mut other, &Waker::from(here.clone())).is_pending());
    drop(wait);
    assert_eq!(Arc::strong_count(&gone), 1);
    latch.count_down();
    assert_eq!((gone.get(), here.get()), (0, 1));
}

#[test]
fn no_lock_is_held_while_a_waker_is_woken_or_dropped() {
    in_time(wakers_touch_their_latch);
}

fn wakers_touch_their_latch() {
    let latch = Arc::new(Latch::new(1));
    let touch = |latch: &Arc<Latch>| {
        let latch = latch.clone();
        move || {
            // Each of these takes the lock: under it they would hang.
            drop(latch.wait());
            let _ = poll(&mut latch.wait(), Waker::noop());
            latch.count_down();
        }
    };
    let (mut woken, mut replaced, mut dropped) = (latch.wait(), latch.wait(), latch.wait());
    // The wakers are dropped in these steps; the first of them opens the latch.
    assert!(poll(&mut woken, &Call::waker(touch(&latch))).is_pending());
    assert!(poll(&mut replaced, &OnDrop::waker(touch(&latch))).is_pending());
    assert!(poll(&mut dropped, &OnDrop::waker(touch(&latch))).is_pending());
    drop(dropped);
    assert!(latch.is_open());
    assert!(poll(&mut replaced, Waker::noop()).is_ready());
    assert!(poll(&mut woken, Waker::noop()).is_ready());

    let latch = Arc::new(Latch::new(2));
    let mut replaced = latch.wait();
    assert!(poll(&mut replaced, &OnDrop::waker(touch(&latch))).is_pending());
    assert!(poll(&mut replaced, Waker::noop()).is_pending());
    assert_eq!(latch.missing(), 1);
}

#[test]
fn a_waker_that_panics_keeps_nobody_waiting() {
    let latch = Latch::new(1);
    let count = Count::new();
    let mut waits: Vec<_> = (0..4).map(|_| latch.wait()).collect();
    for (n, wait) in waits.iter_mut().enumerate() {
        let waker = match n {
            0 | 2 => Call::waker(|| panic!("in a waker")),
            _ => Waker::from(count.clone()),
        };
        assert!(poll(wait, &waker).is_pending());
    }
    let panic = catch_unwind(AssertUnwindSafe(|| latch.count_down())).unwrap_err();
    assert_eq!(*panic.downcast::<&str>().unwrap(), "in a waker");
    assert_eq!(count.get(), 2);
    assert!(latch.is_open());
}
