//! A task that blocks for what a caller of `block_on` does next. A call in a waker or in a
//! destructor is nested, and runs no task on top of itself, so it goes on. An outermost call does;
//! nothing can help if that is such a task, but it is reported.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use oasync::{Coordinator, Handle, Stall, WorkerKind};

use crate::common::wakers::{self, Call};
use crate::common::{LONG, ends_within, started};

/// Blocks on `other` until a task of it has begun, which ends when this call is over; tells
/// whether it was over in time.
fn wait_for_a_task_that_waits(other: &Handle) -> bool {
    let (begin, begun) = async_channel::bounded(1);
    let (end, ended) = mpsc::channel();
    let (answer, answered) = mpsc::channel();
    other.block_on(async {
        oasync::go(async move {
            begin.try_send(()).unwrap();
            answer.send(ended.recv_timeout(LONG).is_ok()).unwrap();
        });
        begun.recv().await.unwrap();
    });
    // Nobody receives it if it is too late.
    let _ = end.send(());
    answered.recv().unwrap()
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
fn of_the_stall_hook() {
    let other = started(1);
    let (tell, told) = mpsc::channel();
    let handle = other.handle();
    let hook = move |_: &Stall| tell.send(wait_for_a_task_that_waits(&handle)).unwrap();
    let coord = Coordinator::builder().workers(1).on_stall(hook).build().unwrap();
    coord.start().unwrap();
    let (open, gate) = mpsc::channel();
    coord.go(async move {
        stay_on(WorkerKind::Worker).await;
        gate.recv_timeout(2 * LONG).unwrap();
    });
    assert_eq!(told.recv_timeout(2 * LONG), Ok(true));
    open.send(()).unwrap();
}

/// Others may help, if one of these is late.
async fn stay_on(kind: WorkerKind) {
    while oasync::worker_info().unwrap().kind() != kind {
        oasync::yield_now().await;
    }
}

#[test]
fn what_blocks_on_top_of_an_outermost_call_is_told_and_named() {
    let (tell, told) = mpsc::channel();
    let hear = move |stall: &Stall| tell.send(stall.id).unwrap();
    let coord = Coordinator::builder().workers(1).on_stall(hear).build().unwrap();
    let (begin, begun) = async_channel::bounded(1);
    let (end, ended) = mpsc::channel();
    let task = coord.spawn(async move {
        stay_on(WorkerKind::Caller).await;
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

#[cfg(feature = "time")]
mod timers {
    use std::iter;

    use oasync::time::Sleep;

    use super::*;

    /// A timer with a waker that waits so.
    fn waits_after(
        pause: Duration,
        coord: &Coordinator,
        other: &Handle,
    ) -> (Sleep, mpsc::Receiver<bool>) {
        let (tell, told) = mpsc::channel();
        let other = other.clone();
        let waker = Call::waker(move || tell.send(wait_for_a_task_that_waits(&other)).unwrap());
        let begin = || {
            let mut sleep = oasync::sleep(pause);
            // Else it is over before it is polled.
            wakers::poll(&mut sleep, &waker).is_pending().then_some(sleep)
        };
        let mut begun = None;
        coord.block_on(async { begun = iter::repeat_with(begin).find_map(|begun| begun) });
        (begun.unwrap(), told)
    }

    #[test]
    fn of_a_waker_behind_a_stuck_worker() {
        let (coord, other) = (started(1), started(1));
        let (enter, entered) = mpsc::channel();
        let (open, gate) = mpsc::channel();
        let (_sleep, told) = waits_after(Duration::from_millis(100), &coord, &other.handle());
        coord.go(async move {
            stay_on(WorkerKind::Worker).await;
            enter.send(()).unwrap();
            gate.recv_timeout(2 * LONG).unwrap();
        });
        entered.recv_timeout(LONG).unwrap();
        assert_eq!(told.recv_timeout(2 * LONG), Ok(true));
        open.send(()).unwrap();
    }

    #[test]
    fn of_a_waker_at_the_end() {
        let (coord, other) = (started(1), started(1));
        let (_sleep, told) = waits_after(100 * LONG, &coord, &other.handle());
        ends_within(2 * LONG, move || drop(coord));
        assert_eq!(told.recv_timeout(LONG), Ok(true));
    }
}
