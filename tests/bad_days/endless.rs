//! Too many wakes.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;

use crate::common::{LONG, coordinator, eventually, started};
use crate::{in_time, wait};

#[test]
fn a_waker_called_ten_million_times_causes_as_many_polls_at_most() {
    const WAKES: usize = if cfg!(debug_assertions) { 1_000_000 } else { 10_000_000 };
    let coord = started(2);
    let polls = Arc::new(AtomicUsize::new(0));
    let (counted, (tell, told)) = (polls.clone(), mpsc::channel());
    let task = coord.spawn(async move {
        poll_fn(|cx| {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = tell.send(cx.waker().clone());
            Poll::<()>::Pending
        })
        .await;
    });
    let waker: Waker = told.recv_timeout(LONG).unwrap();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..WAKES / 2).for_each(|_| waker.wake_by_ref()));
        }
    });
    // One runnable at a time, whatever the number of wakes: nothing piles up.
    assert!(coord.metrics().injector_depth() <= 1);
    assert!(polls.load(Ordering::SeqCst) <= WAKES + 1);
    assert!(wait(task.cancel()).unwrap_err().is_cancelled());
    // And once more, for a task that is no more.
    (0..WAKES).for_each(|_| waker.wake_by_ref());
    assert_eq!(coord.metrics().num_alive_tasks(), 0);
}

#[test]
fn a_task_that_wakes_itself_without_end_stops_nobody() {
    for workers in [1, 2] {
        in_time("others beside an endless task", move || {
            let coord = coordinator(workers);
            let polls = Arc::new(AtomicUsize::new(0));
            for _ in 0..workers + 1 {
                let polls = polls.clone();
                coord.go(async move {
                    poll_fn(|cx| {
                        polls.fetch_add(1, Ordering::SeqCst);
                        cx.waker().wake_by_ref();
                        Poll::<()>::Pending
                    })
                    .await;
                });
            }
            coord.block_on(async {
                let tasks: Vec<_> = (0..100).map(|i| oasync::spawn(async move { i })).collect();
                for (i, task) in tasks.into_iter().enumerate() {
                    assert_eq!(task.await.unwrap(), i);
                }
                assert_eq!(oasync::spawn_blocking(|| 7).await.unwrap(), 7);
            });
            coord.start().unwrap();
            let before = polls.load(Ordering::SeqCst);
            eventually("they go on", || polls.load(Ordering::SeqCst) > before + 10);
            let report = coord.shutdown(std::time::Duration::from_millis(10));
            assert_eq!((report.cancelled, report.still_running.len()), (workers as u64 + 1, 0));
        });
    }
}

#[test]
fn two_tasks_that_wake_each_other_without_end_stop_nobody() {
    in_time("others beside an endless pair", || {
        let coord = started(1);
        let (a, b) = (async_channel::bounded(1), async_channel::bounded(1));
        for (from, to) in [(a.1, b.0), (b.1, a.0.clone())] {
            coord.go(async move {
                while let Ok(()) = from.recv().await {
                    to.send(()).await.unwrap();
                }
            });
        }
        a.0.send_blocking(()).unwrap();
        for _ in 0..100 {
            assert_eq!(wait(coord.spawn(async { 1 })).unwrap(), 1);
        }
    });
}

#[test]
fn a_poll_that_wakes_others_without_end_is_rescued_from() {
    in_time("others behind a poll that wakes them", || {
        let coord = started(1);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let task = coord.spawn(async move {
            let mut spawned = 0_u64;
            while !stopped.load(Ordering::SeqCst) {
                oasync::go(async {});
                spawned += 1;
                if spawned % 1000 == 0 {
                    // Do not fill the memory of a slow machine.
                    thread::yield_now();
                    while oasync::Coordinator::current().metrics().num_alive_tasks() > 10_000 {
                        thread::yield_now();
                    }
                }
            }
        });
        // It runs although the only worker never comes back by itself.
        wait(coord.spawn(async move { stop.store(true, Ordering::SeqCst) })).unwrap();
        wait(task).unwrap();
        assert!(coord.metrics().lend_count() > 0);
    });
}
