//! What waits for itself: it cannot go on, but it is named.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use oasync::{Coordinator, JoinHandle, TaskInfo, TaskState};

use crate::common::{LONG, coordinator, eventually, started};
use crate::{in_time, wait};

/// Where a task finds its own handle.
type Own = Arc<Mutex<Option<JoinHandle<()>>>>;

fn take(own: &Own) -> JoinHandle<()> {
    loop {
        if let Some(handle) = own.lock().unwrap().take() {
            return handle;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_task_that_awaits_itself_is_listed_and_cancelled() {
    in_time("a task that awaits itself", || {
        let coord = started(1);
        let own = Own::default();
        let mine = own.clone();
        let task = coord.task().name("ouroboros").spawn(async move {
            let handle = take(&mine);
            handle.await.unwrap();
        });
        let id = task.id();
        *own.lock().unwrap() = Some(task);
        eventually("it waits", || own.lock().unwrap().is_none());
        assert_eq!(wait(coord.spawn(async { 1 })).unwrap(), 1, "nobody else is held up");
        let tasks = coord.tasks();
        let info = tasks.iter().find(|info| info.id() == id).expect("it is listed");
        assert_eq!((info.name(), info.state()), (Some("ouroboros"), TaskState::Waiting));
        let report = coord.shutdown(Duration::from_millis(10));
        assert_eq!((report.cancelled, report.still_running.len()), (1, 0));
    });
}

#[test]
fn a_task_that_cancels_itself_ends() {
    in_time("a task that cancels itself", || {
        let coord = started(1);
        let own = Own::default();
        let mine = own.clone();
        let (tell, told) = mpsc::channel::<()>();
        let task = coord.spawn(async move {
            let _dropped_at_the_end = tell;
            let _ = take(&mine).cancel().await;
        });
        *own.lock().unwrap() = Some(task);
        assert_eq!(told.recv_timeout(LONG), Err(mpsc::RecvTimeoutError::Disconnected));
        eventually("it ended", || coord.metrics().num_alive_tasks() == 0);
    });
}

#[test]
fn a_task_that_blocks_on_itself_is_named_by_the_shutdown_which_ends() {
    in_time("a task that blocks on itself", || {
        let coord = started(1);
        let own = Own::default();
        let mine = own.clone();
        let task = coord.task().name("ouroboros").spawn(async move {
            let _ = oasync::block_on(take(&mine));
        });
        let id = task.id();
        *own.lock().unwrap() = Some(task);
        eventually("it blocks", || own.lock().unwrap().is_none());
        // Its place was taken by another thread.
        assert_eq!(wait(coord.spawn(async { 1 })).unwrap(), 1);
        eventually("it is listed", || coord.tasks().iter().any(|info| info.id() == id));
        let report = coord.shutdown(Duration::from_millis(10));
        let [info] = &report.still_running[..] else { panic!("{report:?}") };
        assert_eq!((info.id(), info.name()), (id, Some("ouroboros")));
        drop(coord); // does not wait for what was given up
    });
}

#[test]
fn a_closure_that_waits_for_itself_is_named_by_the_shutdown_which_ends() {
    in_time("a closure that waits for itself", || {
        let coord = started(1);
        let own = Own::default();
        let mine = own.clone();
        let closure = coord.spawn_blocking(move || {
            let _ = wait(take(&mine));
        });
        let id = closure.id();
        *own.lock().unwrap() = Some(closure);
        eventually("it waits", || own.lock().unwrap().is_none());
        let report = coord.shutdown(Duration::from_millis(10));
        let [info] = &report.still_running[..] else { panic!("{report:?}") };
        assert_eq!((info.id(), info.location().file()), (id, file!()));
    });
}

#[test]
fn two_coordinators_that_wait_for_each_other_for_ever_are_both_named() {
    in_time("a deadlock over two coordinators", || {
        let (a, b) = (coordinator(1), coordinator(1));
        a.start().unwrap();
        b.start().unwrap();
        let (in_a, in_b) = (Own::default(), Own::default());
        let blocks_on = |coord: &Coordinator, name, other: &Own| {
            let other = other.clone();
            coord.task().name(name).spawn(async move {
                let _ = oasync::block_on(take(&other));
            })
        };
        let (left, right) = (blocks_on(&a, "left", &in_b), blocks_on(&b, "right", &in_a));
        *in_a.lock().unwrap() = Some(left);
        *in_b.lock().unwrap() = Some(right);
        for (coord, own, name) in [(&a, &in_b, "left"), (&b, &in_a, "right")] {
            eventually("it blocks", || own.lock().unwrap().is_none());
            assert_eq!(wait(coord.spawn(async { 1 })).unwrap(), 1);
            let report = coord.shutdown(Duration::from_millis(10));
            let names: Vec<_> = report.still_running.iter().map(|info| info.name()).collect();
            assert_eq!(names, [Some(name)]);
        }
    });
}

/// Waits in its destructor until the other end is dropped.
struct Stubborn(mpsc::Receiver<()>);

impl Drop for Stubborn {
    fn drop(&mut self) {
        let _ = self.0.recv();
    }
}

#[test]
fn destructors_that_do_not_return_are_named_by_the_shutdown_which_ends() {
    for tasks in [1, 2, 3, 10] {
        in_time("stubborn destructors", move || {
            let coord = started(2);
            let mut releases = Vec::new();
            let mut ids: Vec<_> = (0..tasks)
                .map(|_| {
                    let (release, stubborn) = mpsc::channel();
                    releases.push(release);
                    let guard = Stubborn(stubborn);
                    let task = coord.task().name("stubborn").spawn(async move {
                        let _guard = guard;
                        std::future::pending::<()>().await;
                    });
                    task.id()
                })
                .collect();
            let polls = || coord.metrics().workers().iter().map(|w| w.poll_count).sum::<u64>();
            eventually("all wait", || polls() == tasks);
            let report = coord.shutdown(Duration::from_millis(10));
            ids.sort();
            let listed: Vec<_> = report.still_running.iter().map(|info| info.id()).collect();
            assert_eq!(listed, ids);
            drop(coord); // does not wait for what was given up
            drop(releases);
        });
    }
}

#[test]
fn a_destructor_of_what_never_ran_is_named_as_well() {
    in_time("a stubborn destructor before the start", || {
        let coord = coordinator(2);
        let (_release, stubborn) = mpsc::channel();
        let guard = Stubborn(stubborn);
        let task = coord.spawn(async move { drop(guard) });
        let closure = coord.spawn_blocking(|| ());
        let report = coord.shutdown(Duration::ZERO);
        let [info] = &report.still_running[..] else { panic!("{report:?}") };
        assert_eq!((info.id(), info.state()), (task.id(), TaskState::Running));
        // What was not behind it is gone.
        assert!(wait(closure).unwrap_err().is_cancelled());
        drop(coord);
    });
}

#[test]
fn a_closure_that_waits_for_one_beyond_the_limit_ends_with_the_coordinator() {
    in_time("a closure in the way of the one it waits for", || {
        let coord = Coordinator::builder().workers(1).blocking_threads(1).build().unwrap();
        coord.start().unwrap();
        let handle = coord.handle();
        let (tell, told) = mpsc::channel();
        let outer = coord.spawn_blocking(move || {
            tell.send(()).unwrap();
            let inner = handle.spawn_blocking(|| ());
            handle.block_on(inner).is_err()
        });
        told.recv_timeout(LONG).unwrap(); // From now on only the inner one can be in the queue.
        eventually("the inner one waits", || coord.metrics().blocking_queue_depth() == 1);
        assert_eq!(wait(coord.spawn(async { 1 })).unwrap(), 1, "nobody else is held up");
        let report = coord.shutdown(Duration::ZERO);
        assert_eq!((report.cancelled, report.still_running.len()), (1, 0));
        assert!(wait(outer).unwrap());
    });
}

/// A closure whose `block_on` polls a task, which waits by `blocks` for a closure beyond the
/// limit. With it, whether the task is polled by the closure's own thread.
fn closure_in_the_way(
    blocks: impl FnOnce(JoinHandle<()>, mpsc::Receiver<()>) -> bool + Send + 'static,
) -> (Coordinator, JoinHandle<bool>, bool) {
    let coord = Coordinator::builder().workers(1).blocking_threads(1).build().unwrap();
    coord.block_on(async {}); // It runs, and its only seat is vacant.
    let handle = coord.handle();
    let (tell, told) = mpsc::channel();
    let outer = coord.task().name("outer").spawn_blocking(move || {
        let here = thread::current().id();
        let own = handle.clone();
        handle.block_on(async move {
            let (runs, run) = mpsc::channel();
            let between = oasync::task().name("between").spawn(async move {
                let end = move || runs.send(()).unwrap();
                let inner = own.task().name("inner").spawn_blocking(end);
                tell.send(thread::current().id() == here).unwrap();
                blocks(inner, run)
            });
            between.await.unwrap()
        })
    });
    let here = told.recv_timeout(LONG).unwrap();
    (coord, outer, here)
}

#[test]
fn a_task_in_a_closure_that_waits_for_one_beyond_the_limit_ends_with_the_coordinator() {
    let round = || {
        let waits = |_, run: mpsc::Receiver<()>| run.recv_timeout(2 * LONG).is_ok();
        let (coord, outer, here) = closure_in_the_way(waits);
        if !here {
            return false; // A thread that came to help had it.
        }
        assert_eq!(wait(coord.spawn(async { 1 })).unwrap(), 1, "nobody else is held up");
        let tasks = coord.tasks();
        let state = |name| tasks.iter().find(|info| info.name() == Some(name)).map(TaskInfo::state);
        assert_eq!(state("outer"), Some(TaskState::Running));
        assert_eq!(state("between"), Some(TaskState::Running));
        assert_eq!(state("inner"), Some(TaskState::Waiting));
        let report = coord.shutdown(Duration::ZERO);
        assert_eq!((report.cancelled, report.still_running.len()), (1, 0));
        assert!(!wait(outer).unwrap(), "what it waited for never ran");
        true
    };
    in_time("a task in the way of a closure", move || {
        eventually("the closure's own thread polls the task", round);
    });
}

#[test]
fn a_task_in_a_closure_that_says_that_it_blocks_makes_room_for_one_beyond_the_limit() {
    in_time("a task that makes room for a closure", || {
        let waits = |inner, _| oasync::block_on::<JoinHandle<()>>(inner).is_ok();
        let calls =
            |_, run: mpsc::Receiver<()>| oasync::block_in_place(|| run.recv_timeout(LONG).is_ok());
        let round = |(_coord, outer, here): (Coordinator, JoinHandle<bool>, bool)| {
            here && {
                assert!(wait(outer).unwrap());
                true
            }
        };
        let what = "the closure's own thread polls the task";
        eventually(what, || round(closure_in_the_way(waits)));
        eventually(what, || round(closure_in_the_way(calls)));
    });
}
