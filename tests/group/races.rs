//! Windows between two threads, each many times over.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use oasync::TaskGroup;

use crate::common::{CountDrop, eventually, started};

const ROUNDS: usize = 500;

#[test]
fn children_that_finish_while_the_group_is_dropped() {
    let coord = started(2);
    let (futures, results) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for round in 0..ROUNDS {
        let group = coord.group();
        let barrier = Arc::new(Barrier::new(2));
        for n in 0..4 {
            let (guard, result) = (CountDrop(futures.clone()), CountDrop(results.clone()));
            group.spawn(async move {
                let _guard = guard;
                for _ in 0..(round + n) % 4 {
                    oasync::yield_now().await;
                }
                result
            });
        }
        let theirs = barrier.clone();
        let dropper = thread::spawn(move || {
            theirs.wait();
            drop(group);
        });
        barrier.wait();
        dropper.join().unwrap();
    }
    eventually("none is alive", || coord.metrics().num_alive_tasks() == 0);
    drop(coord);
    assert_eq!(futures.load(Ordering::SeqCst), 4 * ROUNDS);
    assert_eq!(results.load(Ordering::SeqCst), 4 * ROUNDS);
}

#[test]
fn cancel_all_against_join_next() {
    let coord = started(2);
    for round in 0..ROUNDS {
        let group = Arc::new(coord.group());
        for n in 0..4 {
            group.spawn(async move {
                for _ in 0..(round + n) % 3 {
                    oasync::yield_now().await;
                }
                if n == 0 { pending().await } else { n }
            });
        }
        let theirs = group.clone();
        let canceller = thread::spawn(move || theirs.cancel_all());
        let results = coord.block_on(async {
            let mut results = Vec::new();
            while let Some(result) = group.join_next().await {
                results.push(result);
            }
            results
        });
        canceller.join().unwrap();
        assert_eq!(results.len(), 4);
        assert!(results.iter().any(Result::is_err)); // the one that waits for ever
    }
}

#[test]
fn several_joiners_share_the_results() {
    let coord = started(2);
    let group = Arc::new(coord.group());
    let joined = coord.block_on(async {
        let joiners: Vec<_> = (0..4)
            .map(|_| {
                let group = group.clone();
                oasync::spawn(async move {
                    let mut joined = 0;
                    while let Some(result) = group.join_next().await {
                        joined += result.unwrap();
                    }
                    joined
                })
            })
            .collect();
        // They must not see an empty group, so it is filled while a child waits.
        let mut joined = 0;
        for joiner in joiners {
            joined += joiner.await.unwrap();
        }
        joined
    });
    assert_eq!(joined, 0);
    let (tx, rx) = async_channel::bounded::<()>(1);
    group.spawn(async move { rx.recv().await.map_or(0, |()| 0) });
    let joiners: Vec<_> = (0..4)
        .map(|_| {
            let group = group.clone();
            coord.spawn(async move {
                let mut joined = 0;
                while let Some(result) = group.join_next().await {
                    joined += result.unwrap();
                }
                joined
            })
        })
        .collect();
    for n in 1..=2_000 {
        group.spawn(async move { n });
    }
    drop(tx);
    let sum = coord.block_on(async {
        let mut sum = 0;
        for joiner in joiners {
            sum += joiner.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, 2_001_000);
}

#[test]
fn spawns_from_many_threads_against_cancel_and_detach() {
    let coord = started(2);
    let futures = Arc::new(AtomicUsize::new(0));
    let group: Arc<TaskGroup<()>> = Arc::new(coord.group());
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for n in 0..ROUNDS {
                    let guard = CountDrop(futures.clone());
                    group.spawn(async move {
                        let _guard = guard;
                        if n % 2 == 0 {
                            pending::<()>().await;
                        }
                    });
                }
            });
        }
        s.spawn(|| {
            for n in 0..ROUNDS {
                if n % 10 == 0 {
                    group.detach_all()
                } else {
                    group.cancel_all()
                }
                while group.try_join_next().is_some() {}
            }
        });
    });
    drop(group);
    drop(coord); // what was detached ends here
    assert_eq!(futures.load(Ordering::SeqCst), 3 * ROUNDS);
}

#[test]
fn bounded_spawns_that_are_dropped_while_places_fall_free() {
    let coord = started(2);
    let group = Arc::new(coord.bounded_group::<()>(2));
    let spawners: Vec<_> = (0..4)
        .map(|n: usize| {
            let group = group.clone();
            coord.spawn(async move {
                for round in 0..ROUNDS {
                    let mut spawn = Box::pin(group.spawn(oasync::yield_now()));
                    for _ in 0..(round + n) % 3 {
                        if futures_lite::future::poll_once(&mut spawn).await.is_some() {
                            break;
                        }
                        oasync::yield_now().await;
                    }
                    // Dropped: not asked, waiting, called, or done.
                }
            })
        })
        .collect();
    for spawner in spawners {
        coord.block_on(spawner).unwrap();
    }
    coord.block_on(group.join_all());
    assert!(group.try_spawn(async {}).is_ok() && group.try_spawn(async {}).is_ok());
}
