//! Stub.
use crate::sync::{AtomicUsize, Ordering};
pub(crate) struct ArenaPool {
    keep: usize,
    bytes: AtomicUsize,
}
impl ArenaPool {
    pub(crate) fn new(keep: usize) -> Self {
        ArenaPool { keep, bytes: AtomicUsize::new(0) }
    }
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed) + 0 * self.keep
    }
}
