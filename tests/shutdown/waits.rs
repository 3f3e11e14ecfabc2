//! Destructors that wait, at the end of the coordinator, for what is still queued.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use futures_lite::future::block_on;
use oasync::{Coordinator, Handle, JoinHandle};

use crate::LONG;
use crate::common::ends_within;
use crate::common::gate::{Gate, Opener, gate};
use crate::common::wakers::{self, Call};

/// Longer than what must happen takes.
pub const BOUND: Duration = Duration::from_secs(10);

/// What is spawned behind the one that has the destructor.
pub type Other = Arc<Mutex<Option<JoinHandle<()>>>>;

/// Blocks on the other one when it is asked, and says whether that was cancelled.
struct Question {
    handle: Handle,
    other: Other,
    answers: mpsc::Sender<bool>,
}

impl Question {
    fn ask(&self) {
        let other = self.other.lock().unwrap().take().unwrap();
        let cancelled = self.handle.block_on(other).is_err_and(|error| error.is_cancelled());
        self.answers.send(cancelled).unwrap();
    }
}

/// Asks when it is dropped.
pub struct Asks(Question);

impl Drop for Asks {
    fn drop(&mut self) {
        self.0.ask();
    }
}

fn question(coord: &Coordinator) -> (Question, Other, mpsc::Receiver<bool>) {
    let (answers, answered) = mpsc::channel();
    let other = Other::default();
    (Question { handle: coord.handle(), other: other.clone(), answers }, other, answered)
}

pub fn asks(coord: &Coordinator) -> (Asks, Other, mpsc::Receiver<bool>) {
    let (question, other, answered) = question(coord);
    (Asks(question), other, answered)
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Task,
    Pinned,
    Closure,
}

const KINDS: [Kind; 3] = [Kind::Task, Kind::Pinned, Kind::Closure];

impl Kind {
    fn spawn(self, coord: &Coordinator, value: impl Send + 'static) -> JoinHandle<()> {
        match self {
            Kind::Task => coord.spawn(async move { drop(value) }),
            Kind::Pinned => coord.spawn_pinned(move || async move { drop(value) }),
            Kind::Closure => coord.spawn_blocking(move || drop(value)),
        }
    }
}

/// Both ends of a coordinator.
#[track_caller]
fn ends(coord: Coordinator, by_shutdown: bool, what: &str) {
    println!("{what}");
    ends_within(BOUND, move || {
        if by_shutdown {
            let report = coord.shutdown(Duration::ZERO);
            assert!(report.still_running.is_empty(), "{report:?}");
        }
        drop(coord);
    });
}

/// Before the start, a task of every kind is dropped whose destructor waits for one of
/// that kind.
#[track_caller]
fn a_destructor_gets_its_answer_from(awaited: Kind) {
    for by_shutdown in [false, true] {
        for kind in KINDS {
            let coord = Coordinator::builder().workers(1).build().unwrap();
            let (value, other, answered) = asks(&coord);
            let first = kind.spawn(&coord, value);
            *other.lock().unwrap() = Some(awaited.spawn(&coord, ()));
            let what = format!("{kind:?} that waits for {awaited:?}, by shutdown: {by_shutdown}");
            ends(coord, by_shutdown, &what);
            assert_eq!(answered.try_recv(), Ok(true), "{what}");
            assert!(block_on(first).unwrap_err().is_cancelled());
        }
    }
}

#[test]
fn before_the_start_a_destructor_that_waits_for_a_task_gets_its_answer() {
    a_destructor_gets_its_answer_from(Kind::Task);
}

#[test]
fn before_the_start_a_destructor_that_waits_for_a_pinned_task_gets_its_answer() {
    a_destructor_gets_its_answer_from(Kind::Pinned);
}

#[test]
fn before_the_start_a_destructor_that_waits_for_a_closure_gets_its_answer() {
    a_destructor_gets_its_answer_from(Kind::Closure);
}

/// Waits for the other one when it is dropped, by means that are not this crate's.
struct Waits(Other, mpsc::Sender<bool>);

impl Drop for Waits {
    fn drop(&mut self) {
        let other = self.0.lock().unwrap().take().unwrap();
        self.1.send(block_on(other).is_err_and(|error| error.is_cancelled())).unwrap();
    }
}

#[test]
fn before_the_start_a_destructor_that_blocks_until_another_task_is_dropped_goes_on() {
    for by_shutdown in [false, true] {
        for awaited in KINDS {
            let coord = Coordinator::builder().workers(1).build().unwrap();
            let (other, (answers, answered)) = (Other::default(), mpsc::channel());
            drop(Kind::Task.spawn(&coord, Waits(other.clone(), answers)));
            *other.lock().unwrap() = Some(awaited.spawn(&coord, ()));
            ends(coord, by_shutdown, &format!("for {awaited:?}, by shutdown: {by_shutdown}"));
            assert_eq!(answered.try_recv(), Ok(true));
        }
    }
}

#[test]
fn before_the_start_destructors_that_wait_for_each_other_in_a_row_get_their_answers() {
    for by_shutdown in [false, true] {
        let coord = Coordinator::builder().workers(1).build().unwrap();
        let (value, mut other, answered) = asks(&coord);
        let mut answers = vec![answered];
        let first = Kind::Task.spawn(&coord, value);
        for kind in KINDS.into_iter().cycle().take(10) {
            let (value, next, answered) = asks(&coord);
            *other.lock().unwrap() = Some(kind.spawn(&coord, value));
            other = next;
            answers.push(answered);
        }
        *other.lock().unwrap() = Some(coord.spawn(async {}));
        let what = format!("a row, by shutdown: {by_shutdown}");
        ends(coord, by_shutdown, &what);
        assert!(answers.into_iter().all(|answered| answered.try_recv() == Ok(true)));
        assert!(block_on(first).unwrap_err().is_cancelled());
    }
}

/// One whose only thread for closures runs one that is at the gate.
pub fn held() -> (Coordinator, JoinHandle<bool>, Opener, Gate) {
    let builder = Coordinator::builder().workers(1).blocking_threads(1);
    let coord = builder.build().unwrap();
    let (open, gate) = gate();
    coord.start().unwrap();
    let held = gate.clone();
    let first = coord.spawn_blocking(move || held.pass());
    gate.wait_for(1);
    (coord, first, open, gate)
}

#[test]
fn the_destructor_of_a_closure_that_waits_for_the_next_one_gets_its_answer() {
    for by_shutdown in [false, true] {
        let (coord, first, open, _) = held();
        // The only thread is taken. When the destructor has its answer, it is freed.
        let (value, other, answered) = asks(&coord);
        coord.gob(move || drop((value, open)));
        *other.lock().unwrap() = Some(coord.spawn_blocking(|| ()));
        let what = format!("the end, by shutdown: {by_shutdown}");
        ends(coord, by_shutdown, &what);
        assert_eq!(answered.recv_timeout(LONG), Ok(true));
        assert!(block_on(first).unwrap());
    }
}

#[test]
fn the_destructor_of_a_task_that_blocks_until_a_closure_is_dropped_goes_on() {
    for by_shutdown in [false, true] {
        let (coord, first, open, _) = held();
        let (other, (answers, answered)) = (Other::default(), mpsc::channel());
        // In this order: the only thread is freed when the destructor has its answer.
        let value = (Waits(other.clone(), answers), open);
        coord.go(async move {
            let _value = value;
            std::future::pending::<()>().await;
        });
        *other.lock().unwrap() = Some(coord.spawn_blocking(|| ()));
        ends(coord, by_shutdown, &format!("a closure is held, by shutdown: {by_shutdown}"));
        assert_eq!(answered.try_recv(), Ok(true));
        assert!(block_on(first).unwrap());
    }
}

#[test]
fn before_the_start_a_waker_that_waits_for_a_task_gets_its_answer() {
    for by_shutdown in [false, true] {
        for awaited in KINDS {
            let coord = Coordinator::builder().workers(1).build().unwrap();
            let (question, other, answered) = question(&coord);
            let mut first = coord.spawn(async {});
            *other.lock().unwrap() = Some(awaited.spawn(&coord, ()));
            let waker = Call::waker(move || question.ask());
            assert!(wakers::poll(&mut first, &waker).is_pending());
            let what = format!("a waker that waits for {awaited:?}, by shutdown: {by_shutdown}");
            ends(coord, by_shutdown, &what);
            assert_eq!(answered.try_recv(), Ok(true), "{what}");
            assert!(block_on(first).unwrap_err().is_cancelled());
        }
    }
}

/// Brings a coordinator to its end when it is dropped.
pub struct EndsOther(pub Option<Coordinator>, pub fn(Coordinator));

impl Drop for EndsOther {
    fn drop(&mut self) {
        (self.1)(self.0.take().unwrap());
    }
}

/// The end is that of a coordinator whose closure waits for what is queued behind the
/// destructor.
#[track_caller]
fn before_the_start_a_destructor_ends_another_coordinator(end: fn(Coordinator)) {
    for by_shutdown in [false, true] {
        let coord = Coordinator::builder().workers(1).build().unwrap();
        let other = Coordinator::builder().workers(1).build().unwrap();
        other.start().unwrap();
        let (give, given) = mpsc::channel::<JoinHandle<()>>();
        let (enter, entered) = mpsc::channel();
        let closure = other.spawn_blocking(move || {
            let behind = given.recv().unwrap();
            enter.send(()).unwrap();
            block_on(behind).is_err_and(|error| error.is_cancelled())
        });
        let value = EndsOther(Some(other), end);
        coord.go(async move { drop(value) });
        give.send(coord.spawn(async {})).unwrap();
        entered.recv_timeout(LONG).unwrap();
        ends(coord, by_shutdown, &format!("two coordinators, by shutdown: {by_shutdown}"));
        assert!(block_on(closure).unwrap());
    }
}

#[test]
fn before_the_start_a_destructor_can_drop_a_coordinator_that_waits_for_a_task() {
    before_the_start_a_destructor_ends_another_coordinator(drop);
}

#[test]
fn before_the_start_a_destructor_can_shut_down_a_coordinator_that_waits_for_a_task() {
    before_the_start_a_destructor_ends_another_coordinator(|other| {
        let report = other.shutdown(Duration::from_secs(3600));
        assert!(report.still_running.is_empty(), "{report:?}");
    });
}
