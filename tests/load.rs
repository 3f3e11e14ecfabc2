//! Promise: nothing is lost, however many tasks, workers and spawners there are.

mod common;

use std::sync::{Arc, Barrier, Mutex, MutexGuard};
use std::thread;

use futures_lite::future::block_on;
use oasync::sync::channel;
use oasync::{Coordinator, JoinHandle};

use common::tally::{SCALE, Tally};
use common::{LONG, started};

/// One at a time: they want the machine for themselves.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[track_caller]
fn eventually(what: &str, done: impl FnMut() -> bool) {
    common::within(2 * LONG, what, done);
}

/// Calls `f` with each number of workers, on another thread: a task that is lost would keep
/// the test in the drop of its coordinator, for ever.
#[track_caller]
fn with_workers<const N: usize>(numbers: [usize; N], f: fn(usize)) {
    let _alone = alone();
    for workers in numbers {
        common::ends_within(3 * LONG, move || f(workers));
    }
}

/// A chain of tasks: each adds its number and spawns the next.
fn link(tally: Tally, i: u64, n: u64) {
    oasync::go(async move {
        if i % 3 == 0 {
            oasync::yield_now().await;
        }
        // One at a time: one that ran twice, or came twice, is seen by the next.
        assert_eq!(tally.add(i), i);
        let next = i + 1;
        if next == n {
            return;
        }
        if i % 64 == 0 {
            // From a thread without a seat, while the workers go to sleep.
            oasync::gob(move || link(tally, next, n));
        } else {
            link(tally, next, n);
        }
    });
}

#[test]
fn a_chain_of_a_million() {
    with_workers([1, 2, 4, 16, 64], |workers| {
        let n = 100_000 * SCALE;
        let (coord, tally) = (started(workers), Tally::default());
        let first = tally.clone();
        coord.gob(move || link(first, 0, n));
        eventually("the chain has ended", || coord.metrics().num_alive_tasks() == 0);
        tally.assert_all(n);
    });
}

/// Each waits for the one it spawned: all are alive at the end, and end from there.
fn chain_of_waits(i: u64, n: u64) -> JoinHandle<u64> {
    oasync::spawn(async move {
        let rest = if i + 1 < n { chain_of_waits(i + 1, n).await.unwrap() } else { 0 };
        i + rest
    })
}

#[test]
fn a_chain_of_a_million_that_wait_for_each_other() {
    with_workers([1, 2, 64], |workers| {
        let n = 100_000 * SCALE;
        let coord = started(workers);
        let first = coord.spawn(async move { chain_of_waits(0, n).await.unwrap() });
        eventually("the chain has ended", || first.is_finished());
        assert_eq!(block_on(first).unwrap(), n * (n - 1) / 2);
    });
}

/// Two tasks that send `messages` numbers there and back, each as the answer to the last.
fn ping_pong(coord: &Coordinator, messages: u64, bound: Option<usize>) -> [JoinHandle<u64>; 2] {
    let [(there, ping), (back, pong)] =
        [(); 2].map(|()| bound.map_or_else(channel::unbounded, channel::bounded));
    let first = coord.spawn(async move {
        for i in 0..messages {
            there.send(i).await.unwrap();
            assert_eq!(pong.recv().await, Ok(i));
        }
        messages
    });
    let second = coord.spawn(async move {
        let mut received = 0;
        while let Ok(i) = ping.recv().await {
            assert_eq!(i, received);
            received += 1;
            back.send(i).await.unwrap();
        }
        received
    });
    [first, second]
}

#[test]
fn a_million_messages_between_pairs() {
    const PAIRS: u64 = 16;
    with_workers([1, 2, 4, 16, 64], |workers| {
        let each = 100_000 * SCALE / PAIRS / 2;
        let coord = started(workers);
        let bound = |pair| (pair % 2 == 0).then_some(1);
        let tasks: Vec<_> =
            (0..PAIRS).flat_map(|pair| ping_pong(&coord, each, bound(pair))).collect();
        eventually("all pairs end", || tasks.iter().all(JoinHandle::is_finished));
        let counts: Vec<_> = tasks.into_iter().map(|task| block_on(task).unwrap()).collect();
        assert_eq!(counts, [each; 2 * PAIRS as usize]);
    });
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
    with_workers([1, 2, 4, 16, 64], |workers| {
        let n = 100_000 * SCALE;
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
    });
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
    with_workers([1, 2, 4, 16, 64], |workers| {
        let each = 1000 * SCALE;
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
    });
}

#[test]
fn from_64_foreign_threads_in_block_on() {
    with_workers([1, 2, 16], |workers| {
        let each = 100 * SCALE;
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
    });
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
