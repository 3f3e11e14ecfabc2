//! The parts of the crate that the protocols of sleep and of the timers do not rest
//! on, as small as the real worker loop lets them be. For the models `idle` and
//! `timers`.
#![allow(dead_code)]

use crate::sync_facade::fence;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkerKind {
    Worker,
}

pub(crate) mod barrier {
    use super::fence;
    use crate::sync_facade::Ordering;

    pub(crate) fn light() {
        fence(Ordering::SeqCst);
    }

    pub(crate) fn heavy() {
        fence(Ordering::SeqCst);
    }
}

pub(crate) mod context {
    use std::cell::Cell;
    use std::task::Waker;

    use super::WorkerKind;
    use crate::seat::Seated;
    use crate::shared::Shared;
    use crate::sync_facade::{Arc, thread_local};

    thread_local! {
        static SEAT: Cell<Option<usize>> = Cell::new(None);
        static FOREIGN: Cell<bool> = Cell::new(false);
    }

    /// The wakers that this thread has are not the runtime's.
    pub(crate) fn have_foreign_wakers() {
        FOREIGN.with(|foreign| foreign.set(true));
    }

    pub(crate) fn call(f: impl FnOnce()) {
        f();
    }

    pub(crate) fn is_own_waker(_: &Waker) -> bool {
        !FOREIGN.with(Cell::get)
    }

    pub(crate) fn seat(shared: &Shared) -> Option<Seated<'_>> {
        // SAFETY: as in the real one.
        SEAT.with(Cell::get).map(|seat| unsafe { shared.seats[seat].seated() })
    }

    pub(crate) struct Entry<'a> {
        pub(crate) shared: &'a Arc<Shared>,
        index: usize,
        seat: Cell<Option<usize>>,
        pub(crate) searching: Cell<bool>,
        pub(crate) counted_out: Cell<bool>,
    }

    impl<'a> Entry<'a> {
        pub(crate) fn new(shared: &'a Arc<Shared>, _: WorkerKind, index: Option<usize>) -> Self {
            Entry {
                shared,
                index: index.unwrap(),
                seat: Cell::new(None),
                searching: Cell::new(false),
                counted_out: Cell::new(false),
            }
        }

        pub(crate) fn seated(&self) -> Option<Seated<'a>> {
            // SAFETY: as in the real one; the model notices two on one seat.
            self.seat.get().map(|seat| unsafe { self.shared.seats[seat].seated() })
        }

        pub(crate) fn sit(&self, seat: usize) {
            self.shared.taken(seat, true);
            self.seat.set(Some(seat));
            SEAT.with(|here| here.set(Some(seat)));
        }

        pub(crate) fn stand(&self) {
            if let Some(seat) = self.seat.take() {
                self.shared.taken(seat, false);
                SEAT.with(|here| here.set(None));
            }
        }

        pub(crate) fn preferred_seat(&self) -> usize {
            self.index
        }

        pub(crate) fn is_worker_thread(&self) -> bool {
            true
        }
    }
}

pub(crate) mod threads {
    use crate::idle::Promise;
    use crate::shared::Shared;

    /// Both workers run from the start, so no other starts.
    pub(crate) struct Threads;

    impl Threads {
        pub(crate) fn try_start(
            &self,
            _: &Shared,
            promise: Promise,
        ) -> Result<(), (Promise, Option<std::io::Error>)> {
            Err((promise, None))
        }

        pub(crate) fn count_in(&self) {}

        pub(crate) fn has_surplus(&self) -> bool {
            false
        }

        pub(crate) fn retire(&self) -> bool {
            false
        }
    }
}

/// No task is pinned.
pub(crate) mod pinned {
    use crate::context::Entry;

    pub(crate) fn ends_if(_: &Entry<'_>, may_end: impl FnOnce() -> bool) -> bool {
        may_end()
    }
}

pub(crate) mod task {
    pub(crate) use oasync_models::task::*;

    use crate::context::Entry;

    pub(crate) fn run(entry: &Entry<'_>, runnable: Runnable) {
        let id = runnable.run();
        (entry.shared.body)(entry, id);
        entry.shared.finish();
    }
}

pub(crate) mod shared {
    use std::any::Any;

    use crossbeam_utils::CachePadded;

    use super::threads::Threads;
    use crate::context::Entry;
    use crate::idle::{Idle, Vacated};
    use crate::parker::Parker;
    use crate::queue::injector::Injector;
    use crate::seat::Seat;
    use crate::sync_facade::{Arc, AtomicBool, AtomicUsize, Instant, Mutex, Ordering, lock};
    use crate::timers::Timers;

    pub(crate) struct Shared {
        pub(crate) seats: Box<[CachePadded<Seat>]>,
        pub(crate) injector: Injector,
        pub(crate) idle: Idle,
        pub(crate) threads: Threads,
        pub(crate) watcher: Watcher,
        pub(crate) timers: Timers,
        pub(crate) hooks: Hooks,
        pub(crate) over: AtomicBool,
        pub(crate) body: fn(&Entry<'_>, u64),
        left: AtomicUsize,
        done: Parker,
        /// Where each task sleeps until the other one runs too.
        met: [Parker; 2],
        taken: [std::sync::atomic::AtomicBool; 2],
        parked: Mutex<Vec<Arc<Parker>>>,
        kept: std::sync::Mutex<Vec<Box<dyn Any + Send>>>,
    }

    impl Shared {
        /// `tasks` have to [`finish`](Self::finish); `body` is what one does.
        pub(crate) fn new(seats: usize, tasks: usize, body: fn(&Entry<'_>, u64)) -> Arc<Self> {
            Arc::new(Shared {
                seats: (0..seats).map(|seat| CachePadded::new(Seat::new(seat))).collect(),
                injector: Injector::new(),
                idle: Idle::new(seats),
                threads: Threads,
                watcher: Watcher { refused: std::sync::atomic::AtomicBool::new(false) },
                timers: Timers::new(seats, Instant::now()),
                hooks: Hooks { thread_start: None },
                over: AtomicBool::new(false),
                body,
                left: AtomicUsize::new(tasks),
                done: Parker::new(),
                met: [Parker::new(), Parker::new()],
                taken: Default::default(),
                parked: Mutex::default(),
                kept: Default::default(),
            })
        }

        /// Called inside the polls of tasks 0 and 1: returns when both are in.
        pub(crate) fn meet(&self, id: u64) {
            self.met[1 - id as usize].unpark();
            self.met[id as usize].park(None);
        }

        /// Not seen by loom: keeps something to the end.
        pub(crate) fn keep(&self, value: impl Any + Send) {
            self.kept.lock().unwrap().push(Box::new(value));
        }

        pub(crate) fn finish(&self) {
            if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.done.unpark();
            }
        }

        pub(crate) fn wait_until_done(&self) {
            self.done.park(None);
            assert_eq!(self.left.load(Ordering::Relaxed), 0);
        }

        /// Not seen by loom: who sits where, to notice two on one seat.
        pub(crate) fn taken(&self, seat: usize, taken: bool) {
            let was = self.taken[seat].swap(taken, Ordering::SeqCst);
            assert_ne!(was, taken, "two threads on seat {seat}");
        }

        pub(crate) fn is_over(&self) -> bool {
            self.over.load(Ordering::Relaxed)
        }

        pub(crate) fn look_at_end(&self) {}

        /// The watcher is refused, so it matters who is parked.
        pub(crate) fn list_parked(&self, parker: Arc<Parker>) -> Option<Listed<'_>> {
            self.watcher.is_refused().then(|| {
                lock(&self.parked).push(parker.clone());
                Listed(self, parker)
            })
        }

        pub(crate) fn wake_parked(&self) {
            if self.watcher.is_refused() {
                lock(&self.parked).iter().for_each(|parker| parker.unpark());
            }
        }

        pub(crate) fn ensure_homes(&self) {}

        pub(crate) fn stamp_taken(&self, _: &Seat) {}

        pub(crate) fn vacate(&self, seat: usize, searching: bool) -> Vacated {
            self.idle.vacate(seat, searching)
        }
    }

    pub(crate) struct Listed<'a>(&'a Shared, Arc<Parker>);

    impl Drop for Listed<'_> {
        fn drop(&mut self) {
            lock(&self.0.parked).retain(|parker| !Arc::ptr_eq(parker, &self.1));
        }
    }

    /// Does nothing, refused or not.
    pub(crate) struct Watcher {
        /// Not seen by loom: set before all else.
        refused: std::sync::atomic::AtomicBool,
    }

    impl Watcher {
        pub(crate) fn refuse(&self) {
            self.refused.store(true, Ordering::SeqCst);
        }

        pub(crate) fn is_refused(&self) -> bool {
            self.refused.load(Ordering::SeqCst)
        }

        pub(crate) fn poke(&self, _: &Shared) {}

        pub(crate) fn vacated(&self, _: &Shared) {}

        pub(crate) fn try_again_later(&self, _: &Shared) -> bool {
            false
        }

        pub(crate) fn wake_for_timers(&self, _: &Shared) {}
    }

    pub(crate) struct Hooks {
        pub(crate) thread_start: Option<()>,
    }

    impl Hooks {
        pub(crate) fn contain(&self, f: impl FnOnce()) {
            f();
        }

        pub(crate) fn thread_started(&self, _: &()) {}

        pub(crate) fn thread_stops(&self, _: &()) {}
    }
}
