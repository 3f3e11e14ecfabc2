//! How soon help comes. A round can be held up by whatever else the machine does, so what
//! has to be in time is one of many.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::time::{Duration, Instant};

use futures_lite::future::block_on;

use crate::common::{LONG, eventually, started};
use crate::spin_until;

/// How long it takes until 1,000 tasks behind two workers that block have run.
fn behind_blocked_workers() -> Duration {
    let coord = started(2);
    let (met, left) = (Arc::new(Barrier::new(2)), Arc::new(AtomicUsize::new(1000)));
    let (tell, told) = mpsc::channel();
    let releases = [(); 2].map(|()| {
        let (met, left, tell) = (met.clone(), left.clone(), tell.clone());
        let (release, held) = mpsc::channel::<()>();
        coord.go(async move {
            met.wait(); // each is on a worker of its own
            let begun = Instant::now();
            for _ in 0..500 {
                let (left, tell) = (left.clone(), tell.clone());
                oasync::go(async move {
                    if left.fetch_sub(1, Ordering::SeqCst) == 1 {
                        tell.send(begun.elapsed()).unwrap();
                    }
                });
            }
            let _ = held.recv_timeout(2 * LONG); // what no task should do
        });
        release
    });
    let all = told.recv_timeout(LONG).unwrap();
    drop(releases);
    all
}

#[test]
fn a_thousand_tasks_behind_blocked_workers_run_within_50_ms() {
    let limit = Duration::from_millis(50);
    eventually("a round is in time", || behind_blocked_workers() <= limit);
}

#[test]
fn what_is_in_a_run_slot_is_taken_within_a_millisecond() {
    let coord = started(2);
    let wait = || {
        block_on(coord.spawn(async {
            let (taken, begun) = (Arc::new(AtomicBool::new(false)), Instant::now());
            let set = taken.clone();
            oasync::go(async move { set.store(true, Ordering::SeqCst) });
            spin_until(&taken); // the other worker is free
            begun.elapsed()
        }))
        .unwrap()
    };
    eventually("half of a round are in time", || {
        let mut waits: Vec<Duration> = (0..21).map(|_| wait()).collect();
        waits.sort();
        waits[10] <= Duration::from_millis(1)
    });
}
