//! Promise: `block_on` makes its caller a worker until the main future is
//! ready, and ends wherever it is called: on several threads, in a task, in a
//! closure, in another `block_on`.

#[path = "../common/mod.rs"]
mod common;
mod nested;
mod on_top;
mod support;

use std::cell::Cell;
use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::task::Poll;
use std::thread;

use oasync::WorkerKind;

use common::{coordinator, started, without_help};
use support::{Channel, ends, own_waker};

#[test]
fn the_caller_is_a_worker_meanwhile() {
    let coord = without_help(1);
    let here = thread::current().id();
    let ((kind, on), threads) = coord.block_on(async {
        let task = oasync::spawn(async {
            (oasync::worker_info().unwrap().kind(), thread::current().id())
        });
        (task.await.unwrap(), coord.metrics().num_worker_threads())
    });
    assert_eq!((kind, on), (WorkerKind::Caller, here));
    assert_eq!(threads, 0, "the one seat was the caller's");
    assert!(oasync::worker_info().is_none(), "no longer after the end");
}

#[test]
fn a_woken_main_future_waits_for_one_task_at_most() {
    let coord = without_help(1);
    let ran = Arc::new(AtomicUsize::new(0));
    coord.block_on(async {
        for _ in 0..100 {
            let ran = ran.clone();
            oasync::go(async move {
                ran.fetch_add(1, Ordering::SeqCst);
            });
        }
        for turn in 1..=50 {
            oasync::yield_now().await;
            assert!(ran.load(Ordering::SeqCst) <= turn, "the main future was woken");
        }
    });
}

#[test]
fn the_future_need_be_neither_send_nor_static() {
    let coord = coordinator(2);
    let mut text = String::from("a");
    let count = Rc::new(Cell::new(0));
    let borrowed = &mut text;
    let inner = count.clone();
    let length = coord.block_on(async {
        for _ in 0..10 {
            let step = oasync::spawn(async { 1 }).await.unwrap();
            inner.set(inner.get() + step);
            borrowed.push('b');
        }
        borrowed.len()
    });
    assert_eq!((length, text.as_str(), count.get()), (11, "abbbbbbbbbb", 10));
}

#[test]
fn a_ready_future_returns_at_once() {
    let coord = coordinator(1);
    assert_eq!(coord.block_on(async { 3 }), 3);
    assert_eq!(coord.block_on(std::future::ready(4)), 4);
    assert_eq!(coord.metrics().num_worker_threads(), 0);
}

#[test]
fn several_threads_call_it_at_once() {
    ends(|| {
        for workers in [1, 2, 4] {
            let coord = coordinator(workers);
            let barrier = Barrier::new(8);
            let call = |thread: u64| {
                barrier.wait();
                let mut sum = 0;
                for round in 0..20 {
                    sum += coord.block_on(async {
                        let parts: Vec<_> = (0..20)
                            .map(|i| {
                                oasync::spawn(async move {
                                    oasync::yield_now().await;
                                    let inner = oasync::spawn(async move { thread + round + i });
                                    inner.await.unwrap()
                                })
                            })
                            .collect();
                        let mut sum = 0;
                        for part in parts {
                            sum += part.await.unwrap();
                        }
                        sum
                    });
                }
                sum
            };
            thread::scope(|s| {
                let calls: Vec<_> = (0..8).map(|i| (i, s.spawn(move || call(i)))).collect();
                for (i, call) in calls {
                    assert_eq!(call.join().unwrap(), 400 * i + 20 * 190 + 20 * 190);
                }
            });
            assert_eq!(coord.metrics().num_alive_tasks(), 0);
        }
    });
}

#[test]
fn callers_beyond_the_seats_wait_for_each_others_mains() {
    // Each main waits for the next one's: none may have to end first.
    ends(|| {
        for workers in [1, 2] {
            let coord = coordinator(workers);
            let channels: Vec<_> = (0..8).map(|_| Channel::new()).collect();
            let (coord, channels) = (&coord, &channels);
            thread::scope(|s| {
                for i in 0..8 {
                    s.spawn(move || {
                        coord.block_on(async {
                            if i > 0 {
                                channels[i].receive().await;
                            }
                            let next = channels[(i + 1) % 8].clone();
                            oasync::spawn(async move { next.send(()) }).await.unwrap();
                            if i == 0 {
                                channels[0].receive().await;
                            }
                        });
                    });
                }
            });
        }
    });
}

#[test]
fn one_worker_and_one_caller_never_deadlock_on_themselves() {
    // The caller and the worker thread pass one seat back and forth.
    ends(|| {
        let coord = started(1);
        for i in 0..2000u32 {
            let value = coord.block_on(async {
                let task = oasync::spawn(async move {
                    if i % 3 == 0 {
                        oasync::block_on(oasync::spawn(async move { i })).unwrap()
                    } else {
                        oasync::yield_now().await;
                        i
                    }
                });
                task.await.unwrap()
            });
            assert_eq!(value, i);
        }
    });
}

#[test]
fn a_panic_of_the_main_future_reaches_the_caller_and_the_coordinator_goes_on() {
    let coord = coordinator(1);
    for _ in 0..3 {
        let queued = coord.spawn(async { 1 });
        let panic = catch_unwind(AssertUnwindSafe(|| {
            coord.block_on(async {
                oasync::yield_now().await;
                panic!("main");
            })
        }));
        assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"main"));
        assert!(oasync::worker_info().is_none());
        assert_eq!(coord.block_on(queued).unwrap(), 1);
    }
    assert_eq!(coord.metrics().num_alive_tasks(), 0);
}

#[test]
fn a_panic_while_the_main_future_is_dropped_reaches_the_caller() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("drop");
        }
    }
    impl Future for Bomb {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
    }
    let coord = coordinator(1);
    let panic = catch_unwind(AssertUnwindSafe(|| coord.block_on(Bomb)));
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"drop"));
    assert_eq!(coord.block_on(async { oasync::spawn(async { 1 }).await.unwrap() }), 1);
}

#[test]
fn a_panic_in_the_drop_of_the_main_future_and_one_in_that_of_its_output_do_not_abort() {
    struct Bomb(&'static str);
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("{}", self.0);
        }
    }
    struct Twice(Option<Bomb>, #[expect(dead_code, reason = "it is dropped")] Bomb);
    impl Future for Twice {
        type Output = Bomb;
        fn poll(mut self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<Bomb> {
            Poll::Ready(self.0.take().unwrap())
        }
    }
    let coord = coordinator(1);
    let main = Twice(Some(Bomb("output")), Bomb("future"));
    let panic = catch_unwind(AssertUnwindSafe(|| drop(coord.block_on(main)))).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "future");
    assert_eq!(coord.metrics().panics(), 1, "that of the output, which nobody has");
}

#[test]
fn a_waker_kept_past_its_block_on_does_no_harm() {
    ends(|| {
        let coord = Arc::new(coordinator(1));
        let kept = coord.block_on(own_waker());
        kept.wake_by_ref();
        assert_eq!(coord.block_on(async { 1 }), 1);
        // It is woken all the time while other main futures wait.
        let stop = Arc::new(AtomicBool::new(false));
        let (waker, stopped) = (kept.clone(), stop.clone());
        let noise = thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                waker.wake_by_ref();
            }
        });
        for i in 0..200 {
            let value = coord.block_on(async {
                oasync::yield_now().await;
                oasync::spawn(async move { i }).await.unwrap()
            });
            assert_eq!(value, i);
        }
        stop.store(true, Ordering::SeqCst);
        noise.join().unwrap();
        // Past its thread, and past its coordinator.
        let other = coord.clone();
        let past_thread = thread::spawn(move || other.block_on(own_waker())).join().unwrap();
        past_thread.wake_by_ref();
        drop(coord);
        past_thread.wake();
        kept.wake();
    });
}

#[test]
fn the_main_future_is_woken_from_a_foreign_thread() {
    ends(|| {
        for workers in [1, 2] {
            let coord = coordinator(workers);
            let (there, back) = (Channel::new(), Channel::new());
            let (requests, replies) = (there.clone(), back.clone());
            let echo = thread::spawn(move || {
                for _ in 0..2000 {
                    // Outside of every coordinator: the default one's `block_on`.
                    let request: u32 = oasync::block_on(requests.receive());
                    replies.send(request + 1);
                }
            });
            let last = coord.block_on(async {
                let mut last = 0;
                for _ in 0..2000 {
                    there.send(last);
                    last = back.receive().await;
                }
                last
            });
            assert_eq!(last, 2000);
            echo.join().unwrap();
        }
    });
}

#[test]
fn a_wake_during_the_poll_is_not_lost() {
    let coord = coordinator(1);
    let mut polls = 0;
    coord.block_on(poll_fn(|cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        if polls == 100 { Poll::Ready(()) } else { Poll::Pending }
    }));
    assert_eq!(polls, 100);
}

#[test]
fn a_seat_given_back_hands_its_queue_on() {
    // The main future ends at once and leaves tasks behind.
    ends(|| {
        for workers in [1, 4] {
            let coord = coordinator(workers);
            let (tx, rx) = mpsc::channel();
            coord.block_on(async {
                for i in 0..500 {
                    let tx = tx.clone();
                    oasync::go(async move { tx.send(i).unwrap() });
                }
            });
            drop(tx);
            let got: HashSet<i32> = rx.iter().collect();
            assert_eq!(got.len(), 500);
        }
    });
}
