//! Groups while their coordinator ends.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oasync::TaskGroup;

use crate::common::{CountDrop, coordinator, eventually, started};
use crate::wait_for_ever;

#[test]
fn a_shutdown_gives_each_child_its_cancelled_error() {
    let drops = Arc::new(AtomicUsize::new(0));
    let coord = started(2);
    let group = coord.group::<()>();
    for _ in 0..50 {
        group.spawn(wait_for_ever(CountDrop(drops.clone())));
    }
    let report = coord.shutdown(Duration::from_millis(10));
    assert_eq!((report.cancelled, drops.load(Ordering::SeqCst)), (50, 50));
    let results = futures_lite::future::block_on(group.join_all());
    assert_eq!(results.len(), 50);
    assert!(results.iter().all(|result| result.as_ref().unwrap_err().is_cancelled()));
}

#[test]
fn a_joiner_is_woken_by_the_shutdown() {
    let coord = started(2);
    let group = coord.group::<()>();
    let handle = coord.handle();
    group.spawn(pending());
    std::thread::scope(|s| {
        let joiner = s.spawn(|| futures_lite::future::block_on(group.join_next()));
        s.spawn(move || handle.shutdown(Duration::ZERO));
        assert!(joiner.join().unwrap().unwrap().unwrap_err().is_cancelled());
    });
}

#[test]
fn a_tree_of_groups_is_dropped_with_its_coordinator() {
    let drops = Arc::new(AtomicUsize::new(0));
    let coord = started(2);
    for _ in 0..20 {
        let drops = drops.clone();
        coord.go(async move {
            let _guard = CountDrop(drops.clone());
            let group = TaskGroup::<()>::new();
            for _ in 0..10 {
                group.spawn(wait_for_ever(CountDrop(drops.clone())));
            }
            group.join_next().await;
        });
    }
    eventually("all wait", || coord.metrics().num_alive_tasks() == 220);
    drop(coord);
    assert_eq!(drops.load(Ordering::SeqCst), 220);
}

#[test]
fn children_finish_while_a_shutdown_lets_them() {
    let coord = coordinator(2);
    coord.start().unwrap();
    let group = coord.group();
    let spawner = group.spawner();
    let handle = coord.handle();
    group.spawn(async move {
        while !handle.is_shutting_down() {
            oasync::yield_now().await;
        }
        spawner.spawn(async { 2 }); // from inside: taken in while draining
        1
    });
    let report = coord.shutdown(crate::common::LONG);
    assert_eq!((report.finished, report.cancelled), (2, 0));
    assert_eq!(futures_lite::future::block_on(group.join_all()).len(), 2);
}
