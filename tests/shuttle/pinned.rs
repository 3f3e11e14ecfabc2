//! Tasks that stay on one thread.

use std::rc::Rc;
use std::time::Duration;

use oasync::block_in_place;
use oasync::model::refuse_threads;
use shuttle::sync::mpsc;

use crate::support::{
    Counted, Gate, Ledger, breathe, check, coordinator, outside, started, ticks, wait,
};

/// Not `Send`, across a wait.
async fn stays(counted: Counted, gate: Gate) -> usize {
    let here = Rc::new(7);
    gate.passed().await;
    drop(counted);
    *here
}

#[test]
fn pinned_tasks_from_outside_beside_the_start_all_run() {
    check(|| {
        let (coord, ledger) = (coordinator(2), Ledger::default());
        let gate = Gate::default();
        let spawner = outside({
            let (handle, counted, gate) = (coord.handle(), ledger.counted(), gate.clone());
            move || handle.spawn_pinned(move || stays(counted, gate))
        });
        coord.start().unwrap();
        let (counted, waits) = (ledger.counted(), gate.clone());
        let here = coord.spawn_pinned_on(0, move || stays(counted, waits)).unwrap();
        let opener = outside(move || gate.open());
        assert_eq!(wait(spawner.join().unwrap()).unwrap() + wait(here).unwrap(), 14);
        opener.join().unwrap();
        ledger.end(coord);
    });
}

/// The thread of the home is one too many when it comes back, and may leave.
#[test]
fn a_pinned_task_beside_a_thread_that_retires_runs() {
    check(|| {
        let (coord, ledger) = (started(1), Ledger::default());
        let gate = Gate::default();
        let (counted, waits) = (ledger.counted(), gate.clone());
        let blocks = coord.spawn(async move {
            let _counted = counted;
            block_in_place(|| wait(waits.passed()));
        });
        let counted = ledger.counted();
        coord.go(async move { drop(counted) });
        let spawner = outside({
            let (handle, counted) = (coord.handle(), ledger.counted());
            move || handle.spawn_pinned(move || stays(counted, open()))
        });
        gate.open();
        wait(blocks).unwrap();
        assert_eq!(wait(spawner.join().unwrap()).unwrap(), 7);
        wait(ledger.settled());
        ledger.end(coord);
    });
}

fn open() -> Gate {
    let gate = Gate::default();
    gate.open();
    gate
}

#[test]
fn a_shutdown_beside_pinned_tasks_drops_them() {
    check(|| {
        let (coord, ledger) = (started(1), Ledger::default());
        let spawner = outside({
            let (handle, counted) = (coord.handle(), ledger.counted());
            move || {
                let child = counted.again();
                let tasks = [
                    handle.spawn_pinned(move || stays(counted, Gate::default())),
                    handle.spawn_pinned(move || stays(child, open())),
                ];
                tasks.map(wait).map(|result| result.is_ok())
            }
        });
        assert!(coord.shutdown(Duration::ZERO).still_running.is_empty());
        let [never, _perhaps] = spawner.join().unwrap();
        assert!(!never);
        ledger.end(coord);
    });
}

/// Each runs, or is cancelled because its thread was refused.
#[test]
fn pinned_tasks_whose_thread_is_refused_are_dropped() {
    check(|| {
        refuse_threads(true);
        let (coord, ledger) = (coordinator(2), Ledger::default());
        let spawner = outside({
            let (handle, counted) = (coord.handle(), ledger.counted());
            move || wait(handle.spawn_pinned(move || stays(counted, open())))
        });
        let all = coord.broadcast(|| 1);
        coord.block_on(oasync::yield_now());
        if let Ok(result) = spawner.join().unwrap() {
            assert_eq!(result, 7);
        }
        assert_eq!(wait(all).len(), 2);
        ledger.end(coord);
    });
}

#[test]
fn a_broadcast_runs_on_every_thread() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let counted = ledger.counted();
        let task = coord.spawn(async move { drop(counted) });
        let counted = ledger.counted();
        let all = coord.broadcast(move || drop(counted.again()));
        assert!(wait(all).into_iter().all(|result| result.is_ok()));
        wait(task).unwrap();
        wait(ledger.settled());
        ledger.end(coord);
    });
}

/// It is polled without a seat if that is promised to a worker for the other task, and
/// nobody else may start: two counts that are looked at one after the other.
#[test]
fn a_pinned_task_that_waits_for_a_task_of_the_same_moment_gets_it() {
    check(|| {
        let (coord, ledger) = (started(1), Ledger::default());
        wait(coord.spawn(async {})).unwrap();
        // The worker may go to sleep.
        breathe();
        let (sender, receiver) = mpsc::channel();
        let (handle, counted) = (coord.handle(), ledger.counted());
        let pins = outside(move || {
            handle.spawn_pinned(move || async move {
                receiver.recv().unwrap();
                drop(counted);
            })
        });
        let (end, time) = ticks();
        coord.go(async move { sender.send(()).unwrap() });
        wait(pins.join().unwrap()).unwrap();
        end.open();
        time.join().unwrap();
        ledger.end(coord);
    });
}
