//! Panics in children, results and wakers stay with who they belong to.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use oasync::Coordinator;

use crate::common::eventually;

type Log = Arc<Mutex<Vec<String>>>;

fn logged() -> (Coordinator, Log) {
    let log = Log::default();
    let to = log.clone();
    let coord = Coordinator::builder()
        .workers(2)
        .on_panic(move |panic| to.lock().unwrap().push(panic.to_string()))
        .build()
        .unwrap();
    coord.start().unwrap();
    (coord, log)
}

fn lines(log: &Log) -> usize {
    log.lock().unwrap().len()
}

/// Panics when it is dropped.
struct Bomb(&'static str, Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.1.fetch_add(1, Ordering::SeqCst);
        panic!("planned: {}", self.0);
    }
}

#[test]
fn a_childs_panic_is_its_result() {
    let (coord, log) = logged();
    let group = coord.group::<()>();
    let id = group.spawn(async { panic!("planned: a poll") });
    let error = coord.block_on(group.join_next()).unwrap().unwrap_err();
    assert_eq!((error.id(), error.is_panic()), (id, true));
    assert_eq!(*error.into_panic().downcast::<&str>().unwrap(), "planned: a poll");
    group.spawn_blocking(|| panic!("planned: a closure"));
    assert!(coord.block_on(group.join_next()).unwrap().unwrap_err().is_panic());
    assert_eq!((lines(&log), coord.metrics().panics()), (0, 2));
}

#[test]
fn a_panic_that_nobody_joins_goes_to_the_hook() {
    let (coord, log) = logged();
    let group = coord.group::<()>();
    group.task().name("orphan").spawn(async { panic!("planned: unjoined") });
    assert!(group.drain(crate::common::LONG).still_running.is_empty());
    assert_eq!(lines(&log), 0);
    drop(group);
    assert_eq!(lines(&log), 1);
    assert!(log.lock().unwrap()[0].contains("`orphan`"));

    let group = coord.group::<()>();
    let (tx, rx) = async_channel::bounded::<()>(1);
    group.spawn(async move {
        let _ = rx.recv().await;
        panic!("planned: detached");
    });
    group.detach_all();
    drop(tx);
    eventually("the hook is told", || lines(&log) == 2);
}

#[test]
fn a_future_that_panics_in_its_drop_ends_all_the_same() {
    let (coord, log) = logged();
    let drops = Arc::new(AtomicUsize::new(0));
    let group = coord.group::<()>();
    let bomb = Bomb("the drop of a cancelled future", drops.clone());
    group.spawn(async move {
        let _bomb = bomb;
        pending().await
    });
    eventually("it waits", || !coord.tasks().is_empty());
    group.cancel_all();
    assert!(coord.block_on(group.join_next()).unwrap().unwrap_err().is_cancelled());
    assert_eq!((lines(&log), drops.load(Ordering::SeqCst)), (1, 1));

    let bomb = Bomb("the drop of a future that completed", drops.clone());
    group.spawn(async move {
        let _bomb = &bomb;
    });
    assert!(coord.block_on(group.join_next()).unwrap().unwrap_err().is_panic());
    assert_eq!((lines(&log), drops.load(Ordering::SeqCst)), (1, 2));
}

#[test]
fn results_that_panic_in_their_drop_go_to_the_hook_each() {
    let (coord, log) = logged();
    let drops = Arc::new(AtomicUsize::new(0));
    let group = coord.group();
    for _ in 0..5 {
        let drops = drops.clone();
        group.spawn(async move { Bomb("an unjoined result", drops) });
    }
    assert!(group.drain(crate::common::LONG).still_running.is_empty());
    drop(group);
    assert_eq!((lines(&log), drops.load(Ordering::SeqCst)), (5, 5));

    // One that comes when the group is gone.
    let group = coord.group();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (begin, begun) = std::sync::mpsc::channel();
    let theirs = drops.clone();
    group.spawn_blocking(move || {
        begin.send(()).unwrap();
        released.recv().unwrap();
        Bomb("a late result", theirs)
    });
    begun.recv().unwrap();
    drop(group);
    release.send(()).unwrap();
    eventually("the late one too", || (lines(&log), drops.load(Ordering::SeqCst)) == (6, 6));
    let healthy = coord.spawn(async { 1 });
    assert_eq!(coord.block_on(healthy).unwrap(), 1);
}

#[test]
fn a_foreign_waker_that_panics_harms_no_child() {
    struct Angry;
    impl std::task::Wake for Angry {
        fn wake(self: Arc<Self>) {
            panic!("planned: a waker");
        }
    }
    let (coord, log) = logged();
    let group = coord.group::<()>();
    let (tx, rx) = async_channel::bounded::<()>(1);
    group.spawn(async move { rx.recv().await.unwrap_or(()) });
    let waker = Arc::new(Angry).into();
    let mut next = Box::pin(group.join_next());
    let polled = next.as_mut().poll(&mut std::task::Context::from_waker(&waker));
    assert!(polled.is_pending());
    drop(tx);
    eventually("the hook is told", || lines(&log) == 1);
    assert!(group.try_join_next().unwrap().is_ok());
}
