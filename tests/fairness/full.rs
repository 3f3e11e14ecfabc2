//! More tasks that yield without end than the workers' queues hold: the rest of them are in the
//! injector, and change places with those in the queues.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use futures_lite::future::block_on;

use crate::common::{LONG, in_time, without_help};

/// So many times as many polls as there are tasks, at most, are between two of a task: a look
/// takes as many as have left the queue since the one before; but the lanes of the injector
/// have their turn by turns, and of a block what does not fit goes to the back.
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

/// Counts, spawns its like, and ends.
fn chain(polls: Arc<AtomicUsize>, stop: Arc<AtomicBool>) {
    oasync::go(async move {
        polls.fetch_add(1, Ordering::Relaxed);
        if !stop.load(Ordering::Relaxed) {
            chain(polls, stop);
        }
    });
}

#[test]
fn a_task_from_outside_has_its_turn_while_spawns_fill_the_queue() {
    for n in [250, 255, 256, 257, 300, 600] {
        let coord = without_help(1);
        let (polls, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        for _ in 0..n {
            let (polls, stop) = (polls.clone(), stop.clone());
            coord.go(async move { chain(polls, stop) });
        }
        coord.start().unwrap();
        for _ in 0..20 {
            let (handle, before, now) = (coord.handle(), polls.clone(), polls.clone());
            // While the only worker is held in a poll, so that the count stands still.
            let held = coord.spawn(async move {
                let spawn = move || handle.spawn(async move { now.load(Ordering::Relaxed) });
                let probe = thread::spawn(spawn).join().unwrap();
                (before.load(Ordering::Relaxed), probe)
            });
            let waited = in_time(move || {
                let (before, probe) = block_on(held).unwrap();
                block_on(probe).unwrap() - before
            });
            // A look takes one at least, of each lane in its turn.
            assert!(waited <= 2 * 61 * n, "{waited} polls beside {n} that spawn their like");
        }
        stop.store(true, Ordering::Relaxed);
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
