//! The blocking pool.

use std::time::Duration;

use oasync::model::advance;
use oasync::{Coordinator, block_in_place, spawn, spawn_blocking};

use crate::support::{Gate, Ledger, check, outside, started, sum, wait};

const KEEP: Duration = Duration::from_secs(1);

fn pool(workers: usize, threads: usize) -> Coordinator {
    let builder = Coordinator::builder().workers(workers).blocking_threads(threads);
    let coord = builder.keep_alive(KEEP).build().unwrap();
    coord.start().unwrap();
    coord
}

#[test]
fn closures_submitted_at_once_all_run() {
    check(|| {
        let (coord, ledger) = (pool(1, 2), Ledger::default());
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (handle, counted) = (coord.handle(), ledger.counted());
                outside(move || {
                    let closures = (0..2).map(|n| {
                        let counted = counted.again();
                        handle.spawn_blocking(move || {
                            let _counted = counted;
                            n
                        })
                    });
                    sum(closures.collect())
                })
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), 1);
        }
        ledger.close(coord);
    });
}

/// The pool's threads lend themselves, and closures come meanwhile.
#[test]
fn a_lender_does_not_miss_a_closure() {
    check(|| {
        let (coord, ledger) = (pool(1, 1), Ledger::default());
        let counted = ledger.counted();
        let tasks = coord.spawn(async move {
            let closure = spawn_blocking(|| 1);
            let tasks: Vec<_> = (0..3)
                .map(|_| {
                    let counted = counted.again();
                    spawn(async move {
                        let _counted = counted;
                        spawn_blocking(|| 1).await.unwrap()
                    })
                })
                .collect();
            let mut sum = closure.await.unwrap();
            for task in tasks {
                sum += task.await.unwrap();
            }
            sum
        });
        assert_eq!(wait(tasks).unwrap(), 4);
        ledger.close(coord);
    });
}

#[test]
fn a_thread_whose_time_is_over_does_not_miss_a_closure() {
    check(|| {
        let (coord, ledger) = (pool(1, 1), Ledger::default());
        let time = outside(|| (0..2).for_each(|_| advance(KEEP)));
        for n in 0..3 {
            let counted = ledger.counted();
            let closure = coord.spawn_blocking(move || {
                let _counted = counted;
                n
            });
            assert_eq!(wait(closure).unwrap(), n);
        }
        time.join().unwrap();
        ledger.close(coord);
    });
}

/// With one thread in the pool: it steps aside for the closure it waits for.
#[test]
fn a_closure_that_says_it_waits_makes_room_for_another() {
    check(|| {
        let (coord, ledger) = (pool(1, 1), Ledger::default());
        let (handle, counted) = (coord.handle(), ledger.counted());
        let closure = coord.spawn_blocking(move || {
            let gate = Gate::default();
            let opener = {
                let (gate, counted) = (gate.clone(), counted.again());
                handle.spawn_blocking(move || {
                    let _counted = counted;
                    gate.open();
                })
            };
            let _counted = counted;
            handle.block_on(async move { block_in_place(|| wait(gate.passed())) });
            opener
        });
        wait(wait(closure).unwrap()).unwrap();
        wait(coord.spawn_blocking(|| ())).unwrap();
        ledger.close(coord);
    });
}

/// A lent poll blocks in a nested call, for closures that the pool must run.
#[test]
fn a_lender_that_blocks_makes_room() {
    check(|| {
        let (coord, ledger) = (pool(1, 1), Ledger::default());
        let tasks: Vec<_> = (0..2)
            .map(|n| {
                let (handle, counted) = (coord.handle(), ledger.counted());
                coord.spawn(async move {
                    let _counted = counted;
                    handle.block_on(async move { spawn_blocking(move || n).await.unwrap() })
                })
            })
            .collect();
        assert_eq!(sum(tasks), 1);
        ledger.close(coord);
    });
}

/// The only worker is held in a poll, and a lent poll blocks for a task: another thread
/// lends itself at once, also if one is on its way for a closure. (No time passes, so the
/// watcher does not help.)
#[test]
fn a_lender_that_blocks_lets_another_lend() {
    check(|| {
        let (coord, ledger) = (pool(1, 2), Ledger::default());
        let (entered, gate) = (Gate::default(), Gate::default());
        let (enter, open) = (entered.clone(), gate.clone());
        let holds = coord.spawn(async move {
            enter.open();
            wait(gate.passed());
        });
        wait(entered.passed());
        let counted = ledger.counted();
        let lent = coord.spawn(async move {
            let (polled, again) = (Gate::default(), counted.again());
            let opens = polled.clone();
            let closure = spawn_blocking(|| drop(again));
            let task = spawn(async move { opens.open() });
            block_in_place(|| wait(polled.passed()));
            let _counted = counted;
            (closure, task)
        });
        wait(coord.spawn_blocking(|| ())).unwrap();
        let (closure, task) = wait(lent).unwrap();
        open.open();
        wait(holds).unwrap();
        wait(closure).unwrap();
        wait(task).unwrap();
        ledger.close(coord);
    });
}

#[test]
fn a_closure_cancelled_before_it_starts_is_dropped() {
    check(|| {
        let (coord, ledger) = (started(1), Ledger::default());
        let counted = ledger.counted();
        let closure = coord.spawn_blocking(move || drop(counted));
        let _ = wait(closure.cancel());
        assert_eq!(ledger.made(), ledger.dropped());
        ledger.close(coord);
    });
}

/// It may be queued, about to start, or running.
#[test]
fn a_closure_told_to_stop_beside_its_start_ends() {
    check(|| {
        let (coord, ledger) = (pool(1, 1), Ledger::default());
        let before = coord.spawn_blocking(|| ());
        let counted = ledger.counted();
        let stops = coord.spawn_blocking_with(move |stop| {
            let _counted = counted;
            while !stop.is_cancelled() {
                shuttle::thread::yield_now();
            }
        });
        let counted = ledger.counted();
        let after = coord.spawn_blocking(move || drop(counted));
        let _ = wait(stops.cancel());
        wait(before).unwrap();
        wait(after).unwrap();
        wait(ledger.settled());
        ledger.close(coord);
    });
}
