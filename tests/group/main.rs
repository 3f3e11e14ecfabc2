//! Promise: the tasks of a group end with it, none of their results is lost, and
//! nothing of a child that ended stays.

mod bounded;
#[path = "../common/mod.rs"]
mod common;
mod locks;
mod panics;
mod races;
mod shutdown;

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oasync::{Coordinator, TaskGroup};

use common::{CountDrop, coordinator, eventually, started};

/// Waits for ever with its guard.
async fn wait_for_ever<T>(guard: CountDrop) -> T {
    let _guard = guard;
    pending().await
}

#[test]
fn every_result_is_joined_once() {
    let coord = coordinator(2);
    let mut all = coord.block_on(async {
        let group = TaskGroup::new();
        for n in 0..1_000 {
            group.spawn(async move {
                if n % 3 == 0 {
                    oasync::yield_now().await;
                }
                n
            });
        }
        assert_eq!(group.len(), 1_000);
        let mut all = Vec::new();
        while let Some(n) = group.join_next().await {
            all.push(n.unwrap());
        }
        assert!(group.is_empty() && group.try_join_next().is_none());
        all
    });
    all.sort_unstable();
    assert_eq!(all, (0..1_000).collect::<Vec<_>>());
}

#[test]
fn a_dropped_group_cancels_its_tasks() {
    let drops = Arc::new(AtomicUsize::new(0));
    let coord = started(2);
    let group = coord.group::<()>();
    for _ in 0..100 {
        group.spawn(wait_for_ever(CountDrop(drops.clone())));
    }
    drop(group);
    eventually("each future is dropped", || drops.load(Ordering::SeqCst) == 100);
    eventually("none is alive", || coord.metrics().num_alive_tasks() == 0);
}

#[test]
fn a_cancelled_task_takes_its_tree_with_it() {
    type Counts = [Arc<AtomicUsize>; 2];
    fn tree(depth: usize, counts: Counts) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let [made, drops] = counts.clone();
            let _guard = CountDrop(drops);
            made.fetch_add(1, Ordering::SeqCst);
            let group = TaskGroup::new();
            for _ in 0..if depth > 0 { 2 } else { 0 } {
                group.spawn(tree(depth - 1, counts.clone()));
            }
            pending::<()>().await;
        })
    }
    let counts = Counts::default();
    let [made, drops] = &counts;
    let coord = started(2);
    let root = coord.spawn(tree(6, counts.clone()));
    eventually("the tree has grown", || made.load(Ordering::SeqCst) == 127);
    assert_eq!(coord.metrics().num_alive_tasks(), 127);
    coord.block_on(root.cancel()).unwrap_err();
    eventually("all of it is gone", || coord.metrics().num_alive_tasks() == 0);
    assert_eq!(drops.load(Ordering::SeqCst), 127);
}

#[test]
fn cancel_all_gives_a_cancelled_error_for_each_and_the_group_lives_on() {
    let drops = Arc::new(AtomicUsize::new(0));
    let coord = coordinator(2);
    coord.block_on(async {
        let group = TaskGroup::new();
        for _ in 0..10 {
            group.spawn(wait_for_ever(CountDrop(drops.clone())));
        }
        group.cancel_all();
        let results = group.join_all().await;
        assert_eq!(drops.load(Ordering::SeqCst), 10);
        assert_eq!(results.len(), 10);
        assert!(results.iter().all(|result| result.as_ref().unwrap_err().is_cancelled()));
        group.spawn(async { 7 });
        assert_eq!(group.join_next().await.unwrap().unwrap(), 7);
    });
}

#[test]
fn detached_children_run_on_and_their_results_are_dropped() {
    let drops = Arc::new(AtomicUsize::new(0));
    let coord = started(2);
    let (tx, rx) = async_channel::bounded::<()>(1);
    let group = coord.group();
    for _ in 0..10 {
        let (rx, drops) = (rx.clone(), drops.clone());
        group.spawn(async move {
            let _ = rx.recv().await;
            CountDrop(drops)
        });
    }
    group.detach_all();
    assert_eq!((group.len(), group.num_running()), (0, 0));
    group.cancel_all(); // concerns them no more
    group.spawn(async move { CountDrop(Arc::default()) });
    assert!(coord.block_on(group.join_next()).unwrap().is_ok());
    assert!(coord.block_on(group.join_next()).is_none());
    drop(group);
    assert_eq!(drops.load(Ordering::SeqCst), 0);
    drop(tx);
    eventually("each has returned", || drops.load(Ordering::SeqCst) == 10);
}

#[test]
fn futures_and_results_are_dropped_exactly_once() {
    let (futures, results) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let coord = coordinator(2);
    coord.block_on(async {
        let group = TaskGroup::new();
        for n in 0..300 {
            let (guard, result) = (CountDrop(futures.clone()), CountDrop(results.clone()));
            group.spawn(async move {
                let _guard = guard;
                match n % 3 {
                    0 => oasync::yield_now().await,
                    1 => pending().await,
                    _ => (),
                }
                result
            });
        }
        // Some results are taken, some stay, some never come.
        for _ in 0..50 {
            drop(group.join_next().await);
        }
    });
    drop(coord);
    assert_eq!(futures.load(Ordering::SeqCst), 300);
    assert_eq!(results.load(Ordering::SeqCst), 300);
}

#[test]
fn a_dropped_join_loses_no_result() {
    let coord = coordinator(1);
    coord.block_on(async {
        let group = TaskGroup::new();
        let (tx, rx) = async_channel::bounded(1);
        group.spawn(async move { rx.recv().await.unwrap() });
        let first = group.join_next();
        let mut first = Box::pin(first);
        let mut second = Box::pin(group.join_next());
        assert!(futures_lite::future::poll_once(&mut first).await.is_none());
        assert!(futures_lite::future::poll_once(&mut second).await.is_none());
        tx.send(5).await.unwrap();
        while group.num_running() > 0 {
            oasync::yield_now().await;
        }
        drop(first); // was called for the result
        assert_eq!(second.await.unwrap().unwrap(), 5);
    });
}

#[test]
fn a_group_that_outlives_its_coordinator_gives_cancelled_errors() {
    let coord = started(1);
    let group = coord.group::<()>();
    group.spawn(pending());
    drop(coord);
    group.spawn(async {});
    let spawner = group.spawner();
    spawner.spawn_blocking(|| ());
    assert_eq!(group.num_running(), 0);
    let results = futures_lite::future::block_on(group.join_all());
    assert_eq!(results.len(), 3);
    assert!(results.iter().all(|result| result.as_ref().unwrap_err().is_cancelled()));
    drop(group);
    let drops = Arc::new(AtomicUsize::new(0));
    spawner.spawn(wait_for_ever(CountDrop(drops.clone())));
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn a_drain_names_what_is_left_and_leaves_it_alone() {
    let coord = started(2);
    let group = coord.group();
    group.spawn(async { 1 });
    let line = line!() + 1;
    group.task().name("listener").spawn(pending());
    eventually("the first has ended", || group.num_running() == 1);
    let report = group.drain(Duration::from_millis(50));
    assert_eq!(report.still_running.len(), 1);
    let left = &report.still_running[0];
    assert_eq!((left.name(), left.location().line()), (Some("listener"), line));
    assert!(report.to_string().starts_with("1 left: task "), "{report}");
    // The result that was there is there, and a cancelled one keeps its name.
    assert_eq!(group.try_join_next().unwrap().unwrap(), 1);
    group.cancel_all();
    let report = group.drain(common::LONG);
    assert!(report.still_running.is_empty(), "{report}");
}

#[test]
fn a_drain_inside_a_task_lets_the_only_worker_go_on() {
    let coord = coordinator(1);
    let report = coord.block_on(async {
        let task = oasync::spawn(async {
            let group = TaskGroup::new();
            for _ in 0..10 {
                group.spawn(oasync::yield_now());
            }
            group.drain(common::LONG)
        });
        task.await.unwrap()
    });
    assert!(report.still_running.is_empty());
}

#[test]
fn drain_until_ends_with_whichever_comes_first() {
    let coord = coordinator(2);
    coord.block_on(async {
        let group = TaskGroup::<()>::new();
        group.spawn(pending());
        assert_eq!(group.drain_until(oasync::yield_now()).await.still_running.len(), 1);
        group.cancel_all();
        assert!(group.drain_until(pending::<()>()).await.still_running.is_empty());
    });
}

#[test]
fn a_closure_that_has_begun_is_waited_for_by_join_all() {
    let coord = Coordinator::builder().workers(1).build().unwrap();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let group = coord.group();
    coord.start().unwrap();
    group.spawn_blocking(move || {
        tell.send(()).unwrap();
        released.recv().unwrap();
        3
    });
    told.recv().unwrap();
    group.cancel_all();
    assert_eq!(group.drain(Duration::from_millis(20)).still_running.len(), 1);
    release.send(()).unwrap();
    let results = coord.block_on(group.join_all());
    assert_eq!(*results[0].as_ref().unwrap(), 3); // it came to its result all the same
}
