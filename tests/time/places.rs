//! Where a timer is made, polled and waited for.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use oasync::{Coordinator, sleep};

use crate::common::{coordinator, eventually, started};
use crate::{FAR, SOON, in_time, ms, poll_once};

#[test]
fn in_a_main_future_with_and_without_worker_threads() {
    for workers in [1, 4] {
        in_time(move || {
            let coord = coordinator(workers);
            for _ in 0..20 {
                coord.block_on(sleep(ms(1)));
            }
        });
    }
}

#[test]
fn in_a_nested_block_on() {
    for workers in [1, 3] {
        in_time(move || {
            let coord = coordinator(workers);
            coord.block_on(async {
                oasync::block_on(sleep(ms(2)));
                oasync::spawn(async {
                    oasync::block_on(async {
                        sleep(ms(2)).await;
                        oasync::spawn(sleep(ms(2))).await.unwrap();
                    });
                })
                .await
                .unwrap();
            });
        });
    }
}

#[test]
fn in_a_closure_of_the_blocking_pool() {
    in_time(|| {
        let coord = started(1);
        let closures: Vec<_> = (0..4)
            .map(|_| coord.spawn_blocking(|| (0..5).for_each(|_| oasync::block_on(sleep(ms(1))))))
            .collect();
        for closure in closures {
            coord.block_on(closure).unwrap();
        }
    });
}

#[test]
fn on_another_executor_it_waits_with_the_default_coordinator() {
    in_time(|| {
        let before = Instant::now();
        futures_lite::future::block_on(sleep(ms(5)));
        assert!(before.elapsed() >= ms(5));
        // Also inside of a task, whose worker is stuck in there meanwhile.
        let coord = coordinator(1);
        let task = coord.spawn(async { futures_lite::future::block_on(sleep(ms(5))) });
        coord.block_on(task).unwrap();
    });
}

#[test]
fn in_many_callers_at_once() {
    in_time(|| {
        let coord = coordinator(2);
        std::thread::scope(|s| {
            for i in 0..8 {
                let coord = &coord;
                s.spawn(move || {
                    for round in 0..20 {
                        coord.block_on(sleep(Duration::from_micros(200 * (i + round % 3))));
                    }
                });
            }
        });
    });
}

#[test]
fn what_a_caller_leaves_behind_is_woken_by_others() {
    in_time(|| {
        let coord = coordinator(2);
        let (tx, rx) = mpsc::channel();
        for _ in 0..50 {
            let tx = tx.clone();
            coord.block_on(async {
                oasync::go(async move {
                    sleep(ms(2)).await;
                    tx.send(()).unwrap();
                });
                // It registers, and this thread waits for it, as long as it is here.
                sleep(Duration::from_micros(100)).await;
            });
        }
        drop(tx);
        assert_eq!(rx.iter().count(), 50);
    });
}

#[test]
fn moved_to_another_coordinator() {
    in_time(|| {
        let (first, second) = (started(1), started(1));
        let mut sleep = first.block_on(async {
            let mut sleep = oasync::sleep(SOON);
            assert!(poll_once(&mut sleep).is_pending());
            sleep
        });
        assert_eq!(first.metrics().num_timers(), 1);
        // It stays registered where it was polled first, and wakes a task over there.
        second.block_on(async {
            assert!(poll_once(&mut sleep).is_pending());
            assert_eq!(Coordinator::current().metrics().num_timers(), 0);
            sleep.await;
        });
        assert_eq!(first.metrics().num_timers(), 0);
    });
}

#[test]
fn moved_from_task_to_task() {
    in_time(|| {
        coordinator(3).block_on(async {
            let mut sleep = Box::pin(sleep(ms(20)));
            for _ in 0..10 {
                sleep = oasync::spawn(async move {
                    let _ = futures_lite::future::poll_once(&mut sleep).await;
                    sleep
                })
                .await
                .unwrap();
            }
            sleep.await;
        });
    });
}

#[test]
fn an_earlier_timer_from_outside_does_not_wait_for_a_later_one() {
    in_time(|| {
        let coord = started(2);
        coord.go(sleep(FAR));
        eventually("somebody waits for it", || coord.metrics().num_timers() == 1);
        // Seats are free, the holder is asleep, and the one who adds it has no seat.
        for _ in 0..20 {
            coord.block_on(async { oasync::block_on(sleep(ms(1))) });
            let closure = coord.spawn_blocking(|| oasync::block_on(sleep(ms(1))));
            coord.block_on(closure).unwrap();
        }
    });
}
