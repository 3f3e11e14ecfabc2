//! Spawns, from in and out, and what runs them.

use std::pin::Pin;

use oasync::{spawn, yield_now};

use crate::support::{Ledger, breathe, check, coordinator, outside, started, sum, wait};

#[test]
fn what_is_spawned_from_outside_and_inside_runs() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (handle, ledger) = (coord.handle(), ledger.clone());
                outside(move || {
                    let parent = ledger.counted();
                    let tasks = (0..2).map(|n| {
                        let child = parent.again();
                        handle.spawn(async move {
                            let grandchild = child.again();
                            let inner = spawn(async move {
                                let _grandchild = grandchild;
                                n
                            });
                            inner.await.unwrap()
                        })
                    });
                    sum(tasks.collect())
                })
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), 1);
        }
        ledger.close(coord);
    });
}

#[test]
fn what_is_spawned_while_the_coordinator_starts_runs() {
    check(|| {
        let (coord, ledger) = (coordinator(2), Ledger::default());
        let (handle, counted) = (coord.handle(), ledger.counted());
        let spawner = outside(move || {
            let tasks = (0..3).map(|n| {
                let counted = counted.again();
                handle.spawn(async move {
                    let _counted = counted;
                    n
                })
            });
            tasks.collect()
        });
        coord.start().unwrap();
        assert_eq!(sum(spawner.join().unwrap()), 3);
        ledger.close(coord);
    });
}

/// More than a local queue holds (4, in a model), so that blocks go through the
/// injector, both ways.
#[test]
fn a_storm_of_yields_ends() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let counted = ledger.counted();
        let storm = coord.spawn(async move {
            let tasks: Vec<_> = (0..7)
                .map(|_| {
                    let counted = counted.again();
                    spawn(async move {
                        let _counted = counted;
                        yield_now().await;
                        yield_now().await;
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        wait(storm).unwrap();
        ledger.close(coord);
    });
}

#[test]
fn a_chain_of_joins_ends() {
    type Link = Pin<Box<dyn Future<Output = usize> + Send>>;
    fn link(depth: usize, ledger: Ledger) -> Link {
        Box::pin(async move {
            let _counted = ledger.counted();
            if depth == 0 { 0 } else { 1 + spawn(link(depth - 1, ledger)).await.unwrap() }
        })
    }
    check(|| {
        let (coord, ledger) = (started(3), Ledger::default());
        let chain = coord.spawn(link(5, ledger.clone()));
        let other = coord.spawn(link(2, ledger.clone()));
        assert_eq!(wait(chain).unwrap() + wait(other).unwrap(), 7);
        ledger.close(coord);
    });
}

/// Waits between spawns, so that the workers go to sleep again and again.
fn one_at_a_time(workers: usize) {
    let (coord, ledger) = (started(workers), Ledger::default());
    for n in 0..4 {
        let counted = ledger.counted();
        breathe();
        let task = coord.spawn(async move {
            let _counted = counted;
            n
        });
        assert_eq!(wait(task).unwrap(), n);
    }
    ledger.close(coord);
}

/// No other thread can start for what the one on its way to sleep does not see.
#[test]
fn one_task_at_a_time_finds_the_only_worker_each_time() {
    check(|| one_at_a_time(1));
}

#[test]
fn one_task_at_a_time_finds_a_worker_each_time() {
    check(|| one_at_a_time(2));
}

/// Three workers steal from each other, and from the injector's blocks.
#[test]
fn a_tree_of_tasks_ends() {
    fn tree(depth: usize, ledger: Ledger) -> Pin<Box<dyn Future<Output = usize> + Send>> {
        Box::pin(async move {
            let _counted = ledger.counted();
            if depth == 0 {
                return 1;
            }
            let branches = [(); 3].map(|()| spawn(tree(depth - 1, ledger.clone())));
            let mut leaves = 0;
            for branch in branches {
                leaves += branch.await.unwrap();
            }
            leaves
        })
    }
    check(|| {
        let (coord, ledger) = (started(3), Ledger::default());
        assert_eq!(wait(coord.spawn(tree(2, ledger.clone()))).unwrap(), 9);
        ledger.close(coord);
    });
}

/// More than a local queue holds, from outside and from inside.
#[test]
fn many_spawned_at_once_all_run() {
    check(|| {
        let (coord, ledger) = (coordinator(2), Ledger::default());
        let outer = outside({
            let (handle, counted) = (coord.handle(), ledger.counted());
            move || {
                let tasks = (0..6).map(move |n| {
                    let counted = counted.again();
                    async move {
                        let _counted = counted;
                        n
                    }
                });
                sum(handle.spawn_many(tasks))
            }
        });
        coord.start().unwrap();
        let inner = coord.spawn(async {
            let mut sum = 0;
            for task in oasync::spawn_many((0..6).map(|n| async move { n })) {
                sum += task.await.unwrap();
            }
            sum
        });
        assert_eq!(wait(inner).unwrap() + outer.join().unwrap(), 30);
        ledger.close(coord);
    });
}
