//! Promise: the tasks of a scope may borrow from its caller, because all of them,
//! and their results, are gone when the scope returns.

mod common;

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use oasync::{Coordinator, WorkerKind};

use common::{LONG, coordinator, eventually, started, without_help};

/// Adds to what it borrows when it is dropped.
struct Count<'a>(&'a AtomicUsize);

impl Drop for Count<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn message(payload: Box<dyn std::any::Any + Send>) -> String {
    *payload.downcast::<&str>().map(|text| Box::new(text.to_string())).unwrap()
}

#[test]
fn tasks_write_to_the_callers_stack() {
    for workers in [1, 2, 4] {
        let coord = coordinator(workers);
        let mut squares = vec![0; 1_000];
        coord.scope(|s| {
            for (n, square) in squares.iter_mut().enumerate() {
                s.go(async move {
                    if n % 7 == 0 {
                        oasync::yield_now().await;
                    }
                    *square = n * n;
                });
            }
        });
        assert!(squares.iter().enumerate().all(|(n, &square)| square == n * n));
    }
}

#[test]
fn results_that_borrow_are_joined_in_the_body_and_by_other_tasks() {
    let coord = coordinator(2);
    let text = String::from("one two three");
    let (words, longest) = coord.scope(|s| {
        let words = s.spawn(async { text.split(' ').collect::<Vec<_>>() });
        let longest = s.spawn(async move {
            let words = words.await.unwrap();
            let longest = words.iter().copied().max_by_key(|word| word.len()).unwrap();
            (words, longest)
        });
        longest.join().unwrap()
    });
    assert_eq!((words.len(), longest), (3, "three"));
}

#[test]
fn with_one_worker_the_body_joins_without_another_thread() {
    let here = std::thread::current().id();
    for _ in 0..100 {
        let coord = without_help(1);
        let threads = coord.scope(|s| {
            let there = s.spawn(async { std::thread::current().id() }).join().unwrap();
            assert_eq!(oasync::worker_info().unwrap().kind(), WorkerKind::Caller);
            // Whatever is spawned in the body belongs to this coordinator.
            let plain = oasync::spawn(async { std::thread::current().id() });
            [there, oasync::block_on(plain).unwrap()]
        });
        let metrics = coord.metrics();
        // A thread that the machine leaves without a processor may lose what is in its slot.
        if metrics.rescued_count() == 0 {
            assert_eq!((threads, metrics.num_worker_threads()), ([here; 2], 0));
            return;
        }
    }
    panic!("the body lost its tasks every time");
}

#[test]
fn scopes_nest_and_tasks_spawn_siblings() {
    let coord = coordinator(1);
    let count = AtomicUsize::new(0);
    coord.scope(|s| {
        s.go(async {
            s.go(async {
                count.fetch_add(1, Ordering::SeqCst);
            });
            oasync::yield_now().await;
            // Blocks the only worker: another thread takes its place.
            oasync::scope(|inner| {
                for _ in 0..10 {
                    inner.go(async {
                        oasync::yield_now().await;
                        count.fetch_add(10, Ordering::SeqCst);
                    });
                }
            });
            assert!(count.load(Ordering::SeqCst) >= 100);
        });
        let local = AtomicUsize::new(0);
        coord.scope(|inner| {
            inner.go(async {
                local.fetch_add(1, Ordering::SeqCst);
            });
        });
        assert_eq!(local.into_inner(), 1);
    });
    assert_eq!(count.into_inner(), 101);
}

#[test]
fn from_inside_a_task_a_blocking_closure_and_another_coordinator() {
    let (coord, other) = (coordinator(1), started(1));
    let there = other.handle();
    let sum = coord.block_on(async move {
        let in_task = oasync::spawn(async {
            let numbers = [1, 2, 3];
            oasync::scope(|s| s.spawn(async { numbers.iter().sum::<i32>() }).join().unwrap())
        });
        let in_closure = oasync::spawn_blocking(|| {
            let numbers = [10, 20, 30];
            oasync::scope(|s| s.spawn(async { numbers.iter().sum::<i32>() }).join().unwrap())
        });
        let elsewhere = oasync::spawn(async move {
            let numbers = [100, 200, 300];
            there.scope(|s| s.spawn(async { numbers.iter().sum::<i32>() }).join().unwrap())
        });
        in_task.await.unwrap() + in_closure.await.unwrap() + elsewhere.await.unwrap()
    });
    assert_eq!(sum, 666);
    assert_eq!(oasync::scope(|s| s.spawn(async { sum }).join().unwrap()), 666); // the default one
}

#[test]
fn a_body_that_blocks_holds_nobody_up() {
    let coord = coordinator(1);
    let (tx, rx) = mpsc::channel();
    coord.scope(|s| {
        s.go(async move { tx.send(1).unwrap() });
        assert_eq!(oasync::block_in_place(|| rx.recv().unwrap()), 1);
    });
    let (tx, rx) = mpsc::channel();
    coord.scope(|s| {
        s.go(async move { tx.send(2).unwrap() });
        assert_eq!(rx.recv_timeout(LONG).unwrap(), 2); // without saying so
    });
}

#[test]
fn blocking_closures_borrow_too() {
    let coord = coordinator(1);
    let mut text = String::from("a");
    let length = coord.scope(|s| {
        let task = s.spawn_blocking(|| {
            text.push('b');
            text.len()
        });
        task.join().unwrap()
    });
    assert_eq!((length, text.as_str()), (2, "ab"));
}

#[test]
fn the_panic_of_a_task_goes_on_after_all_have_ended() {
    let coord = coordinator(2);
    let drops = AtomicUsize::new(0);
    let payload = catch_unwind(AssertUnwindSafe(|| {
        coord.scope(|s| {
            s.go(async { panic!("planned: a task") });
            for _ in 0..20 {
                let guard = Count(&drops);
                s.go(async move {
                    let _guard = guard;
                    oasync::yield_now().await;
                });
            }
        })
    }));
    assert_eq!(drops.load(Ordering::SeqCst), 20);
    assert_eq!(message(payload.unwrap_err()), "planned: a task");
}

#[test]
fn the_panic_of_the_body_goes_on_after_all_have_ended() {
    let lost = Arc::new(AtomicUsize::new(0));
    let count = lost.clone();
    let coord = Coordinator::builder()
        .workers(2)
        .on_panic(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .build()
        .unwrap();
    let drops = AtomicUsize::new(0);
    let payload = catch_unwind(AssertUnwindSafe(|| {
        coord.scope(|s| {
            let guard = Count(&drops);
            s.go(async move {
                let _guard = guard;
                for _ in 0..100 {
                    oasync::yield_now().await;
                }
                panic!("planned: a task");
            });
            panic!("planned: the body");
        })
    }));
    assert_eq!(drops.load(Ordering::SeqCst), 1);
    assert_eq!(message(payload.unwrap_err()), "planned: the body");
    assert_eq!(lost.load(Ordering::SeqCst), 1); // the other went to the hook
}

#[test]
fn a_panic_that_a_handle_takes_does_not_go_on() {
    let coord = coordinator(2);
    coord.scope(|s| {
        let task = s.spawn(async { panic!("planned: taken") });
        assert!(task.join().unwrap_err().is_panic());
    });
    let payload = catch_unwind(AssertUnwindSafe(|| {
        coord.scope(|s| {
            let task = s.spawn(async { panic!("planned: not taken") });
            while !task.is_finished() {
                oasync::block_on(oasync::yield_now());
            }
            drop(task);
        })
    }));
    assert_eq!(message(payload.unwrap_err()), "planned: not taken");
}

#[test]
fn a_result_that_panics_in_its_drop_stops_nothing() {
    struct Bomb<'a>(&'a AtomicUsize);
    impl Drop for Bomb<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            panic!("planned: the drop of a result");
        }
    }
    let coord = coordinator(2);
    let drops = AtomicUsize::new(0);
    coord.scope(|s| {
        s.go(async { Bomb(&drops) });
        // If the result is there already, its panic is the body's own.
        let task = s.spawn(async { Bomb(&drops) });
        let _ = catch_unwind(AssertUnwindSafe(|| drop(task)));
    });
    assert_eq!(drops.load(Ordering::SeqCst), 2);
    assert!(coord.metrics().panics() >= 1);
}

#[test]
fn a_shutdown_cancels_the_tasks_and_the_scope_returns() {
    let coord = started(2);
    let drops = AtomicUsize::new(0);
    let result = coord.scope(|s| {
        let waiting = s.spawn({
            let guard = Count(&drops);
            async move {
                let _guard = guard;
                pending::<()>().await;
            }
        });
        let handle = coord.handle();
        let closer = std::thread::spawn(move || handle.shutdown(Duration::from_millis(20)));
        let result = waiting.join();
        closer.join().unwrap();
        // Refused: dropped at once.
        let guard = Count(&drops);
        let refused = s.spawn(async move { drop(guard) });
        assert_eq!(drops.load(Ordering::SeqCst), 2);
        assert!(refused.join().unwrap_err().is_cancelled());
        result
    });
    assert!(result.unwrap_err().is_cancelled());
    // And a whole one after the shutdown.
    let n = coord.scope(|s| s.spawn(async { Count(&drops) }).join().is_err());
    assert!(n);
}

#[test]
fn shutdowns_at_any_moment_leave_nothing_borrowed() {
    for round in 0..100 {
        let coord = started(2);
        let handle = coord.handle();
        let barrier = Arc::new(Barrier::new(2));
        let theirs = barrier.clone();
        let closer = std::thread::spawn(move || {
            theirs.wait();
            if round % 2 == 0 {
                coord.shutdown(Duration::ZERO);
            }
            drop(coord);
        });
        let drops = AtomicUsize::new(0);
        handle.scope(|s| {
            barrier.wait();
            for n in 0..20 {
                let guard = Count(&drops);
                s.go(async move {
                    let _guard = guard;
                    if n % 2 == 0 {
                        pending::<()>().await;
                    }
                    oasync::yield_now().await;
                });
            }
        });
        assert_eq!(drops.into_inner(), 20);
        closer.join().unwrap();
    }
}

#[test]
fn cancelled_tasks_are_dropped_before_their_handle_says_so() {
    let coord = started(2);
    let drops = AtomicUsize::new(0);
    coord.scope(|s| {
        for _ in 0..100 {
            let guard = Count(&drops);
            let before = drops.load(Ordering::SeqCst);
            let mut task = s.spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            });
            task.cancel();
            assert!(task.join().unwrap_err().is_cancelled());
            assert_eq!(drops.load(Ordering::SeqCst), before + 1);
        }
    });
}

/// Gives its waker away and waits until it is called.
async fn show_waker(to: Arc<Mutex<Vec<Waker>>>) {
    let mut shown = false;
    std::future::poll_fn(move |cx: &mut Context<'_>| {
        if std::mem::replace(&mut shown, true) {
            return Poll::Ready(());
        }
        to.lock().unwrap().push(cx.waker().clone());
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[test]
fn wakers_kept_past_the_scope_are_harmless() {
    let coord = started(2);
    let wakers = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..50 {
        let borrowed = Box::new(AtomicUsize::new(0));
        coord.scope(|s| {
            for _ in 0..10 {
                let (wakers, guard) = (wakers.clone(), Count(&borrowed));
                s.go(async move {
                    show_waker(wakers).await;
                    drop(guard);
                });
            }
        });
        assert_eq!(borrowed.load(Ordering::SeqCst), 10);
    }
    let wakers = std::mem::take(&mut *wakers.lock().unwrap());
    assert_eq!(wakers.len(), 500);
    for waker in wakers {
        waker.wake_by_ref();
        waker.wake();
    }
}

/// Leaks `value`, in reach of a leak checker.
fn leak<T>(value: T) {
    static LEAKED: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    LEAKED.lock().unwrap().push(Box::into_raw(Box::new(value)) as usize);
}

#[test]
fn leaked_handles_are_harmless_and_their_results_are_never_touched() {
    let coord = started(2);
    for _ in 0..50 {
        let borrowed = Box::new(AtomicUsize::new(0));
        coord.scope(|s| {
            for n in 0..10 {
                let task = s.spawn(async {
                    oasync::yield_now().await;
                    Count(&borrowed)
                });
                if n % 2 == 0 {
                    leak(task);
                }
            }
        });
        assert_eq!(borrowed.load(Ordering::SeqCst), 5);
    }
}

#[test]
fn a_handle_dropped_while_its_task_ends_drops_the_result_once() {
    let coord = started(2);
    for round in 0..1_000 {
        let borrowed = Box::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        coord.scope(|s| {
            let guard = Count(&borrowed.0);
            let task = s.spawn(async {
                let _guard = guard;
                for _ in 0..round % 3 {
                    oasync::yield_now().await;
                }
                Count(&borrowed.1)
            });
            for _ in 0..round % 50 {
                std::hint::spin_loop();
            }
            drop(task);
        });
        assert_eq!((borrowed.0.into_inner(), borrowed.1.into_inner()), (1, 1));
    }
}

#[test]
fn scopes_on_many_threads_share_the_workers() {
    let coord = started(2);
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for _ in 0..200 {
                    let sum = AtomicUsize::new(0);
                    coord.scope(|s| {
                        for n in 0..8 {
                            s.go(async { drop(Count(&sum)) });
                            if n % 4 == 0 {
                                s.spawn(oasync::yield_now()).join().unwrap();
                            }
                        }
                    });
                    assert_eq!(sum.into_inner(), 8);
                }
            });
        }
    });
    eventually("none is alive", || coord.metrics().num_alive_tasks() == 0);
}

#[test]
fn a_group_in_a_scoped_task_is_dropped_with_it() {
    let coord = started(1);
    let children = Arc::new(AtomicUsize::new(0));
    coord.scope(|s| {
        let theirs = children.clone();
        let mut task = s.spawn(async move {
            let group = oasync::TaskGroup::<()>::new();
            let guard = common::CountDrop(theirs);
            group.spawn(async move {
                let _guard = guard;
                pending().await
            });
            pending::<()>().await;
        });
        eventually("the child waits", || coord.metrics().num_alive_tasks() == 2);
        task.cancel();
    });
    eventually("the child is gone", || children.load(Ordering::SeqCst) == 1);
}

fn is_send_and_sync<T: Send + Sync>(_: &T) {}

#[test]
fn scopes_and_handles_move_between_threads() {
    fn is_send<F: Future + Send>(future: F) -> F {
        future
    }
    oasync::scope(|s| {
        is_send_and_sync(s);
        let task = s.spawn(async { 1 });
        is_send_and_sync(&task);
        s.go(is_send(async move { assert_eq!(task.await.unwrap(), 1) }));
    });
}
