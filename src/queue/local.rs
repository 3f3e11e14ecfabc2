//! The local queue: a bounded FIFO ring that its seat's owner pushes to and
//! pops from, and that anyone may steal from.
//!
//! The ring is `st3`'s. What it does not tell is its length as seen from
//! another thread, which the idle protocol and the metrics need, so three
//! counters run along: `pushed` and `popped`, written by the owner alone, and
//! `stolen`. They are read in the order `stolen`, `popped`, `pushed`: what was
//! taken out before the read was also put in before it, so the length is never
//! too small at the moment `popped` is read.
//!
//! `pushed` is raised after the push, so a thief may count a runnable out that is not
//! counted in yet. Nothing that is counted in is left then, for the ring is first in, first
//! out; and the owner has not told of the rest yet (P2 comes after a push, the end of the
//! search after a steal). So the length is zero, not below.

use st3::StealError;

use crate::sync_facade::ring::{Stealer, Worker};
use crate::sync_facade::{AtomicU64, Ordering, bound};
use crate::task::Runnable;

/// Runnables that a local queue holds.
pub(crate) const CAPACITY: usize = bound(256, 4) as usize;

/// The half of a local queue that anyone may use.
pub(crate) struct Shared {
    stealer: Stealer<Runnable>,
    pushed: AtomicU64,
    popped: AtomicU64,
    stolen: AtomicU64,
}

/// The half of a local queue that only the seat's owner may use.
pub(crate) struct Owner {
    ring: Worker<Runnable>,
}

pub(crate) fn new() -> (Owner, Shared) {
    let ring = Worker::new(CAPACITY);
    let shared = Shared {
        stealer: ring.stealer(),
        pushed: AtomicU64::new(0),
        popped: AtomicU64::new(0),
        stolen: AtomicU64::new(0),
    };
    (Owner { ring }, shared)
}

impl Owner {
    /// Appends `runnable`, or gives it back if the ring is full.
    #[inline]
    pub(crate) fn push(&self, shared: &Shared, runnable: Runnable) -> Result<(), Runnable> {
        self.ring.push(runnable)?;
        shared.count_pushed(1);
        Ok(())
    }
    #[inline]
    pub(crate) fn pop(&self, shared: &Shared) -> Option<Runnable> {
        let runnable = self.ring.pop()?;
        shared.count_popped(1);
        Some(runnable)
    }

    /// Takes half of the ring out, oldest first, to make room.
    pub(crate) fn split(&self, shared: &Shared) -> Vec<Runnable> {
        match self.ring.drain(|len| len.div_ceil(2)) {
            Ok(half) => {
                let half: Vec<Runnable> = half.collect();
                shared.count_popped(half.len() as u64);
                half
            }
            // A thief is making room meanwhile.
            Err(StealError::Busy | StealError::Empty) => Vec::new(),
        }
    }

    /// How many runnables can be pushed for sure.
    pub(crate) fn room(&self) -> usize {
        self.ring.spare_capacity()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Takes half of `victim`'s queue: one to run, and the rest comes here. None if it is
    /// empty, or another thief is at it.
    pub(crate) fn steal_from(&self, shared: &Shared, victim: &Shared) -> Option<Runnable> {
        let stolen = victim.stealer.steal_and_pop(&self.ring, |len| len.div_ceil(2));
        let (runnable, moved) = stolen.ok()?;
        shared.count_pushed(moved as u64);
        victim.count_stolen(moved as u64 + 1);
        Some(runnable)
    }
}

impl Shared {
    /// Owner only, as `count_popped`: with one writer no read-modify-write is
    /// needed.
    #[inline]
    fn count_pushed(&self, n: u64) {
        // Relaxed: what follows every push (P2, or the end of a search) makes it
        // visible to whoever looks again before sleeping.
        self.pushed.store(self.pushed.load(Ordering::Relaxed) + n, Ordering::Relaxed);
    }

    #[inline]
    fn count_popped(&self, n: u64) {
        // Release: meets the Acquire in `len`, which then sees the pushes before.
        self.popped.store(self.popped.load(Ordering::Relaxed) + n, Ordering::Release);
    }

    fn count_stolen(&self, n: u64) {
        // Release: as above, for what the ring let this thief see.
        self.stolen.fetch_add(n, Ordering::Release);
    }

    /// Takes one runnable without moving others; none as in `steal_from`. `spare` is the
    /// caller's own, and empty.
    pub(crate) fn steal_one(&self, spare: &Worker<Runnable>) -> Option<Runnable> {
        let (runnable, moved) = self.stealer.steal_and_pop(spare, |_| 1).ok()?;
        debug_assert_eq!(moved, 0, "asked for one");
        self.count_stolen(1);
        Some(runnable)
    }

    /// How many runnables are queued; never too few (see the top of the file).
    pub(crate) fn len(&self) -> usize {
        // Acquire: meets the Releases in `count_stolen` and `count_popped`; and each read
        // stays before the next.
        let stolen = self.stolen.load(Ordering::Acquire);
        let popped = self.popped.load(Ordering::Acquire);
        // Relaxed: nothing comes after it.
        let pushed = self.pushed.load(Ordering::Relaxed);
        pushed.saturating_sub(popped + stolen) as usize
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
