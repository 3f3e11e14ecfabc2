//! Who comes for what is stuck, when nobody seems to be left to come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use oasync::{Coordinator, WorkerKind};

use crate::common::{LONG, eventually};
use crate::spin_until;

/// A started coordinator with one blocking thread, which is busy until the flag is
/// set.
fn with_all_blocking_threads_busy(workers: usize, done: &Arc<AtomicBool>) -> Coordinator {
    let builder = Coordinator::builder().workers(workers).blocking_threads(1);
    let coord = builder.build().unwrap();
    coord.start().unwrap();
    let (done, (entered, inside)) = (done.clone(), mpsc::channel());
    coord.gob(move || {
        entered.send(()).unwrap();
        eventually("all that is stuck is freed", || done.load(Ordering::SeqCst));
    });
    inside.recv_timeout(LONG).unwrap();
    coord
}

#[test]
fn what_is_in_the_run_slot_is_taken_by_a_worker_that_is_free() {
    // Nobody is sent to lend.
    let builder = Coordinator::builder().workers(2).stall_threshold(10 * LONG);
    let coord = builder.build().unwrap();
    coord.start().unwrap();
    let task = coord.spawn(async {
        let ran = Arc::new(AtomicBool::new(false));
        let (set, (tell, told)) = (ran.clone(), mpsc::channel());
        oasync::go(async move {
            tell.send(oasync::worker_info().unwrap()).unwrap();
            set.store(true, Ordering::SeqCst);
        });
        spin_until(&ran);
        (oasync::worker_info().unwrap(), told.recv().unwrap())
    });
    let (here, there) = futures_lite::future::block_on(task).unwrap();
    assert_eq!((here.kind(), there.kind()), (WorkerKind::Worker, WorkerKind::Worker));
    assert_ne!(here.index(), there.index());
    let metrics = coord.metrics();
    assert_eq!((metrics.rescued_count(), metrics.lend_count()), (1, 0));
}

#[test]
fn what_waits_behind_workers_runs_although_all_blocking_threads_are_busy() {
    for workers in [1, 2] {
        let done = Arc::new(AtomicBool::new(false));
        let coord = with_all_blocking_threads_busy(workers, &done);
        let all_in = Arc::new(AtomicUsize::new(0));
        for _ in 0..workers {
            let (all_in, done) = (all_in.clone(), done.clone());
            coord.go(async move {
                all_in.fetch_add(1, Ordering::SeqCst);
                oasync::go(async {});
                spin_until(&done);
            });
        }
        eventually("all workers are stuck", || all_in.load(Ordering::SeqCst) == workers);
        let set = done.clone();
        coord.go(async move { set.store(true, Ordering::SeqCst) });
        eventually("it ran", || done.load(Ordering::SeqCst));
        assert!(coord.metrics().lend_count() > 0);
        eventually("the thread too many leaves", || coord.metrics().num_blocking_threads() <= 1);
    }
}

#[test]
fn what_a_lent_poll_waits_for_runs_on_another_thread() {
    let done = Arc::new(AtomicBool::new(false));
    let coord = with_all_blocking_threads_busy(1, &done);
    let (stuck, flag) = (done.clone(), done.clone());
    coord.go(async move { spin_until(&stuck) });
    let lent = coord.spawn(async move {
        let (tx, rx) = mpsc::channel();
        oasync::go(async move { tx.send(()).unwrap() });
        rx.recv_timeout(LONG).unwrap();
        flag.store(true, Ordering::SeqCst);
        oasync::worker_info().unwrap().kind()
    });
    assert_eq!(futures_lite::future::block_on(lent).unwrap(), WorkerKind::Blocking);
}

/// Ten tasks that yield until it is `done`, counting their polls.
fn yielding(done: &Arc<AtomicBool>) -> (Arc<AtomicUsize>, Vec<impl Future<Output = ()> + use<>>) {
    let polls = Arc::new(AtomicUsize::new(0));
    let tasks = (0..10).map(|_| {
        let (done, polls) = (done.clone(), polls.clone());
        async move {
            while !done.load(Ordering::SeqCst) {
                polls.fetch_add(1, Ordering::SeqCst);
                oasync::yield_now().await;
            }
        }
    });
    (polls.clone(), tasks.collect())
}

/// Those who help have had many turns.
fn turn(polls: &AtomicUsize) {
    eventually("they are polled", || polls.load(Ordering::SeqCst) > 1000);
}

#[test]
fn what_waits_behind_tasks_that_yield_without_end_runs() {
    for workers in [1, 2] {
        let coord = Coordinator::builder().workers(workers).build().unwrap();
        coord.start().unwrap();
        // On each worker: first those that yield, then what the poll waits for.
        let stuck: Vec<_> = (0..workers)
            .map(|_| {
                coord.spawn(async {
                    let done = Arc::new(AtomicBool::new(false));
                    let (polls, tasks) = yielding(&done);
                    tasks.into_iter().for_each(oasync::go);
                    turn(&polls);
                    let set = done.clone();
                    // Into its queue, not into the run slot.
                    drop(oasync::spawn_many([async move { set.store(true, Ordering::SeqCst) }]));
                    spin_until(&done);
                })
            })
            .collect();
        stuck.into_iter().for_each(|task| futures_lite::future::block_on(task).unwrap());
    }
}

#[test]
fn tasks_spawned_together_run_beside_tasks_that_yield_without_end() {
    let coord = Coordinator::builder().workers(1).build().unwrap();
    coord.start().unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let held = done.clone();
    let stuck = coord.spawn(async move { spin_until(&held) });
    let (polls, tasks) = yielding(&done);
    tasks.into_iter().for_each(|task| coord.go(task));
    turn(&polls);
    // The other lane of the injector.
    drop(coord.spawn_many([async move { done.store(true, Ordering::SeqCst) }]));
    futures_lite::future::block_on(stuck).unwrap();
}

#[test]
fn a_closure_runs_although_the_only_blocking_thread_is_stuck_in_a_lent_poll() {
    let builder = Coordinator::builder().workers(1).blocking_threads(1);
    let coord = builder.build().unwrap();
    coord.start().unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let lent = Arc::new(AtomicUsize::new(0));
    for _ in 0..2 {
        let (done, lent) = (done.clone(), lent.clone());
        coord.go(async move {
            let kind = oasync::worker_info().unwrap().kind();
            lent.fetch_add(usize::from(kind == WorkerKind::Blocking), Ordering::SeqCst);
            spin_until(&done);
        });
    }
    eventually("a thread lends", || lent.load(Ordering::SeqCst) == 1);
    let (closures, running) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for _ in 0..20 {
        let (closures, running) = (closures.clone(), running.clone());
        coord.gob(move || {
            assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0, "the limit holds");
            thread::sleep(Duration::from_millis(1));
            running.fetch_sub(1, Ordering::SeqCst);
            closures.fetch_add(1, Ordering::SeqCst);
        });
    }
    eventually("they ran", || closures.load(Ordering::SeqCst) == 20);
    done.store(true, Ordering::SeqCst);
    eventually("one thread is left", || coord.metrics().num_blocking_threads() <= 1);
    assert_eq!(coord.metrics().panics(), 0);
}

#[test]
fn never_more_closures_run_than_blocking_threads_are_allowed() {
    const LIMIT: usize = 2;
    let builder = Coordinator::builder().workers(1).blocking_threads(LIMIT);
    let coord = builder.stall_threshold(Duration::from_millis(1)).build().unwrap();
    coord.start().unwrap();
    let running = Arc::new(AtomicUsize::new(0));
    let handles: Vec<_> = (0..200)
        .map(|i| {
            // Polls that are too long, and lent ones too.
            coord.go(async move { thread::sleep(Duration::from_millis(i % 5)) });
            let running = running.clone();
            coord.spawn_blocking(move || {
                assert!(running.fetch_add(1, Ordering::SeqCst) < LIMIT, "the limit holds");
                thread::sleep(Duration::from_micros(500));
                running.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    for handle in handles {
        futures_lite::future::block_on(handle).unwrap();
    }
}
