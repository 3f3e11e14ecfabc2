//! A task that blocks for what a caller of `block_on` does next. A call in a waker or in a
//! destructor is nested, and runs no task on top of itself, so it goes on. An outermost call does;
//! nothing can help if that is such a task, but it is reported.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures_lite::future::block_on;
use oasync::{Coordinator, Handle, WorkerKind};

use crate::common::wakers::{self, Call};
use crate::common::{LONG, ends_within, started};

/// Blocks on `other` until a task of it has begun, which ends when this call is over; tells
/// whether it was over in time.
fn wait_for_a_task_that_waits(other: &Handle) -> bool {
    let (begin, begun) = async_channel::bounded(1);
    let (end, ended) = mpsc::channel();
    let task = other.block_on(async {
        let task = oasync::spawn(async move {
            begin.try_send(()).unwrap();
            ended.recv_timeout(LONG).is_ok()
        });
        begun.recv().await.unwrap();
        task
    });
    end.send(()).unwrap();
    block_on(task).unwrap()
}

/// Waits so when it is dropped.
struct Waits(Handle, mpsc::Sender<bool>);

impl Drop for Waits {
    fn drop(&mut self) {
        self.1.send(wait_for_a_task_that_waits(&self.0)).unwrap();
    }
}

#[test]
fn of_the_waker_of_a_closure_at_its_end() {
    let (coord, other) = (started(1), started(1));
    for handle in [coord.handle(), other.handle()] {
        let (open, gate) = mpsc::channel();
        let mut closure = coord.spawn_blocking(move || gate.recv_timeout(LONG).unwrap());
        let (tell, told) = mpsc::channel();
        let waker = Call::waker(move || tell.send(wait_for_a_task_that_waits(&handle)).unwrap());
        assert!(wakers::poll(&mut closure, &waker).is_pending());
        open.send(()).unwrap();
        assert_eq!(told.recv_timeout(2 * LONG), Ok(true));
    }
}

#[test]
fn of_the_waker_of_a_task_that_is_dropped_before_the_start() {
    let (coord, other) = (Coordinator::builder().workers(1).build().unwrap(), started(1));
    let (tell, told) = mpsc::channel();
    let mut task = coord.spawn(async {});
    let handle = other.handle();
    let waker = Call::waker(move || tell.send(wait_for_a_task_that_waits(&handle)).unwrap());
    assert!(wakers::poll(&mut task, &waker).is_pending());
    ends_within(2 * LONG, move || drop(coord));
    assert_eq!(told.try_recv(), Ok(true));
}

#[test]
fn of_the_destructor_of_a_closure() {
    let (coord, other) = (Coordinator::builder().workers(1).build().unwrap(), started(1));
    let (tell, told) = mpsc::channel();
    let waits = Waits(other.handle(), tell);
    coord.gob(move || drop(waits));
    ends_within(2 * LONG, move || drop(coord));
    assert_eq!(told.try_recv(), Ok(true));
}

#[test]
fn what_blocks_on_top_of_an_outermost_call_is_told_and_named() {
    let (tell, told) = mpsc::channel();
    let hear = move |stall: &oasync::Stall| tell.send(stall.id).unwrap();
    let coord = Coordinator::builder().workers(1).on_stall(hear).build().unwrap();
    let (begin, begun) = async_channel::bounded(1);
    let (end, ended) = mpsc::channel();
    let task = coord.spawn(async move {
        // A lender may help, if the caller is late.
        while oasync::worker_info().unwrap().kind() != WorkerKind::Caller {
            oasync::yield_now().await;
        }
        begin.try_send(()).unwrap();
        ended.recv_timeout(LONG).unwrap();
    });
    let (handle, next) = (coord.handle(), end.clone());
    let caller = thread::spawn(move || {
        handle.block_on(begun.recv()).unwrap();
        // Is not sent to anyone any more.
        next.send(()).is_ok()
    });
    assert_eq!(told.recv_timeout(LONG), Ok(Some(task.id())));
    let report = coord.shutdown(Duration::ZERO);
    assert!(report.still_running.iter().any(|info| info.id() == task.id()), "{report:?}");
    end.send(()).unwrap();
    assert!(!caller.join().unwrap());
}
