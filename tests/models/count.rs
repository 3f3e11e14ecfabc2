//! The count of live tasks: never too small, no spawn slips in behind a closer,
//! and whoever has to hear of the end does.
//!
//! Counts and phase are `SeqCst` in the sources, which loom does not know; see
//! `oasync_models::sc`.

use loom::thread;
use oasync_models::{explore_with, task};

#[allow(dead_code)]
#[path = "../../src/count.rs"]
mod count;
#[allow(dead_code)]
#[path = "../../src/parker.rs"]
mod parker;
#[allow(dead_code)]
#[path = "../../src/phase.rs"]
mod phase;
#[allow(dead_code)]
#[path = "../../src/seat.rs"]
mod seat;

#[allow(dead_code)]
#[path = "../../src/queue"]
mod queue {
    pub(crate) mod local;
    pub(crate) mod run_slot;
}

mod sync_facade {
    pub(crate) use oasync_models::sc::{AtomicU8, AtomicU64};
    pub(crate) use oasync_models::sync_facade::*;
}

mod context {
    use std::cell::Cell;

    use crate::seat::Seated;
    use crate::shared::Shared;

    loom::thread_local! {
        pub(crate) static SEAT: Cell<Option<usize>> = Cell::new(None);
    }

    pub(crate) fn seat(shared: &Shared) -> Option<Seated<'_>> {
        // SAFETY: one thread at a time has the number, as the models arrange it.
        SEAT.with(Cell::get).map(|seat| unsafe { shared.seats[seat].seated() })
    }
}

mod shared {
    pub(crate) use crate::phase::{AtomicPhase, Phase};

    use crate::count::Foreign;
    use crate::parker::Parker;
    use crate::seat::Seat;
    use crate::sync_facade::{AtomicU64, Ordering};

    pub(crate) struct Shared {
        pub(crate) seats: [Seat; 2],
        pub(crate) foreign: Foreign,
        pub(crate) phase: AtomicPhase,
        pub(crate) close_depth: AtomicU64,
        pub(crate) closer: Parker,
        /// Not seen by loom.
        pub(crate) stopped: std::sync::atomic::AtomicBool,
    }

    impl Shared {
        pub(crate) fn wake_parked(&self) {
            self.closer.unpark();
        }

        pub(crate) fn stop(&self) {
            self.stopped.store(true, Ordering::SeqCst);
        }
    }
}

use shared::{AtomicPhase, Phase, Shared};
use std::sync::atomic::{AtomicBool, Ordering};
use sync_facade::{Arc, AtomicU64};

fn new(phase: Phase) -> Arc<Shared> {
    let shared = Shared {
        seats: [0, 1].map(seat::Seat::new),
        foreign: Default::default(),
        phase: AtomicPhase::new(),
        close_depth: AtomicU64::new(0),
        closer: parker::Parker::new(),
        stopped: AtomicBool::new(false),
    };
    shared.phase.advance(phase);
    Arc::new(shared)
}

/// A thread that sits on `seat`.
fn worker(seat: usize, f: impl FnOnce() + 'static) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        context::SEAT.with(|cell| cell.set(Some(seat)));
        f();
    })
}

/// A task spawns another on its seat and ends; the other one ends on another seat.
#[test]
fn nobody_counts_zero_while_a_task_is_alive() {
    explore_with("count, alive", 3, || {
        let shared = new(Phase::Running);
        assert!(shared.admit_from_outside(false));
        let ended = Arc::new(AtomicBool::new(false));
        let first = {
            let (shared, ended) = (shared.clone(), ended.clone());
            worker(0, move || {
                context::seat(&shared).unwrap().next_id(true);
                let second = {
                    let shared = shared.clone();
                    worker(1, move || {
                        ended.store(true, Ordering::SeqCst);
                        shared.count_finished(false);
                    })
                };
                shared.count_finished(false);
                second.join().unwrap();
            })
        };
        if shared.alive() == 0 {
            assert!(ended.load(Ordering::SeqCst), "counted zero while a task was alive");
        }
        first.join().unwrap();
        assert_eq!(shared.alive(), 0);
    });
}

/// A spawn from outside beside the announcement of the end.
#[test]
fn a_spawn_beside_the_end_is_refused_or_counted() {
    explore_with("count, admit", 3, || {
        let shared = new(Phase::Running);
        let spawner = {
            let shared = shared.clone();
            thread::spawn(move || shared.admit_from_outside(false))
        };
        shared.phase.advance(Phase::Draining);
        let nothing = shared.alive() == 0;
        let admitted = spawner.join().unwrap();
        assert!(!(nothing && admitted), "admitted behind the closer's back");
    });
}

/// While a closer waits, the last task ends beside a spawn that is refused, and
/// which each may take for a live one.
#[test]
fn the_closer_hears_of_the_end_beside_a_refused_spawn() {
    explore_with("count, refused", 3, || {
        let shared = new(Phase::Running);
        assert!(shared.admit_from_outside(false));
        shared.phase.advance(Phase::Draining);
        let threads = [
            {
                let shared = shared.clone();
                thread::spawn(move || shared.count_finished(false))
            },
            {
                let shared = shared.clone();
                thread::spawn(move || {
                    assert!(!shared.admit_from_outside(false));
                    // As `refuse` does.
                    shared.look_at_end();
                })
            },
        ];
        while shared.alive() > 0 {
            shared.closer.park(None);
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// The closer announced the end, and leaves: nobody looks at a clock any more.
/// One of the two, it or the last task, has to see that this was the last.
#[test]
fn the_last_end_beside_a_closer_that_leaves_stops_the_coordinator() {
    explore_with("count, stop", 3, || {
        let shared = new(Phase::Running);
        assert!(shared.admit_from_outside(false));
        let last = {
            let shared = shared.clone();
            thread::spawn(move || shared.count_finished(false))
        };
        shared.phase.advance(Phase::Cancelling);
        shared.look_at_end();
        last.join().unwrap();
        assert!(shared.stopped.load(Ordering::SeqCst), "nobody stopped it");
    });
}
