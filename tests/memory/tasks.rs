//! Tasks: at once, in sequence, in bursts.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use futures_lite::future::block_on;
use oasync::{Coordinator, JoinHandle};

use crate::alone;
use crate::common::counting::live;
use crate::common::tally::{SCALE, Tally};
use crate::common::{LONG, started, within};

#[track_caller]
fn eventually(what: &str, done: impl FnMut() -> bool) {
    within(2 * LONG, what, done);
}

struct Memory {
    asked_for: usize,
    /// `None` where the system does not tell.
    resident: Option<usize>,
}

impl Memory {
    fn now() -> Self {
        Memory { asked_for: live(), resident: resident() }
    }

    #[track_caller]
    fn assert_grown_less(&self, asked_for: usize, resident: usize) {
        let now = Memory::now();
        let grown = now.asked_for.saturating_sub(self.asked_for);
        assert!(grown < asked_for, "{grown} bytes more are asked for");
        if let (Some(before), Some(now)) = (self.resident, now.resident) {
            let grown = now.saturating_sub(before);
            assert!(grown < resident, "{grown} bytes more are resident");
        }
    }
}

fn resident() -> Option<usize> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kilobytes: usize = line.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    Some(kilobytes * 1024)
}

/// Tasks that all wait at once, and then end.
fn all_at_once(coord: &Coordinator, n: u64) {
    let tally = Tally::default();
    let open = Arc::new(AtomicBool::new(false));
    let wakers = Arc::new(Mutex::new(Vec::new()));
    let tasks: Vec<JoinHandle<u64>> = (0..n)
        .map(|i| {
            let (open, wakers, tally) = (open.clone(), wakers.clone(), tally.clone());
            coord.spawn(async move {
                poll_fn(|cx| {
                    if open.load(Ordering::SeqCst) {
                        return Poll::Ready(());
                    }
                    wakers.lock().unwrap().push(cx.waker().clone());
                    Poll::Pending
                })
                .await;
                tally.add(i);
                i
            })
        })
        .collect();
    eventually("all wait", || wakers.lock().unwrap().len() as u64 == n);
    assert_eq!(coord.metrics().num_alive_tasks(), n);
    assert_eq!(tally.count(), 0, "none has ended");
    open.store(true, Ordering::SeqCst);
    for waker in std::mem::take(&mut *wakers.lock().unwrap()) {
        waker.wake();
    }
    let sum: u64 = coord.block_on(async {
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, n * (n - 1) / 2);
    tally.assert_all(n);
    eventually("no task is alive", || coord.metrics().num_alive_tasks() == 0);
}

#[test]
fn a_million_alive_at_once_leave_nothing() {
    const ROUNDS: usize = 12;
    alone(|| {
        let n = 100_000 * SCALE;
        let at_first = live();
        let coord = started(2);
        all_at_once(&coord, n);
        // The registry keeps room for as many as each worker ever had, and their shares differ
        // from round to round. A leak would show in each.
        let mut all_grown = Vec::new();
        while all_grown.last().is_none_or(|&grown| grown >= 1 << 16) {
            assert!(all_grown.len() < ROUNDS, "so much more after each round: {all_grown:?}");
            let before = live();
            all_at_once(&coord, n);
            all_grown.push(live().saturating_sub(before));
        }
        drop(coord);
        let left = live().saturating_sub(at_first);
        assert!(left < 1 << 16, "{left} bytes are left of {n} tasks");
    });
}

#[test]
fn ten_million_in_sequence_take_no_more_memory() {
    alone(|| {
        let n = 1_000_000 * SCALE;
        let coord = started(2);
        let in_sequence = |n: u64| {
            let tally = Tally::default();
            let all = tally.clone();
            let driver = coord.spawn(async move {
                for i in 0..n {
                    let tally = all.clone();
                    // Every other one waits, and so goes through the registry.
                    let task = oasync::spawn(async move {
                        if i % 2 == 0 {
                            oasync::yield_now().await;
                        }
                        tally.add(i);
                        i
                    });
                    assert_eq!(task.await.unwrap(), i);
                }
            });
            block_on(driver).unwrap();
            tally.assert_all(n);
        };
        in_sequence(n / 10);
        let before = Memory::now();
        in_sequence(n - n / 10);
        before.assert_grown_less(1 << 18, 8 << 20);
    });
}

#[test]
fn bursts_take_no_more_memory() {
    alone(|| {
        let coord = started(2);
        let burst = || {
            let tally = Tally::default();
            for i in 0..20_000 {
                let tally = tally.clone();
                coord.go(async move { tally.add(i) });
            }
            eventually("no task is alive", || coord.metrics().num_alive_tasks() == 0);
            tally.assert_all(20_000);
        };
        (0..10).for_each(|_| burst());
        let before = Memory::now();
        (0..5 * SCALE).for_each(|_| burst());
        before.assert_grown_less(1 << 18, 32 << 20);
    });
}
