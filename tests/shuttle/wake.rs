//! Wake-ups, against everything that may happen to a task meanwhile.

use oasync::{spawn, yield_now};

use crate::support::{Gate, Ledger, breathe, check, coordinator, outside, started, wait};

#[test]
fn a_wake_from_outside_is_not_lost() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let gates = [Gate::default(), Gate::default()];
        let tasks: Vec<_> = (gates.iter().cloned())
            .map(|gate| {
                let counted = ledger.counted();
                coord.spawn(async move {
                    let _counted = counted;
                    gate.passed().await;
                })
            })
            .collect();
        let opens = |gate: Gate| {
            outside(move || {
                breathe();
                gate.open();
            })
        };
        let threads: Vec<_> = gates.into_iter().map(opens).collect();
        tasks.into_iter().for_each(|task| wait(task).unwrap());
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        ledger.close(coord);
    });
}

#[test]
fn a_pair_that_wake_each_other_goes_on() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let gates: [Gate; 6] = Default::default();
        let player = |first: usize| {
            let (gates, counted) = (gates.clone(), ledger.counted());
            async move {
                let _counted = counted;
                for pair in gates[first..].chunks_exact(2) {
                    pair[0].passed().await;
                    pair[1].open();
                }
            }
        };
        let (one, two) = (coord.spawn(player(0)), coord.spawn(player(1)));
        gates[0].open();
        wait(one).unwrap();
        wait(two).unwrap();
        ledger.close(coord);
    });
}

#[test]
fn a_cancel_against_the_end_of_the_task_resolves() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let (gate, counted) = (Gate::default(), ledger.counted());
        let task = coord.spawn({
            let gate = gate.clone();
            async move {
                let _counted = counted;
                yield_now().await;
                gate.passed().await;
                1
            }
        });
        let opener = outside(move || gate.open());
        match wait(task.cancel()) {
            Ok(value) => assert_eq!(value, 1),
            Err(error) => assert!(error.is_cancelled()),
        }
        assert_eq!(ledger.made(), ledger.dropped(), "cancelled, so dropped");
        opener.join().unwrap();
        ledger.close(coord);
    });
}

#[test]
fn a_task_cancels_another_that_cancels_it() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let (gate, counted) = (Gate::default(), ledger.counted());
        let victim = coord.spawn({
            let (gate, counted) = (gate.clone(), counted.again());
            async move {
                let _counted = counted;
                gate.passed().await;
            }
        });
        let killer = coord.spawn(async move {
            let _counted = counted;
            let _ = victim.cancel().await;
        });
        let opener = outside(move || gate.open());
        let _ = wait(killer.cancel());
        opener.join().unwrap();
        ledger.end(coord);
    });
}

/// The wakers are kept, and used, beyond the end of everything.
#[test]
fn a_wake_against_the_drop_of_the_coordinator_does_nothing() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let gate = Gate::default();
        for _ in 0..2 {
            let (gate, counted) = (gate.clone(), ledger.counted());
            coord.go(async move {
                let _counted = counted;
                gate.passed().await;
            });
        }
        let waker = outside({
            let gate = gate.clone();
            move || {
                let wakers = gate.wakers();
                wakers.iter().for_each(|waker| waker.wake_by_ref());
                gate.open();
            }
        });
        ledger.end(coord);
        waker.join().unwrap();
        gate.wakers().into_iter().for_each(|waker| waker.wake());
    });
}

/// The caller is the only worker when the wake comes, or is asleep by then.
#[test]
fn a_caller_is_woken_for_its_main_future_and_for_tasks() {
    check(|| {
        let (coord, ledger) = (coordinator(1), Ledger::default());
        let (gate, counted) = (Gate::default(), ledger.counted());
        let opener = outside({
            let (gate, handle) = (gate.clone(), coord.handle());
            let counted = counted.again();
            move || {
                handle.go(async move { drop(counted) });
                gate.open();
            }
        });
        coord.block_on(async {
            let task = spawn({
                let gate = gate.clone();
                async move {
                    let _counted = counted;
                    gate.passed().await;
                }
            });
            gate.passed().await;
            task.await.unwrap();
        });
        opener.join().unwrap();
        let last = coord.spawn(async {});
        coord.block_on(last).unwrap();
        ledger.end(coord);
    });
}
