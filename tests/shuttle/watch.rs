//! The watcher, while time passes.

use std::time::Duration;

use oasync::model::advance;
use oasync::{Coordinator, spawn};
use shuttle::sync::mpsc;

use crate::support::{Gate, Ledger, check, outside, wait};

fn watched(workers: usize) -> Coordinator {
    let builder = Coordinator::builder().workers(workers).blocking_threads(1);
    let builder = builder.keep_alive(Duration::from_secs(60));
    let coord = builder.stall_threshold(Duration::from_millis(1)).build().unwrap();
    coord.start().unwrap();
    coord
}

/// Lets ticks pass until the end.
fn ticks(end: &Gate) -> shuttle::thread::JoinHandle<()> {
    let end = end.clone();
    outside(move || {
        while !end.is_open() {
            advance(Duration::from_micros(500));
            shuttle::thread::yield_now();
        }
    })
}

/// Without a word: only the watcher can know.
#[test]
fn what_is_in_the_run_slot_of_a_stuck_worker_runs() {
    check(|| {
        let (coord, ledger, end) = (watched(1), Ledger::default(), Gate::default());
        let counted = ledger.counted();
        let stuck = coord.spawn(async move {
            let (sender, receiver) = mpsc::channel();
            let _counted = counted.again();
            // Into the run slot.
            let next = spawn(async move {
                let _counted = counted;
                sender.send(()).unwrap();
            });
            receiver.recv().unwrap();
            next.await.unwrap();
        });
        let time = ticks(&end);
        wait(stuck).unwrap();
        end.open();
        time.join().unwrap();
        ledger.close(coord);
    });
}

#[test]
fn what_is_queued_behind_a_stuck_worker_runs() {
    check(|| {
        let (coord, ledger, end) = (watched(2), Ledger::default(), Gate::default());
        let stuck: Vec<_> = (0..2)
            .map(|_| {
                let counted = ledger.counted();
                coord.spawn(async move {
                    let (sender, receiver) = mpsc::channel();
                    for _ in 0..2 {
                        let (counted, sender) = (counted.again(), sender.clone());
                        oasync::go(async move {
                            let _counted = counted;
                            let _ = sender.send(());
                        });
                    }
                    let _counted = counted;
                    receiver.recv().unwrap();
                    receiver.recv().unwrap();
                })
            })
            .collect();
        let time = ticks(&end);
        stuck.into_iter().for_each(|task| wait(task).unwrap());
        wait(ledger.settled());
        end.open();
        time.join().unwrap();
        ledger.end(coord);
    });
}

/// It falls asleep, and is woken, while nothing is stuck.
#[test]
fn a_watcher_that_falls_asleep_misses_no_stuck_worker() {
    check(|| {
        let (coord, ledger, end) = (watched(1), Ledger::default(), Gate::default());
        let time = ticks(&end);
        for _ in 0..2 {
            wait(coord.spawn(async {})).unwrap();
            let counted = ledger.counted();
            let stuck = coord.spawn(async move {
                let (sender, receiver) = mpsc::channel();
                oasync::go(async move { sender.send(counted).unwrap() });
                drop(receiver.recv().unwrap());
            });
            wait(stuck).unwrap();
        }
        end.open();
        time.join().unwrap();
        ledger.end(coord);
    });
}
