//! Promise: futures that are awaited together run in parallel, end together, and a panic
//! of one goes on in the caller when the others are gone.

#[path = "../common/mod.rs"]
mod common;
mod errors;
mod panics;
mod shutdown;

use std::future::{Future, pending};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use futures_lite::future::poll_once;
use oasync::{for_each_concurrent, join, join_all, map_concurrent};

use common::{CountDrop, coordinator, eventually, started};

#[test]
fn join_gives_both_results() {
    let coord = coordinator(1);
    let both = coord.block_on(join(async { 1 }, async { "two" }));
    assert_eq!(both, (1, "two"));
    let nested = coord.block_on(async {
        let task = oasync::spawn(join(join(async { 1 }, async { 2 }), async { 3 }));
        task.await.unwrap()
    });
    assert_eq!(nested, ((1, 2), 3));
}

#[test]
fn joined_futures_run_at_the_same_time() {
    let coord = started(2);
    let barrier = Arc::new(Barrier::new(2));
    let meet = |barrier: Arc<Barrier>| async move { barrier.wait().is_leader() };
    let (a, b) = coord.block_on(join(meet(barrier.clone()), meet(barrier.clone())));
    assert!(a != b);
    let all = coord.block_on(join_all([meet(barrier.clone()), meet(barrier)]));
    assert_eq!(all.iter().filter(|&&leader| leader).count(), 1);
}

#[test]
fn recursion_ends() {
    fn fib(n: u32) -> std::pin::Pin<Box<dyn Future<Output = u64> + Send>> {
        Box::pin(async move {
            if n < 2 {
                return u64::from(n);
            }
            let (a, b) = join(fib(n - 1), fib(n - 2)).await;
            a + b
        })
    }
    for workers in [1, 2] {
        assert_eq!(coordinator(workers).block_on(fib(15)), 610);
    }
}

#[test]
fn join_all_keeps_the_order() {
    let coord = coordinator(2);
    let numbers = coord.block_on(join_all((0..500).map(|n| async move {
        for _ in 0..n % 5 {
            oasync::yield_now().await;
        }
        n
    })));
    assert_eq!(numbers, (0..500).collect::<Vec<_>>());
    let none: Vec<i32> = coord.block_on(join_all(Vec::<std::future::Ready<i32>>::new()));
    assert!(none.is_empty());
    assert_eq!(coord.block_on(join_all([async { 1 }])), [1]);
}

#[test]
fn map_concurrent_keeps_the_order_and_the_limit() {
    let coord = coordinator(2);
    let (alive, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let doubled = coord.block_on(map_concurrent(0..1_000, 3, |n| {
        let (alive, most) = (alive.clone(), most.clone());
        async move {
            most.fetch_max(alive.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            for _ in 0..n % 3 {
                oasync::yield_now().await;
            }
            alive.fetch_sub(1, Ordering::SeqCst);
            2 * n
        }
    }));
    assert_eq!(doubled, (0..1_000).map(|n| 2 * n).collect::<Vec<_>>());
    assert!(most.load(Ordering::SeqCst) <= 3);
}

#[test]
fn limit_zero_is_four_for_each_worker() {
    let coord = coordinator(2);
    let taken = Arc::new(AtomicUsize::new(0));
    let count = taken.clone();
    let all = for_each_concurrent(0..100, 0, move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        pending()
    });
    coord.block_on(async {
        let mut all = Box::pin(all);
        assert!(poll_once(&mut all).await.is_none());
    });
    assert_eq!(taken.load(Ordering::SeqCst), 8);
}

#[test]
fn items_are_taken_as_there_is_room() {
    let coord = coordinator(1);
    let taken = Arc::new(AtomicUsize::new(0));
    let count = taken.clone();
    let items = (0..100).inspect(move |_| drop(CountDrop(count.clone())));
    coord.block_on(async {
        let (tx, rx) = async_channel::bounded::<()>(1);
        let mut all = Box::pin(for_each_concurrent(items, 4, |_| {
            let rx = rx.clone();
            async move { rx.recv().await.unwrap_or(()) }
        }));
        assert!(poll_once(&mut all).await.is_none());
        assert_eq!(taken.load(Ordering::SeqCst), 4);
        drop(tx);
        all.await;
    });
    assert_eq!(taken.load(Ordering::SeqCst), 100);
}

#[test]
fn nothing_happens_before_the_first_poll() {
    let coord = coordinator(1);
    let alive = coord.block_on(async {
        drop(join(async {}, async {}));
        drop(join_all((0..2).map(|_| async {})));
        drop(map_concurrent(0..3, 1, |_| -> std::future::Ready<()> { unreachable!() }));
        oasync::Coordinator::current().metrics().num_alive_tasks()
    });
    assert_eq!(alive, 0);
}

/// Waits for ever with its guard.
async fn wait_for_ever(guard: CountDrop) {
    let _guard = guard;
    pending().await
}

#[test]
fn dropping_them_drops_every_future() {
    let coord = started(2);
    let drops = Arc::new(AtomicUsize::new(0));
    let child = || wait_for_ever(CountDrop(drops.clone()));
    coord.block_on(async {
        assert!(poll_once(join(child(), child())).await.is_none());
        assert!(poll_once(join_all((0..10).map(|_| child()))).await.is_none());
        assert!(poll_once(for_each_concurrent(0..10, 5, |_| child())).await.is_none());
        assert!(poll_once(map_concurrent(0..10, 5, |_| child())).await.is_none());
    });
    eventually("each is dropped", || drops.load(Ordering::SeqCst) == 2 + 10 + 5 + 5);
    eventually("none is alive", || coord.metrics().num_alive_tasks() == 0);
}

#[test]
fn results_of_a_dropped_one_are_dropped_once() {
    let coord = started(2);
    let drops = Arc::new(AtomicUsize::new(0));
    for round in 0..200 {
        let result = || {
            let guard = CountDrop(drops.clone());
            async move {
                for _ in 0..round % 3 {
                    oasync::yield_now().await;
                }
                guard
            }
        };
        let all = join_all((0..5).map(|_| result()));
        let both = join(result(), result());
        coord.block_on(async {
            let (mut all, mut both) = (Box::pin(all), Box::pin(both));
            for _ in 0..round % 4 {
                let (both, all) = (poll_once(&mut both).await, poll_once(&mut all).await);
                if both.is_some() || all.is_some() {
                    break;
                }
                oasync::yield_now().await;
            }
        });
    }
    eventually("each is dropped", || drops.load(Ordering::SeqCst) == 200 * 7);
}
