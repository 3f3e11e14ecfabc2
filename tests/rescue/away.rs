//! Threads of the blocking pool that are stuck in something other than a closure do not
//! keep closures from running, nor closures that came back keep others from lending.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::Duration;

use futures_lite::future::block_on;
use oasync::{Coordinator, Handle, TaskId, TaskInfo, TaskState, WorkerKind, block_in_place};

use crate::common::{LONG, eventually, in_time};
use crate::spin_until;

/// One worker, one thread for closures.
fn small() -> Coordinator {
    let coord = Coordinator::builder().workers(1).blocking_threads(1).build().unwrap();
    coord.start().unwrap();
    coord
}

/// Blocks until a closure has run.
fn wait_for_a_closure(handle: &Handle) {
    let (sender, receiver) = mpsc::channel();
    handle.gob(move || sender.send(()).unwrap());
    receiver.recv_timeout(LONG).expect("the closure runs");
}

#[test]
fn closures_run_though_as_many_lend_as_may() {
    let coord = small();
    // The worker, and two lenders: all that poll tasks.
    let meet = Arc::new(Barrier::new(3));
    let tasks: Vec<_> = (0..3)
        .map(|_| {
            let (meet, handle) = (meet.clone(), coord.handle());
            coord.spawn(async move {
                meet.wait();
                wait_for_a_closure(&handle);
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| block_on(task).unwrap());
}

#[test]
fn a_closure_runs_behind_a_lender_however_long_polls_may_take() {
    let builder = Coordinator::builder().workers(1).blocking_threads(1);
    let coord = builder.stall_threshold(10 * LONG).build().unwrap();
    coord.start().unwrap();
    let (open, gate) = mpsc::channel::<()>();
    coord.gob(move || gate.recv_timeout(LONG).unwrap());
    let (release, held) = mpsc::channel::<()>();
    let (enter, entered) = mpsc::channel();
    coord.go(async move {
        enter.send(()).unwrap();
        let _ = held.recv_timeout(2 * LONG);
    });
    entered.recv_timeout(LONG).unwrap();
    let handle = coord.handle();
    let lent = coord.spawn(async move { wait_for_a_closure(&handle) });
    // Out of closures, and the worker is busy.
    open.send(()).unwrap();
    block_on(lent).unwrap();
    drop(release);
}

#[test]
fn a_worker_gets_help_though_closures_that_came_back_are_many() {
    let coord = small();
    let back = Arc::new(AtomicUsize::new(0));
    let done = Arc::new(AtomicBool::new(false));
    let gates: Vec<_> = (0..3)
        .map(|_| {
            let (enter, entered) = mpsc::channel();
            let (open, gate) = mpsc::channel::<()>();
            let (handle, back, done) = (coord.handle(), back.clone(), done.clone());
            coord.gob(move || {
                // Blocked in a poll, it does not count: the next one comes.
                handle.block_on(async {
                    block_in_place(|| {
                        enter.send(()).unwrap();
                        gate.recv_timeout(LONG).unwrap();
                    });
                });
                back.fetch_add(1, Ordering::SeqCst);
                eventually("the task ran", || done.load(Ordering::SeqCst));
            });
            entered.recv_timeout(LONG).unwrap();
            open
        })
        .collect();
    gates.iter().for_each(|open| open.send(()).unwrap());
    eventually("all are back", || back.load(Ordering::SeqCst) == 3);
    let stuck = coord.spawn(async move {
        let set = done.clone();
        let _tasks = oasync::spawn_many([async move { set.store(true, Ordering::SeqCst) }]);
        spin_until(&done);
    });
    block_on(stuck).unwrap();
}

#[test]
fn what_waits_behind_more_stuck_polls_than_may_be_runs_when_one_ends() {
    let coord = small();
    let (enter, entered) = mpsc::channel();
    // The worker, and two lenders.
    let gates: Vec<_> = (0..3)
        .map(|_| {
            let (open, gate) = mpsc::channel::<()>();
            let enter = enter.clone();
            coord.go(async move {
                enter.send(()).unwrap();
                let _ = gate.recv_timeout(2 * LONG);
            });
            open
        })
        .collect();
    (0..3).for_each(|_| entered.recv_timeout(LONG).unwrap());
    let last = coord.task().name("last").spawn(async {});
    assert!(coord.tasks().iter().any(|task| task.name() == Some("last")));
    drop(gates.into_iter().next_back());
    block_on(last).unwrap();
}

#[test]
fn each_of_more_stuck_polls_than_may_be_is_listed_and_closures_run_meanwhile() {
    const WORKERS: usize = 2;
    let stalled = Arc::new(Mutex::new(Vec::new()));
    let told = stalled.clone();
    let coord = Coordinator::builder()
        .workers(WORKERS)
        .blocking_threads(1)
        .on_stall(move |stall| told.lock().unwrap().extend(stall.id))
        .build()
        .unwrap();
    coord.start().unwrap();
    let (enter, entered) = mpsc::channel();
    let gates: Vec<_> = (0..3 * WORKERS)
        .map(|_| {
            let (open, gate) = mpsc::channel::<()>();
            let enter = enter.clone();
            let (tell, id) = mpsc::channel();
            let task = coord.spawn(async move {
                let kind = oasync::worker_info().unwrap().kind();
                enter.send((id.recv().unwrap(), kind)).unwrap();
                let _ = gate.recv_timeout(2 * LONG);
            });
            tell.send(task.id()).unwrap();
            open
        })
        .collect();
    let stuck: Vec<(TaskId, WorkerKind)> =
        gates.iter().map(|_| entered.recv_timeout(LONG).unwrap()).collect();
    let last = coord.task().name("last").spawn(async {});
    let closure = coord.spawn_blocking(|| ());
    in_time(|| block_on(closure).unwrap());
    let ids = |stuck: &mut dyn Iterator<Item = &(TaskId, WorkerKind)>| -> BTreeSet<TaskId> {
        stuck.map(|(id, _)| *id).collect()
    };
    let all = ids(&mut stuck.iter());
    let on_workers = ids(&mut stuck.iter().filter(|(_, kind)| *kind == WorkerKind::Worker));
    assert_eq!((all.len(), on_workers.len()), (3 * WORKERS, WORKERS));
    // On a machine under load another poll may last as well.
    let told = || -> Vec<TaskId> {
        let told = stalled.lock().unwrap();
        told.iter().filter(|id| all.contains(id)).copied().collect()
    };
    eventually("those on workers are told of", || told().len() >= WORKERS);
    let running = |tasks: &[TaskInfo]| -> BTreeSet<TaskId> {
        let running = tasks.iter().filter(|info| info.state() == TaskState::Running);
        running.map(TaskInfo::id).collect()
    };
    // The closure may be listed for a moment longer.
    eventually("all are listed", || running(&coord.tasks()) == all);
    let tasks = coord.tasks();
    let behind = tasks.iter().find(|info| info.id() == last.id()).expect("it is listed");
    assert_eq!((behind.name(), behind.state()), (Some("last"), TaskState::Waiting));
    let report = coord.shutdown(Duration::from_millis(10));
    assert_eq!(running(&report.still_running), all);
    assert!(block_on(last).unwrap_err().is_cancelled());
    let mut told = told();
    told.sort();
    assert!(told.into_iter().eq(on_workers), "each once, and no lender");
    drop(gates);
}
