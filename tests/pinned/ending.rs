//! How pinned tasks end: cancelled, panicked, with their coordinator.

use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use futures_lite::future::block_on;
use oasync::{Coordinator, block_in_place};

use crate::common::{CountDrop, LONG, coordinator, started};
use crate::{Local, index};

#[test]
fn cancelled_from_another_thread_the_future_is_dropped_on_its_own() {
    let coord = started(2);
    let drops = Arc::new(Mutex::new(Vec::new()));
    for round in 1..=100 {
        let (tx, rx) = mpsc::channel();
        let log = drops.clone();
        let task = coord.spawn_pinned(move || async move {
            let _local = Local::new(&log);
            tx.send(thread::current().id()).unwrap();
            pending::<()>().await;
        });
        let on = rx.recv_timeout(LONG).unwrap();
        assert!(block_on(task.cancel()).unwrap_err().is_cancelled());
        let drops = drops.lock().unwrap();
        assert_eq!((drops.len(), drops[round - 1]), (round, on), "dropped when `cancel` returns");
    }
}

#[test]
fn cancelled_while_it_is_queued_the_closure_is_never_called() {
    let coord = started(1);
    let (tx, rx) = mpsc::channel::<()>();
    let (inside, entered) = mpsc::channel();
    let busy = coord.spawn_pinned(move || async move {
        inside.send(()).unwrap();
        rx.recv_timeout(LONG).unwrap();
    });
    entered.recv_timeout(LONG).unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let task = coord.spawn_pinned_on(0, move || async move {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let ending = task.unwrap().cancel();
    tx.send(()).unwrap();
    assert!(block_on(ending).unwrap_err().is_cancelled());
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert_eq!(Arc::strong_count(&calls), 1);
    block_on(busy).unwrap();
}

#[test]
fn panics_in_closure_poll_and_drop_go_where_those_of_other_tasks_go() {
    struct Bomb(Rc<()>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(thread::panicking() || Rc::strong_count(&self.0) > 9, "planned: drop");
        }
    }
    let (tx, rx) = mpsc::channel();
    let coord = Coordinator::builder()
        .workers(1)
        .on_panic(move |panic| tx.send(panic.to_string()).unwrap())
        .build()
        .unwrap();
    coord.start().unwrap();
    async fn nothing() {}
    let closure = coord.spawn_pinned(|| if index() == 0 { panic!("planned") } else { nothing() });
    assert!(block_on(closure).unwrap_err().is_panic());
    let poll = coord.spawn_pinned(|| async { panic!("planned") });
    assert!(block_on(poll).unwrap_err().is_panic());
    let waiting = coord.spawn_pinned(|| async {
        let _bomb = Bomb(Rc::new(()));
        pending::<()>().await;
    });
    assert_eq!(block_on(coord.spawn_pinned(|| async { 1 })).unwrap(), 1);
    assert!(block_on(waiting.cancel()).unwrap_err().is_cancelled());
    assert!(rx.recv_timeout(LONG).unwrap().ends_with("planned: drop"));
    assert_eq!(block_on(coord.spawn_pinned(|| async { 2 })).unwrap(), 2, "the thread lives");
}

/// Waiting pinned tasks on every thread, each of which has been polled.
fn waiting(coord: &Coordinator, tasks: usize) -> Arc<Mutex<Vec<thread::ThreadId>>> {
    let drops = Arc::new(Mutex::new(Vec::new()));
    let (tx, rx) = mpsc::channel();
    for _ in 0..tasks {
        let (drops, tx) = (drops.clone(), tx.clone());
        drop(coord.spawn_pinned(move || async move {
            let _local = Local::new(&drops);
            tx.send(()).unwrap();
            pending::<()>().await;
        }));
        rx.recv_timeout(LONG).unwrap();
    }
    drops
}

#[test]
fn a_shutdown_drops_pinned_futures_on_their_threads_and_counts_them() {
    let coord = started(3);
    let drops = waiting(&coord, 30);
    let report = coord.shutdown(Duration::from_millis(10));
    assert_eq!((report.cancelled, report.finished), (30, 0));
    assert!(report.still_running.is_empty());
    assert_eq!(drops.lock().unwrap().len(), 30);
    assert!(block_on(coord.spawn_pinned(|| async {})).unwrap_err().is_cancelled());
}

#[test]
fn a_shutdown_lets_pinned_tasks_finish() {
    let coord = coordinator(2);
    coord.start().unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            coord.spawn_pinned(move || async move {
                for _ in 0..n {
                    oasync::yield_now().await;
                }
            })
        })
        .collect();
    let report = coord.shutdown(LONG);
    assert_eq!(report.cancelled, 0);
    assert!(tasks.into_iter().all(|task| block_on(task).is_ok()));
}

#[test]
fn dropping_the_coordinator_drops_pinned_futures_on_their_threads() {
    let coord = started(2);
    let drops = waiting(&coord, 10);
    drop(coord);
    assert_eq!(drops.lock().unwrap().len(), 10);
}

#[test]
fn a_coordinator_that_never_started_drops_the_closures() {
    let dropped = Arc::new(AtomicUsize::new(0));
    for shut_down in [true, false] {
        let coord = coordinator(2);
        let held = CountDrop(dropped.clone());
        let task = coord.spawn_pinned(move || async move { drop(held) });
        if shut_down {
            assert_eq!(coord.shutdown(LONG).cancelled, 1);
        }
        drop(coord);
        assert!(block_on(task).unwrap_err().is_cancelled());
    }
    assert_eq!(dropped.load(Ordering::SeqCst), 2);
}

#[test]
fn a_shutdown_inside_a_pinned_task_ends_the_others_of_its_thread() {
    let coord = started(1);
    let drops = waiting(&coord, 5);
    let handle = coord.handle();
    let task = coord.spawn_pinned(move || async move {
        let report = handle.shutdown(Duration::ZERO);
        assert!(report.still_running.is_empty());
        report.cancelled
    });
    assert_eq!(block_on(task).unwrap(), 5);
    assert_eq!(drops.lock().unwrap().len(), 5);
}

#[test]
fn a_pinned_poll_that_does_not_return_is_in_the_report() {
    let coord = coordinator(1);
    let (tx, rx) = mpsc::channel::<()>();
    let (inside, entered) = mpsc::channel();
    let handle = coord.handle();
    // The caller has the seat, so the poll has none.
    coord.block_on(async {
        let task = handle.spawn_pinned(move || async move {
            inside.send(()).unwrap();
            block_in_place(|| rx.recv_timeout(LONG).unwrap());
        });
        entered.recv_timeout(LONG).unwrap();
        let report = handle.shutdown(Duration::ZERO);
        assert_eq!(report.still_running.len(), 1);
        assert_eq!(report.still_running[0].id(), task.id());
        tx.send(()).unwrap();
        task.await.unwrap();
    });
}

#[test]
fn a_thread_whose_last_pinned_poll_ends_the_coordinator_is_counted_out_once() {
    let coord = started(1);
    let handle = coord.handle();
    let (inside, entered) = mpsc::channel();
    let (held, dropped) = mpsc::channel::<()>();
    drop(coord.spawn_pinned(move || async move {
        inside.send(()).unwrap();
        block_in_place(|| dropped.recv_timeout(LONG).unwrap_err());
    }));
    entered.recv_timeout(LONG).unwrap();
    coord.go(async move {
        let _held = held;
        pending::<()>().await;
    });
    drop(coord); // drops what the pinned task waits for
    assert_eq!(handle.metrics().num_worker_threads(), 0);
}

#[test]
fn wakers_that_outlive_the_coordinator_do_no_harm() {
    let wakers = Arc::new(Mutex::new(Vec::<Waker>::new()));
    let coord = started(2);
    for _ in 0..4 {
        let keep = wakers.clone();
        let (tx, rx) = mpsc::channel();
        drop(coord.spawn_pinned(move || {
            let local = Rc::new(());
            poll_fn(move |cx| {
                keep.lock().unwrap().push(cx.waker().clone());
                tx.send(Rc::strong_count(&local)).unwrap();
                Poll::<()>::Pending
            })
        }));
        rx.recv_timeout(LONG).unwrap();
    }
    drop(coord);
    let wakers = std::mem::take(&mut *wakers.lock().unwrap());
    wakers.iter().for_each(Waker::wake_by_ref);
    assert!(wakers[0].will_wake(&wakers[0].clone()));
    drop(wakers);
}
