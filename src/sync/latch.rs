//! A latch: opens when it has been counted down.

use std::fmt;

use super::gate::{Gate, Wait, wake_all};
use crate::sync_facade::{AtomicUsize, Ordering};

/// Opens for good when it has been counted down to 0. Everyone who waits for it goes on
/// then, and whoever comes later passes at once.
///
/// For what happens again and again, take a [`Barrier`](super::Barrier).
///
/// ```
/// use std::sync::Arc;
/// use oasync::sync::Latch;
///
/// oasync::block_on(async {
///     let ready = Arc::new(Latch::new(3));
///     for _ in 0..3 {
///         let ready = ready.clone();
///         oasync::go(async move { ready.count_down() });
///     }
///     ready.wait().await; // until all three are
/// });
/// ```
pub struct Latch {
    missing: AtomicUsize,
    gate: Gate,
}

impl Latch {
    /// A latch that opens after `count` calls of [`count_down`](Self::count_down);
    /// with 0 it is open. Also in a `static`:
    ///
    /// ```
    /// static STARTED: oasync::sync::Latch = oasync::sync::Latch::new(1);
    ///
    /// std::thread::spawn(|| STARTED.count_down());
    /// STARTED.wait_blocking();
    /// ```
    pub const fn new(count: usize) -> Self {
        Latch { missing: AtomicUsize::new(count), gate: Gate::new(count == 0) }
    }

    /// Counts one down. The last one opens the latch and wakes all that wait; once it
    /// is open, this does nothing.
    ///
    /// What was done before each `count_down` is seen by those who have waited.
    ///
    /// # Panics
    ///
    /// With the panic of a waker of another executor, after all have been woken.
    ///
    /// ```
    /// let latch = oasync::sync::Latch::new(2);
    /// latch.count_down();
    /// assert!(!latch.is_open());
    /// latch.count_down();
    /// assert!(latch.is_open());
    /// ```
    pub fn count_down(&self) {
        // AcqRel: the last one has seen what the others did before, and passes it
        // on by the gate. The partners are these updates themselves.
        let step = |missing: usize| missing.checked_sub(1);
        if self.missing.fetch_update(Ordering::AcqRel, Ordering::Relaxed, step) == Ok(1) {
            wake_all([self.gate.open()]);
        }
    }

    /// How many are still missing. It only shrinks, and may have shrunk by the time you look at it.
    ///
    /// ```
    /// let latch = oasync::sync::Latch::new(2);
    /// latch.count_down();
    /// assert_eq!(latch.missing(), 1);
    /// ```
    pub fn missing(&self) -> usize {
        self.missing.load(Ordering::Relaxed)
    }

    /// Whether it is open.
    ///
    /// ```
    /// assert!(oasync::sync::Latch::new(0).is_open());
    /// ```
    pub fn is_open(&self) -> bool {
        self.gate.is_open()
    }

    /// Waits until the latch is open.
    ///
    /// Cancel safe: dropping the future stops the waiting and counts nothing.
    ///
    /// ```
    /// let latch = oasync::sync::Latch::new(0);
    /// oasync::block_on(latch.wait());
    /// ```
    pub fn wait(&self) -> Wait<'_> {
        self.gate.wait()
    }

    /// Counts one down, at once, and waits for the others.
    ///
    /// Cancel safe in that what has been counted stays so: dropping the future,
    /// also before its first poll, takes nothing back.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// oasync::block_on(async {
    ///     let both = Arc::new(oasync::sync::Latch::new(2));
    ///     let other = both.clone();
    ///     oasync::go(async move { other.arrive().await });
    ///     both.arrive().await;
    /// });
    /// ```
    pub fn arrive(&self) -> Wait<'_> {
        self.count_down();
        self.wait()
    }

    /// Waits on this thread, asleep. In a task, the worker's place is given to
    /// another thread meanwhile, as by [`block_in_place`](crate::block_in_place);
    /// there, [`wait`](Self::wait) is better.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let done = Arc::new(oasync::sync::Latch::new(1));
    /// let tell = done.clone();
    /// oasync::go(async move { tell.count_down() });
    /// done.wait_blocking();
    /// ```
    pub fn wait_blocking(&self) {
        if !self.is_open() {
            super::wait_blocking(self.wait());
        }
    }
}

impl fmt::Debug for Latch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latch").field("missing", &self.missing()).finish_non_exhaustive()
    }
}
