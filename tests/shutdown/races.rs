//! Others close, spawn and wake while the coordinator ends.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use oasync::{Coordinator, JoinHandle};

use crate::{Count, LONG, coordinator, eventually, no_threads, wait_for_ever, yield_for_ever};

#[test]
fn twice_and_from_two_threads_at_once() {
    for _ in 0..20 {
        let (coord, count) = (coordinator("sd-two", 2), Count::default());
        coord.start().unwrap();
        for _ in 0..100 {
            coord.go(wait_for_ever(count.guard()));
            coord.go(yield_for_ever(count.guard()));
        }
        let start = Barrier::new(2);
        thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    start.wait();
                    let report = coord.shutdown(Duration::from_millis(5));
                    assert!(report.still_running.is_empty(), "{report:?}");
                    assert_eq!((count.made(), count.dropped()), (200, 200));
                });
            }
        });
        let report = coord.shutdown(LONG);
        assert_eq!((report.finished, report.cancelled), (0, 0));
        drop(coord);
        no_threads("sd-two");
    }
}

#[test]
fn each_of_two_closers_waits_for_the_threads() {
    // The thread does not end until a closer came back too early, or for a while.
    let (ending, early) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
    let (still, returned) = (ending.clone(), early.clone());
    let coord = Coordinator::builder()
        .workers(1)
        .thread_name("sd-join")
        .on_thread_stop(move |_| {
            let deadline = Instant::now() + Duration::from_millis(200);
            while !returned.load(Ordering::SeqCst) && Instant::now() < deadline {
                thread::yield_now();
            }
            still.store(false, Ordering::SeqCst);
        })
        .build()
        .unwrap();
    coord.start().unwrap();
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                coord.shutdown(LONG);
                if ending.load(Ordering::SeqCst) {
                    early.store(true, Ordering::SeqCst);
                }
            });
        }
    });
    assert!(!early.load(Ordering::SeqCst), "a shutdown returned while a worker thread ran");
    no_threads("sd-join");
}

#[test]
fn while_foreign_threads_spawn() {
    for round in 0..20 {
        let (coord, count) = (coordinator("sd-spawn", 2), Count::default());
        coord.start().unwrap();
        let refused = Arc::new(AtomicBool::new(false));
        let spawners: Vec<_> = (0..4)
            .map(|_| {
                let (handle, count, refused) = (coord.handle(), count.clone(), refused.clone());
                thread::spawn(move || {
                    let mut tasks: Vec<JoinHandle<()>> = Vec::new();
                    while !refused.load(Ordering::SeqCst) {
                        let guard = count.guard();
                        tasks.push(handle.spawn(async move {
                            oasync::yield_now().await;
                            drop(guard);
                        }));
                        let guard = count.guard();
                        tasks.push(handle.spawn_blocking(move || drop(guard)));
                    }
                    tasks
                })
            })
            .collect();
        eventually("they spawn", || count.made() > 1000);
        if round % 2 == 0 {
            coord.shutdown(Duration::from_millis(round));
        } else {
            drop(coord);
        }
        refused.store(true, Ordering::SeqCst);
        for spawner in spawners {
            for task in spawner.join().unwrap() {
                if let Err(error) = block_on(task) {
                    assert!(error.is_cancelled());
                }
            }
        }
        assert_eq!(count.made(), count.dropped());
        no_threads("sd-spawn");
    }
}

/// Tasks that put their waker into a list each time they are polled.
fn leave_wakers(coord: &Coordinator, count: &Count, n: usize) -> Arc<Mutex<Vec<Waker>>> {
    let wakers = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..n {
        let (guard, wakers) = (count.guard(), wakers.clone());
        coord.go(async move {
            let _guard = guard;
            poll_fn::<(), _>(|cx| {
                wakers.lock().unwrap().push(cx.waker().clone());
                Poll::Pending
            })
            .await;
        });
    }
    wakers
}

#[test]
fn while_foreign_threads_wake() {
    for round in 0..20 {
        let (coord, count) = (coordinator("sd-wake", 2), Count::default());
        let wakers = leave_wakers(&coord, &count, 1000);
        coord.start().unwrap();
        let over = AtomicBool::new(false);
        thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| {
                    while !over.load(Ordering::SeqCst) {
                        let woken = std::mem::take(&mut *wakers.lock().unwrap());
                        woken.iter().for_each(Waker::wake_by_ref);
                        woken.into_iter().for_each(Waker::wake);
                    }
                });
            }
            if round % 2 == 0 {
                coord.shutdown(Duration::from_millis(round));
            } else {
                drop(coord);
            }
            over.store(true, Ordering::SeqCst);
        });
        assert_eq!((count.made(), count.dropped()), (1000, 1000));
        no_threads("sd-wake");
    }
}

#[test]
fn handles_and_wakers_may_be_kept_past_it() {
    let (coord, count) = (coordinator("sd-kept", 2), Count::default());
    coord.start().unwrap();
    let done = coord.spawn(async { 1 });
    eventually("it is done", || done.is_finished());
    let waiting = coord.spawn(wait_for_ever(count.guard()));
    let wakers = leave_wakers(&coord, &count, 100);
    eventually("all wait", || wakers.lock().unwrap().len() == 100);
    let handle = coord.handle();
    drop(coord);
    assert_eq!((count.made(), count.dropped()), (101, 101));
    no_threads("sd-kept");
    let mut wakers = std::mem::take(&mut *wakers.lock().unwrap());
    let half = wakers.split_off(50);
    wakers.iter().for_each(Waker::wake_by_ref);
    drop(handle);
    // Nothing but wakers and handles refers to the coordinator from here on.
    thread::spawn(move || half.into_iter().for_each(Waker::wake)).join().unwrap();
    wakers.into_iter().for_each(Waker::wake);
    assert!(block_on(waiting).unwrap_err().is_cancelled());
    assert_eq!(block_on(done).unwrap(), 1);
}
