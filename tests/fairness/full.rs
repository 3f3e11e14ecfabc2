//! More tasks that yield without end than the workers' queues hold: the rest of them are in the
//! injector, and change places with those in the queues.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use futures_lite::future::block_on;

use crate::common::{LONG, without_help};

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

#[test]
fn what_comes_from_outside_to_a_full_queue_has_its_turn() {
    const FULL: usize = 256;
    let coord = without_help(1);
    let polls = Arc::new(AtomicUsize::new(0));
    let (tell, told) = mpsc::channel();
    let hogs: Vec<_> = (0..FULL)
        .map(|i| {
            let (polls, tell, handle) = (polls.clone(), tell.clone(), coord.handle());
            coord.spawn(async move {
                // The probe runs at the end of these if it is left out.
                for round in 0..200 {
                    let now = polls.fetch_add(1, Ordering::Relaxed);
                    if i == 0 && round == 10 {
                        let (polls, tell) = (polls.clone(), tell.clone());
                        let probe = async move {
                            tell.send(polls.load(Ordering::Relaxed) - now).unwrap();
                        };
                        // From outside, while the count stands still.
                        let handle = handle.clone();
                        thread::spawn(move || handle.go(probe)).join().unwrap();
                    }
                    oasync::yield_now().await;
                }
            })
        })
        .collect();
    coord.start().unwrap();
    hogs.into_iter().for_each(|hog| block_on(hog).unwrap());
    let waited = told.recv_timeout(LONG).unwrap();
    assert!(waited <= ROUNDS * FULL, "{waited} polls before it");
}
