//! The end of a coordinator, while threads are refused.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use oasync::{Coordinator, Handle, JoinHandle, WorkerInfo, WorkerKind};

use crate::common::gate::gate;
use crate::common::{CountDrop, LONG, coordinator, ends_within};
use crate::refusal::{for_each_later_refusal, for_each_refusal};
use crate::scenarios::{assert_all_resolve, submit, wait};

#[test]
#[ignore = "runs where threads are refused"]
fn ending() {
    for_each_refusal(["after a start", "without one"], |workers, points| {
        for limit in [None, Some(Duration::ZERO), Some(Duration::from_millis(20))] {
            let (coord, ran) = (coordinator(workers), Arc::new(AtomicUsize::new(0)));
            let drops = Arc::new(AtomicUsize::new(0));
            let begins = coord.start();
            let tasks = submit(&coord, &ran);
            let guard = CountDrop(drops.clone());
            coord.go(async move {
                let _guard = guard;
                pending::<()>().await;
            });
            let begun = Instant::now();
            if let Some(limit) = limit {
                let report = coord.shutdown(limit);
                assert!(report.still_running.is_empty(), "{report:?}");
                assert!(begins.is_ok() || report.finished + report.cancelled > 0);
            }
            drop(coord);
            assert!(begun.elapsed() < LONG);
            assert_eq!(drops.load(Ordering::SeqCst), 1);
            assert_all_resolve(tasks);
            points.reach(if begins.is_ok() { "after a start" } else { "without one" });
        }
    });
}

/// A shutdown with a limit does without the threads it would start.
#[test]
#[ignore = "runs where threads are refused"]
fn stuck_stop_hook() {
    for_each_later_refusal(["it is named"], |workers, points, refused| {
        // Each takes what a shutdown waits after its limit.
        if workers > 1 {
            return;
        }
        let (open, gate) = gate();
        let (tell, told) = mpsc::channel();
        let held = gate.clone();
        let hook = move |thread: &WorkerInfo| {
            if (thread.kind(), thread.index()) == (WorkerKind::Worker, 0) {
                tell.send(thread::current().name().unwrap().to_owned()).unwrap();
                held.pass();
            }
        };
        let coord = Coordinator::builder().workers(1).on_thread_stop(hook).build().unwrap();
        let open = open; // Dropped before the coordinator.
        coord.start().unwrap();
        wait(coord.spawn(async {})).unwrap();
        let handle = coord.handle();
        let report = ends_within(Duration::from_secs(10), move || {
            refused.begin();
            handle.shutdown(Duration::from_millis(10))
        });
        assert_eq!(report.threads, [told.recv_timeout(LONG).unwrap()], "{report:?}");
        assert!(report.still_running.is_empty(), "{report:?}");
        assert!(!gate.is_open());
        points.reach("it is named");
        drop(open);
    });
}

/// Waits, when it is dropped, for a task that is queued.
struct Asks {
    handle: Handle,
    other: mpsc::Receiver<JoinHandle<()>>,
    answer: mpsc::Sender<bool>,
}

impl Drop for Asks {
    fn drop(&mut self) {
        let other = self.other.recv().unwrap();
        let cancelled = self.handle.block_on(other).is_err_and(|error| error.is_cancelled());
        self.answer.send(cancelled).unwrap();
    }
}

/// Who ends it drops what is queued inside of the destructor, if nobody else comes for it.
#[test]
#[ignore = "runs where threads are refused"]
fn waiting_destructor() {
    for_each_later_refusal(["it gets its answer"], |workers, points, refused| {
        let coord = coordinator(workers);
        let ((give, other), (answer, answered)) = (mpsc::channel(), mpsc::channel());
        let asks = Asks { handle: coord.handle(), other, answer };
        coord.go(async move { drop(asks) });
        give.send(coord.spawn(async {})).unwrap();
        let report = ends_within(LONG, move || {
            refused.begin();
            coord.shutdown(Duration::ZERO)
        });
        assert!(report.still_running.is_empty(), "{report:?}");
        assert_eq!(answered.try_recv(), Ok(true));
        points.reach("it gets its answer");
    });
}
