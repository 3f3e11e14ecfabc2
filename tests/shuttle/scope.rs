//! Scopes: what borrows has ended when they return.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Ledger, check, coordinator, outside, started, wait};

#[test]
fn tasks_of_a_scope_have_ended_when_it_returns() {
    check(|| {
        let (coord, ledger) = (coordinator(2), Ledger::default());
        let beside = outside({
            let (handle, counted) = (coord.handle(), ledger.counted());
            move || handle.block_on(async move { drop(counted) })
        });
        let ended = AtomicUsize::new(0);
        let last = coord.scope(|scope| {
            let one = scope.spawn(async { ended.fetch_add(1, Ordering::SeqCst) });
            scope.go(async { ended.fetch_add(1, Ordering::SeqCst) });
            let _ = scope.spawn_blocking(|| ended.fetch_add(1, Ordering::SeqCst));
            one.join().unwrap()
        });
        assert!(last < 3);
        assert_eq!(ended.into_inner(), 3);
        beside.join().unwrap();
        ledger.end(coord);
    });
}

#[test]
fn a_scope_inside_a_task_and_one_inside_that_end() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let counted = ledger.counted();
        let task = coord.spawn(async move {
            let _counted = counted;
            let ended = AtomicUsize::new(0);
            oasync::scope(|scope| {
                scope.go(async {
                    oasync::scope(|inner| {
                        inner.go(async { ended.fetch_add(1, Ordering::SeqCst) });
                    });
                    assert!(ended.fetch_add(1, Ordering::SeqCst) >= 1);
                });
                scope.go(async { ended.fetch_add(1, Ordering::SeqCst) });
            });
            ended.into_inner()
        });
        assert_eq!(wait(task).unwrap(), 3);
        wait(ledger.settled());
        ledger.end(coord);
    });
}

#[test]
fn a_panic_leaves_a_scope_when_its_tasks_have_ended() {
    check(|| {
        let coord = started(2);
        let ended = AtomicUsize::new(0);
        for inside in [false, true] {
            let result = catch_unwind(AssertUnwindSafe(|| {
                coord.scope(|scope| {
                    scope.go(async { ended.fetch_add(1, Ordering::SeqCst) });
                    if inside {
                        scope.go(async { resume_unwind(Box::new("a panic")) });
                    } else {
                        resume_unwind(Box::new("a panic"));
                    }
                });
            }));
            assert_eq!(*result.unwrap_err().downcast::<&str>().unwrap(), "a panic");
            assert_eq!(ended.swap(0, Ordering::SeqCst), 1);
        }
        Ledger::default().end(coord);
    });
}
