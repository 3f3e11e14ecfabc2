//! The drop of a coordinator, against everything else.

use std::panic::resume_unwind;
use std::time::Duration;

use oasync::{Coordinator, Handle, JoinHandle, spawn, yield_now};

use crate::support::{Gate, Ledger, check, coordinator, outside, started, ticks, wait};

/// A handle resolves, to the value or to "cancelled".
fn resolves(handle: JoinHandle<usize>, value: usize) {
    match wait(handle) {
        Ok(got) => assert_eq!(got, value),
        Err(error) => assert!(error.is_cancelled()),
    }
}

fn spawner(handle: Handle, ledger: Ledger) -> impl FnOnce() + Send + 'static {
    move || {
        for n in 0..3 {
            let counted = ledger.counted();
            let task = handle.spawn(async move {
                let child = counted.again();
                let _counted = counted;
                oasync::go(async move {
                    let _child = child;
                    yield_now().await;
                });
                n
            });
            resolves(task, n);
        }
    }
}

#[test]
fn a_drop_against_foreign_spawns_resolves_each_handle() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let handle = coord.handle();
        let threads = [(); 2].map(|()| outside(spawner(coord.handle(), ledger.clone())));
        drop(coord);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(handle.metrics().num_alive_tasks(), 0);
        assert_eq!(ledger.made(), ledger.dropped());
    });
}

/// The last task may end while one that is refused still counts, and leave the closer
/// to it. (While the closer drains: later the workers look too.)
#[test]
fn a_closer_hears_of_the_end_beside_a_spawn_that_is_refused() {
    check(|| {
        let coord = started(1);
        let last = coord.spawn(yield_now());
        let spawner = outside({
            let handle = coord.handle();
            move || (0..3).for_each(|_| handle.go(async {}))
        });
        let report = coord.shutdown(Duration::from_secs(60));
        assert_eq!((report.cancelled, report.still_running.len()), (0, 0));
        wait(last).unwrap();
        spawner.join().unwrap();
        Ledger::default().end(coord);
    });
}

#[test]
fn a_drop_before_the_start_against_foreign_spawns_resolves_each_handle() {
    check(|| {
        let (coord, ledger) = (coordinator(1), Ledger::default());
        let (handle, starter) = (coord.handle(), coord.handle());
        let thread = outside(spawner(coord.handle(), ledger.clone()));
        let starter = outside(move || {
            let _ = starter.start();
        });
        // Who pushes before the start wakes nobody: the closer looks by itself.
        let (end, time) = ticks();
        drop(coord);
        end.open();
        time.join().unwrap();
        thread.join().unwrap();
        starter.join().unwrap();
        assert_eq!(handle.metrics().num_alive_tasks(), 0);
        assert_eq!(ledger.made(), ledger.dropped());
    });
}

#[test]
fn a_drop_against_foreign_closures_resolves_each_handle() {
    check(|| {
        let (coord, ledger) = (started(1), Ledger::default());
        let handle = coord.handle();
        let thread = outside({
            let (handle, ledger) = (coord.handle(), ledger.clone());
            move || {
                for n in 0..3 {
                    let counted = ledger.counted();
                    let closure = handle.spawn_blocking(move || {
                        let _counted = counted;
                        n
                    });
                    resolves(closure, n);
                }
            }
        });
        drop(coord);
        thread.join().unwrap();
        assert_eq!(handle.metrics().num_alive_tasks(), 0);
        assert_eq!(ledger.made(), ledger.dropped());
    });
}

#[test]
fn a_drop_drops_what_waits_and_what_yields() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let (waiting, counted) = (ledger.counted(), ledger.counted());
        coord.go(async move {
            let _counted = waiting;
            std::future::pending::<()>().await;
        });
        coord.go(async move {
            let child = counted.again();
            let _counted = counted;
            let waiting = spawn(async move {
                let _child = child;
                std::future::pending::<()>().await;
            });
            yield_now().await;
            let _ = waiting.await;
        });
        ledger.end(coord);
    });
}

/// (`resume_unwind`, so that the panic hook, which prints the schedule, is not called.)
#[test]
fn a_panic_against_the_drop_of_the_coordinator_hurts_nobody() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let gate = Gate::default();
        let panics = |end: &'static str| {
            let (gate, counted) = (gate.clone(), ledger.counted());
            async move {
                let _counted = counted;
                gate.passed().await;
                resume_unwind(Box::new(end));
            }
        };
        let joined = coord.spawn(panics("told to the handle"));
        coord.go(panics("told to nobody"));
        let opener = outside(move || gate.open());
        let waiter = outside(move || {
            let error = wait(joined).unwrap_err();
            assert!(error.is_panic() || error.is_cancelled());
        });
        ledger.end(coord);
        opener.join().unwrap();
        waiter.join().unwrap();
    });
}

/// The future is dropped by the coordinator's end, and spawns then.
#[test]
fn a_drop_that_spawns_is_refused() {
    struct Spawns(Handle, Ledger);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let counted = self.1.counted();
            let task = self.0.spawn(async move { drop(counted) });
            self.0.gob(|| ());
            drop(task);
        }
    }
    check(|| {
        let (coord, ledger) = (started(1), Ledger::default());
        let spawns = Spawns(coord.handle(), ledger.clone());
        let gate = Gate::default();
        coord.go({
            let gate = gate.clone();
            async move {
                let _spawns = spawns;
                gate.open();
                std::future::pending::<()>().await;
            }
        });
        wait(gate.passed());
        ledger.end(coord);
    });
}

/// Nobody joins the threads then; but they end, and the memory goes.
#[test]
fn the_last_owner_may_be_a_task_of_its_own() {
    check(|| {
        let (ledger, memory) = (Ledger::default(), Ledger::default());
        let kept = memory.counted();
        let builder = Coordinator::builder().workers(2);
        let coord = builder.on_panic(move |_| drop(kept.again())).build().unwrap();
        coord.start().unwrap();
        let handle = coord.handle();
        for _ in 0..2 {
            let counted = ledger.counted();
            coord.go(async move {
                let _counted = counted;
                std::future::pending::<()>().await;
            });
        }
        let counted = ledger.counted();
        handle.go(async move {
            let _counted = counted;
            drop(coord);
        });
        let spawner = outside(spawner(handle, ledger.clone()));
        wait(ledger.settled());
        spawner.join().unwrap();
        wait(memory.settled());
    });
}

/// A thread with a start hook hands its promise back while that runs.
#[test]
fn a_thread_that_starts_slowly_holds_up_nobody() {
    check(|| {
        let ledger = Ledger::default();
        let builder = Coordinator::builder().workers(2).on_thread_start(|_| {
            shuttle::thread::yield_now();
        });
        let coord = builder.build().unwrap();
        coord.start().unwrap();
        let spawner = outside(spawner(coord.handle(), ledger.clone()));
        let named = coord.task().name("named").spawn(async { 1 });
        assert_eq!(wait(named).unwrap(), 1);
        spawner.join().unwrap();
        wait(ledger.settled());
        ledger.end(coord);
    });
}
