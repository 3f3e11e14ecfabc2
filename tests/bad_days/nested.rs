//! `block_on` inside of `block_on`, and polls that are entered again.

use std::cell::Cell;
use std::collections::HashSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread::{self, ThreadId};

use oasync::Coordinator;

use crate::common::coordinator;
use crate::{in_time, wait};

const DEEP: usize = 1_000;

/// So much stack for a level is enough, also without optimisations.
const STACK: usize = 16 * 1024;

#[test]
fn main_futures_a_thousand_deep_take_stack_and_no_threads() {
    fn dive(coord: &Coordinator, depth: usize) -> usize {
        if depth == 0 {
            return coord.metrics().num_worker_threads();
        }
        coord.block_on(async { dive(coord, depth - 1) })
    }
    in_time("deep main futures", || {
        let thread = thread::Builder::new().stack_size(DEEP * STACK);
        let dived = thread.spawn(|| {
            let coord = coordinator(2);
            dive(&coord, DEEP)
        });
        assert!(dived.unwrap().join().unwrap() <= 2);
    });
}

#[test]
fn tasks_a_thousand_deep_take_a_thread_each() {
    /// Returns how many tasks there are at the deepest, and the threads of all.
    fn dive(coord: Arc<Coordinator>, depth: usize) -> (u64, HashSet<ThreadId>) {
        let (tasks, mut threads) = if depth == 0 {
            (coord.metrics().num_alive_tasks(), HashSet::new())
        } else {
            let coord = coord.clone();
            oasync::block_on(oasync::spawn(async move { dive(coord, depth - 1) })).unwrap()
        };
        threads.insert(thread::current().id());
        (tasks, threads)
    }
    in_time("deep tasks", || {
        let builder = Coordinator::builder().workers(2).stack_size(256 * 1024);
        let coord = Arc::new(builder.build().unwrap());
        coord.start().unwrap();
        let task = coord.spawn({
            let coord = coord.clone();
            async move { dive(coord, DEEP) }
        });
        let (tasks, threads) = wait(task).unwrap();
        assert_eq!((tasks as usize, threads.len()), (DEEP + 1, DEEP + 1), "all were there at once");
        // The threads too many leave, and the coordinator goes on.
        crate::common::eventually("two are left", || coord.metrics().num_worker_threads() <= 2);
        assert_eq!(wait(coord.spawn(async { 1 })).unwrap(), 1);
    });
}

#[test]
fn a_main_future_is_never_entered_twice() {
    in_time("a main future that is woken while it blocks", || {
        let coord = coordinator(2);
        let (inside, rounds) = (Cell::new(0), Cell::new(0));
        coord.block_on(poll_fn(|cx| {
            inside.set(inside.get() + 1);
            assert_eq!(inside.get(), 1, "entered again");
            // Woken while it is polled, before, during and after a nested call.
            cx.waker().wake_by_ref();
            let waker = cx.waker().clone();
            oasync::block_on(async {
                waker.wake_by_ref();
                let waker = waker.clone();
                oasync::spawn(async move { waker.wake() }).await.unwrap();
                oasync::yield_now().await;
            });
            cx.waker().wake_by_ref();
            inside.set(inside.get() - 1);
            rounds.set(rounds.get() + 1);
            if rounds.get() < 100 { Poll::Pending } else { Poll::Ready(()) }
        }));
        assert_eq!((inside.get(), rounds.get()), (0, 100));
    });
}

#[test]
fn a_task_is_never_entered_twice() {
    in_time("a task that is woken while it blocks", || {
        let coord = coordinator(2);
        let inside = Arc::new(AtomicUsize::new(0));
        let mut rounds = 0;
        let entered = inside.clone();
        let task = coord.spawn(poll_fn(move |cx| {
            assert_eq!(entered.fetch_add(1, Ordering::SeqCst), 0, "entered again");
            cx.waker().wake_by_ref();
            let waker = cx.waker().clone();
            oasync::block_on(async {
                oasync::spawn(async move { waker.wake() }).await.unwrap();
            });
            cx.waker().wake_by_ref();
            assert_eq!(entered.fetch_sub(1, Ordering::SeqCst), 1);
            rounds += 1;
            if rounds < 100 { Poll::Pending } else { Poll::Ready(rounds) }
        }));
        assert_eq!(coord.block_on(task).unwrap(), 100);
        assert_eq!(inside.load(Ordering::SeqCst), 0);
    });
}
