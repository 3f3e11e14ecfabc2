//! The run slot: the runnable woken last, which its worker runs next while
//! what it works on is still in the cache.
//!
//! Only the seat's owner puts a runnable in; anyone may take it out. So the
//! owner may *store* into a slot it sees empty (nobody else fills it), while
//! every removal, the owner's too, is a swap that exactly one thread wins.

use std::ptr::{self, NonNull};

use crate::sync_facade::{AtomicPtr, Ordering};
use crate::task::Runnable;

pub(crate) struct RunSlot(AtomicPtr<()>);

impl RunSlot {
    pub(crate) fn new() -> Self {
        RunSlot(AtomicPtr::new(ptr::null_mut()))
    }

    /// Puts `runnable` in and returns the one it displaces. Owner only.
    #[inline]
    pub(crate) fn replace(&self, runnable: Runnable) -> Option<Runnable> {
        let new = runnable.into_raw().as_ptr();
        // Relaxed: only the owner fills the slot, so an empty one stays empty.
        if self.0.load(Ordering::Relaxed).is_null() {
            // Release: meets the Acquire in `take` on another thread.
            self.0.store(new, Ordering::Release);
            return None;
        }
        // Release: as above. What comes out was put in on this seat; if by a thread before
        // this one, the seat came with it.
        from_raw(self.0.swap(new, Ordering::Release))
    }

    /// Takes the runnable out; any thread may.
    #[inline]
    pub(crate) fn take(&self) -> Option<Runnable> {
        // Relaxed: a stale "empty" only means that the caller looks elsewhere.
        if self.0.load(Ordering::Relaxed).is_null() {
            return None;
        }
        // Acquire: meets the Release in `replace`.
        from_raw(self.0.swap(ptr::null_mut(), Ordering::Acquire))
    }
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed).is_null()
    }
}

/// Takes back a runnable that came out of the slot by a swap.
fn from_raw(raw: *mut ()) -> Option<Runnable> {
    // SAFETY: a non-null pointer in the slot came from `into_raw` in `replace`,
    // and the swap that removed it gave it to this caller alone.
    NonNull::new(raw).map(|raw| unsafe { Runnable::from_raw(raw) })
}

impl Drop for RunSlot {
    fn drop(&mut self) {
        drop(self.take());
    }
}
