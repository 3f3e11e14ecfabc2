//! Names for tasks: numbers that no other task of the process has, of any
//! coordinator. The arena's safety rests on that.

use std::cell::Cell;
use std::fmt;
// No protocol: only that no number comes twice matters.
use std::sync::atomic::{AtomicU64, Ordering};

/// So many ids a seat or a thread takes at a time, so that spawning needs no atomic
/// read-modify-write for them.
const BLOCK: u64 = 1 << 12;

static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// For what is not spawned from a seat.
    static OWN: IdBlock = const { IdBlock::new() };
}

/// An id for a task that is not spawned from a seat.
pub(crate) fn fresh() -> u64 {
    OWN.with(IdBlock::next)
}

/// The ids that one seat or thread has left.
pub(crate) struct IdBlock {
    next: Cell<u64>,
    end: Cell<u64>,
}

impl IdBlock {
    pub(crate) const fn new() -> Self {
        IdBlock { next: Cell::new(0), end: Cell::new(0) }
    }

    pub(crate) fn next(&self) -> u64 {
        if self.next.get() == self.end.get() {
            // Relaxed: only that no number comes twice matters. 2^64 do not run out.
            let first = NEXT.fetch_add(BLOCK, Ordering::Relaxed);
            self.next.set(first);
            self.end.set(first + BLOCK);
        }
        let id = self.next.get();
        self.next.set(id + 1);
        id
    }
}

/// Names a task: unique in the process, over all coordinators, and never used
/// again.
///
/// The numbers say nothing about the order of spawning.
///
/// ```
/// let coord = oasync::Coordinator::new();
/// let (a, b) = (coord.spawn(async {}), coord.spawn(async {}));
/// assert_ne!(a.id(), b.id());
/// println!("spawned {} and {}", a.id(), b.id());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub(crate) u64);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskId({})", self.0)
    }
}
