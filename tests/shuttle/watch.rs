//! The watcher, and the thread that calls the hook for it, while time passes.

use std::time::Duration;

use oasync::{Builder, Coordinator, JoinHandle, TaskId, WorkerKind, spawn};
use shuttle::sync::{Mutex, mpsc};

use crate::support::{Ledger, check, ticks, wait, waits_for_a_closure};

fn builder(workers: usize) -> Builder {
    let builder = Coordinator::builder().workers(workers).blocking_threads(1);
    builder.keep_alive(Duration::from_secs(60)).stall_threshold(Duration::from_millis(1))
}

fn watched(workers: usize) -> Coordinator {
    let coord = builder(workers).build().unwrap();
    coord.start().unwrap();
    coord
}

/// Without a word: only the watcher can know.
#[test]
fn what_is_in_the_run_slot_of_a_stuck_worker_runs() {
    check(|| {
        let (coord, ledger) = (watched(1), Ledger::default());
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
        let (end, time) = ticks();
        wait(stuck).unwrap();
        end.open();
        time.join().unwrap();
        ledger.close(coord);
    });
}

#[test]
fn what_is_queued_behind_a_stuck_worker_runs() {
    check(|| {
        let (coord, ledger) = (watched(2), Ledger::default());
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
        let (end, time) = ticks();
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
        let (coord, ledger) = (watched(1), Ledger::default());
        let (end, time) = ticks();
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

/// The pool's only thread lends, if it meets the task while one worker is on its way to it
/// and the other one busy, and then waits for a closure.
#[test]
fn a_closure_that_a_lender_waits_for_runs() {
    check(|| {
        let (coord, ledger) = (watched(2), Ledger::default());
        let (end, time) = ticks();
        for _ in 0..2 {
            coord.gob(|| ());
            coord.go(async {});
            wait(coord.spawn(waits_for_a_closure(&coord, &ledger))).unwrap();
        }
        wait(ledger.settled());
        end.open();
        time.join().unwrap();
        ledger.end(coord);
    });
}

/// One may be seen at the moment at which the call for the other returns.
#[test]
fn the_hook_is_told_of_every_stall() {
    check(|| {
        let (call, calls) = mpsc::channel();
        let call = Mutex::new(call);
        let coord = builder(2).on_stall(move |stall| call.lock().unwrap().send(stall.id).unwrap());
        let (coord, ledger) = (coord.build().unwrap(), Ledger::default());
        coord.start().unwrap();
        let (end, time) = ticks();
        let stuck = [(); 2].map(|()| blocks_on_a_worker(&coord, &ledger));
        let mut untold: Vec<_> = stuck.iter().filter_map(Stuck::blocks).collect();
        while !untold.is_empty() {
            let told = calls.recv().unwrap();
            untold.retain(|&id| Some(id) != told);
        }
        for Stuck { task, told, .. } in stuck {
            drop(told);
            wait(task).unwrap();
        }
        end.open();
        time.join().unwrap();
        ledger.end(coord);
    });
}

struct Stuck {
    task: JoinHandle<()>,
    /// Whether it blocks.
    blocks: mpsc::Receiver<bool>,
    /// Until this is dropped.
    told: mpsc::Sender<()>,
}

impl Stuck {
    fn blocks(&self) -> Option<TaskId> {
        self.blocks.recv().unwrap().then(|| self.task.id())
    }
}

/// A task that blocks, unless a thread of the pool polls it: nobody watches those.
fn blocks_on_a_worker(coord: &Coordinator, ledger: &Ledger) -> Stuck {
    let ((say, blocks), (told, wait_for_it)) = (mpsc::channel(), mpsc::channel::<()>());
    let counted = ledger.counted();
    let task = coord.spawn(async move {
        let _counted = counted;
        let on_worker = oasync::worker_info().is_some_and(|info| info.kind() == WorkerKind::Worker);
        say.send(on_worker).unwrap();
        if on_worker {
            let _ = wait_for_it.recv();
        }
    });
    Stuck { task, blocks, told }
}
