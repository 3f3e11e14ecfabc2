//! The system gives no thread, every other time.

use oasync::model::refuse_threads;
use oasync::{spawn, spawn_blocking};

use crate::support::{Gate, Ledger, check, coordinator, outside};

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
