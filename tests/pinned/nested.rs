//! What blocks inside tasks of a thread with pinned tasks.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use futures_lite::future;
use oasync::{Coordinator, JoinHandle, block_in_place};

use crate::common::{LONG, eventually, started};
use crate::index;

#[test]
fn a_nested_block_on_polls_the_pinned_tasks_of_its_thread() {
    let coord = started(1);
    // In a task that may run anywhere, and in one that is pinned itself.
    let task = coord.spawn(async {
        let pinned = oasync::spawn_pinned(|| async { *Rc::new(index()) });
        oasync::block_on(pinned).unwrap()
    });
    assert_eq!(future::block_on(task).unwrap(), 0);
    let task = coord.spawn_pinned(|| async {
        let pinned = oasync::spawn_pinned_on(index(), || async {
            oasync::yield_now().await;
            *Rc::new(index())
        });
        oasync::block_on(pinned.unwrap()).unwrap()
    });
    assert_eq!(future::block_on(task).unwrap(), 0);
}

/// Each waits for the next in a nested call.
fn chain(deep: usize) -> JoinHandle<usize> {
    oasync::spawn_pinned_on(0, move || async move {
        if deep == 0 { 0 } else { 1 + oasync::block_on(chain(deep - 1)).unwrap() }
    })
    .unwrap()
}

#[test]
fn nested_calls_poll_pinned_tasks_several_deep() {
    let coord = started(2);
    let task = coord.spawn(async { oasync::block_on(chain(12)).unwrap() });
    assert_eq!(future::block_on(task).unwrap(), 12);
}

#[test]
fn a_thousand_pinned_tasks_in_nested_calls_do_not_use_up_the_stack() {
    const TASKS: usize = 1_000;
    let coord = started(1);
    let (tx, rx) = async_channel::unbounded::<()>();
    let entered = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (rx, entered) = (rx.clone(), entered.clone());
            coord.spawn_pinned(move || async move {
                entered.fetch_add(1, Ordering::SeqCst);
                oasync::block_on(rx.recv()).unwrap();
            })
        })
        .collect();
    eventually("the first wait", || entered.load(Ordering::SeqCst) > 1);
    for _ in 0..TASKS {
        tx.try_send(()).unwrap();
    }
    for task in tasks {
        future::block_on(task).unwrap();
    }
    assert_eq!(entered.load(Ordering::SeqCst), TASKS);
}

#[test]
fn other_tasks_go_on_while_a_pinned_one_blocks_in_place() {
    let coord = started(1);
    let (tx, rx) = mpsc::channel();
    let handle = coord.handle();
    let task = coord.spawn_pinned(move || async move {
        let local = Rc::new(index());
        handle.go(async move { tx.send(()).unwrap() });
        block_in_place(|| rx.recv_timeout(LONG).unwrap());
        // Another thread may have taken the place for good; this one stays.
        for _ in 0..100 {
            oasync::yield_now().await;
            assert_eq!(*local, index());
        }
    });
    future::block_on(task).unwrap();
    assert_eq!(future::block_on(coord.spawn(async { 1 })).unwrap(), 1);
}

#[test]
fn pinned_tasks_wait_for_what_blocks_their_thread_and_go_on_after_it() {
    let coord = started(1);
    let (tx, rx) = mpsc::channel::<()>();
    let (inside, entered) = mpsc::channel();
    let blocked = coord.spawn_pinned(move || async move {
        inside.send(()).unwrap();
        block_in_place(|| rx.recv_timeout(LONG).unwrap());
    });
    entered.recv_timeout(LONG).unwrap();
    let waiting = coord.spawn_pinned_on(0, || async { index() }).unwrap();
    assert_eq!(future::block_on(coord.spawn(async { 5 })).unwrap(), 5);
    assert!(!waiting.is_finished());
    tx.send(()).unwrap();
    assert_eq!(future::block_on(waiting).unwrap(), 0);
    future::block_on(blocked).unwrap();
}

#[test]
fn a_block_on_of_another_coordinator_polls_them_as_tasks_of_their_own() {
    let (coord, other) = (started(1), Arc::new(started(1)));
    let workers = coord.spawn_pinned(move || async move {
        let pinned =
            oasync::spawn_pinned(|| async { Coordinator::current().metrics().num_workers() });
        oasync::spawn_pinned(|| async {}).await.unwrap();
        let other = other;
        other.block_on(pinned).unwrap()
    });
    assert_eq!(future::block_on(workers).unwrap(), 1);
}

#[test]
fn the_panic_of_a_dropped_result_is_contained_in_a_nested_call_too() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("planned");
        }
    }
    let (tx, rx) = mpsc::channel();
    let coord = Coordinator::builder()
        .workers(1)
        .stall_threshold(10 * LONG) // A blocking thread would drop the handle later.
        .on_panic(move |panic| tx.send(panic.to_string()).unwrap())
        .build()
        .unwrap();
    coord.start().unwrap();
    let task = coord.spawn(async {
        drop(oasync::spawn_pinned(|| async { Bomb }));
        let last = oasync::spawn_pinned(|| async { 3 });
        oasync::block_on(last).unwrap()
    });
    assert_eq!(future::block_on(task).unwrap(), 3);
    assert!(rx.recv_timeout(LONG).unwrap().ends_with("planned"));
}
