//! No task is alive, but a thread is in user code that does not return: it is named.

use std::cell::RefCell;
use std::pin::pin;
use std::sync::{Arc, Barrier, mpsc};
use std::task::Context;
use std::thread;
use std::time::Duration;

use futures_lite::future::block_on;
use oasync::{Builder, Coordinator, ShutdownReport, WorkerInfo, WorkerKind};

use crate::common::ends_within;
use crate::common::gate::{Gate, Opener, PassOnDrop, gate};
use crate::common::wakers::Call;
use crate::{LONG, eventually, no_threads};

/// Longer than the limit and what a shutdown waits after it, on a busy machine.
const BOUND: Duration = Duration::from_secs(10);

fn builder(name: &str) -> Builder {
    Coordinator::builder().workers(1).thread_name(name)
}

#[track_caller]
fn shut_down(coord: &Coordinator, limit: Duration) -> ShutdownReport {
    let handle = coord.handle();
    ends_within(BOUND, move || handle.shutdown(limit))
}

/// Every end of the coordinator comes while one thread is at the gate, and each report
/// says so.
#[track_caller]
fn ends_around(name: &str, coord: Coordinator, open: Opener) {
    assert_left(name, &shut_down(&coord, Duration::from_millis(50)), 1);
    ends_around_again(name, coord, open, 1);
}

/// No task, but so many threads are left.
#[track_caller]
fn assert_left(name: &str, report: &ShutdownReport, threads: usize) {
    let named = report.threads.iter().filter(|thread| thread.starts_with(&format!("{name}-")));
    assert_eq!((named.count(), report.threads.len()), (threads, threads), "{report:?}");
    assert!(report.still_running.is_empty(), "{report:?}");
}

/// The same once a first shutdown has given up.
#[track_caller]
fn ends_around_again(name: &str, coord: Coordinator, open: Opener, threads: usize) {
    assert_left(name, &shut_down(&coord, Duration::ZERO), threads);
    ends_with(name, coord, open);
}

/// Whoever drops it does not wait either.
#[track_caller]
fn ends_with(name: &str, coord: Coordinator, open: Opener) {
    ends_within(BOUND, move || drop(coord));
    open.open();
    no_threads(name);
}

/// Waits at the gate on the first thread of that kind.
fn held(kind: WorkerKind, gate: &Gate) -> impl Fn(&WorkerInfo) + Send + Sync + use<> {
    let gate = gate.clone();
    move |thread| {
        if (thread.kind(), thread.index()) == (kind, 0) {
            gate.pass();
        }
    }
}

#[test]
fn the_drop_of_a_result_that_nobody_takes_does_not_hold_up_a_shutdown() {
    let coord = builder("sl-value").build().unwrap();
    let (open, gate) = gate();
    coord.start().unwrap();
    let value = PassOnDrop(gate.clone());
    coord.task().name("value").go(async move { value });
    gate.wait_for(1);
    let report = shut_down(&coord, Duration::from_millis(50));
    // Either will do.
    let stuck = (report.threads.len(), report.still_running.len());
    assert!(matches!(stuck, (1, 0) | (0, 1)), "{report:?}");
    shut_down(&coord, Duration::ZERO);
    ends_with("sl-value", coord, open);
}

#[test]
fn a_start_hook_does_not_hold_up_a_shutdown() {
    for kind in [WorkerKind::Worker, WorkerKind::Blocking] {
        let (open, gate) = gate();
        let coord = builder("sl-start").on_thread_start(held(kind, &gate)).build().unwrap();
        let open = open; // Dropped before the coordinator.
        coord.start().unwrap();
        if kind == WorkerKind::Blocking {
            block_on(coord.spawn_blocking(|| ())).unwrap();
        }
        gate.wait_for(1);
        ends_around("sl-start", coord, open);
    }
}

#[test]
fn a_stop_hook_does_not_hold_up_a_shutdown() {
    for kind in [WorkerKind::Worker, WorkerKind::Blocking] {
        let (open, gate) = gate();
        let coord = builder("sl-stop").on_thread_stop(held(kind, &gate)).build().unwrap();
        let open = open; // Dropped before the coordinator.
        coord.start().unwrap();
        block_on(coord.spawn(async {})).unwrap();
        block_on(coord.spawn_blocking(|| ())).unwrap();
        // It is the shutdown that lets the thread come to its hook.
        ends_around("sl-stop", coord, open);
        assert_eq!(gate.arrivals(), 1);
    }
}

#[test]
fn a_stop_hook_of_a_thread_that_left_before_does_not_hold_up_a_shutdown() {
    let (open, gate) = gate();
    let coord = builder("sl-left")
        .keep_alive(Duration::from_millis(1))
        .on_thread_stop(held(WorkerKind::Blocking, &gate))
        .build()
        .unwrap();
    let open = open; // Dropped before the coordinator.
    coord.start().unwrap();
    block_on(coord.spawn_blocking(|| ())).unwrap();
    gate.wait_for(1);
    ends_around("sl-left", coord, open);
}

#[test]
fn a_stall_hook_does_not_hold_up_a_shutdown() {
    let (open, gate) = gate();
    let told = gate.clone();
    let coord = builder("sl-stall").on_stall(move |_| _ = told.pass()).build().unwrap();
    let open = open; // Dropped before the coordinator.
    coord.start().unwrap();
    let hook = gate.clone();
    let stalls = coord.spawn(async move {
        while oasync::worker_info().unwrap().kind() != WorkerKind::Worker {
            oasync::yield_now().await;
        }
        hook.wait_for(1);
    });
    block_on(stalls).unwrap();
    ends_around("sl-stall", coord, open);
}

#[test]
fn a_waker_of_somebody_else_does_not_hold_up_a_shutdown() {
    let coord = builder("sl-waker").build().unwrap();
    let (open, gate) = gate();
    let woken = gate.clone();
    let waker = Call::waker(move || _ = woken.pass());
    // Nothing runs before the start.
    let mut task = pin!(coord.spawn(async {}));
    assert!(task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    coord.start().unwrap();
    gate.wait_for(1);
    ends_around("sl-waker", coord, open);
}

#[test]
fn shutdowns_at_once_do_not_wait_for_each_other_while_a_hook_blocks() {
    let (open, gate) = gate();
    let hook = held(WorkerKind::Worker, &gate);
    let coord = builder("sl-both").on_thread_start(hook).build().unwrap();
    let open = open; // Dropped before the coordinator.
    coord.start().unwrap();
    gate.wait_for(1);
    let (tell, told) = mpsc::channel();
    for _ in 0..3 {
        let (handle, tell) = (coord.handle(), tell.clone());
        thread::spawn(move || tell.send(handle.shutdown(Duration::from_millis(50))));
    }
    for _ in 0..3 {
        assert_left("sl-both", &told.recv_timeout(BOUND).expect("each of them ends"), 1);
    }
    ends_around_again("sl-both", coord, open, 1);
}

#[test]
fn if_all_threads_end_none_is_named() {
    let coord = builder("sl-none").build().unwrap();
    coord.start().unwrap();
    // A worker, a thread of the pool, and the one that watches.
    block_on(coord.spawn(async {})).unwrap();
    block_on(coord.spawn_blocking(|| ())).unwrap();
    coord.go(std::future::pending::<()>());
    eventually("it waits", || coord.tasks().len() == 1);
    for _ in 0..2 {
        let report = shut_down(&coord, Duration::from_millis(50));
        assert_eq!((report.threads.len(), report.still_running.len()), (0, 0), "{report:?}");
    }
}

/// Waits at the gate when this thread ends: after all that the coordinator does on it.
fn pass_at_the_end(gate: &Gate) {
    thread_local! {
        static LOCAL: RefCell<Option<PassOnDrop>> = const { RefCell::new(None) };
    }
    LOCAL.set(Some(PassOnDrop(gate.clone())));
}

/// One thread for closures, which has left the pool and is at the gate.
fn with_a_thread_that_ends(name: &str) -> (Coordinator, Opener, Gate) {
    let coord = builder(name)
        .blocking_threads(1)
        .keep_alive(Duration::from_millis(1))
        .stall_threshold(10 * LONG)
        .build()
        .unwrap();
    let (open, gate) = gate();
    coord.start().unwrap();
    let held = gate.clone();
    block_on(coord.spawn_blocking(move || pass_at_the_end(&held))).unwrap();
    gate.wait_for(1);
    (coord, open, gate)
}

#[test]
fn the_destructor_of_a_thread_local_does_not_hold_up_a_shutdown() {
    let (coord, open, _) = with_a_thread_that_ends("sl-local");
    ends_around("sl-local", coord, open);
}

#[test]
fn nor_does_it_if_another_thread_was_started_since() {
    let (coord, open, gate) = with_a_thread_that_ends("sl-since");
    for _ in 0..3 {
        block_on(coord.spawn_blocking(|| ())).unwrap();
    }
    assert_eq!(gate.arrivals(), 1);
    ends_around("sl-since", coord, open);
}

#[test]
fn nor_do_those_of_several_threads_all_of_which_are_named() {
    const THREADS: usize = 3;
    let coord = builder("sl-locals").blocking_threads(THREADS).build().unwrap();
    let (open, gate) = gate();
    coord.start().unwrap();
    // Each on a thread of its own.
    let all = Arc::new(Barrier::new(THREADS));
    let closures: Vec<_> = (0..THREADS)
        .map(|_| {
            let (all, gate) = (all.clone(), gate.clone());
            coord.spawn_blocking(move || {
                pass_at_the_end(&gate);
                all.wait();
            })
        })
        .collect();
    closures.into_iter().for_each(|closure| block_on(closure).unwrap());
    let report = shut_down(&coord, Duration::from_millis(50));
    gate.wait_for(THREADS);
    assert_left("sl-locals", &report, THREADS);
    ends_around_again("sl-locals", coord, open, THREADS);
}

#[test]
fn a_drop_alone_waits_for_the_destructor_of_a_thread_local() {
    for started_since in [false, true] {
        let (coord, open, gate) = with_a_thread_that_ends("sl-drop");
        if started_since {
            block_on(coord.spawn_blocking(|| ())).unwrap();
        }
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            drop(coord);
            tell.send(gate.is_open()).unwrap();
        });
        // Whatever comes in this time is too early.
        let early = told.recv_timeout(Duration::from_millis(200));
        assert!(early.is_err(), "it does not wait, started since: {started_since}");
        open.open();
        assert!(told.recv_timeout(BOUND).expect("it ends"));
        no_threads("sl-drop");
    }
}
