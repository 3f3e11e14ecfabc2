//! Promise: a thread that blocks or computes on does not stop the tasks queued
//! behind it, in its run slot or in its local queue.

mod away;
mod behind;
#[path = "../common/mod.rs"]
mod common;
mod hooks;
mod soon;
mod stalls;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use oasync::{Coordinator, Stall, WorkerKind};

use common::{LONG, coordinator, eventually, started};

/// Computes until the flag is set by someone else.
fn spin_until(flag: &AtomicBool) {
    let deadline = Instant::now() + LONG;
    while !flag.load(Ordering::SeqCst) {
        assert!(Instant::now() < deadline, "what was spawned never ran");
        std::hint::spin_loop();
    }
}

/// Goes on in a poll by a worker. One by a blocking thread, which comes if the worker is
/// late, is no stall.
async fn stay_on_a_worker() {
    while oasync::worker_info().unwrap().kind() != WorkerKind::Worker {
        oasync::yield_now().await;
    }
}

#[test]
fn what_a_main_future_spawned_runs_while_it_computes() {
    let coord = coordinator(2);
    for _ in 0..20 {
        let flag = Arc::new(AtomicBool::new(false));
        coord.block_on(async {
            let set = flag.clone();
            oasync::go(async move { set.store(true, Ordering::SeqCst) });
            spin_until(&flag);
        });
    }
}

#[test]
fn what_a_task_spawned_runs_while_it_computes() {
    let coord = started(2);
    for _ in 0..20 {
        let task = coord.spawn(async {
            let flag = Arc::new(AtomicBool::new(false));
            let set = flag.clone();
            oasync::go(async move { set.store(true, Ordering::SeqCst) });
            spin_until(&flag);
        });
        coord.block_on(task).unwrap();
    }
    assert!(coord.metrics().rescued_count() > 0);
}

#[test]
fn what_a_task_woke_runs_while_it_computes() {
    let coord = coordinator(2);
    coord.block_on(async {
        let (tx, rx) = async_channel::bounded(1);
        let flag = Arc::new(AtomicBool::new(false));
        let set = flag.clone();
        let waiter = oasync::spawn(async move {
            let () = rx.recv().await.unwrap();
            set.store(true, Ordering::SeqCst);
        });
        oasync::yield_now().await;
        let waker = oasync::spawn(async move {
            tx.send(()).await.unwrap();
            spin_until(&flag);
        });
        waiter.await.unwrap();
        waker.await.unwrap();
    });
}

#[test]
fn tasks_behind_blocked_workers_run_on_blocking_threads() {
    for workers in [1, 2] {
        let coord = started(workers);
        let done = Arc::new(AtomicUsize::new(0));
        let (all, rest) = (Arc::new(AtomicBool::new(false)), done.clone());
        let stuck: Vec<_> = (0..workers)
            .map(|_| {
                let all = all.clone();
                coord.spawn(async move {
                    let here = oasync::worker_info().unwrap().kind();
                    let deadline = Instant::now() + LONG;
                    while !all.load(Ordering::SeqCst) {
                        assert!(Instant::now() < deadline, "the tasks behind it never ran");
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    here
                })
            })
            .collect();
        for _ in 0..1000 {
            let (rest, all) = (rest.clone(), all.clone());
            coord.go(async move {
                oasync::yield_now().await;
                if rest.fetch_add(1, Ordering::SeqCst) == 999 {
                    all.store(true, Ordering::SeqCst);
                }
            });
        }
        for task in stuck {
            let kind = futures_lite::future::block_on(task).unwrap();
            assert_ne!(kind, WorkerKind::Caller);
        }
        assert_eq!(done.load(Ordering::SeqCst), 1000);
        assert!(coord.metrics().lend_count() > 0);
        assert!(coord.metrics().stall_count() > 0);
    }
}

#[test]
fn a_poll_that_takes_less_than_the_threshold_gets_no_help() {
    let coord = Coordinator::builder().workers(1).stall_threshold(10 * LONG).build().unwrap();
    coord.start().unwrap();
    // A thread that could lend.
    coord.block_on(coord.spawn_blocking(|| ())).unwrap();
    eventually("it idles", || coord.metrics().num_idle_blocking_threads() == 1);
    // Waited for elsewhere: the caller would be a worker, too.
    let long = coord.spawn(async {
        let behind = oasync::spawn_many([async {}]);
        std::thread::sleep(Duration::from_millis(100));
        behind
    });
    for behind in futures_lite::future::block_on(long).unwrap() {
        futures_lite::future::block_on(behind).unwrap();
    }
    assert_eq!(coord.metrics().lend_count(), 0);
}

#[test]
fn the_only_worker_can_wait_for_its_own_child() {
    let coord = coordinator(1);
    coord.block_on(async {
        let (tx, rx) = mpsc::channel();
        let task = oasync::spawn(async move {
            oasync::go(async move { tx.send(1).unwrap() });
            rx.recv_timeout(LONG).unwrap()
        });
        assert_eq!(task.await.unwrap(), 1);
    });
}

#[test]
fn block_in_place_gives_the_place_away_at_once() {
    // With this threshold nobody is sent because of the stall.
    let coord = Coordinator::builder().workers(1).stall_threshold(LONG * 10).build().unwrap();
    let value = coord.block_on(async {
        let (tx, rx) = mpsc::channel();
        let task = oasync::spawn(async move {
            oasync::go(async move { tx.send(7).unwrap() });
            let value = oasync::block_in_place(|| rx.recv_timeout(LONG).unwrap());
            // The task goes on, here and after it waits.
            oasync::yield_now().await;
            oasync::block_in_place(|| value)
        });
        oasync::block_in_place(|| ());
        task.await.unwrap()
    });
    assert_eq!(value, 7);
    assert_eq!(oasync::block_in_place(|| 3), 3, "outside of every coordinator");
    assert_eq!(coord.metrics().stall_count(), 0);
}

#[test]
fn a_stall_is_told_once_with_its_task() {
    let (tx, rx) = mpsc::channel::<Stall>();
    let coord = Coordinator::builder()
        .workers(1)
        .stall_threshold(Duration::from_millis(2))
        .on_stall(move |stall| tx.send(stall.clone()).unwrap())
        .build()
        .unwrap();
    coord.start().unwrap();
    let (release, released) = mpsc::channel::<()>();
    let line = line!() + 1;
    let task = coord.spawn(async move {
        stay_on_a_worker().await;
        released.recv().is_ok()
    });
    let stall = rx.recv_timeout(LONG).unwrap();
    assert_eq!((stall.id, stall.worker), (Some(task.id()), 0));
    assert_eq!(stall.location.line(), line);
    assert!(stall.lasts >= Duration::from_millis(2));
    assert!(stall.to_string().contains(file!()), "{stall}");
    // Several thresholds later it has not been told again.
    std::thread::sleep(Duration::from_millis(20));
    release.send(()).unwrap();
    assert!(futures_lite::future::block_on(task).unwrap());
    assert!(rx.try_recv().is_err());
    assert_eq!(coord.metrics().stall_count(), 1);
}

#[test]
fn the_stall_hook_can_shut_down_beside_a_drop() {
    let (told, stalled) = mpsc::channel();
    let release = Arc::new(AtomicBool::new(false));
    let free = release.clone();
    let coord = Coordinator::builder()
        .workers(1)
        .on_stall(move |_| {
            assert_eq!(oasync::worker_info().unwrap().kind(), WorkerKind::Watcher);
            let handle = Coordinator::current();
            told.send(()).unwrap();
            free.store(true, Ordering::SeqCst);
            handle.shutdown(LONG);
        })
        .build()
        .unwrap();
    coord.start().unwrap();
    coord.go(async move { spin_until(&release) });
    stalled.recv_timeout(LONG).unwrap();
    drop(coord);
}
