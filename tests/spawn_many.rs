//! Promise: futures that are spawned together are spawned like any others, whatever the
//! iterator does that gives them.

mod common;

use std::collections::HashSet;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures_lite::future::block_on;
use oasync::{Coordinator, JoinHandle};

use common::{CountDrop, LONG, coordinator, eventually, started, without_help};

async fn sum(tasks: Vec<JoinHandle<u64>>) -> u64 {
    let mut sum = 0;
    for task in tasks {
        sum += task.await.unwrap();
    }
    sum
}

fn numbers(n: u64) -> impl Iterator<Item = impl Future<Output = u64> + Send + 'static> {
    (0..n).map(|n| async move { n })
}

/// Above, below and at the limits of a chunk, and more than a local queue holds.
const SIZES: [u64; 8] = [0, 1, 2, 127, 128, 129, 1_000, 10_000];

#[test]
fn all_run_and_the_handles_come_in_order() {
    let coord = coordinator(2);
    for size in SIZES {
        let tasks = coord.spawn_many(numbers(size));
        let results: Vec<_> = tasks.into_iter().map(|task| coord.block_on(task)).collect();
        assert!(results.into_iter().map(Result::unwrap).eq(0..size));
    }
    assert_eq!(coord.metrics().num_alive_tasks(), 0);
}

#[test]
fn from_a_task_a_closure_and_a_pinned_task() {
    let coord = started(2);
    for size in SIZES {
        let many = move || oasync::spawn_many(numbers(size));
        let task = coord.spawn(async move { sum(many()).await });
        let closure = coord.spawn_blocking(move || block_on(sum(many())));
        let pinned = coord.spawn_pinned(move || async move { sum(many()).await });
        for task in [task, closure, pinned] {
            assert_eq!(block_on(task).unwrap(), (0..size).sum());
        }
    }
}

#[test]
fn from_a_foreign_thread_while_all_workers_sleep() {
    let coord = started(2);
    for size in SIZES {
        let many = coord.handle().spawn_many(numbers(size));
        // Nobody works here but the workers: who was not woken would sleep on.
        assert_eq!(block_on(sum(many)), (0..size).sum());
    }
}

#[test]
fn all_workers_come_for_them() {
    const WORKERS: usize = 4;
    let coord = started(WORKERS);
    let (tx, rx) = mpsc::channel();
    let barrier = Arc::new(std::sync::Barrier::new(WORKERS + 1));
    let each = |_| {
        let (barrier, tx) = (barrier.clone(), tx.clone());
        // Each holds its worker up until there is one on every other.
        async move {
            tx.send(std::thread::current().id()).unwrap();
            barrier.wait();
        }
    };
    let tasks = coord.spawn_many((0..WORKERS).map(each));
    let threads: HashSet<_> = (0..WORKERS).map(|_| rx.recv_timeout(LONG).unwrap()).collect();
    barrier.wait();
    assert_eq!(threads.len(), WORKERS);
    tasks.into_iter().for_each(|task| block_on(task).unwrap());
}

#[test]
fn before_the_start_they_wait_for_it() {
    let coord = coordinator(2);
    let many = coord.spawn_many(numbers(1_000));
    assert_eq!(coord.metrics().num_alive_tasks(), 1_000);
    coord.start().unwrap();
    assert_eq!(block_on(sum(many)), (0..1_000).sum());
}

#[test]
fn one_worker_takes_up_what_was_queued_together_in_order() {
    let coord = without_help(1);
    let (tx, rx) = mpsc::channel();
    let each = |n| {
        let tx = tx.clone();
        async move { tx.send(n).unwrap() }
    };
    let tasks = coord.spawn_many((0..1_000).map(each));
    // Else, when this thread leaves the only seat, a blocking thread might help out.
    coord.start().unwrap();
    for task in tasks {
        coord.block_on(task).unwrap();
    }
    let order: Vec<_> = rx.try_iter().collect();
    assert_eq!(order.len(), 1_000);
    for chunk in 0..8 {
        assert!(order.iter().filter(|&n| n / 128 == chunk).is_sorted());
    }
    coord.block_on(async {
        for task in oasync::spawn_many((0..100).map(each)) {
            task.await.unwrap();
        }
    });
    assert!(rx.try_iter().eq(0..100));
}

#[test]
fn after_a_shutdown_they_are_refused() {
    let coord = started(1);
    coord.shutdown(LONG);
    let dropped = Arc::new(AtomicUsize::new(0));
    let each = |_| {
        let guard = CountDrop(dropped.clone());
        async move { drop(guard) }
    };
    let tasks = coord.spawn_many((0..200).map(each));
    assert_eq!(dropped.load(Ordering::SeqCst), 200);
    assert_eq!(tasks.len(), 200);
    for task in tasks {
        assert!(block_on(task).unwrap_err().is_cancelled());
    }
    assert_eq!(coord.metrics().num_alive_tasks(), 0);
}

#[test]
fn an_iterator_that_shuts_the_coordinator_down_gives_a_result_for_each() {
    let coord = started(2);
    let handle = coord.handle();
    let each = |n| {
        if n == 150 {
            handle.shutdown(Duration::from_millis(10));
        }
        async move { n }
    };
    let tasks = coord.spawn_many((0..300).map(each));
    assert_eq!(tasks.len(), 300);
    let ended = tasks.into_iter().map(|task| block_on(task).ok());
    // The first chunk was queued before; whether it was run is a race with the limit.
    assert!(ended.skip(128).all(|result| result.is_none()));
    assert_eq!(coord.metrics().num_alive_tasks(), 0);
}

/// Gives `good` futures that count, then panics.
fn failing(
    good: usize,
    count: &Arc<AtomicUsize>,
) -> impl Iterator<Item = impl Future<Output = ()> + Send + 'static> {
    let count = count.clone();
    (0..1_000).map(move |n| {
        assert!(n < good, "out of tea");
        let count = count.clone();
        async move {
            count.fetch_add(1, Ordering::SeqCst);
        }
    })
}

#[test]
fn a_panicking_iterator_loses_none_of_those_it_gave() {
    for good in [0, 1, 127, 128, 129, 300] {
        let outside = started(2);
        let count = Arc::new(AtomicUsize::new(0));
        let many = || drop(outside.spawn_many(failing(good, &count)));
        assert!(catch_unwind(AssertUnwindSafe(many)).is_err());
        eventually("they run", || count.load(Ordering::SeqCst) == good);
        let inside = count.clone();
        let task = outside.spawn(async move { drop(oasync::spawn_many(failing(good, &inside))) });
        assert!(block_on(task).unwrap_err().is_panic());
        eventually("they run", || count.load(Ordering::SeqCst) == 2 * good);
        eventually("nothing is alive", || outside.metrics().num_alive_tasks() == 0);
    }
}

#[test]
fn an_iterator_may_panic_when_it_is_dropped() {
    struct Last(u64);
    impl Iterator for Last {
        type Item = std::future::Ready<u64>;
        fn next(&mut self) -> Option<Self::Item> {
            self.0 = self.0.checked_sub(1)?;
            Some(std::future::ready(self.0))
        }
        fn size_hint(&self) -> (usize, Option<usize>) {
            (usize::MAX, None) // not true
        }
    }
    impl Drop for Last {
        fn drop(&mut self) {
            panic!("at the end");
        }
    }
    let coord = coordinator(1);
    let many = || drop(coord.spawn_many(Last(10)));
    assert!(catch_unwind(AssertUnwindSafe(many)).is_err());
    assert_eq!(coord.metrics().num_alive_tasks(), 10);
    coord.block_on(async {
        while Coordinator::current().metrics().num_alive_tasks() > 0 {
            oasync::yield_now().await;
        }
    });
}

#[test]
fn an_iterator_of_unknown_length_may_wait_for_what_it_gave() {
    let coord = started(1);
    let (tx, rx) = mpsc::channel();
    tx.send(0_u64).unwrap();
    // Each task sends the next item; a channel promises no length.
    let items = std::iter::from_fn(|| Some(rx.recv_timeout(LONG).unwrap()));
    let each = |n| {
        let tx = tx.clone();
        async move {
            tx.send(n + 1).unwrap();
            n
        }
    };
    let tasks = coord.spawn_many(items.take_while(|&n| n < 100).map(each));
    assert_eq!(block_on(sum(tasks)), (0..100).sum());
}

#[test]
fn an_iterator_may_spawn_and_wait() {
    let coord = started(1);
    let each = |n: u64| {
        let before = coord.spawn(async move { n });
        let inner = block_on(sum(coord.spawn_many(numbers(n % 3))));
        let before = block_on(before).unwrap();
        async move { before + inner }
    };
    let expected: u64 = (0..300).map(|n| n + (0..n % 3).sum::<u64>()).sum();
    assert_eq!(block_on(sum(coord.spawn_many((0..300).map(each)))), expected);
}

#[test]
fn each_has_an_id_of_its_own_and_the_site_of_the_call() {
    let coord = coordinator(1);
    let line = line!() + 1;
    let tasks = coord.spawn_many((0..3).map(|_| std::future::pending::<()>()));
    let ids: HashSet<_> = tasks.iter().map(JoinHandle::id).collect();
    assert_eq!(ids.len(), 3);
    coord.block_on(oasync::yield_now());
    coord.block_on(async {
        while Coordinator::current().tasks().len() < 3 {
            oasync::yield_now().await;
        }
    });
    assert!(coord.tasks().iter().all(|task| task.location().line() == line));
}
