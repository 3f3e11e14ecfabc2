//! Tasks that begin later: they have names, inherit, are listed, and end with their group.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use oasync::{TaskGroup, task_local};

use crate::common::{CountDrop, coordinator, eventually, started, without_help};
use crate::{FAR, SHORT};

task_local! {
    #[inherit]
    static TRACE: u32;
}

#[test]
fn a_task_that_begins_later_is_listed_by_its_name_and_can_be_cancelled() {
    let coord = started(1);
    let begun = Arc::new(AtomicBool::new(false));
    let flag = begun.clone();
    let later = coord.task().name("later").after(FAR);
    let task = later.spawn(async move { flag.store(true, Ordering::SeqCst) });
    let names = || coord.tasks().iter().map(|t| t.name().map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(names(), [Some("later".to_owned())]);
    eventually("it waits", || coord.metrics().num_timers() == 1);
    assert_eq!(names(), [Some("later".to_owned())]);
    assert!(coord.block_on(task.cancel()).unwrap_err().is_cancelled());
    // Its worker may still be leaving the turn in which it was dropped.
    eventually("it is not listed", || names().is_empty());
    assert_eq!(coord.metrics().num_timers(), 0);
    assert!(!begun.load(Ordering::SeqCst));
}

#[test]
fn what_a_later_task_inherits_is_settled_when_it_is_spawned() {
    let coord = coordinator(1);
    let start = Instant::now();
    let see = move || (TRACE.try_with(|n| *n).ok(), Instant::now() >= start + SHORT);
    let (future, closure, told, pinned) = TRACE.sync_scope(7, || {
        (
            coord.task().after(SHORT).spawn(async move { see() }),
            coord.task().after(SHORT).spawn_blocking(see),
            coord.task().after(SHORT).spawn_blocking_with(move |_| see()),
            coord.task().after(SHORT).spawn_pinned(move || async move { see() }),
        )
    });
    for task in [future, closure, told, pinned] {
        assert_eq!(coord.block_on(task).unwrap(), (Some(7), true));
    }
}

#[test]
fn a_later_pinned_task_is_made_later_on_its_thread() {
    let coord = started(2);
    let start = Instant::now();
    let later = coord.task().after(SHORT).spawn_pinned_on(1, move || {
        // Not `Send`, and made when the time has come.
        let made = std::rc::Rc::new(Instant::now());
        async move { (*made, oasync::worker_info().unwrap().index()) }
    });
    let (made, index) = coord.block_on(later.unwrap()).unwrap();
    assert!(made >= start + SHORT);
    assert_eq!(index, 1);
    assert!(coord.task().after(SHORT).spawn_pinned_on(2, || async {}).is_err());
}

#[test]
fn a_closure_cancelled_before_its_time_never_begins() {
    let coord = started(1);
    let dropped = Arc::new(AtomicUsize::new(0));
    let guard = CountDrop(dropped.clone());
    let task = coord.task().after(FAR).spawn_blocking_with(move |_| {
        let _guard = guard;
        unreachable!("the time never comes")
    });
    eventually("it waits", || coord.metrics().num_timers() == 1);
    let error = coord.block_on(task.cancel()).map(|(): ()| ()).unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    assert_eq!(coord.metrics().num_timers(), 0);
}

#[test]
fn a_later_child_is_one_from_the_start_and_ends_with_its_group() {
    let coord = started(1);
    let dropped = Arc::new(AtomicUsize::new(0));
    let group = coord.group();
    for _ in 0..3 {
        let guard = CountDrop(dropped.clone());
        group.task().name("later").after(FAR).spawn(async move { drop(guard) });
    }
    let guard = CountDrop(dropped.clone());
    group.task().after(FAR).spawn_blocking(move || drop(guard));
    assert_eq!((group.len(), group.num_running()), (4, 4));
    eventually("they wait", || coord.metrics().num_timers() == 4);
    let report = group.drain(SHORT);
    assert_eq!(report.still_running.len(), 4);
    assert_eq!(report.still_running[0].name(), Some("later"));
    drop(group);
    eventually("they are dropped", || dropped.load(Ordering::SeqCst) == 4);
    eventually("nothing is alive", || coord.metrics().num_alive_tasks() == 0);
    assert_eq!(coord.metrics().num_timers(), 0);
}

#[test]
fn later_children_come_in_the_order_of_their_times() {
    let coord = without_help(1);
    let mut order = Vec::new();
    // Until a round in which none is held up to the time of the next.
    eventually("each begins in time", || {
        let start = Instant::now();
        let joined = coord.block_on(async {
            let group = TaskGroup::new();
            for n in [3, 1, 2] {
                group.task().after(n * SHORT).spawn(async move { (n, Instant::now()) });
            }
            group.join_all().await
        });
        let begun: Vec<_> = joined.into_iter().map(Result::unwrap).collect();
        order = begun.iter().map(|&(n, _)| n).collect();
        begun.iter().all(|&(n, at)| n == 3 || at < start + (n + 1) * SHORT)
    });
    assert_eq!(order, [1, 2, 3]);
}
