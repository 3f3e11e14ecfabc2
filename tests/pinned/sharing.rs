//! Pinned tasks, other tasks and main futures take turns.

#[cfg(target_os = "linux")]
use std::future::pending;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::Poll;

use futures_lite::future::block_on;
#[cfg(target_os = "linux")]
use oasync::Coordinator;

#[cfg(target_os = "linux")]
use crate::common::still::assert_still;
use crate::common::{LONG, coordinator, eventually, started};
use crate::index;

/// Wakes itself until `stop` is set, counting its polls.
async fn spin(stop: Arc<AtomicBool>, polls: Arc<AtomicUsize>) {
    while !stop.load(Ordering::SeqCst) {
        polls.fetch_add(1, Ordering::SeqCst);
        oasync::yield_now().await;
    }
}

#[test]
fn pinned_and_other_tasks_that_wake_themselves_without_end_do_not_starve_each_other() {
    const ENOUGH: usize = 2_000;
    let coord = started(1);
    let stop = Arc::new(AtomicBool::new(false));
    let counts: Vec<Arc<AtomicUsize>> = (0..6).map(|_| Arc::default()).collect();
    for (i, count) in counts.iter().enumerate() {
        let (stop, count) = (stop.clone(), count.clone());
        if i % 2 == 0 {
            drop(coord.spawn_pinned(move || spin(stop, count)));
        } else {
            coord.go(spin(stop, count));
        }
    }
    eventually("each is polled", || {
        counts.iter().all(|count| count.load(Ordering::SeqCst) >= ENOUGH)
    });
    stop.store(true, Ordering::SeqCst);
    eventually("each ends", || coord.metrics().num_alive_tasks() == 0);
}

#[test]
fn a_main_future_that_keeps_the_only_seat_does_not_stop_pinned_tasks() {
    let coord = coordinator(1);
    let (tx, rx) = mpsc::channel();
    let handle = coord.handle();
    coord.block_on(async move {
        let task = handle.spawn_pinned(|| async {
            for _ in 0..100 {
                oasync::yield_now().await;
            }
            index()
        });
        let done =
            handle.spawn_pinned(move || async move { tx.send(task.await.unwrap()).unwrap() });
        // The caller sits on the seat and blocks.
        assert_eq!(rx.recv_timeout(LONG), Ok(0));
        done.await.unwrap();
    });
}

#[test]
fn a_thread_in_a_pinned_poll_without_a_seat_leaves_the_other_tasks_to_others() {
    let coord = coordinator(1);
    let (in_poll, polled) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let handle = coord.handle();
    // The caller has the only seat, so the pinned poll has none, and lasts.
    let (pinned, other) = coord.block_on(async move {
        let pinned = handle.spawn_pinned(move || async move {
            in_poll.send(()).unwrap();
            released.recv_timeout(LONG).unwrap();
        });
        polled.recv_timeout(LONG).unwrap();
        (pinned, handle.spawn(async { 7 }))
    });
    // The seat is vacant now, and the thread 0 is not there to take it.
    assert_eq!(block_on(other).unwrap(), 7);
    release.send(()).unwrap();
    block_on(pinned).unwrap();
}

#[test]
fn pinned_tasks_and_others_wake_each_other() {
    const ROUNDS: usize = 2_000;
    for workers in [1, 2] {
        let coord = started(workers);
        let (to_pinned, from_task) = async_channel::bounded::<usize>(1);
        let (to_task, from_pinned) = async_channel::bounded::<usize>(1);
        let pinned = coord.spawn_pinned(move || async move {
            let here = std::rc::Rc::new(index());
            while let Ok(n) = from_task.recv().await {
                assert_eq!(*here, index());
                to_task.send(n + 1).await.unwrap();
            }
        });
        let task = coord.spawn(async move {
            for n in 0..ROUNDS {
                to_pinned.send(n).await.unwrap();
                assert_eq!(from_pinned.recv().await.unwrap(), n + 1);
            }
        });
        block_on(task).unwrap();
        block_on(pinned).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_idle_coordinator_with_pinned_tasks_that_wait_makes_no_polls_and_no_parks() {
    let builder = Coordinator::builder().workers(2).thread_name("pin-still");
    // Nobody comes because a worker is late.
    let coord = builder.stall_threshold(10 * LONG).build().unwrap();
    coord.start().unwrap();
    let tasks: Vec<_> = (0..4).map(|_| coord.spawn_pinned(pending::<()>)).collect();
    assert_eq!(block_on(coord.broadcast(|| ())).len(), 2);
    // What a task spawns goes to its run slot, and so the watcher lives.
    block_on(coord.spawn(async { oasync::spawn(async {}).await.unwrap() })).unwrap();
    let polls = || coord.metrics().workers().iter().map(|w| w.poll_count).sum::<u64>();
    let parks = || coord.metrics().workers().iter().map(|w| w.park_count).sum::<u64>();
    assert_eq!(assert_still("pin-still", 3), 3, "two workers and the watcher");
    let before = (polls(), parks());
    assert_still("pin-still", 3);
    assert_eq!((polls(), parks()), before);
    drop(tasks);
}

#[test]
fn tasks_that_pinned_tasks_spawn_run_on_any_thread() {
    let coord = started(2);
    let task = coord.spawn_pinned(|| async {
        let parts: Vec<_> = (0..1_000_u64).map(|n| oasync::spawn(async move { n })).collect();
        let mut sum = 0;
        for part in parts {
            sum += part.await.unwrap();
        }
        sum
    });
    assert_eq!(block_on(task).unwrap(), 499_500);
}

#[test]
fn a_pinned_task_that_wakes_itself_inside_its_poll_is_polled_again() {
    let coord = started(1);
    let mut polls = 0;
    let task = coord.spawn_pinned(move || {
        poll_fn(move |cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            cx.waker().wake_by_ref();
            if polls == 1_000 { Poll::Ready(polls) } else { Poll::Pending }
        })
    });
    assert_eq!(block_on(task).unwrap(), 1_000);
}
