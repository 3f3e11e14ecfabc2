//! Tasks of every kind end, or are cancelled.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use oasync::Coordinator;
use oasync::sync::oneshot;

use crate::{
    Count, Guard, LONG, coordinator, eventually, no_threads, wait_for_ever, yield_for_ever,
};

#[test]
fn tasks_may_finish() {
    let (coord, count) = (coordinator("sd-fin", 2), Count::default());
    coord.start().unwrap();
    let tasks: Vec<_> = (0..100)
        .map(|i| {
            let guard = count.guard();
            coord.spawn(async move {
                let _guard = guard;
                for _ in 0..100 {
                    oasync::yield_now().await;
                }
                // Tasks may still spawn others.
                oasync::spawn(async move { i }).await.unwrap()
            })
        })
        .collect();
    let closure = coord.spawn_blocking(|| 5);
    let report = coord.shutdown(LONG);
    assert!(report.finished <= 201, "{report:?}");
    assert_eq!((report.cancelled, report.still_running.len()), (0, 0));
    assert_eq!(count.dropped(), 100);
    no_threads("sd-fin");
    let sum: i32 = tasks.into_iter().map(|task| block_on(task).unwrap()).sum();
    assert_eq!((sum, block_on(closure).unwrap()), (4950, 5));
}

/// While what is inside may still spawn, and ends in its own time.
#[test]
fn nothing_is_taken_from_outside_once_it_began() {
    let coord = coordinator("sd-outside", 1);
    coord.start().unwrap();
    let (release, gate) = oneshot::channel::<()>();
    let inside = coord.spawn(async move {
        gate.await.unwrap();
        oasync::spawn(async { 7 }).await.unwrap()
    });
    let handle = coord.handle();
    thread::scope(|s| {
        let closer = s.spawn(|| coord.shutdown(LONG));
        eventually("a spawn is refused", || {
            let refused = block_on(handle.spawn(async {}));
            refused.is_err_and(|error| error.is_cancelled())
        });
        release.send(()).unwrap();
        assert_eq!(block_on(inside).unwrap(), 7);
        let report = closer.join().unwrap();
        assert_eq!(report.cancelled, 0);
    });
}

#[test]
fn the_rest_is_cancelled_at_the_limit() {
    for workers in [1, 2] {
        let (coord, count) = (coordinator("sd-lim", workers), Count::default());
        coord.start().unwrap();
        let waiting: Vec<_> = (0..10).map(|_| coord.spawn(wait_for_ever(count.guard()))).collect();
        let yielding: Vec<_> =
            (0..10).map(|_| coord.spawn(yield_for_ever(count.guard()))).collect();
        let start = Instant::now();
        let report = coord.shutdown(Duration::from_millis(50));
        assert!(start.elapsed() >= Duration::from_millis(50), "they had the time they were given");
        assert_eq!((report.finished, report.cancelled), (0, 20));
        assert!(report.still_running.is_empty());
        assert_eq!((count.made(), count.dropped()), (20, 20));
        no_threads("sd-lim");
        for task in waiting.into_iter().chain(yielding) {
            assert!(block_on(task).unwrap_err().is_cancelled());
        }
    }
}

#[test]
fn while_tasks_are_queued_and_running() {
    for (workers, by_drop) in [(1, false), (1, true), (2, false), (2, true)] {
        let (coord, count) = (coordinator("sd-run", workers), Count::default());
        let polls = Arc::new(AtomicUsize::new(0));
        for _ in 0..3000 {
            let (guard, polls) = (count.guard(), polls.clone());
            coord.go(async move {
                let _guard = guard;
                loop {
                    polls.fetch_add(1, Ordering::Relaxed);
                    oasync::yield_now().await;
                }
            });
        }
        for _ in 0..100 {
            let guard = count.guard();
            coord.gob(move || drop(guard));
        }
        coord.start().unwrap();
        eventually("some run", || polls.load(Ordering::Relaxed) > 100);
        if by_drop {
            drop(coord);
        } else {
            assert!(coord.shutdown(Duration::ZERO).still_running.is_empty());
        }
        assert_eq!((count.made(), count.dropped()), (3100, 3100));
        no_threads("sd-run");
    }
}

#[test]
fn of_a_coordinator_that_was_never_started() {
    for by_drop in [false, true] {
        let (coord, count) = (coordinator("sd-new", 2), Count::default());
        let ran = Arc::new(AtomicBool::new(false));
        for _ in 0..1000 {
            let (guard, flag) = (count.guard(), ran.clone());
            coord.go(async move {
                let _guard = guard;
                flag.store(true, Ordering::SeqCst);
            });
            let (guard, flag) = (count.guard(), ran.clone());
            coord.gob(move || {
                let _guard = guard;
                flag.store(true, Ordering::SeqCst);
            });
        }
        let task = coord.task().name("never").spawn(wait_for_ever(count.guard()));
        if by_drop {
            drop(coord);
        } else {
            let report = coord.shutdown(LONG);
            assert_eq!((report.finished, report.cancelled), (0, 2001));
            assert!(report.still_running.is_empty());
        }
        assert_eq!((count.made(), count.dropped()), (2001, 2001));
        assert!(!ran.load(Ordering::SeqCst), "nothing is polled");
        assert!(block_on(task).unwrap_err().is_cancelled());
        no_threads("sd-new");
    }
    drop(Coordinator::new());
    let report = Coordinator::new().shutdown(LONG);
    assert_eq!((report.finished, report.cancelled), (0, 0));
}

/// Spawns another of its kind when it is dropped, `depth` deep.
struct Hydra {
    depth: usize,
    guard: Guard,
}

impl Drop for Hydra {
    fn drop(&mut self) {
        if let Some(depth) = self.depth.checked_sub(1) {
            let next = Hydra { depth, guard: self.guard.0.guard() };
            oasync::go(async move {
                let _next = next;
                pending::<()>().await;
            });
            let next = Hydra { depth: 0, guard: self.guard.0.guard() };
            oasync::gob(move || drop(next));
        }
    }
}

#[test]
fn of_tasks_that_spawn_in_their_destructor() {
    for (workers, by_drop) in [(1, false), (1, true), (2, false), (2, true)] {
        let (coord, count) = (coordinator("sd-hydra", workers), Count::default());
        coord.start().unwrap();
        for i in 0..200 {
            let hydra = Hydra { depth: 4, guard: count.guard() };
            coord.go(async move {
                let _hydra = hydra;
                if i % 2 == 0 {
                    pending::<()>().await;
                }
            });
        }
        if by_drop {
            drop(coord);
        } else {
            coord.shutdown(Duration::from_millis(5));
        }
        assert_eq!(count.made(), count.dropped());
        assert!(count.made() > 200, "they did spawn");
        no_threads("sd-hydra");
    }
}

#[test]
fn of_tasks_that_wake_each_other() {
    // A wake that falls between two steps of a poll is rare: try often.
    for round in 0..80 {
        let (workers, by_drop) = (1 + round % 2, round / 2 % 2 == 0);
        let (coord, count) = (coordinator("sd-ring", workers), Count::default());
        coord.start().unwrap();
        let polls = Arc::new(AtomicUsize::new(0));
        let ring: Arc<Vec<Mutex<Option<Waker>>>> =
            Arc::new((0..64).map(|_| Mutex::default()).collect());
        for i in 0..64 {
            let (guard, ring, polls) = (count.guard(), ring.clone(), polls.clone());
            coord.go(async move {
                let _guard = guard;
                poll_fn::<(), _>(|cx| {
                    polls.fetch_add(1, Ordering::Relaxed);
                    *ring[i].lock().unwrap() = Some(cx.waker().clone());
                    let next = ring[(i + 1) % ring.len()].lock().unwrap().clone();
                    next.iter().for_each(Waker::wake_by_ref);
                    Poll::Pending
                })
                .await;
            });
        }
        eventually("the ring turns", || polls.load(Ordering::Relaxed) > 1000);
        if by_drop {
            drop(coord);
        } else {
            let report = coord.shutdown(Duration::from_millis(5));
            assert_eq!((report.finished, report.cancelled), (0, 64), "{report:?}");
        }
        assert_eq!((count.made(), count.dropped()), (64, 64));
        no_threads("sd-ring");
    }
}

#[test]
fn no_thread_is_started_only_to_end() {
    for _ in 0..50 {
        let starts = Arc::new(AtomicUsize::new(0));
        let started = starts.clone();
        let coord = Coordinator::builder()
            .workers(2)
            .thread_name("sd-idle")
            .stall_threshold(10 * LONG)
            .on_thread_start(move |_| {
                started.fetch_add(1, Ordering::SeqCst);
            })
            .build()
            .unwrap();
        coord.start().unwrap();
        for task in [coord.spawn(async {}), coord.spawn(async {})] {
            block_on(task).unwrap();
        }
        eventually("nothing is alive", || coord.metrics().num_alive_tasks() == 0);
        // Each that lives has parked: none is on its way.
        eventually("all sleep", || {
            let metrics = coord.metrics();
            metrics.workers().iter().all(|worker| worker.local_queue_depth == 0)
                && metrics.num_worker_threads() + metrics.num_blocking_threads()
                    == starts.load(Ordering::SeqCst)
        });
        let before = starts.load(Ordering::SeqCst);
        drop(coord);
        assert_eq!(starts.load(Ordering::SeqCst), before);
    }
}

#[test]
fn what_was_queued_is_not_run_if_it_never_started() {
    for _ in 0..200 {
        let coord = coordinator("sd-unst", 2);
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..10 {
            let ran = ran.clone();
            coord.go(async move {
                ran.fetch_add(1, Ordering::SeqCst);
            });
        }
        let report = coord.shutdown(Duration::from_secs(1));
        assert_eq!((report.finished, report.cancelled), (0, 10));
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }
}
