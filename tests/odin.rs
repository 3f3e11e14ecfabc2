//! Promise: what the Odin library offers has its like here, that behaves so also if a task
//! panics or is cancelled. The code of `docs/from-odin.md` and
//! `docs/from-odin-primitives.md` runs as doctests; here is what they say in prose.
#![cfg(all(feature = "sync", feature = "time"))]

mod common;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use oasync::sync::{Barrier, Latch, Mutex, Semaphore, channel};
use oasync::{Coordinator, WorkerKind, coop, yield_now};

use common::{CountDrop, LONG, coordinator, started, without_help};

#[test]
fn a_resource_is_held_by_one_task_for_its_whole_life() {
    let coord = coordinator(4);
    let resource = Arc::new(Mutex::new(()));
    let inside = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let (resource, inside) = (resource.clone(), inside.clone());
            coord.spawn(async move {
                let _held = resource.lock().await;
                assert_eq!(inside.fetch_add(1, SeqCst), 0);
                for _ in 0..n % 5 {
                    yield_now().await;
                }
                inside.fetch_sub(1, SeqCst);
            })
        })
        .collect();
    coord.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn a_resource_comes_back_from_a_panic_and_a_cancellation() {
    let coord = coordinator(2);
    let resource = Arc::new(Mutex::new(()));
    coord.block_on(async {
        let held = resource.clone();
        let panics = oasync::spawn(async move {
            let _held = held.lock().await;
            panic!("while it is held");
        });
        assert!(panics.await.is_err());
        let (held, has) = (resource.clone(), Arc::new(Latch::new(1)));
        let tell = has.clone();
        let waits = oasync::spawn(async move {
            let _held = held.lock().await;
            tell.count_down();
            pending::<()>().await;
        });
        has.wait().await;
        assert!(resource.try_lock().is_none());
        assert!(waits.cancel().await.is_err());
        assert!(resource.try_lock().is_some());
    });
}

/// Spawns `n` tasks, each if `permit` gives it one; the most that ran at a time.
async fn most_at_once<P: Send + 'static>(n: usize, permit: impl AsyncFn() -> Option<P>) -> usize {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = Vec::new();
    for _ in 0..n {
        let Some(permit) = permit().await else { continue };
        let (running, most) = (running.clone(), most.clone());
        tasks.push(oasync::spawn(async move {
            let _permit = permit;
            most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
            yield_now().await;
            running.fetch_sub(1, SeqCst);
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    most.load(SeqCst)
}

#[test]
fn lossless_backpressure_runs_all_and_never_too_many() {
    let permits = Arc::new(Semaphore::new(3));
    let granted = AtomicUsize::new(0);
    let most = coordinator(4).block_on(most_at_once(200, async || {
        granted.fetch_add(1, SeqCst);
        Some(permits.acquire_arc().await)
    }));
    assert!(most <= 3, "{most} at once");
    assert_eq!(granted.load(SeqCst), 200);
}

#[test]
fn lossy_backpressure_drops_what_finds_no_permit() {
    let permits = Arc::new(Semaphore::new(3));
    coordinator(2).block_on(async {
        let held: Vec<_> = (0..3).map(|_| permits.try_acquire_arc().unwrap()).collect();
        assert_eq!(most_at_once(5, async || permits.try_acquire_arc()).await, 0);
        drop(held);
        assert!((1..=3).contains(&most_at_once(5, async || permits.try_acquire_arc()).await));
        assert!(permits.try_acquire_arc().is_some(), "all permits are back");
    });
}

#[test]
fn a_waiter_that_is_cancelled_takes_no_permit_with_it() {
    let permits = Arc::new(Semaphore::new(1));
    coordinator(1).block_on(async {
        let held = permits.acquire_arc().await;
        let queue = |_| {
            let permits = permits.clone();
            oasync::spawn(async move { drop(permits.acquire_arc().await) })
        };
        let waiting: Vec<_> = (0..3).map(queue).collect();
        yield_now().await;
        drop(held); // the first in the queue is notified
        let mut waiting = waiting.into_iter();
        let _ = waiting.next().unwrap().cancel().await;
        for task in waiting {
            task.await.unwrap();
        }
        assert!(permits.try_acquire_arc().is_some());
    });
}

#[test]
fn a_barrier_lets_nobody_into_the_next_round_alone() {
    const PARTIES: usize = 5;
    const ROUNDS: usize = 20;
    let coord = coordinator(2);
    let barrier = Arc::new(Barrier::new(PARTIES));
    let arrived = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..PARTIES)
        .map(|_| {
            let (barrier, arrived) = (barrier.clone(), arrived.clone());
            coord.spawn(async move {
                for round in 1..=ROUNDS {
                    arrived.fetch_add(1, SeqCst);
                    barrier.wait().await;
                    // Nobody is in the next round before all have looked.
                    assert_eq!(arrived.load(SeqCst), round * PARTIES);
                    barrier.wait().await;
                }
            })
        })
        .collect();
    coord.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn one_consumer_gets_all_items_each_senders_in_order() {
    let coord = coordinator(4);
    let (put, items) = channel::unbounded();
    let consumer = coord.spawn(async move {
        let mut last = [0; 8];
        let mut seen = 0;
        while let Ok((sender, n)) = items.recv().await {
            assert_eq!(n, last[sender] + 1);
            last[sender] = n;
            seen += 1;
        }
        seen
    });
    for sender in 0..8 {
        let put = put.clone();
        coord.go(async move {
            for n in 1..=100 {
                put.try_send((sender, n)).unwrap();
                if n % 10 == 0 {
                    yield_now().await;
                }
            }
        });
    }
    drop(put);
    assert_eq!(coord.block_on(consumer).unwrap(), 800);
}

#[test]
fn a_sliding_channel_keeps_the_newest_and_drops_the_others_at_once() {
    let drops = Arc::new(AtomicUsize::new(0));
    let (put, items) = channel::bounded(2);
    for n in 1..=10 {
        let displaced = put.force_send((n, CountDrop(drops.clone()))).unwrap();
        assert_eq!(displaced.is_some(), n > 2);
    }
    assert_eq!(drops.load(SeqCst), 8);
    put.close();
    let left: Vec<i32> = std::iter::from_fn(|| items.try_recv().ok()).map(|item| item.0).collect();
    assert_eq!(left, [9, 10]);
    assert_eq!(drops.load(SeqCst), 10);
}

#[test]
fn a_chain_holds_its_resource_from_the_first_to_the_last() {
    let coord = coordinator(2);
    let log = Arc::new(std::sync::Mutex::new(Vec::new()));
    let resource = Arc::new(Mutex::new(()));
    let chain = |name: char| {
        let (resource, log) = (resource.clone(), log.clone());
        async move {
            let _held = resource.lock().await;
            for _ in 0..3 {
                log.lock().unwrap().push(name);
                yield_now().await;
            }
        }
    };
    let chains: Vec<_> = "abcd".chars().map(|name| coord.spawn(chain(name))).collect();
    coord.block_on(async {
        for chain in chains {
            chain.await.unwrap();
        }
    });
    let log = log.lock().unwrap();
    assert!(log.chunks(3).all(|steps| steps.iter().all(|&name| name == steps[0])), "{log:?}");
}

#[test]
fn every_thread_has_an_id_and_outside_there_is_none() {
    assert!(oasync::worker_info().is_none());
    let coord = Coordinator::builder().workers(2).build().unwrap();
    let (here, there) = coord.block_on(async {
        let closure = oasync::spawn_blocking(|| oasync::worker_info().unwrap());
        (oasync::worker_info().unwrap(), closure.await.unwrap())
    });
    assert_ne!((here.kind(), here.index()), (there.kind(), there.index()));
}

#[test]
fn the_main_thread_is_a_worker_if_it_calls_block_on_and_none_after_start() {
    let kind_of_both = |coord: &Coordinator, early: oasync::JoinHandle<_>| {
        let kind = || oasync::worker_info().unwrap().kind();
        coord.block_on(async { (kind(), early.await.unwrap()) })
    };
    let here = async || (thread::current().id(), oasync::worker_info().unwrap().kind());
    let coord = without_help(1);
    let early = coord.spawn(async move { here().await });
    let main = (thread::current().id(), WorkerKind::Caller);
    assert_eq!(kind_of_both(&coord, early), (WorkerKind::Caller, main));

    let coord = without_help(1);
    coord.start().unwrap();
    let (tell, told) = mpsc::channel();
    coord.go(async move { tell.send(here().await).unwrap() });
    let (thread, kind) = told.recv_timeout(LONG).unwrap();
    assert!(thread != main.0 && kind == WorkerKind::Worker);
}

#[test]
fn a_timed_task_comes_no_earlier_and_holds_nothing_before() {
    const DELAY: Duration = Duration::from_millis(20);
    let coord = without_help(1);
    let resource = Arc::new(Mutex::new(()));
    let start = Instant::now();
    let held = resource.clone();
    let timed = coord.spawn_after(DELAY, async move {
        let _held = held.lock().await;
        Instant::now()
    });
    coord.block_on(async {
        yield_now().await;
        drop(resource.try_lock().expect("nobody has it during the delay"));
        assert!(timed.await.unwrap() >= start + DELAY);
    });
}

#[test]
fn a_timed_task_that_is_cancelled_before_its_time_never_begins() {
    let coord = coordinator(2);
    let (drops, polled) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (held, begins) = (CountDrop(drops.clone()), polled.clone());
    let timed = coord.spawn_after(LONG, async move {
        begins.store(true, SeqCst);
        drop(held);
    });
    coord.block_on(async { assert!(timed.cancel().await.unwrap_err().is_cancelled()) });
    assert_eq!((drops.load(SeqCst), polled.load(SeqCst)), (1, false));
    assert_eq!(coord.metrics().num_timers(), 0);
}

#[test]
fn a_heavy_task_with_yield_points_uses_its_share_and_lets_others_run() {
    // Nobody comes to help: the heavy task itself has to make way.
    let alone = Coordinator::builder().workers(1).stall_threshold(LONG).build().unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let seen = done.clone();
    alone.block_on(async {
        let heavy = oasync::spawn(async move {
            let mut steps = 0;
            while !seen.load(SeqCst) {
                steps += 1;
                coop::checkpoint().await;
            }
            steps
        });
        let light = oasync::spawn(async move { done.store(true, SeqCst) });
        light.await.unwrap();
        let steps = heavy.await.unwrap();
        assert!(steps % coop::SHARE <= 1, "{steps} steps");
    });
}

#[test]
fn a_long_task_is_told_with_its_name_and_place() {
    let (tell, told) = mpsc::channel();
    let coord = Coordinator::builder()
        .workers(1)
        .on_stall(move |stall| tell.send(stall.to_string()).unwrap())
        .build()
        .unwrap();
    coord.start().unwrap();
    let (release, stuck) = mpsc::channel::<()>();
    coord.task().name("heavy").go(async move {
        let _ = stuck.recv();
    });
    let line = told.recv_timeout(LONG).unwrap();
    assert!(line.contains("`heavy`") && line.contains(file!()), "{line}");
    drop(release);
}

#[test]
fn a_graceful_shutdown_lets_all_end_and_an_immediate_one_none() {
    let short = Duration::from_millis(20);
    for (limit, work, expected) in [(LONG, short, (3, 0)), (Duration::ZERO, LONG, (0, 3))] {
        let coord = started(2);
        let (drops, ends) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let begun = Arc::new(Latch::new(3));
        for _ in 0..3 {
            let (held, ends, begun) = (CountDrop(drops.clone()), ends.clone(), begun.clone());
            coord.go(async move {
                begun.count_down();
                oasync::sleep(work).await;
                ends.fetch_add(1, SeqCst);
                drop(held);
            });
        }
        begun.wait_blocking();
        let report = coord.shutdown(limit);
        assert_eq!((ends.load(SeqCst), report.cancelled), expected);
        assert!(report.still_running.is_empty());
        assert_eq!(drops.load(SeqCst), 3, "what they held is dropped");
    }
}
