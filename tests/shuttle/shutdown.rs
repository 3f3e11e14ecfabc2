//! `shutdown`, from everywhere at once.

use std::panic::resume_unwind;
use std::time::Duration;

use oasync::model::refuse_threads;
use oasync::{Coordinator, Handle, spawn, spawn_blocking};

use crate::support::{Gate, Ledger, check, coordinator, outside, started, ticks, wait};

/// Time stands still, so it never comes.
const LATER: Duration = Duration::from_secs(60);

fn over(coord: Coordinator, ledger: &Ledger) {
    assert_eq!(coord.metrics().num_alive_tasks(), 0, "nothing is alive after a shutdown");
    assert_eq!(ledger.made(), ledger.dropped());
    drop(coord);
}

#[test]
fn a_shutdown_with_time_lets_everything_finish() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let tasks = [(); 2].map(|()| {
            let counted = ledger.counted();
            coord.spawn(async move {
                let child = counted.again();
                let _counted = counted;
                spawn(async move { drop(child) }).await.unwrap();
                spawn_blocking(|| ()).await.unwrap();
            })
        });
        let report = coord.shutdown(LATER);
        // Some may have finished before it.
        assert!(report.finished <= 6 && report.cancelled == 0);
        tasks.into_iter().for_each(|task| wait(task).unwrap());
        over(coord, &ledger);
    });
}

#[test]
fn a_shutdown_without_time_drops_everything() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        for _ in 0..2 {
            let counted = ledger.counted();
            coord.go(async move {
                let child = counted.again();
                let _counted = counted;
                let _ = spawn(async move { drop(child) }).await;
                std::future::pending::<()>().await;
            });
        }
        let report = coord.shutdown(Duration::ZERO);
        assert!(report.still_running.is_empty());
        over(coord, &ledger);
    });
}

#[test]
fn shutdowns_from_several_threads_all_end() {
    check(|| {
        let (coord, ledger) = (started(1), Ledger::default());
        let counted = ledger.counted();
        coord.go(async move {
            let _counted = counted;
            std::future::pending::<()>().await;
        });
        let threads = [Duration::ZERO, Duration::ZERO].map(|limit| {
            let handle = coord.handle();
            outside(move || assert!(handle.shutdown(limit).still_running.is_empty()))
        });
        let report = coord.shutdown(Duration::ZERO);
        assert!(report.still_running.is_empty());
        over(coord, &ledger);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// The task cannot end before its shutdown does; the others have by then.
async fn shuts_down(handle: Handle, limit: Duration, ledger: Ledger) {
    let _counted = ledger.counted();
    let report = handle.shutdown(limit);
    assert!(report.still_running.is_empty());
}

#[test]
fn a_shutdown_inside_a_task_ends() {
    check(|| {
        let (coord, ledger) = (coordinator(2), Ledger::default());
        let counted = ledger.counted();
        coord.go(async move {
            let _counted = counted;
            std::future::pending::<()>().await;
        });
        let task = coord.spawn(shuts_down(coord.handle(), Duration::ZERO, ledger.clone()));
        coord.start().unwrap();
        wait(task).unwrap();
        ledger.end(coord);
    });
}

#[test]
fn shutdowns_inside_tasks_and_outside_at_once_end() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let tasks = [(); 2]
            .map(|()| coord.spawn(shuts_down(coord.handle(), Duration::ZERO, ledger.clone())));
        let handle = coord.handle();
        let thread = outside(move || assert!(handle.shutdown(LATER).still_running.is_empty()));
        ledger.end(coord);
        thread.join().unwrap();
        // Who comes too late is cancelled.
        let ends = tasks.map(wait);
        assert!(ends.iter().flat_map(|end| end.as_ref().err()).all(|error| error.is_cancelled()));
    });
}

/// The outer shutdown drops a future, in whose drop is another shutdown.
#[test]
fn a_shutdown_inside_a_shutdown_waits_for_the_others() {
    struct Again(Handle, Ledger, Gate);
    impl Drop for Again {
        fn drop(&mut self) {
            // Whatever is neither this future nor the one that shuts down first.
            assert!(self.0.shutdown(Duration::ZERO).still_running.is_empty());
            if self.1.made() == self.1.dropped() {
                self.2.open();
            }
        }
    }
    check(|| {
        let (coord, others) = (started(2), Ledger::default());
        let ready = Gate::default();
        for _ in 0..2 {
            let (counted, ready) = (others.counted(), ready.clone());
            coord.go(async move {
                let _counted = counted;
                ready.passed().await;
                std::future::pending::<()>().await;
            });
        }
        let gone = Gate::default();
        let again = Again(coord.handle(), others.clone(), gone.clone());
        coord.go(async move {
            let _again = again;
            std::future::pending::<()>().await;
        });
        let shutdown = shuts_down(coord.handle(), Duration::ZERO, Ledger::default());
        let outer = coord.spawn(async move {
            // Without a thread that drops what is queued, it does so itself.
            refuse_threads(true);
            shutdown.await
        });
        ready.open();
        let _ = wait(outer);
        others.end(coord);
        assert!(gone.is_open(), "the others were gone after the inner shutdown");
    });
}

#[test]
fn panics_against_a_shutdown_hurt_nobody() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        for _ in 0..2 {
            let counted = ledger.counted();
            coord.go(async move {
                let _counted = counted;
                resume_unwind(Box::new("a panic"));
            });
        }
        let counted = ledger.counted();
        let closure = coord.spawn_blocking(move || {
            let _counted = counted;
            resume_unwind(Box::new("a panic"));
        });
        let report = coord.shutdown(LATER);
        assert!(report.finished <= 3 && report.cancelled == 0);
        assert!(wait(closure).unwrap_err().is_panic());
        over(coord, &ledger);
    });
}

/// The time of a shutdown comes at any moment.
#[test]
fn a_limit_that_passes_cancels_the_rest() {
    check(|| {
        let (coord, ledger) = (started(1), Ledger::default());
        let counted = ledger.counted();
        coord.go(async move {
            let child = counted.again();
            let _counted = counted;
            let _ = spawn(async move { drop(child) }).await;
            std::future::pending::<()>().await;
        });
        let (end, time) = ticks();
        let report = coord.shutdown(Duration::from_micros(1200));
        end.open();
        time.join().unwrap();
        assert!(report.still_running.len() <= 1);
        ledger.end(coord);
    });
}
