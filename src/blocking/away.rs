//! How many threads of the pool are there, but away: in a lent poll, or in a start hook.
//!
//! Closures may wait behind them. So the watcher does not sleep while there are any, and
//! if nobody watches, whoever queues a closure looks whether there are. Both rest on one
//! pair of writes and looks: whoever goes away counts itself, and then looks at the
//! watcher's state; that is written, and then one looks at the count. All are sequentially
//! consistent, so one of the two sees the other.

use crate::sync_facade::{AtomicUsize, Ordering};

#[derive(Default)]
pub(crate) struct Away(AtomicUsize);

impl Away {
    /// Counts one more, unless `most` are away. (The bound need not be exact.)
    pub(crate) fn enter(&self, most: usize) -> bool {
        // SeqCst: see the top of the file.
        let enters = self.0.fetch_add(1, Ordering::SeqCst) < most;
        if !enters {
            self.leave();
        }
        enters
    }

    pub(crate) fn leave(&self) {
        // Relaxed: whoever sees it late looks again, or holds the pool's lock, which this
        // thread takes before it does anything else for the pool.
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) -> usize {
        // SeqCst: see the top of the file.
        self.0.load(Ordering::SeqCst)
    }
}
