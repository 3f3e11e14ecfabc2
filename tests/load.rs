//! Promise: nothing is lost, however many tasks, workers and spawners there are.

mod common;

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, MutexGuard};
use std::task::Poll;
use std::thread;

use futures_lite::future::block_on;
use oasync::{Coordinator, JoinHandle};

use common::{LONG, started};

/// A tenth without optimisations, where each costs ten times as much.
const SCALE: u64 = if cfg!(debug_assertions) { 1 } else { 10 };

/// One at a time: they measure memory, and want the machine for themselves.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[track_caller]
fn eventually(what: &str, done: impl FnMut() -> bool) {
    common::within(2 * LONG, what, done);
}

/// Resident memory in bytes; `None` where that cannot be read.
fn resident() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// Counts and sums up what runs.
#[derive(Clone, Default)]
struct Tally(Arc<(AtomicU64, AtomicU64)>);

impl Tally {
    fn add(&self, i: u64) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
        self.0.1.fetch_add(i, Ordering::Relaxed);
    }

    /// Whether each of `0..n` came, as far as count and sum can tell.
    #[track_caller]
    fn assert_all(&self, n: u64) {
        let (count, sum) = (self.0.0.load(Ordering::SeqCst), self.0.1.load(Ordering::SeqCst));
        assert_eq!((count, sum), (n, n * (n - 1) / 2));
    }
}

#[test]
fn a_million_tasks_alive_at_once() {
    let _alone = alone();
    let n = 100_000 * SCALE;
    let (coord, tally) = (started(2), Tally::default());
    let open = Arc::new(AtomicBool::new(false));
    let wakers = Arc::new(Mutex::new(Vec::new()));
    let tasks: Vec<JoinHandle<u64>> = (0..n)
        .map(|i| {
            let (open, wakers, tally) = (open.clone(), wakers.clone(), tally.clone());
            coord.spawn(async move {
                poll_fn(|cx| {
                    if open.load(Ordering::SeqCst) {
                        return Poll::Ready(());
                    }
                    wakers.lock().unwrap().push(cx.waker().clone());
                    Poll::Pending
                })
                .await;
                tally.add(i);
                i
            })
        })
        .collect();
    eventually("all wait", || wakers.lock().unwrap().len() as u64 == n);
    assert_eq!(coord.metrics().num_alive_tasks(), n);
    assert_eq!(tally.0.0.load(Ordering::SeqCst), 0, "none has ended");
    open.store(true, Ordering::SeqCst);
    for waker in std::mem::take(&mut *wakers.lock().unwrap()) {
        waker.wake();
    }
    let sum: u64 = coord.block_on(async {
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, n * (n - 1) / 2);
    tally.assert_all(n);
    eventually("no task is alive", || coord.metrics().num_alive_tasks() == 0);
}

#[test]
fn ten_million_in_sequence_take_no_more_memory() {
    let _alone = alone();
    let n = 1_000_000 * SCALE;
    let coord = started(2);
    let in_sequence = |n: u64| {
        let tally = Tally::default();
        let all = tally.clone();
        let driver = coord.spawn(async move {
            for i in 0..n {
                let tally = all.clone();
                // Every other one waits, and so goes through the registry.
                let task = oasync::spawn(async move {
                    if i % 2 == 0 {
                        oasync::yield_now().await;
                    }
                    tally.add(i);
                    i
                });
                assert_eq!(task.await.unwrap(), i);
            }
        });
        block_on(driver).unwrap();
        tally.assert_all(n);
    };
    in_sequence(n / 10);
    let before = resident();
    in_sequence(n - n / 10);
    if let (Some(before), Some(after)) = (before, resident()) {
        let grown = after.saturating_sub(before);
        assert!(grown < 8 << 20, "{grown} bytes more after {n} tasks");
    }
}

#[test]
fn bursts_take_no_more_memory() {
    let _alone = alone();
    let coord = started(2);
    let burst = || {
        let tally = Tally::default();
        for i in 0..20_000 {
            let tally = tally.clone();
            coord.go(async move { tally.add(i) });
        }
        eventually("no task is alive", || coord.metrics().num_alive_tasks() == 0);
        tally.assert_all(20_000);
    };
    (0..10).for_each(|_| burst());
    let before = resident();
    (0..5 * SCALE).for_each(|_| burst());
    if let (Some(before), Some(after)) = (before, resident()) {
        let grown = after.saturating_sub(before);
        assert!(grown < 32 << 20, "{grown} bytes more");
    }
}

/// A tree of tasks: each adds its number and spawns two more.
fn grow(tally: Tally, i: u64, n: u64) {
    for child in [2 * i + 1, 2 * i + 2] {
        if child < n {
            let tally = tally.clone();
            oasync::go(async move {
                if child % 3 == 0 {
                    oasync::yield_now().await;
                }
                tally.add(child);
                grow(tally, child, n);
            });
        }
    }
}

#[test]
fn with_1_to_64_workers() {
    let _alone = alone();
    let n = 100_000 * SCALE;
    for workers in [1, 2, 4, 16, 64] {
        let (coord, tally) = (started(workers), Tally::default());
        let root = tally.clone();
        coord.go(async move {
            root.add(0);
            grow(root, 0, n);
        });
        eventually("the tree has grown", || coord.metrics().num_alive_tasks() == 0);
        tally.assert_all(n);

        let sum = coord.block_on(async move {
            let tasks: Vec<_> = (0..n).map(|i| oasync::spawn(async move { i })).collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, n * (n - 1) / 2);
        assert!(coord.metrics().num_worker_threads() <= workers);
    }
}

/// The vacant seats are bits, of several words then: each has to be found.
#[test]
fn with_a_seat_for_each_of_130_workers() {
    const WORKERS: usize = 130;
    let _alone = alone();
    // Nobody but workers on seats of their own can run what all wait for.
    let coord = common::without_help(WORKERS);
    coord.start().unwrap();
    // Workers first look for the seat of their own number, callers for any.
    let all = Barrier::new(WORKERS);
    thread::scope(|s| {
        for _ in 0..WORKERS {
            s.spawn(|| coord.block_on(async { all.wait() }));
        }
    });
    for _ in 0..3 {
        let all = Arc::new(Barrier::new(WORKERS));
        let tasks: Vec<_> = (0..WORKERS)
            .map(|_| {
                let all = all.clone();
                coord.spawn(async move { all.wait() })
            })
            .collect();
        eventually("all run at once", || tasks.iter().all(JoinHandle::is_finished));
    }
}

/// Calls `f` with the numbers below 64, each on a thread of its own, at once.
fn on_64_threads(f: impl Fn(u64) + Sync) {
    let begin = Barrier::new(64);
    thread::scope(|s| {
        for i in 0..64 {
            let (f, begin) = (&f, &begin);
            s.spawn(move || {
                begin.wait();
                f(i);
            });
        }
    });
}

#[test]
fn from_64_foreign_threads_at_once() {
    let _alone = alone();
    let each = 1000 * SCALE;
    for workers in [1, 2, 4, 16, 64] {
        let (coord, tally) = (started(workers), Tally::default());
        on_64_threads(|spawner| {
            let mut last = None;
            for i in spawner * each..(spawner + 1) * each {
                let tally = tally.clone();
                last = Some(coord.spawn(async move { tally.add(i) }));
            }
            block_on(last.unwrap()).unwrap();
        });
        eventually("no task is alive", || coord.metrics().num_alive_tasks() == 0);
        tally.assert_all(64 * each);
    }
}

#[test]
fn from_64_foreign_threads_in_block_on() {
    let _alone = alone();
    let each = 100 * SCALE;
    for workers in [1, 2, 16] {
        let (coord, tally) = (started(workers), Tally::default());
        on_64_threads(|spawner| {
            coord.block_on(async {
                for i in spawner * each..(spawner + 1) * each {
                    let tally = tally.clone();
                    oasync::spawn(async move { tally.add(i) }).await.unwrap();
                }
            });
        });
        tally.assert_all(64 * each);
        assert_eq!(coord.metrics().num_alive_tasks(), 0);
    }
}

#[test]
fn closures_and_tasks_in_turns() {
    let _alone = alone();
    let n = 2000 * SCALE;
    let coord = Coordinator::builder().workers(2).blocking_threads(4).build().unwrap();
    coord.start().unwrap();
    let tally = Tally::default();
    for i in 0..n {
        let tally = tally.clone();
        coord.go(async move {
            let i = oasync::spawn_blocking(move || i).await.unwrap();
            oasync::gob(move || oasync::go(async move { tally.add(i) }));
        });
    }
    eventually("no task is alive", || coord.metrics().num_alive_tasks() == 0);
    tally.assert_all(n);
    // A lender more may have come, and leaves.
    eventually("no more than may", || coord.metrics().num_blocking_threads() <= 4);
}

#[test]
fn coordinators_come_and_go() {
    let _alone = alone();
    for round in 0..20 * SCALE {
        let tally = Tally::default();
        let coord = started(1 + round as usize % 4);
        for i in 0..100 {
            let tally = tally.clone();
            coord.go(async move {
                oasync::yield_now().await;
                tally.add(i);
            });
        }
        let report = coord.shutdown(LONG);
        assert_eq!(report.cancelled, 0);
        tally.assert_all(100);
    }
}
