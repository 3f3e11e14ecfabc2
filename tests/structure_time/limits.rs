//! Limits of time around groups, scopes and futures in parallel.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use oasync::{BoundedGroup, TaskGroup, sleep, timeout};

use crate::common::{CountDrop, LONG, coordinator, eventually, started};
use crate::{FAR, SHORT, in_time, wait_for_ever};

fn gate() -> Arc<AtomicBool> {
    Arc::new(AtomicBool::new(false))
}

async fn passed(gate: Arc<AtomicBool>) {
    while !gate.load(Ordering::SeqCst) {
        sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn a_wait_for_children_that_takes_too_long_loses_no_result() {
    let coord = coordinator(2);
    coord.block_on(async {
        let group = TaskGroup::new();
        let open = gate();
        group.spawn(passed(open.clone()));
        assert!(timeout(SHORT, group.join_next()).await.is_err());
        open.store(true, Ordering::SeqCst);
        assert!(timeout(LONG, group.join_next()).await.unwrap().unwrap().is_ok());
        assert!(group.is_empty());
        group.spawn(async {});
        group.spawn(pending());
        assert!(timeout(SHORT, group.join_all()).await.is_err());
        // What ended is still there, and the other still runs.
        assert!(group.join_next().await.unwrap().is_ok());
        assert_eq!(group.num_running(), 1);
    });
}

#[test]
fn a_future_that_runs_out_of_time_takes_its_children_along() {
    let coord = started(2);
    let dropped = Arc::new(AtomicUsize::new(0));
    let child = || wait_for_ever::<()>(CountDrop(dropped.clone()));
    let (one, two, three) = (child(), child(), child());
    let (four, five, six) = (child(), child(), child());
    coord.block_on(async {
        let tree = async {
            let group = TaskGroup::new();
            group.spawn(one);
            group.spawn(async move {
                let below = TaskGroup::new();
                below.spawn(two);
                below.join_next().await;
            });
            group.join_next().await;
        };
        assert!(timeout(2 * SHORT, tree).await.is_err());
        assert!(timeout(SHORT, oasync::join(three, four)).await.is_err());
        let mut futures = [Some(five), Some(six)];
        let each = |n: usize| futures[n].take().unwrap();
        assert!(timeout(SHORT, oasync::map_concurrent(0..2, 2, each)).await.is_err());
    });
    eventually("all are dropped", || dropped.load(Ordering::SeqCst) == 6);
    eventually("nothing is alive", || coord.metrics().num_alive_tasks() == 0);
    assert_eq!(coord.metrics().num_timers(), 0);
}

#[test]
fn who_waits_too_long_for_a_place_leaves_the_line() {
    let coord = coordinator(2);
    coord.block_on(async {
        let group = BoundedGroup::new(1);
        let open = gate();
        group.spawn(passed(open.clone())).await;
        let late = timeout(SHORT, group.spawn(async { unreachable!("it had no place") })).await;
        assert!(late.is_err());
        assert_eq!(group.len(), 1);
        open.store(true, Ordering::SeqCst);
        timeout(LONG, group.spawn(async {})).await.expect("the place fell free");
        assert_eq!(timeout(LONG, group.join_all()).await.unwrap().len(), 2);
    });
}

#[test]
fn a_drain_waits_for_sleeping_children_but_not_longer_than_its_limit() {
    let coord = coordinator(1);
    let group = coord.group();
    group.spawn(async { sleep(2 * SHORT).await });
    assert!(group.drain(LONG).still_running.is_empty());
    group.spawn(async { sleep(FAR).await });
    let start = Instant::now();
    assert_eq!(group.drain(SHORT).still_running.len(), 1);
    assert!(start.elapsed() >= SHORT);
    // In a task, a sleep may be what ends it.
    let left = coord.block_on(group.drain_until(sleep(SHORT)));
    assert_eq!(left.still_running.len(), 1);
    drop(group);
    coord.block_on(sleep(SHORT));
    eventually("its timer is gone", || {
        coord.block_on(oasync::yield_now());
        coord.metrics().num_timers() == 0
    });
}

#[test]
fn tasks_of_a_scope_sleep_and_so_does_its_body() {
    in_time(|| {
        let coord = coordinator(1);
        let start = Instant::now();
        let counts = [AtomicUsize::new(0), AtomicUsize::new(0)];
        coord.scope(|s| {
            for count in &counts {
                s.go(async move {
                    for _ in 0..3 {
                        sleep(SHORT).await;
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            // The only thread there is: it fires the tasks' timers meanwhile.
            coord.block_on(sleep(SHORT));
            let limited = s.spawn(timeout(SHORT, pending::<()>()));
            assert!(limited.join().unwrap().is_err());
        });
        assert!(start.elapsed() >= 3 * SHORT);
        assert_eq!(counts.map(AtomicUsize::into_inner), [3, 3]);
        assert_eq!(coord.metrics().num_timers(), 0);
    });
}

#[test]
fn a_scope_is_not_cut_off_by_a_limit_around_it() {
    in_time(|| {
        let coord = coordinator(1);
        // The poll that runs the scope takes longer than the limit; it is done then.
        let limited = timeout(SHORT, async {
            let mut sum = 0;
            oasync::scope(|s| {
                s.go(async {
                    sleep(3 * SHORT).await;
                    sum += 1;
                });
            });
            sum
        });
        assert_eq!(coord.block_on(limited), Ok(1));
        let task = timeout(SHORT, async {
            oasync::scope(|s| s.spawn(sleep(3 * SHORT)).join().unwrap());
            pending::<()>().await;
        });
        assert!(coord.block_on(coord.spawn(task)).unwrap().is_err());
    });
}

#[test]
fn a_pinned_task_sleeps_and_ends_with_its_group_on_its_thread() {
    in_time(|| {
        let coord = started(1);
        let dropped = Arc::new(AtomicUsize::new(0));
        let guard = CountDrop(dropped.clone());
        let task = coord.spawn_pinned(move || async move {
            let thread = std::thread::current().id();
            let held = std::rc::Rc::new(thread);
            let group = TaskGroup::new();
            group.spawn(wait_for_ever::<()>(guard));
            for _ in 0..5 {
                sleep(Duration::from_millis(1)).await;
                assert_eq!(std::thread::current().id(), *held);
            }
            assert!(timeout(SHORT, group.join_next()).await.is_err());
            group.num_running()
        });
        assert_eq!(coord.block_on(task).unwrap(), 1);
        eventually("the child is gone", || dropped.load(Ordering::SeqCst) == 1);
        assert_eq!(coord.metrics().num_timers(), 0);
    });
}

#[test]
fn pinned_tasks_that_never_rest_leave_timers_their_time() {
    in_time(|| {
        let coord = started(1);
        let task = coord.spawn_pinned(|| async {
            let end = std::cell::Cell::new(false);
            let sleeps = async {
                sleep(SHORT).await;
                end.set(true);
            };
            let busy = async {
                while !end.get() {
                    oasync::yield_now().await;
                }
            };
            futures_lite::future::zip(sleeps, busy).await;
        });
        let other = coord.spawn(sleep(SHORT));
        coord.block_on(task).unwrap();
        coord.block_on(other).unwrap();
    });
}

#[test]
fn a_shutdown_ends_sleeping_children_pinned_ones_and_later_ones() {
    in_time(|| {
        let coord = started(2);
        let dropped = Arc::new(AtomicUsize::new(0));
        let guards: [CountDrop; 4] = std::array::from_fn(|_| CountDrop(dropped.clone()));
        let [one, two, three, four] = guards;
        let group = coord.group();
        group.spawn(async move {
            let _guard = one;
            sleep(FAR).await;
        });
        group.task().after(FAR).spawn(async move { drop(two) });
        let pinned = coord.spawn_pinned(move || async move {
            let _guard = three;
            sleep(FAR).await;
        });
        let later = coord.task().after(FAR).spawn_pinned(move || async move { drop(four) });
        eventually("they wait", || coord.metrics().num_timers() == 4);
        let report = coord.shutdown(SHORT);
        assert!(report.still_running.is_empty());
        assert_eq!(dropped.load(Ordering::SeqCst), 4);
        let results = futures_lite::future::block_on(group.join_all());
        assert!(results.into_iter().all(|result| result.unwrap_err().is_cancelled()));
        for task in [pinned, later] {
            assert!(futures_lite::future::block_on(task).unwrap_err().is_cancelled());
        }
    });
}
