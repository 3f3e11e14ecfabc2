//! Very many tasks, and whether each ran.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A tenth without optimisations, where each costs ten times as much.
pub const SCALE: u64 = if cfg!(debug_assertions) { 1 } else { 10 };

/// Counts and sums up what runs.
#[derive(Clone, Default)]
pub struct Tally(Arc<(AtomicU64, AtomicU64)>);

impl Tally {
    /// How many came before.
    pub fn add(&self, i: u64) -> u64 {
        self.0.1.fetch_add(i, Ordering::Relaxed);
        self.0.0.fetch_add(1, Ordering::Relaxed)
    }

    pub fn count(&self) -> u64 {
        self.0.0.load(Ordering::SeqCst)
    }

    /// Whether each of `0..n` came, as far as count and sum can tell.
    #[track_caller]
    pub fn assert_all(&self, n: u64) {
        assert_eq!((self.count(), self.0.1.load(Ordering::SeqCst)), (n, n * (n - 1) / 2));
    }
}
