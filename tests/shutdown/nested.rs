//! A task that waits in a nested call is alive, and so it is listed: also past the limit of a
//! shutdown, and in a destructor. The tasks have no names here: one with a name is listed in
//! any case.

use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use async_channel::Receiver;
use futures_lite::future::block_on;
use oasync::{Coordinator, TaskId, TaskInfo};

use crate::common::ends_within;
use crate::{Count, LONG, coordinator, eventually, no_threads, wait_for_ever};

/// Longer than the limit and what a shutdown waits after it, on a busy machine.
const BOUND: Duration = Duration::from_secs(10);

fn ids(tasks: &[TaskInfo]) -> Vec<TaskId> {
    tasks.iter().map(TaskInfo::id).collect()
}

/// Waits in a nested call, and says so once the place of this thread is given away.
fn wait_nested(waits: &mpsc::Sender<()>, end: &Receiver<()>) {
    oasync::block_on(async {
        oasync::yield_now().await;
        waits.send(()).unwrap();
        let _closed = end.recv().await;
    });
}

fn wait_in_place(waits: &mpsc::Sender<()>, end: &Receiver<()>) {
    oasync::block_in_place(|| {
        waits.send(()).unwrap();
        let _closed = end.recv_blocking();
    });
}

/// Says nothing of it to the coordinator.
fn block(waits: &mpsc::Sender<()>, end: &Receiver<()>) {
    waits.send(()).unwrap();
    let _closed = end.recv_blocking();
}

type Wait = fn(&mpsc::Sender<()>, &Receiver<()>);

#[track_caller]
fn shutdown_names(coord: Coordinator, id: TaskId, waiting: &mpsc::Receiver<()>) {
    let handle = coord.handle();
    let report = ends_within(BOUND, move || handle.shutdown(Duration::from_millis(50)));
    assert_eq!(ids(&report.still_running), [id], "{report:?}");
    // Not only while it was on its way there.
    waiting.recv_timeout(LONG).unwrap();
    assert_eq!(ids(&coord.tasks()), [id]);
    let report = ends_within(BOUND, move || coord.shutdown(Duration::ZERO));
    assert_eq!(ids(&report.still_running), [id], "{report:?}");
}

/// A task that keeps its thread until the others are being cancelled, and waits then.
fn waits_past_the_limit(name: &str, wait: Wait) {
    for workers in [1, 2] {
        let (coord, count) = (coordinator(name, workers), Count::default());
        let (end, ended) = async_channel::bounded::<()>(1);
        coord.start().unwrap();
        let (enter, entered) = mpsc::channel();
        let (waits, waiting) = mpsc::channel();
        let others = count.clone();
        let task = coord.spawn(async move {
            enter.send(()).unwrap();
            eventually("the others are cancelled", || others.dropped() == 1);
            wait(&waits, &ended);
        });
        entered.recv_timeout(LONG).unwrap();
        coord.go(wait_for_ever(count.guard()));
        shutdown_names(coord, task.id(), &waiting);
        drop(end);
        block_on(task).unwrap();
        no_threads(name);
    }
}

#[test]
fn a_poll_that_waits_in_a_nested_call_past_the_limit_is_named() {
    waits_past_the_limit("sn-call", wait_nested);
}

#[test]
fn a_poll_that_blocks_in_place_past_the_limit_is_named() {
    waits_past_the_limit("sn-place", wait_in_place);
}

/// Is ready at once, and waits when it is dropped.
struct WaitsOnDrop {
    wait: Wait,
    waits: mpsc::Sender<()>,
    end: Receiver<()>,
}

impl Future for WaitsOnDrop {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

impl Drop for WaitsOnDrop {
    fn drop(&mut self) {
        (self.wait)(&self.waits, &self.end);
    }
}

/// The destructor of a task that `spawn` brings to its end.
fn waits_in_its_destructor(
    name: &str,
    waits: &[Wait],
    spawn: fn(&Coordinator, WaitsOnDrop) -> (TaskId, thread::JoinHandle<bool>),
) {
    for &wait in waits {
        let coord = coordinator(name, 1);
        let (end, ended) = async_channel::bounded::<()>(1);
        coord.start().unwrap();
        let (waits, waiting) = mpsc::channel();
        let again = waits.clone();
        let (id, ended_well) = spawn(&coord, WaitsOnDrop { wait, waits, end: ended });
        waiting.recv_timeout(LONG).unwrap();
        assert!(ids(&coord.tasks()).contains(&id), "{:?}", coord.tasks());
        again.send(()).unwrap();
        shutdown_names(coord, id, &waiting);
        drop(end);
        assert!(ended_well.join().unwrap());
        no_threads(name);
    }
}

#[test]
fn a_destructor_that_waits_after_the_first_poll_is_listed() {
    waits_in_its_destructor("sn-ready", &[wait_nested, wait_in_place], spawn_ready);
}

#[test]
fn a_destructor_that_blocks_after_the_first_poll_is_listed() {
    waits_in_its_destructor("sn-blocks", &[block], spawn_ready);
}

fn spawn_ready(coord: &Coordinator, future: WaitsOnDrop) -> (TaskId, thread::JoinHandle<bool>) {
    let task = coord.spawn(future);
    (task.id(), thread::spawn(move || block_on(task).is_ok()))
}

#[test]
fn a_destructor_of_what_never_ran_is_listed_while_it_waits() {
    waits_in_its_destructor("sn-never", &[wait_nested, wait_in_place], |coord, future| {
        let (give, given) = mpsc::channel();
        // On the worker where it is cancelled, it is dropped next.
        coord.go(async move {
            let task = oasync::spawn(future);
            give.send((task.id(), task.cancel())).unwrap();
        });
        let (id, ending) = given.recv_timeout(LONG).unwrap();
        (id, thread::spawn(move || block_on(ending).is_err_and(|error| error.is_cancelled())))
    });
}
