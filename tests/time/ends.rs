//! Timers and the end of a coordinator.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use oasync::{Coordinator, sleep};

use crate::common::{CountDrop, coordinator, eventually, started};
use crate::{FAR, SOON, in_time, ms, poll_once};

/// Sleepers, each with something to drop.
fn sleepers(coord: &Coordinator, count: usize, duration: Duration) -> Arc<AtomicUsize> {
    let dropped = Arc::new(AtomicUsize::new(0));
    for _ in 0..count {
        let guard = CountDrop(dropped.clone());
        coord.go(async move {
            let _guard = guard;
            sleep(duration).await;
        });
    }
    dropped
}

#[test]
fn a_task_that_sleeps_is_cancelled_like_any_other() {
    in_time(|| {
        let coord = started(2);
        let dropped = sleepers(&coord, 1000, FAR);
        eventually("all sleep", || coord.metrics().num_timers() == 1000);
        let report = coord.shutdown(ms(10));
        assert_eq!((report.finished, report.cancelled), (0, 1000));
        assert!(report.still_running.is_empty());
        assert_eq!(dropped.load(Ordering::SeqCst), 1000);
        assert_eq!(coord.metrics().num_timers(), 0);
    });
}

#[test]
fn so_is_it_when_the_coordinator_is_dropped() {
    in_time(|| {
        let coord = started(2);
        let dropped = sleepers(&coord, 1000, FAR);
        eventually("all sleep", || coord.metrics().num_timers() == 1000);
        drop(coord);
        assert_eq!(dropped.load(Ordering::SeqCst), 1000);
    });
}

#[test]
fn a_shutdown_waits_for_those_whose_time_comes() {
    in_time(|| {
        let coord = started(2);
        let dropped = Arc::new(AtomicUsize::new(0));
        for _ in 0..100 {
            let (guard, handle) = (CountDrop(dropped.clone()), coord.handle());
            coord.go(async move {
                let _guard = guard;
                // What ends before is not counted.
                while !handle.is_shutting_down() {
                    sleep(ms(1)).await;
                }
                sleep(ms(30)).await;
            });
        }
        let report = coord.shutdown(FAR);
        assert_eq!((report.finished, report.cancelled), (100, 0));
        assert_eq!(dropped.load(Ordering::SeqCst), 100);
    });
}

#[test]
fn a_sleep_goes_on_when_its_coordinator_is_gone() {
    in_time(|| {
        let start = Instant::now();
        let coord = coordinator(1);
        let sleep = coord.block_on(async {
            let mut sleep = sleep(SOON);
            assert!(poll_once(&mut sleep).is_pending());
            sleep
        });
        drop(coord);
        // On no coordinator, so with the default one.
        futures_lite::future::block_on(sleep);
        assert!(start.elapsed() >= SOON);
    });
}

#[test]
fn one_that_waits_elsewhere_hears_of_the_end() {
    in_time(|| {
        let (first, second) = (started(1), started(1));
        let sleep = first.block_on(async {
            let mut sleep = sleep(SOON);
            assert!(poll_once(&mut sleep).is_pending());
            sleep
        });
        let polled = Arc::new(AtomicUsize::new(0));
        let count = polled.clone();
        let task = second.spawn(async move {
            let mut sleep = sleep;
            std::future::poll_fn(|cx| {
                let polled = std::pin::Pin::new(&mut sleep).poll(cx);
                count.fetch_add(1, Ordering::SeqCst);
                polled
            })
            .await;
            Instant::now() >= sleep.deadline().unwrap()
        });
        eventually("it waits", || polled.load(Ordering::SeqCst) == 1);
        drop(first);
        eventually("it moves over", || polled.load(Ordering::SeqCst) >= 2);
        assert!(second.block_on(task).unwrap());
    });
}

#[test]
fn a_main_future_may_sleep_after_the_shutdown() {
    in_time(|| {
        let coord = started(2);
        coord.shutdown(Duration::ZERO);
        let start = Instant::now();
        coord.block_on(sleep(ms(5)));
        coord.block_on(async { oasync::block_on(sleep(ms(5))) });
        assert!(start.elapsed() >= ms(10));
    });
}

#[test]
fn a_main_future_that_sleeps_outlives_a_shutdown_beside_it() {
    in_time(|| {
        let coord = Arc::new(started(2));
        let other = coord.clone();
        let start = Instant::now();
        let caller = std::thread::spawn(move || other.block_on(sleep(ms(100))));
        eventually("it sleeps", || coord.metrics().num_timers() == 1 || start.elapsed() > ms(100));
        coord.shutdown(Duration::ZERO);
        caller.join().unwrap();
        assert!(start.elapsed() >= ms(100));
    });
}

#[test]
fn sleepers_and_closers_race() {
    for round in 0..50_u64 {
        in_time(move || {
            let coord = started(2);
            let dropped = sleepers(&coord, 50, Duration::from_micros(100 * (round % 10)));
            let stray = coord.block_on(async {
                let mut sleep = sleep(Duration::from_micros(300));
                let _ = poll_once(&mut sleep);
                sleep
            });
            std::thread::sleep(Duration::from_micros(50 * (round % 7)));
            if round % 2 == 0 {
                coord.shutdown(Duration::from_micros(200));
            }
            drop(coord);
            assert_eq!(dropped.load(Ordering::SeqCst), 50);
            futures_lite::future::block_on(stray);
        });
    }
}
