//! A coordinator that is dropped in a task of its own: nobody waits for its end, so nobody goes
//! on with its queues but those who wait in its destructors.

use std::sync::mpsc;

use futures_lite::future::block_on;
use oasync::{Coordinator, JoinHandle};

use crate::LONG;
use crate::waits::{BOUND, EndsOther, asks, held};

/// With a task that has `value`, whose destructor gets its answer.
#[track_caller]
fn drop_in_its_own_task(
    coord: Coordinator,
    value: impl Send + 'static,
    answered: &mpsc::Receiver<bool>,
) {
    coord.go(async move {
        let _value = value;
        std::future::pending::<()>().await;
    });
    coord.handle().go(async move { drop(coord) });
    assert_eq!(answered.recv_timeout(BOUND), Ok(true));
}

#[test]
fn a_destructor_that_waits_for_a_closure_gets_its_answer() {
    let (coord, _first, _open, gate) = held();
    let (value, other, answered) = asks(&coord);
    *other.lock().unwrap() = Some(coord.spawn_blocking(|| ()));
    drop_in_its_own_task(coord, value, &answered);
    assert!(!gate.is_open());
}

#[test]
fn a_destructor_can_drop_a_coordinator_that_waits_for_a_closure() {
    let (coord, _first, _open, gate) = held();
    let other = Coordinator::builder().workers(1).build().unwrap();
    other.start().unwrap();
    let (give, given) = mpsc::channel::<JoinHandle<()>>();
    let (enter, entered) = mpsc::channel();
    let (answer, answered) = mpsc::channel();
    other.gob(move || {
        let behind = given.recv().unwrap();
        enter.send(()).unwrap();
        answer.send(block_on(behind).is_err_and(|error| error.is_cancelled())).unwrap();
    });
    give.send(coord.spawn_blocking(|| ())).unwrap();
    entered.recv_timeout(LONG).unwrap();
    let value = EndsOther(Some(other), drop);
    drop_in_its_own_task(coord, value, &answered);
    assert!(!gate.is_open());
}
