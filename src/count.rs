//! How many tasks are alive, and who hears of the last one's end.
//!
//! What is spawned or ends on a seat is counted there, the rest by [`Foreign`].

use crate::context;
use crate::seat::bump;
use crate::shared::{Phase, Shared};
use crate::sync_facade::{AtomicU64, Ordering, fence};

#[derive(Default)]
pub(crate) struct Foreign {
    pub(crate) spawned: AtomicU64,
    pub(crate) finished: AtomicU64,
    pub(crate) cancelled: AtomicU64,
}

impl Shared {
    /// Counts a task that is not spawned from a seat, or refuses it.
    ///
    /// It counts first and looks at the phase second, both sequentially
    /// consistent, as the closer sets the phase first and counts second: one of
    /// the two sees the other. A refused task is not counted, so that no closer
    /// waits for it.
    pub(crate) fn admit_from_outside(&self, inside: bool) -> bool {
        self.foreign.spawned.fetch_add(1, Ordering::SeqCst);
        let closed = if inside { Phase::Cancelling } else { Phase::Draining };
        let admitted = self.phase.load(Ordering::SeqCst) < closed;
        if !admitted {
            // The last task may have ended between the two, and been taken for the
            // last but one: `refuse` looks at the end after this.
            self.foreign.spawned.fetch_sub(1, Ordering::SeqCst);
        }
        admitted
    }

    /// How many futures and closures are alive, never too few.
    ///
    /// All the ends are read before all the spawns: at the moment between, there
    /// were at most this many. Spawns are written before the end of the task
    /// that made them (Release), and ends are read with Acquire, so whoever
    /// counts a spawner's end counts its spawns too. For those from outside (SeqCst) see
    /// [`admit_from_outside`](Self::admit_from_outside).
    pub(crate) fn alive(&self) -> u64 {
        let seats = || self.seats.iter().map(|seat| &seat.counters);
        let finished: u64 = seats().map(|c| c.finished.load(Ordering::Acquire)).sum();
        let finished = finished + self.foreign.finished.load(Ordering::SeqCst);
        let spawned: u64 = seats().map(|c| c.spawned.load(Ordering::Relaxed)).sum();
        let spawned = spawned + self.foreign.spawned.load(Ordering::SeqCst);
        spawned.saturating_sub(finished)
    }

    /// A task's future is gone.
    pub(crate) fn count_finished(&self, cancelled: bool) {
        if cancelled {
            // Relaxed: the count of the end, which follows, publishes it.
            self.foreign.cancelled.fetch_add(1, Ordering::Relaxed);
        }
        let phase = match context::seat(self) {
            Some(seat) => {
                // Release: meets the Acquire in `alive`.
                bump(&seat.counters.finished, 1, Ordering::Release);
                // Relaxed, and so perhaps too early: a worker looks again before
                // it sleeps (`rest`).
                self.phase.load(Ordering::Relaxed)
            }
            None => {
                self.foreign.finished.fetch_add(1, Ordering::SeqCst);
                // SeqCst: a closer announces the phase first and counts second, so
                // one of the two sees the other. Nobody may look after it.
                self.phase.load(Ordering::SeqCst)
            }
        };
        if phase >= Phase::Draining {
            self.look_at_end();
        }
    }

    /// Wakes those who wait for the end, if it may have come.
    #[cold]
    pub(crate) fn look_at_end(&self) {
        fence(Ordering::SeqCst);
        let alive = self.alive();
        if alive <= self.close_depth.load(Ordering::SeqCst) {
            self.wake_parked();
        }
        // SeqCst: as in `count_finished`.
        if alive == 0 && self.phase.load(Ordering::SeqCst) >= Phase::Cancelling {
            self.stop();
        }
    }
}
