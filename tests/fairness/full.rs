//! More tasks that yield without end than the workers' queues hold: the rest of them are in the
//! injector, and change places with those in the queues.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_lite::future::block_on;

use crate::common::without_help;

/// So many times as many polls as there are tasks, at most, are between two of a task.
const ROUNDS: usize = 4;

/// Polls each of `n` tasks a hundred times or so; returns how many polls, at most, were
/// between two of one of them, or before its first.
fn most_between(n: usize, inside: bool) -> usize {
    let coord = without_help(1);
    let (polls, end) = (Arc::new(AtomicUsize::new(0)), 100 * n);
    let task = move |_| {
        let polls = polls.clone();
        async move {
            let (mut most, mut last) = (0, 0);
            // Who is left out is polled at the end, when the others are done.
            while last < end {
                let now = polls.fetch_add(1, Ordering::Relaxed);
                most = most.max(now - last);
                last = now;
                oasync::yield_now().await;
            }
            most
        }
    };
    let tasks = if inside {
        let all = coord.spawn(async move { oasync::spawn_many((0..n).map(task)) });
        coord.start().unwrap();
        block_on(all).unwrap()
    } else {
        let tasks = (0..n).map(|i| coord.spawn(task(i))).collect();
        coord.start().unwrap();
        tasks
    };
    tasks.into_iter().map(|task| block_on(task).unwrap()).max().unwrap()
}

#[test]
fn each_of_more_tasks_than_a_queue_holds_waits_for_a_bounded_number_of_polls() {
    for n in [255, 256, 257, 300, 400, 600, 1000, 3000] {
        for inside in [false, true] {
            let most = most_between(n, inside);
            assert!(most <= ROUNDS * n, "{most} polls between two of one of {n} tasks");
        }
    }
}
