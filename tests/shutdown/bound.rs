//! A task closes its coordinator on a thread that others are bound to: once the limit is over,
//! it polls none of them.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use oasync::{Handle, WorkerKind};

use crate::common::ends_within;
use crate::common::gate::gate;
use crate::{LONG, coordinator, eventually, no_threads};

/// Each poll takes longer than the limits.
const POLL: Duration = Duration::from_secs(1);

/// With it, how many polls can begin before it is over.
const LIMITS: [(Duration, usize); 2] = [(Duration::from_millis(100), 1), (Duration::ZERO, 0)];

/// The limit, one poll, what a shutdown waits after the limit, and a busy machine.
const BOUND: Duration = Duration::from_secs(7);

/// What is bound to the thread, and how often it is polled by the shutdown.
#[derive(Default)]
struct Bound {
    closing: AtomicBool,
    closed: AtomicBool,
    polls: AtomicUsize,
}

impl Bound {
    /// Asks for its next poll in each, which takes long while the coordinator is closed.
    async fn wait(&self) {
        poll_fn(|cx| {
            if self.closed.load(SeqCst) {
                return Poll::Ready(());
            }
            if self.closing.load(SeqCst) {
                self.polls.fetch_add(1, SeqCst);
                thread::sleep(POLL);
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Says how many polls there were meanwhile, and how long it took.
    fn close(&self, handle: &Handle, limit: Duration) -> (usize, Duration) {
        self.closing.store(true, SeqCst);
        let begun = Instant::now();
        let report = handle.shutdown(limit);
        let closed = (self.polls.load(SeqCst), begun.elapsed());
        self.closed.store(true, SeqCst);
        assert!(!report.still_running.is_empty(), "{report:?}");
        closed
    }
}

#[track_caller]
fn assert_in_time((polls, lasted): (usize, Duration), most: usize) {
    assert!(polls <= most, "{polls} polls, at most {most} began before the limit was over");
    assert!(lasted < BOUND, "it took {lasted:?}");
}

#[test]
fn in_a_task_on_a_callers_thread_no_main_future_is_polled_past_the_limit() {
    let round = |limit, most| {
        let coord = coordinator("sb-main", 1);
        let (open, gate) = gate();
        let (handle, bound) = (coord.handle(), Arc::new(Bound::default()));
        let (tell, told) = mpsc::channel();
        // Alive to the end of the grace.
        let held = gate.clone();
        coord.gob(move || held.pass());
        ends_within(LONG, move || {
            handle.clone().block_on(async {
                while gate.arrivals() == 0 {
                    oasync::yield_now().await;
                }
                let own = bound.clone();
                oasync::go(async move {
                    let here = oasync::worker_info().unwrap().kind() == WorkerKind::Caller;
                    tell.send(here.then(|| own.close(&handle, limit))).unwrap();
                    own.closed.store(true, SeqCst);
                });
                bound.wait().await;
            });
        });
        drop(open);
        drop(coord);
        no_threads("sb-main");
        // Or else a thread that came to help had the task.
        told.recv_timeout(LONG).unwrap().is_some_and(|closed| {
            assert_in_time(closed, most);
            true
        })
    };
    for (limit, most) in LIMITS {
        eventually("the caller polls the task", || round(limit, most));
    }
}

#[test]
fn in_a_pinned_task_nothing_of_its_thread_is_polled_past_the_limit() {
    const BELOW: usize = 4;
    for (limit, most) in LIMITS {
        let coord = coordinator("sb-pin", 1);
        let (open, gate) = gate();
        coord.start().unwrap();
        let held = gate.clone();
        coord.gob(move || held.pass());
        gate.wait_for(1);
        let bound = Arc::new(Bound::default());
        let (enter, entered) = mpsc::channel();
        let mut below = Vec::new();
        for _ in 0..BELOW {
            let (bound, enter) = (bound.clone(), enter.clone());
            below.push(coord.spawn_pinned(move || async move {
                oasync::block_on(async {
                    enter.send(()).unwrap();
                    bound.wait().await;
                });
            }));
            entered.recv_timeout(LONG).unwrap();
        }
        let other = bound.clone();
        below.push(coord.spawn_pinned(move || async move { other.wait().await }));
        let (handle, own) = (coord.handle(), bound.clone());
        let (tell, told) = mpsc::channel();
        let _closer = coord.spawn_pinned(move || async move {
            tell.send(own.close(&handle, limit)).unwrap();
        });
        let closed = told.recv_timeout(LONG);
        bound.closed.store(true, SeqCst);
        assert_in_time(closed.unwrap(), most);
        drop(open);
        drop(coord);
        no_threads("sb-pin");
    }
}
