//! While a thread is in the user's start hook, nobody can count on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures_lite::future::block_on;
use oasync::{Coordinator, WorkerKind};

use crate::common::{LONG, eventually};

const THRESHOLD: Duration = Duration::from_millis(1);

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

#[test]
fn no_more_are_sent_while_those_who_were_are_in_the_hook() {
    let (release, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let started = Arc::new(AtomicUsize::new(0));
    let coord = {
        let started = started.clone();
        Coordinator::builder()
            .workers(1)
            .blocking_threads(1)
            .stall_threshold(THRESHOLD)
            .on_thread_start(move |thread| {
                if thread.kind() == WorkerKind::Blocking {
                    started.fetch_add(1, Ordering::SeqCst);
                    let _ = gate.lock().unwrap().recv_timeout(2 * LONG);
                }
            })
            .build()
            .unwrap()
    };
    coord.start().unwrap();
    let stuck = coord.spawn(async {
        let (behind, run) = mpsc::channel();
        oasync::go(async move { behind.send(()).unwrap() });
        run.recv_timeout(LONG)
    });
    // One for closures, and two for each worker.
    let limit = 1 + 2;
    eventually("all come that may", || started.load(Ordering::SeqCst) == limit);
    thread::sleep(20 * THRESHOLD);
    assert_eq!(started.load(Ordering::SeqCst), limit);
    drop(release);
    assert_eq!(block_on(stuck).unwrap(), Ok(()));
}
