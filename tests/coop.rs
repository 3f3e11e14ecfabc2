//! Promise: a task with checkpoints yields when it has used its share, no sooner
//! and no later.

mod common;

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use oasync::coop::{self, SHARE};
use oasync::{Coordinator, yield_now};

use common::{LONG, coordinator};

/// One worker, behind which nobody helps.
fn alone() -> Coordinator {
    Coordinator::builder().workers(1).stall_threshold(Duration::MAX).build().unwrap()
}

/// How often `future` is polled until it is ready.
async fn polls(future: impl Future<Output = ()>) -> usize {
    struct Polls<F>(F, usize);
    impl<F: Future<Output = ()> + Unpin> Future for Polls<F> {
        type Output = usize;
        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
            self.1 += 1;
            let polls = self.1;
            Pin::new(&mut self.0).poll(cx).map(|()| polls)
        }
    }
    Polls(pin!(future), 0).await
}

async fn checkpoints(n: u32) {
    for _ in 0..n {
        coop::checkpoint().await;
    }
}

#[test]
fn a_task_that_computes_lets_others_run() {
    let coord = alone();
    let told = Arc::new(AtomicBool::new(false));
    let tell = told.clone();
    coord
        .block_on(coord.spawn(async move {
            oasync::go(async move { tell.store(true, SeqCst) });
            let start = Instant::now();
            while !told.load(SeqCst) {
                coop::checkpoint().await;
                assert!(start.elapsed() < LONG, "the other task never ran");
            }
        }))
        .unwrap();
}

#[test]
fn two_tasks_that_compute_alternate_share_by_share() {
    const SHARES: usize = 200;
    let coord = alone();
    let log = Arc::new(Mutex::new(Vec::new()));
    let begun = Arc::new(AtomicUsize::new(0));
    let compute = |name: char| {
        let (log, begun) = (log.clone(), begun.clone());
        async move {
            begun.fetch_add(1, SeqCst);
            while begun.load(SeqCst) < 2 {
                yield_now().await;
            }
            for _ in 0..SHARES * SHARE as usize {
                log.lock().unwrap().push(name);
                coop::checkpoint().await;
            }
        }
    };
    let (a, b) = (compute('a'), compute('b'));
    let both = coord.spawn(async move {
        let (a, b) = (oasync::spawn(a), oasync::spawn(b));
        a.await.unwrap();
        b.await.unwrap();
    });
    coord.block_on(both).unwrap();

    let log = log.lock().unwrap();
    let turns: Vec<char> = log.chunks(SHARE as usize).map(|turn| turn[0]).collect();
    assert!(log.chunks(SHARE as usize).all(|turn| turn.iter().all(|&name| name == turn[0])));
    assert_eq!(turns.len(), 2 * SHARES);
    assert!(turns.windows(2).all(|pair| pair[0] != pair[1]), "{turns:?}");
}

#[test]
fn every_poll_has_a_full_share_and_no_more() {
    let coord = coordinator(1);
    let within = coord.spawn(polls(async {
        for _ in 0..10 {
            checkpoints(SHARE - 1).await;
            yield_now().await;
        }
    }));
    assert_eq!(coord.block_on(within).unwrap(), 11, "only the ten yields");
    let over = coord.spawn(polls(checkpoints(10 * SHARE)));
    assert_eq!(coord.block_on(over).unwrap(), 11);
}

#[test]
fn the_main_future_has_a_share_too() {
    let coord = coordinator(1);
    assert_eq!(coord.block_on(polls(checkpoints(SHARE - 1))), 1);
    assert_eq!(coord.block_on(polls(checkpoints(3 * SHARE))), 4);
}

#[test]
fn the_futures_of_one_task_use_one_share() {
    let coord = coordinator(1);
    let both = || async {
        futures_lite::future::zip(checkpoints(SHARE / 2), checkpoints(SHARE / 2)).await;
    };
    assert_eq!(coord.block_on(coord.spawn(polls(both()))).unwrap(), 2);
}

#[test]
fn a_long_step_uses_more() {
    let coord = coordinator(1);
    let run = |units: u32, times: u32| {
        coord.block_on(polls(async move {
            for _ in 0..times {
                coop::consume(units).await;
            }
        }))
    };
    assert_eq!(run(0, 1_000), 1);
    assert_eq!(run(SHARE, 10), 11);
    assert_eq!(run(u32::MAX, 10), 11);
    assert_eq!(run(SHARE / 2, 10), 6);
}

#[test]
fn an_executor_inside_of_a_task_gets_on() {
    let coord = coordinator(1);
    let inside = coord.spawn(async {
        futures_lite::future::block_on(checkpoints(10 * SHARE));
    });
    coord.block_on(inside).unwrap();
}

#[test]
fn in_another_runtime_a_checkpoint_does_nothing() {
    assert_eq!(futures_lite::future::block_on(polls(checkpoints(10 * SHARE))), 1);
}
