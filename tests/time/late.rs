//! Timers whose threads are busy with something else; and threads that are not woken.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use oasync::time::Sleep;
use oasync::{Coordinator, WorkerKind, sleep};

#[cfg(target_os = "linux")]
use crate::common::still::assert_still;
use crate::common::{LONG, coordinator, eventually, started};
use crate::{FAR, in_time, ms, within};

/// Blocks every worker, from the poll of a task on; returns what frees them, or nothing if
/// blocking threads, which come if a worker is late, are blocked instead.
fn block_all(coord: &Coordinator, workers: usize) -> Option<Vec<mpsc::Sender<()>>> {
    let (arrived, arrivals) = mpsc::channel();
    let releases = (0..workers)
        .map(|_| {
            let (release, released) = mpsc::channel();
            let arrived = arrived.clone();
            coord.go(async move {
                arrived.send(oasync::worker_info().unwrap().kind()).unwrap();
                let _ = released.recv_timeout(2 * LONG);
            });
            release
        })
        .collect();
    let kinds: Vec<_> = (0..workers).map(|_| arrivals.recv_timeout(LONG).unwrap()).collect();
    kinds.iter().all(|&kind| kind == WorkerKind::Worker).then_some(releases)
}

#[test]
fn timers_fire_while_every_worker_is_in_a_long_poll() {
    for workers in [1, 3] {
        eventually("the workers are blocked in time", || {
            let coord = started(workers);
            let (tx, rx) = mpsc::channel();
            let soonest = Instant::now() + ms(300);
            for i in 0..10 {
                let tx = tx.clone();
                coord.go(async move {
                    sleep(ms(300 + 5 * i)).await;
                    tx.send(()).unwrap();
                });
            }
            let is_late = || Instant::now() >= soonest;
            eventually("all sleep", || coord.metrics().num_timers() == 10 || is_late());
            let releases = block_all(&coord, workers);
            let before = coord.metrics().lend_count();
            let Some(releases) = releases.filter(|_| !is_late()) else { return false };
            for _ in 0..10 {
                rx.recv_timeout(LONG).expect("it runs on a blocking thread");
            }
            assert!(coord.metrics().lend_count() >= before + 10);
            drop(releases);
            true
        });
    }
}

#[test]
fn a_timer_made_in_a_long_poll_wakes_a_task_elsewhere() {
    in_time(|| {
        let coord = started(2);
        let (tx, rx) = mpsc::channel();
        let (handle, waited) = (coord.handle(), Arc::new(AtomicBool::new(false)));
        let seen = waited.clone();
        let task = coord.spawn(async move {
            // Registered by this poll, which then goes on, for as long as it takes.
            let mut inner = Box::pin(sleep(ms(5)));
            let (there, back) = mpsc::channel();
            let polled = handle.spawn(async move {
                std::future::poll_fn(|cx| {
                    let polled = inner.as_mut().poll(cx);
                    let _ = there.send(());
                    polled
                })
                .await;
                tx.send(()).unwrap();
            });
            back.recv_timeout(LONG).unwrap();
            while !seen.load(Ordering::SeqCst) {
                thread::sleep(ms(1));
            }
            polled.await.unwrap();
        });
        rx.recv_timeout(LONG).unwrap();
        waited.store(true, Ordering::SeqCst);
        coord.block_on(task).unwrap();
    });
}

#[test]
fn a_worker_that_never_runs_out_of_tasks_fires_timers() {
    in_time(|| {
        let coord = coordinator(1);
        let stop = Arc::new(AtomicBool::new(false));
        for _ in 0..4 {
            let stop = stop.clone();
            coord.go(async move {
                while !stop.load(Ordering::Relaxed) {
                    oasync::yield_now().await;
                }
            });
        }
        coord.block_on(async {
            for _ in 0..20 {
                oasync::spawn(sleep(ms(1))).await.unwrap();
            }
        });
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_task_that_polls_its_sleep_in_a_loop_sees_it_end() {
    in_time(|| {
        coordinator(1).block_on(async {
            let start = Instant::now();
            let mut sleep = sleep(ms(5));
            while crate::poll_once(&mut sleep).is_pending() {
                std::hint::spin_loop();
            }
            assert!(start.elapsed() >= ms(5));
        });
    });
}

/// Leaves the waker with the sleep, which may be over at its first poll.
fn poll_until_pending(sleep: &mut Sleep, duration: Duration, cx: &mut Context<'_>) {
    while Pin::new(&mut *sleep).poll(cx).is_ready() {
        sleep.reset(Instant::now() + duration);
    }
}

#[test]
fn a_panic_in_a_waker_stops_no_timer() {
    struct Bad;
    impl std::task::Wake for Bad {
        fn wake(self: Arc<Self>) {
            panic!("a waker of the test");
        }
    }
    in_time(|| {
        let coord = started(1);
        let sleeps = coord.block_on(async {
            let waker = Waker::from(Arc::new(Bad));
            let mut cx = Context::from_waker(&waker);
            let mut sleeps: Vec<_> = (0..5).map(|_| sleep(ms(2))).collect();
            for sleep in &mut sleeps {
                poll_until_pending(sleep, ms(2), &mut cx);
            }
            sleeps
        });
        for _ in 0..5 {
            coord.block_on(oasync::spawn(sleep(ms(2)))).unwrap();
        }
        eventually("all five panics are counted", || coord.metrics().panics() == 5);
        drop(sleeps);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_far_timer_wakes_nobody_until_then() {
    let coord = Coordinator::builder().workers(3).thread_name("far").build().unwrap();
    coord.start().unwrap();
    let nearer = coord.spawn(async {
        for _ in 0..3 {
            oasync::spawn(sleep(ms(1))).await.unwrap();
        }
    });
    coord.go(sleep(FAR));
    // Soon, but dropped: whoever woke for it would not know.
    coord.go(async {
        let _ = oasync::timeout(Duration::from_secs(600), sleep(ms(3))).await;
    });
    within(3 * LONG, move || {
        coord.block_on(nearer).unwrap();
        eventually("one is left", || coord.metrics().num_timers() == 1);
        assert!(assert_still("far-", 1) > 0, "one of them holds the timer");
    });
}

/// Waits, when it is called, for a message, and says whether it came.
struct Blocks {
    begins: mpsc::Sender<Option<WorkerKind>>,
    gate: Mutex<mpsc::Receiver<()>>,
    ends: mpsc::Sender<bool>,
}

impl Wake for Blocks {
    fn wake(self: Arc<Self>) {
        let _ = self.begins.send(oasync::worker_info().map(|info| info.kind()));
        let came = self.gate.lock().unwrap().recv_timeout(LONG).is_ok();
        let _ = self.ends.send(came);
    }
}

#[test]
fn a_waker_that_blocks_holds_up_its_own_thread_only() {
    let coord = started(2);
    let (begins, begun) = mpsc::channel();
    let (open, gate) = mpsc::channel();
    let (ends, ended) = mpsc::channel();
    let waker = Waker::from(Arc::new(Blocks { begins, gate: Mutex::new(gate), ends }));
    let sleeper = coord.spawn(async move {
        let mut sleep = sleep(ms(20));
        poll_until_pending(&mut sleep, ms(20), &mut Context::from_waker(&waker));
        std::future::pending::<()>().await;
        drop(sleep);
    });
    begun.recv_timeout(LONG).unwrap();
    // The other worker sleeps; this thread is none.
    coord.go(async move { open.send(()).unwrap() });
    assert_eq!(ended.recv_timeout(2 * LONG), Ok(true));
    in_time(move || coord.block_on(sleeper.cancel()).unwrap_err());
}

#[test]
fn a_waker_that_blocks_is_called_for_the_watcher_and_does_not_hold_it_up() {
    let round = || {
        let (tell, told) = mpsc::channel();
        let builder = Coordinator::builder().workers(2);
        let coord = builder.on_stall(move |stall| tell.send(stall.id).unwrap()).build().unwrap();
        coord.start().unwrap();
        let (begins, begun) = mpsc::channel();
        let (open, gate) = mpsc::channel();
        let (ends, ended) = mpsc::channel();
        let waker = Waker::from(Arc::new(Blocks { begins, gate: Mutex::new(gate), ends }));
        coord.go(async move {
            let mut sleep = sleep(ms(100));
            poll_until_pending(&mut sleep, ms(100), &mut Context::from_waker(&waker));
            std::future::pending::<()>().await;
        });
        let soonest = Instant::now() + ms(100);
        let is_late = || Instant::now() >= soonest;
        eventually("it sleeps", || coord.metrics().num_timers() == 1 || is_late());
        let releases = block_all(&coord, 2);
        let by = begun.recv_timeout(LONG);
        let Some(mut releases) = releases.filter(|_| by == Ok(Some(WorkerKind::Watcher))) else {
            return false; // Somebody else was in time.
        };
        // A worker comes back.
        drop(releases.pop());
        let tasks: Vec<_> = (0..100).map(|_| coord.spawn(async {})).collect();
        in_time(move || tasks.into_iter().for_each(|task| block_on(task).unwrap()));
        let closure = coord.spawn_blocking(|| ());
        in_time(move || block_on(closure).unwrap());
        // Blocked again, also for one that is behind it.
        let (_release, released) = mpsc::channel::<()>();
        let (enter, entered) = mpsc::channel();
        let stuck = coord.spawn(async move {
            while oasync::worker_info().unwrap().kind() != WorkerKind::Worker {
                oasync::yield_now().await;
            }
            enter.send(()).unwrap();
            let _ = released.recv_timeout(2 * LONG);
        });
        entered.recv_timeout(LONG).unwrap();
        let behind = coord.spawn(async {});
        in_time(move || block_on(behind).unwrap());
        while told.recv_timeout(LONG).unwrap() != Some(stuck.id()) {}
        assert!(ended.try_recv().is_err(), "the waker still blocks");
        open.send(()).unwrap();
        assert_eq!(ended.recv_timeout(LONG), Ok(true));
        true
    };
    eventually("the waker is called for the watcher", round);
}
