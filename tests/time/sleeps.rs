//! `sleep`: when it is ready, in which order, and what is left of it.

use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use oasync::Coordinator;

use crate::common::{LONG, coordinator, eventually, started};
use crate::{FAR, SOON, in_time, ms, poll_once, within};

#[test]
fn no_sleep_is_too_short() {
    let coord = started(2);
    let tasks: Vec<_> = (0..500)
        .map(|i: u64| {
            let duration = Duration::from_micros(i * 37 % 5_000);
            let start = Instant::now();
            let task = coord.spawn(async move {
                oasync::sleep(duration).await;
                Instant::now()
            });
            (start + duration, task)
        })
        .collect();
    in_time(move || {
        for (deadline, task) in tasks {
            assert!(coord.block_on(task).unwrap() >= deadline);
        }
    });
}

#[test]
fn sleeps_end_in_the_order_of_their_deadlines() {
    const APART: Duration = ms(50);
    let coord = started(2);
    let round = move || {
        let (tx, rx) = mpsc::channel();
        let start = Instant::now() + APART;
        let tasks = (0..6_u32).rev().map(|i| {
            let (tx, deadline) = (tx.clone(), start + i * APART);
            coord.spawn(async move {
                oasync::sleep_until(deadline).await;
                tx.send(i).unwrap();
                deadline.elapsed()
            })
        });
        let late = tasks.collect::<Vec<_>>().into_iter().map(|task| coord.block_on(task).unwrap());
        let is_in_time = late.max().unwrap() < APART;
        drop(tx);
        is_in_time.then(|| rx.iter().collect::<Vec<_>>())
    };
    // The system may hold up a thread, in some rounds.
    let order = in_time(move || iter::repeat_with(round).find_map(|order| order).unwrap());
    assert_eq!(order, (0..6).collect::<Vec<_>>());
}

#[test]
fn what_is_over_is_ready_at_once_and_registers_nothing() {
    let coord = coordinator(1);
    coord.block_on(async {
        assert_eq!(poll_once(&mut oasync::sleep(Duration::ZERO)), Poll::Ready(()));
        assert_eq!(poll_once(&mut oasync::sleep_until(Instant::now())), Poll::Ready(()));
        assert_eq!(Coordinator::current().metrics().num_timers(), 0);
    });
}

#[test]
fn a_sleep_is_registered_by_its_first_poll_and_taken_out_when_dropped() {
    let coord = coordinator(1);
    coord.block_on(async {
        let timers = || Coordinator::current().metrics().num_timers();
        let mut sleeps: Vec<_> = (0..100).map(|_| oasync::sleep(FAR)).collect();
        assert_eq!(timers(), 0);
        for round in 0..3 {
            assert!(sleeps.iter_mut().all(|sleep| poll_once(sleep).is_pending()));
            assert_eq!(timers(), 100, "in round {round}");
        }
        sleeps.truncate(40);
        assert_eq!(timers(), 40);
        sleeps[0].reset(Instant::now());
        assert_eq!(timers(), 39);
        assert!(poll_once(&mut sleeps[0]).is_ready());
        drop(sleeps);
        assert_eq!(timers(), 0);
    });
}

#[test]
fn a_cancelled_task_leaves_no_timer() {
    let coord = Arc::new(started(2));
    let tasks: Vec<_> = (0..100).map(|_| coord.spawn(oasync::sleep(FAR))).collect();
    let all = coord.clone();
    eventually("all sleep", move || all.metrics().num_timers() == 100);
    in_time(move || {
        for task in tasks {
            assert!(coord.block_on(task.cancel()).is_err());
        }
        assert_eq!(coord.metrics().num_timers(), 0);
    });
}

#[test]
fn a_time_that_overflows_never_comes() {
    let coord = coordinator(1);
    coord.block_on(async {
        for far in [Duration::MAX, Duration::from_secs(u64::MAX / 2), Duration::from_secs(1 << 35)]
        {
            let mut sleep = oasync::sleep(far);
            assert_eq!(poll_once(&mut sleep), Poll::Pending);
            assert_eq!(oasync::timeout(far, async { 1 }).await, Ok(1));
            let mut limited = oasync::timeout(far, std::future::pending::<()>());
            assert_eq!(poll_once(&mut limited), Poll::Pending);
            // Others go on beside it.
            oasync::sleep(ms(1)).await;
            assert_eq!(poll_once(&mut sleep), Poll::Pending);
        }
        let mut interval = oasync::interval(Duration::MAX);
        interval.tick().await;
        assert!(poll_once(&mut Box::pin(interval.tick())).is_pending());
    });
}

/// Counts the calls of its waker.
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn the_last_waker_is_the_one_that_is_woken_and_once() {
    let coord = Arc::new(started(1));
    let bells: [Arc<Bell>; 2] = std::array::from_fn(|_| Arc::new(Bell(AtomicUsize::new(0))));
    let wakers = bells.clone().map(Waker::from);
    let mut sleep = coord.block_on(async {
        let mut sleep = oasync::sleep(SOON);
        for waker in [&wakers[0], &wakers[0], &wakers[1]] {
            let polled = std::pin::Pin::new(&mut sleep).poll(&mut Context::from_waker(waker));
            assert!(polled.is_pending());
        }
        sleep
    });
    // The first waker is not kept: here and in the array.
    assert_eq!(Arc::strong_count(&bells[0]), 2);
    let rings = |bell: &Bell| bell.0.load(Ordering::SeqCst);
    eventually("it fires", || rings(&bells[1]) == 1);
    assert_eq!(poll_once(&mut sleep), Poll::Ready(()));
    assert_eq!(poll_once(&mut sleep), Poll::Ready(()), "it stays ready");
    assert_eq!((rings(&bells[0]), rings(&bells[1])), (0, 1));
}

#[test]
fn a_million_timers_may_wait() {
    const MANY: usize = 1_000_000;
    within(10 * LONG, || {
        let coord = coordinator(2);
        coord.block_on(async {
            let timers = || Coordinator::current().metrics().num_timers();
            let start = Instant::now();
            let mut sleeps: Vec<_> = (0..MANY)
                .map(|i| oasync::sleep_until(start + FAR + Duration::from_micros(i as u64)))
                .collect();
            assert!(sleeps.iter_mut().all(|sleep| poll_once(sleep).is_pending()));
            assert_eq!(timers(), MANY);
            oasync::sleep(ms(5)).await;
            // Half of them go, and the rest fires, all at once.
            sleeps.truncate(MANY / 2);
            let soon = Instant::now() + ms(50);
            let tasks: Vec<_> = sleeps
                .into_iter()
                .map(|mut sleep| {
                    sleep.reset(soon);
                    oasync::spawn(sleep)
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(timers(), 0);
        });
    });
}

#[test]
fn a_task_spawned_after_a_while_begins_then() {
    in_time(|| {
        let coord = coordinator(2);
        let start = Instant::now();
        let late = |ms| start + Duration::from_millis(ms);
        let tasks = [
            (10, coord.spawn_after(ms(10), async { Instant::now() })),
            (5, coord.handle().spawn_after(ms(5), async { Instant::now() })),
            (7, coord.task().after(ms(7)).spawn(async { Instant::now() })),
            (8, coord.task().after(ms(8)).spawn_blocking(Instant::now)),
        ];
        for (ms, task) in tasks {
            assert!(coord.block_on(task).unwrap() >= late(ms));
        }
        let (tx, rx) = mpsc::channel();
        let there = tx.clone();
        coord.task().after(ms(3)).go(async move { tx.send("go").unwrap() });
        coord.task().after(ms(3)).gob(move || there.send("gob").unwrap());
        coord.start().unwrap();
        let mut both: Vec<_> = rx.iter().collect();
        both.sort_unstable();
        assert_eq!(both, ["go", "gob"]);
    });
}

#[test]
fn a_task_that_is_to_begin_later_can_be_cancelled() {
    let coord = Arc::new(started(1));
    in_time(move || {
        let task = coord.spawn_after(FAR, async {});
        assert!(coord.block_on(task.cancel()).is_err());
        let closure = coord.task().after(FAR).spawn_blocking(|| ());
        let waiting = coord.clone();
        eventually("it waits", move || waiting.metrics().num_timers() == 1);
        assert!(coord.block_on(closure.cancel()).is_err());
        assert_eq!(coord.metrics().num_alive_tasks(), 0);
        assert_eq!(coord.metrics().num_timers(), 0);
    });
}
