//! Timers. Time passes once, by less than the watcher waits for: somebody who holds
//! them has to fire them.

use std::time::Duration;

use oasync::model::{advance, refuse_threads};
use oasync::{sleep, timeout, yield_now};

use crate::support::{Gate, Ledger, check, coordinator, outside, started, wait};

const TIME: Duration = Duration::from_millis(1);
/// Beyond that time, but not by a millisecond.
const PASSES: Duration = Duration::from_micros(1500);
/// It never comes.
const LATER: Duration = Duration::from_secs(60);

#[test]
fn sleeps_of_tasks_end_when_their_time_has_come() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let tasks: Vec<_> = (0..2)
            .map(|_| {
                let (counted, sleep) = (ledger.counted(), sleep(TIME));
                coord.spawn(async move {
                    let _counted = counted;
                    sleep.await;
                })
            })
            .collect();
        let counted = ledger.counted();
        let after = coord.spawn_after(TIME, async move { drop(counted) });
        let time = outside(|| advance(PASSES));
        for task in tasks {
            wait(task).unwrap();
        }
        wait(after).unwrap();
        time.join().unwrap();
        ledger.close(coord);
    });
}

/// Whoever holds the timers may be the one who leaves.
#[test]
fn a_caller_that_leaves_hands_the_timers_on() {
    check(|| {
        let (coord, ledger) = (coordinator(1), Ledger::default());
        let callers = [outside_sleep(&coord, TIME), outside_sleep(&coord, Duration::ZERO)];
        let (counted, sleep) = (ledger.counted(), sleep(TIME));
        let task = coord.spawn(async move {
            let _counted = counted;
            sleep.await;
        });
        let time = outside(|| advance(PASSES));
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        wait(task).unwrap();
        time.join().unwrap();
        ledger.close(coord);
    });
}

fn outside_sleep(coord: &oasync::Coordinator, time: Duration) -> shuttle::thread::JoinHandle<()> {
    let (handle, sleep) = (coord.handle(), sleep(time));
    outside(move || {
        handle.block_on(async {
            yield_now().await;
            sleep.await;
        });
    })
}

/// On one worker: it gives its seat away, and another thread holds the timer.
#[test]
fn a_nested_call_that_sleeps_wakes_up() {
    check(|| {
        let (coord, ledger) = (started(1), Ledger::default());
        let (handle, counted, sleep) = (coord.handle(), ledger.counted(), sleep(TIME));
        let task = coord.spawn(async move {
            let _counted = counted;
            handle.block_on(sleep);
        });
        let time = outside(|| advance(PASSES));
        wait(task).unwrap();
        time.join().unwrap();
        ledger.close(coord);
    });
}

#[test]
fn an_earlier_timer_is_not_late_for_a_later_one() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let (counted, later) = (ledger.counted(), sleep(LATER));
        let never = coord.spawn(async move {
            let _counted = counted;
            later.await;
        });
        let (counted, sleep) = (ledger.counted(), sleep(TIME));
        let task = coord.spawn(async move {
            let _counted = counted;
            sleep.await;
        });
        let time = outside(|| advance(PASSES));
        wait(task).unwrap();
        time.join().unwrap();
        let _ = wait(never.cancel());
        ledger.close(coord);
    });
}

#[test]
fn a_timer_dropped_beside_its_firing_is_gone() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let gate = Gate::default();
        let (counted, waits) = (ledger.counted(), gate.clone());
        let limited = timeout(TIME, async move { waits.passed().await });
        let task = coord.spawn(async move {
            let _counted = counted;
            let _ = limited.await;
        });
        let opens = outside(move || gate.open());
        let time = outside(|| advance(PASSES));
        wait(task).unwrap();
        opens.join().unwrap();
        time.join().unwrap();
        assert_eq!(coord.metrics().num_timers(), 0);
        ledger.close(coord);
    });
}

#[test]
fn a_shutdown_with_time_waits_for_sleeps() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let (counted, sleep) = (ledger.counted(), sleep(TIME));
        coord.go(async move {
            let _counted = counted;
            sleep.await;
        });
        let time = outside(|| advance(PASSES));
        let report = coord.shutdown(LATER);
        assert_eq!((report.cancelled, report.still_running.len()), (0, 0));
        time.join().unwrap();
        ledger.end(coord);
    });
}

#[test]
fn a_shutdown_without_time_beside_timers_drops_everything() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        for time in [TIME, LATER] {
            let (counted, sleep) = (ledger.counted(), sleep(time));
            coord.go(async move {
                let _counted = counted;
                sleep.await;
            });
        }
        let time = outside(|| advance(PASSES));
        assert!(coord.shutdown(Duration::ZERO).still_running.is_empty());
        time.join().unwrap();
        ledger.end(coord);
    });
}

/// Perhaps without a watcher; a caller is there.
#[test]
fn timers_are_fired_though_threads_are_refused() {
    check(|| {
        refuse_threads(true);
        let (coord, ledger) = (coordinator(2), Ledger::default());
        let sleeps = [sleep(TIME), sleep(TIME)];
        let time = outside(|| advance(PASSES));
        coord.block_on(async {
            let tasks = sleeps.map(|sleep| {
                let counted = ledger.counted();
                oasync::spawn(async move {
                    let _counted = counted;
                    sleep.await;
                })
            });
            for task in tasks {
                task.await.unwrap();
            }
        });
        time.join().unwrap();
        ledger.close(coord);
    });
}
