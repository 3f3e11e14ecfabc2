//! While a thread is in the user's start hook, nobody can count on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures_lite::future::block_on;
use oasync::{Coordinator, Handle, WorkerInfo, WorkerKind};

use crate::common::gate::gate;
use crate::common::{Ends, LONG, ends_within, eventually, in_time};

const THRESHOLD: Duration = Duration::from_millis(1);

/// Longer than what must happen takes.
const BOUND: Duration = Duration::from_secs(10);

/// One worker, one thread for closures; the hook of thread `index` of that kind waits for the
/// end of the sender, and says when it does.
fn held_in_hook(
    kind: WorkerKind,
    index: usize,
) -> (Coordinator, mpsc::Sender<()>, mpsc::Receiver<()>) {
    let (release, gate) = mpsc::channel::<()>();
    let (enter, entered) = mpsc::channel();
    let gate = std::sync::Mutex::new(gate);
    let hook = move |thread: &WorkerInfo| {
        if (thread.kind(), thread.index()) == (kind, index) {
            enter.send(()).unwrap();
            let _ = gate.lock().unwrap().recv_timeout(2 * LONG);
        }
    };
    let builder = Coordinator::builder().workers(1).blocking_threads(1);
    let coord = builder.on_thread_start(hook).build().unwrap();
    coord.start().unwrap();
    (coord, release, entered)
}

#[test]
fn a_task_is_lent_while_the_only_worker_is_in_the_hook() {
    let (coord, release, entered) = held_in_hook(WorkerKind::Worker, 0);
    entered.recv_timeout(LONG).unwrap();
    let task = coord.spawn(async {});
    in_time(|| block_on(task)).unwrap();
    drop(release);
}

#[test]
fn a_closure_runs_while_a_thread_of_the_pool_is_in_the_hook() {
    let (coord, release, entered) = held_in_hook(WorkerKind::Blocking, 0);
    let closure = coord.spawn_blocking(|| ());
    entered.recv_timeout(LONG).unwrap();
    in_time(|| block_on(closure)).unwrap();
    drop(release);
}

#[test]
fn a_task_is_lent_when_a_worker_went_for_one_that_is_in_the_hook() {
    let (coord, release, entered) = held_in_hook(WorkerKind::Worker, 1);
    let aside = coord.spawn(async move {
        oasync::go(async {});
        oasync::block_in_place(|| entered.recv_timeout(LONG).unwrap());
    });
    block_on(aside).unwrap();
    let tasks: Vec<_> = (0..10).map(|_| coord.spawn(async {})).collect();
    in_time(|| tasks.into_iter().for_each(|task| block_on(task).unwrap()));
    drop(release);
}

#[test]
fn what_only_the_thread_in_the_hook_could_run_is_lent() {
    let (release, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let coord = Coordinator::builder()
        .workers(2)
        .stall_threshold(THRESHOLD)
        .on_thread_start(move |thread| {
            if (thread.kind(), thread.index()) == (WorkerKind::Worker, 1) {
                let _ = gate.lock().unwrap().recv_timeout(2 * LONG);
            }
        })
        .build()
        .unwrap();
    coord.start().unwrap();
    let stuck = coord.spawn(async {
        let (behind, run) = mpsc::channel();
        // Not into the run slot.
        let _tasks = oasync::spawn_many([async move { behind.send(()).unwrap() }]);
        run.recv_timeout(LONG)
    });
    assert_eq!(block_on(stuck).unwrap(), Ok(()));
    drop(release);
}

/// One worker, one thread for closures; every thread of the pool waits in its hook for the end
/// of the sender. With it, how many do.
fn with_the_pool_held_in_hooks() -> (Coordinator, mpsc::Sender<()>, Arc<AtomicUsize>) {
    let (release, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let started = Arc::new(AtomicUsize::new(0));
    let counted = started.clone();
    let hook = move |thread: &WorkerInfo| {
        if thread.kind() == WorkerKind::Blocking {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = gate.lock().unwrap().recv_timeout(2 * LONG);
        }
    };
    let builder = Coordinator::builder().workers(1).blocking_threads(1);
    let coord = builder.stall_threshold(THRESHOLD).on_thread_start(hook).build().unwrap();
    coord.start().unwrap();
    (coord, release, started)
}

fn assert_no_more_come(started: &AtomicUsize, limit: usize) {
    eventually("all come that may", || started.load(Ordering::SeqCst) == limit);
    thread::sleep(20 * THRESHOLD);
    assert_eq!(started.load(Ordering::SeqCst), limit);
}

#[test]
fn no_more_are_sent_for_tasks_while_those_who_were_are_in_the_hook() {
    let (coord, release, started) = with_the_pool_held_in_hooks();
    let stuck = coord.spawn(async {
        let (behind, run) = mpsc::channel();
        oasync::go(async move { behind.send(()).unwrap() });
        run.recv_timeout(LONG)
    });
    // Two for each worker.
    assert_no_more_come(&started, 2);
    drop(release);
    assert_eq!(block_on(stuck).unwrap(), Ok(()));
}

#[test]
fn no_more_are_sent_for_closures_while_those_who_were_are_in_the_hook() {
    let (coord, release, started) = with_the_pool_held_in_hooks();
    let closures: Vec<_> = (0..10).map(|_| coord.spawn_blocking(|| ())).collect();
    // Two for each worker, and one.
    assert_no_more_come(&started, 3);
    drop(release);
    closures.into_iter().for_each(|closure| block_on(closure).unwrap());
}

/// One thread for closures; the hook of the first one waits, after `first`, at the gate. A
/// closure runs all the same.
#[track_caller]
fn assert_a_closure_runs_before_the_release(first: fn()) {
    let (open, gate) = gate();
    let (held, called) = (gate.clone(), AtomicBool::new(false));
    let hook = move |thread: &WorkerInfo| {
        if thread.kind() == WorkerKind::Blocking && !called.swap(true, Ordering::SeqCst) {
            first();
            held.pass();
        }
    };
    let builder = Coordinator::builder().workers(1).blocking_threads(1);
    let coord = builder.on_thread_start(hook).build().unwrap();
    let open = open; // Dropped before the coordinator.
    coord.start().unwrap();
    let closure = coord.spawn_blocking(|| ());
    gate.wait_for(1);
    ends_within(BOUND, || block_on(closure)).unwrap();
    // Nor does the thread in the hook count for those that come later.
    let closures: Vec<_> = (0..3).map(|_| coord.spawn_blocking(|| ())).collect();
    ends_within(BOUND, || closures.into_iter().for_each(|closure| block_on(closure).unwrap()));
    drop(open);
    block_on(coord.spawn_blocking(|| ())).unwrap();
}

#[test]
fn a_closure_runs_while_a_hook_blocks_after_a_nested_call() {
    assert_a_closure_runs_before_the_release(|| {
        oasync::block_on(async { oasync::block_on(oasync::yield_now()) });
    });
}

#[test]
fn a_closure_runs_while_a_hook_blocks_after_it_blocked_in_place() {
    assert_a_closure_runs_before_the_release(|| {
        oasync::block_on(async { oasync::block_in_place(|| ()) });
    });
}

/// One worker; `hook` is called on every thread, with the coordinator.
fn with_start_hooks(threads: usize, hook: impl Fn(&Handle) + Send + Sync + 'static) -> Ends {
    let coord = Coordinator::builder()
        .workers(1)
        .blocking_threads(threads)
        .stall_threshold(5 * THRESHOLD)
        .on_thread_start(move |_| hook(&Coordinator::current()))
        .build();
    Ends(coord.unwrap())
}

/// One thread for closures; every thread waits in its hook for a task, and in that time is
/// asked for by tasks each of which waits for the next one.
#[track_caller]
fn assert_a_chain_ends_beside_hooks(chain: fn(usize)) {
    // Nobody is left who takes the result if that was too late.
    let coord = with_start_hooks(1, |handle| {
        let _ = handle.block_on(async { oasync::spawn(async {}).await });
    });
    let task = coord.spawn(async move { chain(12) });
    coord.start().unwrap();
    ends_within(BOUND, || block_on(task)).unwrap();
}

#[test]
fn tasks_that_wait_for_each_other_in_nested_calls_end_beside_hooks_that_wait_for_tasks() {
    fn chain(depth: usize) {
        if depth > 0 {
            oasync::block_on(oasync::spawn(async move { chain(depth - 1) })).unwrap();
        }
    }
    assert_a_chain_ends_beside_hooks(chain);
}

#[test]
fn tasks_that_wait_for_each_other_in_place_end_beside_hooks_that_wait_for_tasks() {
    fn chain(depth: usize) {
        if depth > 0 {
            let (tell, told) = mpsc::channel();
            oasync::go(async move {
                chain(depth - 1);
                tell.send(()).unwrap();
            });
            oasync::block_in_place(|| told.recv_timeout(LONG).unwrap());
        }
    }
    assert_a_chain_ends_beside_hooks(chain);
}

#[test]
fn a_closure_runs_though_every_thread_waits_for_another_one_in_its_hook() {
    let coord = with_start_hooks(8, |handle| {
        let _ = handle.block_on(handle.spawn_blocking(|| ()));
    });
    coord.start().unwrap();
    let closure = coord.spawn_blocking(|| 6);
    assert_eq!(ends_within(BOUND, || block_on(closure)).unwrap(), 6);
}
