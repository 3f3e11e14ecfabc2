//! Tasks that wait for each other inside their polls: all threads that are free must
//! come, although each of them could do the work of the others later.

use std::sync::Arc;

use oasync::{Coordinator, spawn, spawn_blocking};
use shuttle::sync::Barrier;

use crate::support::{Gate, Ledger, check, coordinator, outside, started, wait};

/// A task that ends when `n` of them run at once.
async fn meets(barrier: Arc<Barrier>, ledger: Ledger) {
    let _counted = ledger.counted();
    barrier.wait();
}

fn meet_from_outside(n: usize) {
    let (coord, ledger) = (started(n), Ledger::default());
    let barrier = Arc::new(Barrier::new(n));
    let spawn = |_| coord.spawn(meets(barrier.clone(), ledger.clone()));
    let tasks: Vec<_> = (0..n).map(spawn).collect();
    tasks.into_iter().for_each(|task| wait(task).unwrap());
    ledger.close(coord);
}

#[test]
fn two_tasks_of_a_foreign_thread_run_at_once() {
    check(|| meet_from_outside(2));
}

#[test]
fn three_tasks_of_a_foreign_thread_run_at_once() {
    check(|| meet_from_outside(3));
}

/// Each on a worker, with the caller as one of them. The last that is spawned is in
/// no run slot, where only its own worker would find it.
async fn meet_from_inside(n: usize, ledger: Ledger) {
    let barrier = Arc::new(Barrier::new(n));
    let spawn = |_| spawn(meets(barrier.clone(), ledger.clone()));
    let tasks: Vec<_> = (0..n).map(spawn).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[test]
fn three_tasks_of_a_task_run_at_once() {
    check(|| {
        let (coord, ledger) = (started(3), Ledger::default());
        wait(coord.spawn(meet_from_inside(3, ledger.clone()))).unwrap();
        ledger.close(coord);
    });
}

#[test]
fn three_tasks_of_a_caller_run_at_once() {
    check(|| {
        let (coord, ledger) = (coordinator(3), Ledger::default());
        coord.block_on(meet_from_inside(3, ledger.clone()));
        ledger.close(coord);
    });
}

/// They go through a queue again, from a thread that has none, while the workers go
/// to sleep.
#[test]
fn tasks_that_are_woken_run_at_once() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let (barrier, gate) = (Arc::new(Barrier::new(2)), Gate::default());
        let tasks = [(); 2].map(|()| {
            let (gate, meets) = (gate.clone(), meets(barrier.clone(), ledger.clone()));
            coord.spawn(async move {
                gate.passed().await;
                meets.await;
            })
        });
        let opener = outside(move || gate.open());
        tasks.into_iter().for_each(|task| wait(task).unwrap());
        opener.join().unwrap();
        ledger.close(coord);
    });
}

/// More tasks than the ring of a local queue holds: the two that meet are in the half
/// that goes to the injector, as one block.
#[test]
fn tasks_that_overflow_run_at_once() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let barrier = Arc::new(Barrier::new(2));
        let spawner = coord.spawn({
            let ledger = ledger.clone();
            async move {
                oasync::go(async {});
                let tasks = [(); 2].map(|()| spawn(meets(barrier.clone(), ledger.clone())));
                for _ in 0..3 {
                    oasync::go(async {});
                }
                for task in tasks {
                    task.await.unwrap();
                }
            }
        });
        wait(spawner).unwrap();
        wait(ledger.settled());
        ledger.end(coord);
    });
}

#[test]
fn closures_run_at_once_up_to_the_bound() {
    check(|| {
        let coord = Coordinator::builder().workers(1).blocking_threads(2).build().unwrap();
        let barrier = Arc::new(Barrier::new(2));
        coord.block_on(async {
            let closures = [(); 2].map(|()| {
                let barrier = barrier.clone();
                spawn_blocking(move || barrier.wait().is_leader())
            });
            for closure in closures {
                closure.await.unwrap();
            }
        });
        Ledger::default().close(coord);
    });
}
