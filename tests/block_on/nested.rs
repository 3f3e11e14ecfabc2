//! A nested call makes progress in every case: in a task, in a closure, in
//! another `block_on`, on one coordinator or on two.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use oasync::{Coordinator, Handle, WorkerKind};

use crate::common::{CountDrop, coordinator, eventually, started};
use crate::support::{Channel, ends, own_waker};

#[test]
fn a_task_blocks_on_a_task() {
    ends(|| {
        for workers in [1, 2, 4] {
            let coord = coordinator(workers);
            let value = coord.block_on(async {
                let outer = oasync::spawn(async {
                    oasync::block_on(async { oasync::spawn(async { 5 }).await.unwrap() })
                });
                outer.await.unwrap()
            });
            assert_eq!(value, 5);
        }
    });
}

#[test]
fn a_task_of_a_started_coordinator_blocks_on_tasks() {
    ends(|| {
        let coord = started(1);
        let (tx, rx) = mpsc::channel();
        coord.go(async move {
            let sum: u32 =
                (0..20).map(|i| oasync::block_on(oasync::spawn(async move { i })).unwrap()).sum();
            tx.send(sum).unwrap();
        });
        assert_eq!(rx.recv().unwrap(), 190);
    });
}

#[test]
fn what_is_queued_behind_a_task_that_blocks_goes_on() {
    // The task waits for one that was queued behind it, on the same seat.
    ends(|| {
        let coord = coordinator(1);
        coord.block_on(async {
            let channel = Channel::new();
            let receiver = channel.clone();
            let blocked = oasync::spawn(async move {
                oasync::block_on(async move {
                    let mut sum = 0;
                    for _ in 0..300 {
                        sum += receiver.receive().await;
                    }
                    sum
                })
            });
            for i in 0..300 {
                let channel = channel.clone();
                oasync::go(async move { channel.send(i) });
            }
            assert_eq!(blocked.await.unwrap(), 44_850);
        });
    });
}

#[test]
fn a_task_blocks_on_what_the_main_future_below_it_sends() {
    ends(|| {
        for workers in [1, 2, 4] {
            let coord = coordinator(workers);
            coord.block_on(async {
                let (there, back) = (Channel::new(), Channel::new());
                let (requests, replies) = (back.clone(), there.clone());
                let task = oasync::spawn(async move {
                    (0..10)
                        .map(|i| {
                            requests.send(i);
                            oasync::block_on(replies.receive())
                        })
                        .sum::<i32>()
                });
                for _ in 0..10 {
                    let request = back.receive().await;
                    there.send(request * 2);
                }
                assert_eq!(task.await.unwrap(), 90);
            });
        }
    });
}

#[test]
fn a_main_future_that_ends_while_suspended_keeps_its_output() {
    // The main future is polled to its end by the call nested above it, which
    // goes on waiting for something else.
    ends(|| {
        let coord = coordinator(1);
        let (start, release) = (Channel::new(), Channel::new());
        let (started, released) = (start.clone(), release.clone());
        coord.go(async move {
            oasync::block_on(async {
                started.send(());
                released.receive().await;
            });
        });
        let dropped = Arc::new(AtomicUsize::new(0));
        let guard = CountDrop(dropped.clone());
        let output = coord.block_on(async move {
            let _guard = guard;
            start.receive().await;
            let seen = dropped.clone();
            thread::spawn(move || {
                eventually("the main future is dropped", || seen.load(Ordering::SeqCst) == 1);
                release.send(());
            });
            "output"
        });
        assert_eq!(output, "output");
    });
}

#[test]
fn a_main_blocks_on_a_task_that_waits_for_another_threads_main() {
    ends(|| {
        for workers in [1, 2] {
            let coord = Arc::new(coordinator(workers));
            let channel = Channel::new();
            let (other, sender) = (coord.clone(), channel.clone());
            let (tx, rx) = mpsc::channel();
            let thread = thread::spawn(move || {
                rx.recv().unwrap();
                other.block_on(async {
                    oasync::yield_now().await;
                    sender.send(9);
                });
            });
            let value = coord.block_on(async {
                let task = oasync::spawn(async move {
                    tx.send(()).unwrap();
                    channel.receive().await
                });
                oasync::block_on(task).unwrap()
            });
            assert_eq!(value, 9);
            thread.join().unwrap();
        }
    });
}

#[test]
fn nested_in_another_block_on() {
    ends(|| {
        for workers in [1, 2, 4] {
            let coord = coordinator(workers);
            let value = coord.block_on(async {
                let first = oasync::block_on(async { oasync::spawn(async { 1 }).await.unwrap() });
                // The seat was given up; the outer main future goes on.
                let second = oasync::spawn(async { 2 }).await.unwrap();
                let third = coord.block_on(async { coord.block_on(oasync::spawn(async { 3 })) });
                first + second + third.unwrap()
            });
            assert_eq!(value, 6);
        }
    });
}

#[test]
fn nested_fifty_deep_in_tasks() {
    fn nest(depth: u32) -> u32 {
        match depth {
            0 => 0,
            _ => 1 + oasync::block_on(oasync::spawn(async move { nest(depth - 1) })).unwrap(),
        }
    }
    ends(|| {
        for workers in [1, 4] {
            let coord = coordinator(workers);
            assert_eq!(coord.block_on(async { nest(50) }), 50);
            assert_eq!(coord.metrics().num_alive_tasks(), 0);
            let after = coord.block_on(async { oasync::spawn(async { 1 }).await.unwrap() });
            assert_eq!(after, 1);
            eventually("the threads too many retire", || {
                coord.metrics().num_worker_threads() <= workers
            });
        }
    });
}

#[test]
fn nested_fifty_deep_in_mains() {
    fn nest(coord: &Coordinator, depth: u32) -> u32 {
        match depth {
            0 => coord.block_on(async { oasync::spawn(async { 0 }).await.unwrap() }),
            _ => coord.block_on(async { 1 + nest(coord, depth - 1) }),
        }
    }
    ends(|| assert_eq!(nest(&coordinator(1), 50), 50));
}

#[test]
fn nested_on_another_coordinator_and_back() {
    fn bounce(to: Handle, from: Handle, times: u32) -> u32 {
        let task = to.spawn({
            let (to, from) = (to.clone(), from.clone());
            async move {
                oasync::yield_now().await;
                if times == 0 { 0 } else { 1 + bounce(from, to, times - 1) }
            }
        });
        to.block_on(task).unwrap()
    }
    ends(|| {
        for workers in [1, 2] {
            let (a, b) = (coordinator(workers), coordinator(workers));
            let (to_a, to_b) = (a.handle(), b.handle());
            let task = a.spawn(async move { bounce(to_b, to_a, 10) });
            assert_eq!(a.block_on(task).unwrap(), 10);
        }
    });
}

#[test]
fn a_task_of_one_blocks_on_another_that_waits_for_the_firsts_queue() {
    // B's task waits for a task that is queued behind the one of A that blocks.
    ends(|| {
        let (a, b) = (coordinator(1), coordinator(1));
        let (to_a, to_b) = (a.handle(), b.handle());
        let value = a.block_on(async move {
            let blocked = oasync::spawn(async move {
                let in_b = to_b.spawn(async move { to_a.spawn(async { 8 }).await.unwrap() });
                to_b.block_on(in_b).unwrap()
            });
            blocked.await.unwrap()
        });
        assert_eq!(value, 8);
    });
}

#[test]
fn in_a_blocking_closure() {
    ends(|| {
        for workers in [1, 2] {
            let coord = coordinator(workers);
            let (kind, value) = coord.block_on(async {
                let closure = oasync::spawn_blocking(|| {
                    let value = oasync::block_on(async {
                        let task = oasync::spawn(async {
                            oasync::block_on(async { oasync::spawn(async { 4 }).await.unwrap() })
                        });
                        task.await.unwrap()
                    });
                    (oasync::worker_info().unwrap().kind(), value)
                });
                closure.await.unwrap()
            });
            assert_eq!((kind, value), (WorkerKind::Blocking, 4));
        }
    });
}

#[test]
fn in_closures_that_a_main_blocks_on_in_turn() {
    fn nest(depth: u32) -> u32 {
        match depth {
            0 => 0,
            _ => 1 + oasync::block_on(oasync::spawn_blocking(move || nest(depth - 1))).unwrap(),
        }
    }
    ends(|| assert_eq!(coordinator(1).block_on(async { nest(20) }), 20));
}

#[test]
fn many_tasks_block_at_the_same_time() {
    ends(|| {
        for workers in [1, 2] {
            let coord = coordinator(workers);
            let channel = Channel::new();
            let sum = coord.block_on(async {
                let tasks: Vec<_> = (0..30)
                    .map(|_| {
                        let channel = channel.clone();
                        oasync::spawn(async move { oasync::block_on(channel.receive()) })
                    })
                    .collect();
                // All are blocked before any is released.
                while channel.filled.total_listeners() < 30 {
                    oasync::yield_now().await;
                }
                (0..30).for_each(|i| channel.send(i));
                let mut sum = 0;
                for task in tasks {
                    sum += task.await.unwrap();
                }
                sum
            });
            assert_eq!(sum, 435);
        }
    });
}

#[test]
fn a_panic_in_a_nested_call_ends_that_call_only() {
    ends(|| {
        let coord = coordinator(1);
        coord.block_on(async {
            let caught = catch_unwind(|| oasync::block_on(async { panic!("inner") }));
            assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"inner"));
            let task = oasync::spawn(async {
                oasync::block_on(async {
                    oasync::spawn(async {}).await.unwrap();
                    panic!("in the task");
                })
            });
            let error = task.await.unwrap_err();
            assert!(error.to_string().ends_with("panicked: in the task"));
            assert_eq!(oasync::spawn(async { 2 }).await.unwrap(), 2);
        });
        assert_eq!(coord.metrics().num_alive_tasks(), 0);
    });
}

#[test]
fn a_suspended_main_future_that_panics_does_not_harm_the_call_above_it() {
    ends(|| {
        let coord = coordinator(1);
        let (request, reply) = (Channel::new(), Channel::<i32>::new());
        let (requests, replies) = (request.clone(), reply.clone());
        let task = coord.spawn(async move {
            oasync::block_on(async {
                requests.send(());
                replies.receive().await
            })
        });
        let panic = catch_unwind(AssertUnwindSafe(|| {
            coord.block_on(async {
                request.receive().await;
                reply.send(6);
                panic!("below");
            })
        }));
        assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"below"));
        assert_eq!(coord.block_on(task).unwrap(), 6);
    });
}

#[test]
fn a_kept_waker_of_a_nested_call_does_no_harm() {
    ends(|| {
        let coord = coordinator(1);
        coord.block_on(async {
            let nested = oasync::block_on(own_waker());
            nested.wake_by_ref();
            let task = oasync::spawn(async { oasync::block_on(own_waker()) });
            task.await.unwrap().wake();
            nested.wake();
            assert_eq!(oasync::block_on(oasync::spawn(async { 3 })).unwrap(), 3);
        });
    });
}

#[test]
fn without_threads_a_nested_call_polls_the_main_future_that_it_waits_for() {
    ends(|| {
        // No address space is that large.
        let coord = Coordinator::builder().workers(1).stack_size(1 << 46).build().unwrap();
        let (to_task, from_main) = async_channel::bounded::<usize>(1);
        let (to_main, from_task) = async_channel::bounded::<usize>(1);
        coord.block_on(async {
            let task = oasync::spawn(async move {
                oasync::block_on(async {
                    // By now the thread runs the tasks itself.
                    oasync::spawn(async {}).await.unwrap();
                    for n in 0..10 {
                        to_main.send(n).await.unwrap();
                        assert_eq!(from_main.recv().await, Ok(n));
                    }
                });
            });
            for _ in 0..10 {
                to_task.send(from_task.recv().await.unwrap()).await.unwrap();
            }
            task.await.unwrap();
        });
    });
}

#[test]
fn a_nested_call_that_is_woken_in_its_poll_beside_another_one_is_polled_again() {
    ends(|| {
        let coord = started(2);
        let outer = coord.spawn(async {
            oasync::block_on(async {
                // Now it is polled by the loop of the call, and not as it begins.
                oasync::yield_now().await;
                oasync::yield_now().await;
                let (first, second) = (Channel::new(), Channel::new());
                let (wakes, ends) = (first.clone(), second.clone());
                let waits = async {
                    first.receive().await;
                    second.receive().await;
                };
                // Wakes the call around it while it is in this poll, and so takes what wakes
                // the thread.
                let blocks = async {
                    oasync::block_on(async {
                        wakes.send(1);
                        let another = async { oasync::yield_now().await };
                        oasync::spawn(another).await.unwrap();
                        oasync::spawn(async {}).await.unwrap();
                    });
                };
                futures_lite::future::zip(waits, async {
                    blocks.await;
                    oasync::go(async move { ends.send(2) });
                })
                .await;
            });
        });
        futures_lite::future::block_on(outer).unwrap();
    });
}
