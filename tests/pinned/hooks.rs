//! Hooks of worker threads, in which their own pinned tasks are waited for.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use oasync::{
    Coordinator, Handle, JoinError, WorkerInfo, WorkerKind, block_in_place, with_worker_state,
};

use crate::common::{Ends, LONG, ends_within, eventually};
use crate::index;

/// Longer than what must happen takes.
const BOUND: Duration = Duration::from_secs(10);

/// Blocks on a pinned task of thread 0.
fn wait_for_pinned() -> Result<usize, JoinError> {
    oasync::block_on(oasync::spawn_pinned_on(0, || async { index() }).unwrap())
}

/// Calls `f` on worker thread 0, the first time only.
fn once(f: impl Fn() + Send + Sync) -> impl Fn(&WorkerInfo) + Send + Sync {
    let called = AtomicBool::new(false);
    move |thread| {
        let is_first = (thread.kind(), thread.index()) == (WorkerKind::Worker, 0);
        if is_first && !called.swap(true, Ordering::SeqCst) {
            f();
        }
    }
}

/// Lets thread 0 of a coordinator with one worker leave, in favour of another.
fn retire_thread_0(coord: &Coordinator) {
    let (tx, rx) = mpsc::channel();
    let handle = coord.handle();
    coord.go(async move {
        handle.go(async move { tx.send(()).unwrap() });
        block_in_place(|| rx.recv_timeout(LONG).unwrap());
    });
}

#[test]
fn a_task_in_a_start_hook_can_wait_for_a_pinned_one_of_that_thread() {
    let (begin, begun) = async_channel::bounded::<()>(1);
    let hook = once(move || oasync::block_on(begun.recv()).unwrap());
    let coord = Ends(Coordinator::builder().workers(1).on_thread_start(hook).build().unwrap());
    let task = coord.spawn(async move {
        begin.try_send(()).unwrap();
        wait_for_pinned()
    });
    coord.start().unwrap();
    let pinned = ends_within(BOUND, move || futures_lite::future::block_on(task).unwrap());
    assert_eq!(pinned.unwrap(), 0);
}

#[test]
fn a_start_hook_can_wait_for_a_pinned_task_of_its_thread() {
    let (tell, told) = mpsc::channel();
    let hook = once(move || tell.send(wait_for_pinned()).unwrap());
    let coord = Ends(Coordinator::builder().workers(1).on_thread_start(hook).build().unwrap());
    coord.start().unwrap();
    assert_eq!(told.recv_timeout(BOUND).expect("the hook returns").unwrap(), 0);
}

#[test]
fn a_stop_hook_can_wait_for_a_pinned_task_of_its_thread() {
    let (enter, entered) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let hook = once(move || {
        enter.send(()).unwrap();
        tell.send(wait_for_pinned()).unwrap();
    });
    let coord = Ends(Coordinator::builder().workers(1).on_thread_stop(hook).build().unwrap());
    coord.start().unwrap();
    eventually("thread 0 leaves", || {
        retire_thread_0(&coord);
        entered.recv_timeout(Duration::from_millis(100)).is_ok()
    });
    assert_eq!(told.recv_timeout(BOUND).expect("the hook returns").unwrap(), 0);
}

#[test]
fn a_task_in_a_stop_hook_can_wait_for_a_pinned_one_of_that_thread() {
    let (enter, entered) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let hook = once(move || {
        let (begin, begun) = async_channel::bounded::<()>(1);
        let tell = tell.clone();
        enter.send(()).unwrap();
        // Spawned on the seat of this thread, for its run slot.
        oasync::block_on(async move {
            oasync::go(async move {
                begin.try_send(()).unwrap();
                tell.send(wait_for_pinned()).unwrap();
            });
            begun.recv().await.unwrap();
        });
    });
    let coord = Ends(Coordinator::builder().workers(1).on_thread_stop(hook).build().unwrap());
    coord.start().unwrap();
    eventually("thread 0 leaves", || {
        retire_thread_0(&coord);
        entered.recv_timeout(Duration::from_millis(100)).is_ok()
    });
    assert_eq!(told.recv_timeout(BOUND).expect("the task ends").unwrap(), 0);
}

fn state_number() -> usize {
    with_worker_state(|&made: &usize| made)
}

#[test]
fn what_is_pinned_in_a_stop_hook_runs_after_it_and_has_the_worker_state_still() {
    let (enter, entered) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let (begin, begun) = async_channel::bounded::<()>(1);
    let hook = once(move || {
        let (tell, begun) = (tell.clone(), begun.clone());
        let state = state_number();
        let make = move || async move {
            begun.recv().await.unwrap();
            tell.send((index(), state_number() == state)).unwrap();
        };
        drop(oasync::spawn_pinned_on(0, make).unwrap());
        // The future is made on this thread, which has to stay for it.
        oasync::block_on(oasync::spawn_pinned_on(0, || async {}).unwrap()).unwrap();
        enter.send(()).unwrap();
    });
    let made = AtomicUsize::new(0);
    let builder = Coordinator::builder().workers(1).on_thread_stop(hook);
    let builder = builder.worker_state(move |_| made.fetch_add(1, Ordering::SeqCst));
    let coord = Ends(builder.build().unwrap());
    coord.start().unwrap();
    eventually("thread 0 leaves", || {
        retire_thread_0(&coord);
        entered.recv_timeout(Duration::from_millis(100)).is_ok()
    });
    begin.try_send(()).unwrap();
    assert_eq!(told.recv_timeout(BOUND).expect("it is polled"), (0, true));
    let report = coord.shutdown(Duration::ZERO);
    assert!(report.threads.is_empty(), "{report}");
}

/// The state of a worker thread: thread 0 waits for one of its pinned tasks when it leaves.
struct WaitsOnDrop {
    handle: Handle,
    tell: Option<mpsc::Sender<Result<usize, JoinError>>>,
    enter: mpsc::Sender<()>,
}

impl Drop for WaitsOnDrop {
    fn drop(&mut self) {
        let Some(tell) = self.tell.take() else { return };
        let _ = self.enter.send(());
        let pinned = self.handle.spawn_pinned_on(0, || async { index() }).unwrap();
        let _ = tell.send(self.handle.block_on(pinned));
    }
}

#[test]
fn the_drop_of_a_worker_state_can_wait_for_a_pinned_task_of_its_thread() {
    let (enter, entered) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let made = AtomicBool::new(false);
    let state = move |thread: &WorkerInfo| {
        let is_first = (thread.kind(), thread.index()) == (WorkerKind::Worker, 0)
            && !made.swap(true, Ordering::SeqCst);
        let tell = is_first.then(|| tell.clone());
        WaitsOnDrop { handle: Coordinator::current(), tell, enter: enter.clone() }
    };
    let coord = Ends(Coordinator::builder().workers(1).worker_state(state).build().unwrap());
    coord.start().unwrap();
    let uses = coord.spawn_pinned_on(0, || async { with_worker_state(|_: &WaitsOnDrop| ()) });
    futures_lite::future::block_on(uses.unwrap()).unwrap();
    eventually("thread 0 leaves", || {
        retire_thread_0(&coord);
        entered.recv_timeout(Duration::from_millis(100)).is_ok()
    });
    assert_eq!(told.recv_timeout(BOUND).expect("it is dropped").unwrap(), 0);
    let later = coord.spawn_pinned_on(0, || async { index() }).unwrap();
    let later = ends_within(BOUND, move || futures_lite::future::block_on(later));
    assert_eq!(later.unwrap(), 0);
}
