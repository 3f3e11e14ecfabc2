//! `timeout`: who is first.

use std::future::{pending, ready};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use oasync::Coordinator;
use oasync::time::{timeout, timeout_at};

use crate::common::{CountDrop, coordinator};
use crate::{FAR, in_time, ms};

#[test]
fn a_ready_future_is_never_too_late() {
    oasync::block_on(async {
        assert_eq!(timeout(Duration::ZERO, ready(1)).await, Ok(1));
        assert_eq!(timeout_at(Instant::now(), ready(2)).await, Ok(2));
        // It is polled, and ready, long after its time.
        let late = timeout_at(Instant::now(), async { 3 });
        oasync::sleep(ms(2)).await;
        assert_eq!(late.await, Ok(3));
    });
}

#[test]
fn one_that_waits_too_long_is_given_up_and_dropped() {
    in_time(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let guard = CountDrop(dropped.clone());
        oasync::block_on(async {
            let start = Instant::now();
            let never = async move {
                let _guard = guard;
                pending::<()>().await;
            };
            let error = timeout(ms(5), never).await.unwrap_err();
            assert!(start.elapsed() >= ms(5));
            assert_eq!(io::Error::from(error).kind(), io::ErrorKind::TimedOut);
            assert_eq!(dropped.load(Ordering::SeqCst), 1);
            assert!(timeout_at(start + ms(10), pending::<()>()).await.is_err());
            assert!(start.elapsed() >= ms(10));
        });
    });
}

#[test]
fn one_that_is_ready_in_time_leaves_no_timer() {
    in_time(|| {
        coordinator(2).block_on(async {
            let tasks: Vec<_> = (0..100)
                .map(|i| {
                    oasync::spawn(timeout(FAR, async move {
                        oasync::yield_now().await;
                        oasync::sleep(ms(1)).await;
                        i
                    }))
                })
                .collect();
            for (i, task) in tasks.into_iter().enumerate() {
                assert_eq!(task.await.unwrap(), Ok(i));
            }
            assert_eq!(Coordinator::current().metrics().num_timers(), 0);
        });
    });
}

#[test]
fn the_time_runs_from_the_first_poll() {
    in_time(|| {
        oasync::block_on(async {
            let limited = timeout(ms(100), oasync::sleep(ms(1)));
            oasync::sleep(ms(110)).await;
            assert_eq!(limited.await, Ok(()));
            let limited = timeout(ms(2), pending::<()>());
            oasync::sleep(ms(5)).await;
            let start = Instant::now();
            assert!(limited.await.is_err());
            assert!(start.elapsed() >= ms(2));
        });
    });
}
