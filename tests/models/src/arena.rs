//! In the place of `bumpalo`: memory that loom watches.

use loom::cell::UnsafeCell;

/// One chunk of 64 bytes, once it is needed.
#[derive(Default)]
pub struct Bump(UnsafeCell<usize>);

impl Bump {
    pub fn allocated_bytes(&self) -> usize {
        // SAFETY: loom stops the model if another access is not before this.
        self.0.with(|bytes| unsafe { *bytes })
    }

    /// Gets the chunk, if it is not there; returns what it grew by.
    pub fn allocate(&self) -> usize {
        // SAFETY: as above.
        self.0.with_mut(|bytes| unsafe { 64 - std::mem::replace(&mut *bytes, 64) })
    }
}
