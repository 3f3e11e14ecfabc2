//! Promise: hooks and the drop of a worker state may use the coordinator.

mod common;

use std::sync::mpsc;
use std::time::Duration;

use oasync::{Coordinator, Handle, WorkerKind};

use common::{LONG, eventually};

#[test]
fn a_start_hook_can_wait_for_tasks_that_wait_for_tasks() {
    let coord = Coordinator::builder()
        .workers(1)
        .on_thread_start(|info| {
            if info.kind() == WorkerKind::Worker && info.index() == 0 {
                let value = oasync::block_on(async {
                    let task = oasync::spawn(async {
                        let (tx, rx) = mpsc::channel();
                        oasync::go(async move { tx.send(3).unwrap() });
                        oasync::block_in_place(|| rx.recv_timeout(LONG).unwrap())
                    });
                    task.await.unwrap()
                });
                assert_eq!(value, 3);
            }
        })
        .build()
        .unwrap();
    coord.start().unwrap();
    for i in 0..10 {
        let task = coord.spawn(async move { i });
        assert_eq!(futures_lite::future::block_on(task).unwrap(), i);
    }
    assert_eq!(coord.metrics().panics(), 0);
    // One that comes back counts until it sees that it is one too many.
    eventually("one is left", || coord.metrics().num_worker_threads() <= 1);
}

#[test]
fn a_stop_hook_of_the_pool_can_block_in_place() {
    let (tx, rx) = mpsc::channel();
    let coord = Coordinator::builder()
        .workers(1)
        .blocking_threads(1)
        .keep_alive(Duration::from_millis(1))
        .on_thread_stop(move |info| {
            if info.kind() == WorkerKind::Blocking {
                oasync::block_on(async { oasync::block_in_place(|| ()) });
                tx.send(()).unwrap();
            }
        })
        .build()
        .unwrap();
    coord.start().unwrap();
    for i in 0..5 {
        let closure = coord.spawn_blocking(move || i);
        assert_eq!(futures_lite::future::block_on(closure).unwrap(), i);
        rx.recv_timeout(LONG).unwrap();
    }
    assert_eq!(coord.metrics().panics(), 0);
}

/// Shuts the coordinator down when it is dropped.
struct Closes(Handle);

impl Drop for Closes {
    fn drop(&mut self) {
        self.0.shutdown(Duration::ZERO);
    }
}

#[test]
fn the_drop_of_a_worker_state_can_shut_down_beside_another_shutdown() {
    for workers in [1, 2] {
        let coord = Coordinator::builder()
            .workers(workers)
            .worker_state(|_| Closes(Coordinator::current()))
            .build()
            .unwrap();
        coord.start().unwrap();
        for _ in 0..workers {
            let task = coord.spawn(async { oasync::with_worker_state(|_: &Closes| ()) });
            futures_lite::future::block_on(task).unwrap();
        }
        let report = coord.shutdown(LONG);
        assert!(report.still_running.is_empty());
        assert_eq!(coord.metrics().panics(), 0);
    }
}
