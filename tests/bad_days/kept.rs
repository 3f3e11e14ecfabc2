//! What is kept too long, or forgotten.

use std::future::{pending, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use oasync::Coordinator;

use crate::common::{CountDrop, LONG, coordinator, eventually, started};
use crate::{in_time, wait};

/// A task that waits, with its waker and the count of its drops.
fn waiting(coord: &Coordinator) -> (oasync::JoinHandle<()>, Waker, Arc<AtomicUsize>) {
    let (tell, told) = mpsc::channel();
    let drops = Arc::new(AtomicUsize::new(0));
    let guard = CountDrop(drops.clone());
    let task = coord.spawn(async move {
        let _guard = guard;
        poll_fn(|cx| {
            let _ = tell.send(cx.waker().clone());
            Poll::<()>::Pending
        })
        .await;
    });
    (task, told.recv_timeout(LONG).unwrap(), drops)
}

#[test]
fn a_waker_kept_past_the_coordinator_does_nothing_for_ever() {
    let coord = started(2);
    let (task, waker, drops) = waiting(&coord);
    drop(coord);
    assert_eq!(drops.load(Ordering::SeqCst), 1, "the future went with the coordinator");
    for _ in 0..1000 {
        waker.wake_by_ref();
        let copy = waker.clone();
        std::thread::spawn(move || copy.wake()).join().unwrap();
    }
    assert!(wait(task).unwrap_err().is_cancelled());
    assert!(waker.will_wake(&waker.clone()));
    // And for ever: never dropped.
    mem::forget(waker);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn a_main_futures_waker_may_outlive_everything() {
    let coord = coordinator(1);
    let waker = coord.block_on(poll_fn(|cx| Poll::Ready(cx.waker().clone())));
    drop(coord);
    waker.wake_by_ref();
    std::thread::spawn(move || waker.wake()).join().unwrap();
}

#[test]
fn a_forgotten_handle_is_a_detached_task() {
    let coord = started(2);
    let drops = Arc::new(AtomicUsize::new(0));
    for i in 0..100 {
        let guard = CountDrop(drops.clone());
        let task = coord.spawn(async move {
            let _guard = guard;
            match i % 3 {
                0 => {}
                1 => oasync::yield_now().await,
                _ => pending().await,
            }
        });
        mem::forget(task);
    }
    let closure = coord.spawn_blocking({
        let guard = CountDrop(drops.clone());
        move || drop(guard)
    });
    mem::forget(closure);
    let (task, ..) = waiting(&coord);
    mem::forget(task.cancel());
    let handle = coord.handle();
    drop(coord);
    assert_eq!(drops.load(Ordering::SeqCst), 101, "every future was dropped");
    assert_eq!(handle.metrics().num_alive_tasks(), 0);
}

#[test]
fn a_forgotten_future_of_a_join_leaves_the_task_alone() {
    let coord = started(2);
    let (release, released) = async_channel::bounded(1);
    let mut task = coord.spawn(async move { released.recv().await.unwrap() });
    let mut cx = Context::from_waker(Waker::noop());
    // A future that waits for the task is forgotten half-way.
    let mut waits = Box::pin(async { (&mut task).await });
    assert!(waits.as_mut().poll(&mut cx).is_pending());
    drop(waits);
    let mut waits = Box::pin(task);
    assert!(waits.as_mut().poll(&mut cx).is_pending());
    mem::forget(waits);
    let report = std::thread::scope(|s| {
        let closer = s.spawn(|| coord.shutdown(LONG));
        // What ends before is not counted.
        eventually("the shutdown begins", || coord.is_shutting_down());
        release.send_blocking(5).unwrap();
        closer.join().unwrap()
    });
    assert_eq!((report.finished, report.cancelled), (1, 0));
}

#[test]
fn a_forgotten_coordinator_goes_on() {
    // Its threads sleep to the end of the process: forgetting is asking for it.
    let coord = started(1);
    let handle = coord.handle();
    mem::forget(coord);
    assert_eq!(wait(handle.spawn(async { 3 })).unwrap(), 3);
    assert!(handle.shutdown(LONG).still_running.is_empty());
}

/// Counts its drops, and panics in each.
struct Angry(Arc<AtomicUsize>);

impl Drop for Angry {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("planned: in the drop of a payload");
    }
}

#[test]
fn a_payload_whose_drop_panics_is_dropped_once_and_harms_nobody() {
    let coord = started(2);
    let drops = Arc::new(AtomicUsize::new(0));
    let throw = |drops: &Arc<AtomicUsize>| {
        let angry = Angry(drops.clone());
        move || panic_any(angry)
    };
    let (task, closure, detached) = (throw(&drops), throw(&drops), throw(&drops));
    let task = coord.spawn(async move { task() });
    let closure = coord.spawn_blocking(closure);
    coord.go(async move { detached() });
    // Who takes it has it, and its panic.
    for error in [wait::<Result<(), _>>(task), wait(closure)] {
        let payload = error.unwrap_err().into_panic();
        assert!(catch_unwind(AssertUnwindSafe(|| drop(payload))).is_err());
    }
    let report = coord.shutdown(LONG);
    assert_eq!(report.still_running.len(), 0);
    assert_eq!(drops.load(Ordering::SeqCst), 3);
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let payload = throw(&drops);
        coordinator(1).block_on(async move { payload() })
    }));
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(caught)));
    assert!(dropped.is_err(), "it came out of block_on");
    assert_eq!(drops.load(Ordering::SeqCst), 4);
}

#[test]
fn a_waker_may_be_dropped_and_called_by_the_task_that_it_wakes() {
    in_time("wakers inside their own task", || {
        let coord = started(1);
        let task = coord.spawn(async {
            for _ in 0..1000 {
                let mut kept = None;
                let first = poll_fn(|cx| match kept.take() {
                    None => {
                        cx.waker().wake_by_ref();
                        kept = Some(cx.waker().clone());
                        Poll::Pending
                    }
                    Some(waker) => Poll::Ready(waker),
                });
                let waker: Waker = first.await;
                waker.wake();
            }
        });
        wait(task).unwrap();
        let report = coord.shutdown(Duration::from_secs(10));
        assert_eq!(report.still_running.len(), 0);
    });
}
