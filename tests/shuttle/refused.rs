//! The system gives no thread, every other time; or refuses a single one.

use std::time::Duration;

use oasync::model::{advance, refuse_one_thread, refuse_threads};
use oasync::{Coordinator, WorkerKind, spawn, spawn_blocking};
use shuttle::sync::mpsc;

use crate::support::{
    Counted, Gate, Ledger, check, coordinator, outside, ticks, wait, waits_for_a_closure,
};

/// A caller is there, so all of it runs.
#[test]
fn what_threads_are_refused_for_runs_elsewhere() {
    check(|| {
        refuse_threads(true);
        let (coord, ledger) = (coordinator(2), Ledger::default());
        let spawner = outside({
            let (handle, counted) = (coord.handle(), ledger.counted());
            move || {
                let tasks = (0..3).map(|n| {
                    let counted = counted.again();
                    handle.spawn(async move {
                        let _counted = counted;
                        n
                    })
                });
                tasks.collect::<Vec<_>>()
            }
        });
        let counted = ledger.counted();
        let gate = Gate::default();
        let joiner = outside({
            let gate = gate.clone();
            move || {
                let tasks = spawner.join().unwrap();
                gate.open();
                tasks
            }
        });
        coord.block_on(async {
            let tasks: Vec<_> = (0..3)
                .map(|_| {
                    let counted = counted.again();
                    spawn(async move { drop(counted) })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            spawn_blocking(|| drop(counted)).await.unwrap();
            gate.passed().await;
        });
        for (n, task) in joiner.join().unwrap().into_iter().enumerate() {
            assert_eq!(coord.block_on(task).unwrap(), n);
        }
        ledger.close(coord);
    });
}

#[test]
fn a_nested_call_without_a_thread_runs_the_tasks_itself() {
    check(|| {
        refuse_threads(true);
        let (coord, ledger) = (coordinator(1), Ledger::default());
        let (handle, counted) = (coord.handle(), ledger.counted());
        // Also: `shuttle` wants two threads in each schedule.
        let spawner = outside({
            let (handle, counted) = (coord.handle(), counted.again());
            move || handle.spawn(async move { drop(counted) })
        });
        coord.block_on(async {
            let task = spawn(async move {
                let child = counted.again();
                let _counted = counted;
                handle.block_on(async { spawn(async move { drop(child) }).await.unwrap() });
            });
            task.await.unwrap();
        });
        coord.block_on(spawner.join().unwrap()).unwrap();
        ledger.close(coord);
    });
}

/// No worker lives, and each of two who push may count on the other's thread.
#[test]
fn what_counts_on_a_pinned_tasks_thread_runs_though_that_is_refused() {
    check(|| {
        let (coord, ledger) = (coordinator(1), Ledger::default());
        coord.block_on(async {});
        refuse_one_thread(2);
        let pins = outside({
            let handle = coord.handle();
            move || drop(wait(handle.spawn_pinned(|| async {})))
        });
        let (end, time) = ticks();
        let counted = ledger.counted();
        wait(coord.spawn(async move { drop(counted) })).unwrap();
        pins.join().unwrap();
        end.open();
        time.join().unwrap();
        ledger.end(coord);
    });
}

/// Blocks until two tasks have run, one of which is in the worker's slot, one in its queue.
async fn waits_for_two_behind_it(counted: Counted) {
    let (sender, receiver) = mpsc::channel();
    for _ in 0..2 {
        let (counted, sender) = (counted.again(), sender.clone());
        oasync::go(async move { sender.send(counted).unwrap() });
    }
    (0..2).for_each(|_| drop(receiver.recv().unwrap()));
}

/// Whichever thread that is.
#[test]
fn what_is_behind_a_stuck_worker_runs_though_a_thread_was_refused() {
    check(|| {
        let (coord, ledger) = (coordinator(1), Ledger::default());
        refuse_one_thread(4);
        if coord.start().is_err() {
            return;
        }
        let stuck = coord.spawn(waits_for_two_behind_it(ledger.counted()));
        let (end, time) = ticks();
        wait(stuck).unwrap();
        end.open();
        time.join().unwrap();
        ledger.end(coord);
    });
}

/// It was refused as often as it was asked for at once; some time later there are threads.
#[test]
fn a_watcher_that_was_refused_comes_later() {
    check(|| {
        let (coord, ledger) = (coordinator(1), Ledger::default());
        let (end, time) = ticks();
        refuse_threads(true);
        if coord.start().is_ok() {
            // The worker asks for a watcher.
            wait(coord.spawn(async {})).unwrap();
            refuse_threads(false);
            advance(Duration::from_millis(2));
            wait(coord.spawn(waits_for_two_behind_it(ledger.counted()))).unwrap();
        }
        end.open();
        time.join().unwrap();
        ledger.end(coord);
    });
}

/// A closure that waits for another one.
#[test]
fn a_closure_that_another_waits_for_runs_though_a_thread_was_refused() {
    check(|| {
        let (coord, ledger) = (coordinator(1), Ledger::default());
        refuse_one_thread(4);
        if coord.start().is_err() {
            return;
        }
        let (counted, handle) = (ledger.counted(), coord.handle());
        let outer = coord.spawn_blocking(move || {
            let (sender, receiver) = mpsc::channel();
            handle.gob(move || drop(sender.send(counted)));
            if oasync::worker_info().is_some_and(|info| info.kind() == WorkerKind::Blocking) {
                drop(receiver.recv().unwrap());
            }
        });
        let (end, time) = ticks();
        wait(outer).unwrap();
        wait(ledger.settled());
        end.open();
        time.join().unwrap();
        ledger.end(coord);
    });
}

/// A task, which may be lent.
#[test]
fn a_closure_that_a_lender_waits_for_runs_though_a_thread_was_refused() {
    check(|| {
        let builder = Coordinator::builder().workers(2).blocking_threads(1);
        let (coord, ledger) = (builder.build().unwrap(), Ledger::default());
        refuse_one_thread(5);
        if coord.start().is_err() {
            return;
        }
        let (end, time) = ticks();
        coord.gob(|| ());
        coord.go(async {});
        wait(coord.spawn(waits_for_a_closure(&coord, &ledger))).unwrap();
        wait(ledger.settled());
        end.open();
        time.join().unwrap();
        ledger.end(coord);
    });
}
