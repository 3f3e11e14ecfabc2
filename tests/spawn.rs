//! Promise: a spawned task runs, wherever it is spawned from.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use oasync::{Coordinator, WorkerKind};

use common::{CountDrop, LONG, coordinator, started, without_help};

static STATIC: Coordinator = Coordinator::new();

#[test]
fn from_a_task() {
    let coord = coordinator(2);
    let sum = coord.block_on(async {
        let outer = oasync::spawn(async {
            let parts: Vec<_> = (0..1000u64).map(|i| oasync::spawn(async move { i })).collect();
            let mut sum = 0;
            for part in parts {
                sum += part.await.unwrap();
            }
            sum
        });
        outer.await.unwrap()
    });
    assert_eq!(sum, 499_500);
}

/// Nobody but a worker comes for what waits: each of the two waits for the other.
#[test]
fn what_a_task_spawns_runs_beside_it() {
    let coord = without_help(2);
    coord.start().unwrap();
    for _ in 0..20 {
        let (to_child, from_task) = mpsc::channel();
        let (to_task, from_child) = mpsc::channel();
        let task = coord.spawn(async move {
            oasync::go(async {}); // takes the run slot
            oasync::go(async move {
                from_task.recv_timeout(LONG).unwrap();
                to_task.send(()).unwrap();
            });
            to_child.send(()).unwrap();
            from_child.recv_timeout(LONG).unwrap();
        });
        futures_lite::future::block_on(task).unwrap();
    }
}

#[test]
fn from_a_foreign_thread() {
    let coord = started(2);
    let (tx, rx) = mpsc::channel();
    let handle = coord.handle();
    std::thread::spawn(move || {
        for i in 0..100 {
            let tx = tx.clone();
            handle.go(async move { tx.send(i).unwrap() });
        }
    })
    .join()
    .unwrap();
    let mut got: Vec<i32> = rx.iter().collect();
    got.sort();
    assert_eq!(got, (0..100).collect::<Vec<_>>());
}

#[test]
fn from_a_blocking_closure() {
    let coord = coordinator(1);
    let value = coord.block_on(async {
        let inner = oasync::spawn_blocking(|| oasync::spawn(async { 5 })).await.unwrap();
        inner.await.unwrap()
    });
    assert_eq!(value, 5);
}

#[test]
fn before_the_start_it_waits_and_keeps_its_order() {
    // On a slow machine the worker may seem stuck, and a second thread would come.
    let builder = Coordinator::builder().workers(1).stall_threshold(10 * LONG);
    let coord = builder.build().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    for i in 0..5000 {
        let seen = seen.clone();
        coord.go(async move { seen.lock().unwrap().push(i) });
    }
    assert_eq!(coord.metrics().num_alive_tasks(), 5000);
    assert_eq!(coord.metrics().num_worker_threads(), 0);
    assert!(seen.lock().unwrap().is_empty());
    let last = coord.spawn(async {});
    coord.start().unwrap();
    coord.block_on(last).unwrap();
    assert!(seen.lock().unwrap().iter().copied().eq(0..5000));
}

#[test]
fn a_closure_before_the_start_waits_too() {
    let coord = coordinator(1);
    let blocking = coord.spawn_blocking(|| oasync::worker_info().unwrap().kind());
    assert_eq!(coord.metrics().num_blocking_threads(), 0);
    assert_eq!(coord.metrics().blocking_queue_depth(), 1);
    assert_eq!(coord.block_on(blocking).unwrap(), WorkerKind::Blocking);
}

#[test]
fn from_several_coordinators_in_one_process() {
    let a = Arc::new(Coordinator::builder().workers(1).thread_name("a").build().unwrap());
    let b = Arc::new(Coordinator::builder().workers(2).thread_name("b").build().unwrap());
    a.start().unwrap();
    b.start().unwrap();
    let (handle_a, handle_b) = (a.handle(), b.handle());
    let from_a = a.spawn(async move {
        let in_b = handle_b.spawn(async move {
            let here = Coordinator::current().metrics().num_workers();
            let back = handle_a.spawn(async { Coordinator::current().metrics().num_workers() });
            (here, back.await.unwrap())
        });
        in_b.await.unwrap()
    });
    assert_eq!(b.block_on(from_a).unwrap(), (2, 1));
}

#[test]
fn on_a_static_and_on_the_default_coordinator() {
    let task = STATIC.spawn(async { 1 });
    assert_eq!(STATIC.block_on(task).unwrap(), 1);
    let (tx, rx) = mpsc::channel();
    oasync::go(async move { tx.send(Coordinator::try_current().is_some()).unwrap() });
    assert!(rx.recv_timeout(Duration::from_secs(10)).unwrap());
    assert!(Coordinator::try_current().is_none());
}

#[test]
fn after_a_shutdown_the_handle_gives_a_cancelled_error() {
    let coord = started(2);
    coord.shutdown(Duration::from_secs(5));
    let dropped = Arc::new(AtomicUsize::new(0));
    let guard = CountDrop(dropped.clone());
    let task = coord.spawn(async move { drop(guard) });
    let closure = coord.spawn_blocking(|| ());
    assert_eq!(dropped.load(Ordering::SeqCst), 1, "a refused future is dropped at once");
    let (task, closure) = coord.block_on(async { (task.await, closure.await) });
    assert!(task.unwrap_err().is_cancelled());
    assert!(closure.unwrap_err().is_cancelled());
    assert!(coord.start().is_err());
    assert_eq!(coord.metrics().num_alive_tasks(), 0);
    let handle = coord.handle();
    drop(coord);
    let late = handle.spawn(async {});
    assert!(oasync::block_on(late).unwrap_err().is_cancelled());
}

#[test]
fn a_name_a_site_and_an_id_go_with_the_task() {
    let coord = coordinator(1);
    let line = line!() + 1;
    let task = coord.task().name("sleeper").spawn(std::future::pending::<()>());
    let tasks = coord.tasks();
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0].name(), Some("sleeper"));
    assert_eq!(tasks[0].id(), task.id());
    assert_eq!(tasks[0].location().line(), line);
    assert!(tasks[0].location().file().ends_with("spawn.rs"));
}
