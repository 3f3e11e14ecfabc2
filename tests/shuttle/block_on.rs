//! Callers as workers, nested calls, `block_in_place`.

use oasync::{block_in_place, spawn};
use shuttle::sync::mpsc;

use crate::support::{Gate, Ledger, check, coordinator, outside, started, wait};

#[test]
fn two_callers_at_once_share_the_seat() {
    check(|| {
        let (coord, ledger) = (coordinator(1), Ledger::default());
        let callers: Vec<_> = (0..2)
            .map(|n| {
                let (handle, counted) = (coord.handle(), ledger.counted());
                outside(move || {
                    handle.block_on(async move {
                        let child = counted.again();
                        let _counted = counted;
                        let task = spawn(async move {
                            let _child = child;
                            n
                        });
                        task.await.unwrap()
                    })
                })
            })
            .collect();
        for (n, caller) in callers.into_iter().enumerate() {
            assert_eq!(caller.join().unwrap(), n);
        }
        ledger.close(coord);
    });
}

/// One caller leaves while the other, and the spawner, still need the seats.
#[test]
fn a_caller_that_leaves_hands_its_queue_on() {
    check(|| {
        let (coord, ledger) = (coordinator(2), Ledger::default());
        let gate = Gate::default();
        let caller = outside({
            let (handle, gate, counted) = (coord.handle(), gate.clone(), ledger.counted());
            move || {
                handle.block_on(async move {
                    for _ in 0..3 {
                        let (gate, counted) = (gate.clone(), counted.again());
                        oasync::go(async move {
                            let _counted = counted;
                            gate.open();
                        });
                    }
                });
            }
        });
        coord.block_on(gate.passed());
        caller.join().unwrap();
        // The rest is run by worker threads.
        wait(ledger.settled());
        ledger.end(coord);
    });
}

#[test]
fn a_nested_call_lets_the_others_run() {
    check(|| {
        let (coord, ledger) = (started(1), Ledger::default());
        let (handle, counted) = (coord.handle(), ledger.counted());
        let outer = coord.spawn(async move {
            let child = counted.again();
            let _counted = counted;
            handle.block_on(async move {
                let inner = spawn(async move {
                    let _child = child;
                    7
                });
                inner.await.unwrap()
            })
        });
        let other = coord.spawn(async {});
        assert_eq!(wait(outer).unwrap(), 7);
        wait(other).unwrap();
        ledger.close(coord);
    });
}

/// The thread comes back while others are on their way to the same seats: one of
/// them retires, maybe with a promise under way.
#[test]
fn a_thread_that_retires_leaves_no_promise_behind() {
    check(|| {
        let (coord, ledger) = (started(1), Ledger::default());
        let gates: [Gate; 2] = Default::default();
        let blocked: Vec<_> = gates
            .iter()
            .map(|gate| {
                let (gate, handle, counted) = (gate.clone(), coord.handle(), ledger.counted());
                coord.spawn(async move {
                    let _counted = counted;
                    handle.block_on(gate.passed());
                })
            })
            .collect();
        let opener = outside({
            let (handle, counted) = (coord.handle(), ledger.counted());
            move || {
                for gate in gates {
                    let counted = counted.again();
                    handle.go(async move { drop(counted) });
                    gate.open();
                }
                let last = counted.again();
                wait(handle.spawn(async move { drop(last) })).unwrap();
            }
        });
        blocked.into_iter().for_each(|task| wait(task).unwrap());
        opener.join().unwrap();
        wait(coord.spawn(async {})).unwrap();
        wait(ledger.settled());
        ledger.end(coord);
    });
}

#[test]
fn block_in_place_lets_the_task_that_it_waits_for_run() {
    check(|| {
        let (coord, ledger) = (started(1), Ledger::default());
        let counted = ledger.counted();
        let task = coord.spawn(async move {
            let (sender, receiver) = mpsc::channel();
            let child = counted.again();
            let _counted = counted;
            oasync::go(async move {
                let _child = child;
                sender.send(3).unwrap();
            });
            block_in_place(|| receiver.recv().unwrap())
        });
        assert_eq!(wait(task).unwrap(), 3);
        wait(ledger.settled());
        ledger.end(coord);
    });
}

/// The main future below is polled by the nested call above it.
#[test]
fn a_nested_call_advances_the_main_future_below() {
    check(|| {
        let (coord, ledger) = (coordinator(1), Ledger::default());
        let (first, second) = (Gate::default(), Gate::default());
        let handle = coord.handle();
        let counted = ledger.counted();
        coord.block_on(async {
            let task = spawn({
                let (first, second) = (first.clone(), second.clone());
                async move {
                    let _counted = counted;
                    first.open();
                    handle.block_on(second.passed());
                }
            });
            first.passed().await;
            second.open();
            task.await.unwrap();
        });
        ledger.close(coord);
    });
}
