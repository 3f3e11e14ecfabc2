//! Promise: while there is nothing to do, no thread wakes.
#![cfg(target_os = "linux")]

mod common;

use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use event_listener::Event;
use oasync::Coordinator;

use common::still::{assert_still, switches};
use common::{LONG, eventually};

/// A coordinator, all of whose `workers` worker threads and two blocking
/// threads live and have had work.
fn busy_then_idle(name: &str, workers: usize) -> Coordinator {
    let builder = Coordinator::builder().workers(workers).thread_name(name);
    let builder = builder.blocking_threads(2).keep_alive(Duration::from_secs(3600));
    // Nobody comes because a worker is late.
    let coord = builder.stall_threshold(10 * LONG).build().unwrap();
    coord.start().unwrap();
    // They meet, so each is on a thread of its own.
    let barrier = Arc::new(Barrier::new(workers + 2));
    let (done, end) = mpsc::channel();
    for _ in 0..workers {
        let (barrier, done) = (barrier.clone(), done.clone());
        coord.go(async move {
            barrier.wait();
            for _ in 0..500 {
                oasync::spawn(oasync::yield_now()).await.unwrap();
            }
            done.send(()).unwrap();
        });
    }
    for _ in 0..2 {
        let (barrier, done) = (barrier.clone(), done.clone());
        coord.gob(move || {
            barrier.wait();
            done.send(()).unwrap();
        });
    }
    for _ in 0..workers + 2 {
        end.recv_timeout(LONG).unwrap();
    }
    assert_eq!(coord.metrics().num_worker_threads(), workers);
    assert_eq!(coord.metrics().num_blocking_threads(), 2);
    coord
}

#[test]
fn after_work() {
    let coord = busy_then_idle("still-a", 4);
    assert_eq!(assert_still("still-a", 7), 7, "all threads are there");
    // The counts do tell: a task wakes someone.
    let before = switches("still-a");
    let (tx, rx) = mpsc::channel();
    coord.go(async move { tx.send(()).unwrap() });
    rx.recv_timeout(LONG).unwrap();
    // Counted when the thread leaves the processor again.
    eventually("it is counted", || before != switches("still-a"));
}

#[test]
fn with_tasks_that_wait() {
    let coord = busy_then_idle("still-b", 4);
    let event = Arc::new(Event::new());
    for _ in 0..100 {
        let event = event.clone();
        coord.go(async move { event.listen().await });
        coord.go(std::future::pending::<()>());
    }
    assert_eq!(assert_still("still-b", 7), 7, "all threads are there");
    assert_eq!(event.total_listeners(), 100);
    assert_eq!(coord.metrics().num_alive_tasks(), 200);
}

#[test]
fn after_block_on_returned() {
    let coord = busy_then_idle("still-c", 4);
    let sum = coord.block_on(async {
        let tasks: Vec<_> = (0..1000).map(|i| oasync::spawn(async move { i })).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        oasync::go(std::future::pending::<()>());
        sum
    });
    assert_eq!(sum, 499_500);
    assert_eq!(assert_still("still-c", 7), 7, "all threads are there");
}

#[test]
fn inside_block_on_too_also_nested() {
    let coord = Arc::new(busy_then_idle("still-d", 4));
    let event = Arc::new(Event::new());
    let caller = |nested: bool| {
        let (coord, event) = (coord.clone(), event.clone());
        let main = move || match nested {
            false => coord.block_on(event.listen()),
            true => coord.block_on(async { oasync::block_on(event.listen()) }),
        };
        thread::Builder::new().name("still-d-caller".into()).spawn(main).unwrap()
    };
    let callers = [caller(false), caller(false), caller(true)];
    let start = Instant::now();
    while event.total_listeners() < 3 {
        assert!(start.elapsed() < LONG, "all callers wait");
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(assert_still("still-d", 10), 10, "all threads are there");
    event.notify(3);
    callers.into_iter().for_each(|caller| caller.join().unwrap());
}

#[test]
fn before_any_work_there_is_one_thread() {
    let coord = Coordinator::builder().workers(4).thread_name("still-e").build().unwrap();
    assert_eq!(switches("still-e").len(), 0);
    coord.start().unwrap();
    assert_eq!(assert_still("still-e", 1), 1, "all threads are there");
}
