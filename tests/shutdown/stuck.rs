//! What cannot be stopped is named, and holds up nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use futures_lite::future::block_on;
use oasync::{Coordinator, TaskId, TaskInfo};

use crate::common::gate::{PassOnDrop, gate};
use crate::common::{LONG, ends_within};
use crate::{Count, coordinator, eventually, no_threads, wait_for_ever};

#[test]
fn a_closure_that_is_stuck_is_reported_and_may_end_later() {
    let (coord, count) = (coordinator("sd-stuck", 2), Count::default());
    coord.start().unwrap();
    let (release, stuck) = mpsc::channel::<()>();
    let (entered, running) = mpsc::channel();
    let guard = count.guard();
    let line = line!() + 1;
    let closure = coord.task().name("stuck").spawn_blocking(move || {
        let _guard = guard;
        entered.send(()).unwrap();
        stuck.recv().unwrap();
        5
    });
    coord.go(wait_for_ever(count.guard()));
    running.recv().unwrap();
    let report = coord.shutdown(Duration::from_millis(10));
    assert_eq!((report.finished, report.cancelled), (0, 1));
    let [info] = &report.still_running[..] else { panic!("{report:?}") };
    let told = format!("0 finished, 1 cancelled, 1 still running: {info}");
    assert_eq!(report.to_string(), told);
    assert_eq!((info.name(), info.id()), (Some("stuck"), closure.id()));
    assert_eq!(info.location().line(), line);
    assert_eq!(info.location().file(), file!());
    assert_eq!(info.state(), oasync::TaskState::Running);
    assert_eq!((count.made(), count.dropped()), (2, 1));
    // It was reported: nobody waits for it again.
    drop(coord);
    assert!(!closure.is_finished());
    release.send(()).unwrap();
    assert_eq!(block_on(closure).unwrap(), 5);
    eventually("its guard is dropped", || count.dropped() == 2);
    no_threads("sd-stuck");
}

#[test]
fn a_poll_that_does_not_return_is_reported_and_may_end_later() {
    for workers in [1, 2] {
        let (coord, count) = (coordinator("sd-poll", workers), Count::default());
        coord.start().unwrap();
        let release = Arc::new(AtomicBool::new(false));
        let entered = Arc::new(AtomicBool::new(false));
        let (guard, go, here) = (count.guard(), release.clone(), entered.clone());
        let line = line!() + 1;
        let task = coord.task().name("busy").spawn(async move {
            here.store(true, Ordering::SeqCst);
            eventually("it is released", || go.load(Ordering::SeqCst));
            wait_for_ever(guard).await;
        });
        eventually("it runs", || entered.load(Ordering::SeqCst));
        coord.go(wait_for_ever(count.guard()));
        let report = coord.shutdown(Duration::from_millis(10));
        assert_eq!((report.finished, report.cancelled), (0, 1), "the other one is not held up");
        let [info] = &report.still_running[..] else { panic!("{report:?}") };
        assert_eq!((info.name(), info.id()), (Some("busy"), task.id()));
        assert_eq!(info.location().line(), line);
        assert_eq!((count.made(), count.dropped()), (2, 1));
        release.store(true, Ordering::SeqCst);
        assert!(block_on(task).unwrap_err().is_cancelled());
        eventually("its future is dropped", || count.dropped() == 2);
        drop(coord);
        no_threads("sd-poll");
    }
}

/// So many destructors may be stuck at the end, and no other waits for them.
const STUCK: usize = 31;

/// None of them was polled before, and none has a name.
#[test]
fn each_task_whose_destructor_is_stuck_is_reported() {
    let builder = Coordinator::builder().workers(1).blocking_threads(1).thread_name("sd-many");
    // Nobody comes for those who are queued, until they are cancelled.
    let coord = builder.stall_threshold(10 * LONG).build().unwrap();
    let (open, gate) = gate();
    coord.start().unwrap();
    let (enter, entered) = mpsc::channel();
    let handle = coord.handle();
    let busy = coord.spawn(async move {
        enter.send(()).unwrap();
        eventually("the end begins", || handle.is_shutting_down());
    });
    entered.recv_timeout(LONG).unwrap();
    let mut stuck = Vec::new();
    for i in 0..2 * STUCK {
        let value = (i % 2 == 0).then(|| PassOnDrop(gate.clone()));
        let is_stuck = value.is_some();
        let task = coord.spawn(async move { drop(value) });
        if is_stuck {
            stuck.push(task);
        }
    }
    let handle = coord.handle();
    let report = ends_within(Duration::from_secs(10), move || handle.shutdown(Duration::ZERO));
    let mut named: Vec<TaskId> = report.still_running.iter().map(TaskInfo::id).collect();
    named.sort_unstable();
    let ids: Vec<TaskId> = stuck.iter().map(|task| task.id()).collect();
    assert_eq!((named, coord.metrics().num_alive_tasks()), (ids, STUCK as u64), "{report:?}");
    drop(open);
    block_on(busy).unwrap();
    stuck.into_iter().for_each(|task| _ = block_on(task));
    drop(coord);
    no_threads("sd-many");
}
