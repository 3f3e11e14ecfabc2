//! Destructors that wait, at the end of the coordinator, for what is still queued.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use futures_lite::future::block_on;
use oasync::{Coordinator, Handle, JoinHandle};

use crate::LONG;
use crate::common::ends_within;
use crate::common::gate::gate;

/// Longer than what must happen takes.
const BOUND: Duration = Duration::from_secs(10);

/// What is spawned behind the one that has the destructor.
type Other = Arc<Mutex<Option<JoinHandle<()>>>>;

/// Blocks on the other one when it is dropped, and says whether that was cancelled.
struct Asks {
    handle: Handle,
    other: Other,
    answers: mpsc::Sender<bool>,
}

impl Drop for Asks {
    fn drop(&mut self) {
        let other = self.other.lock().unwrap().take().unwrap();
        let cancelled = self.handle.block_on(other).is_err_and(|error| error.is_cancelled());
        self.answers.send(cancelled).unwrap();
    }
}

fn asks(coord: &Coordinator) -> (Asks, Other, mpsc::Receiver<bool>) {
    let (answers, answered) = mpsc::channel();
    let other = Other::default();
    (Asks { handle: coord.handle(), other: other.clone(), answers }, other, answered)
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

#[test]
fn the_destructor_of_a_closure_that_waits_for_the_next_one_gets_its_answer() {
    for by_shutdown in [false, true] {
        let builder = Coordinator::builder().workers(1).blocking_threads(1);
        let coord = builder.build().unwrap();
        let (open, gate) = gate();
        coord.start().unwrap();
        let held = gate.clone();
        let first = coord.spawn_blocking(move || held.pass());
        gate.wait_for(1);
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
