//! Where a task comes from: its spawn site alone, or boxed with what few tasks
//! have. One word for both, so that a task that has no more than a site pays no
//! more than that.

use std::cell::UnsafeCell;
use std::mem::align_of;
use std::ptr::NonNull;

use crate::blocking::cancel::Stop;
use crate::local::stack::{Inherited, Node};
use crate::sync_facade::{Arc, AtomicU64, Ordering};
use crate::task::Site;

/// What only few tasks have.
pub(crate) struct Extra {
    site: &'static Site,
    pub(crate) name: Option<Arc<str>>,
    /// The values in scope where the task was spawned, until its future is dropped.
    inherited: UnsafeCell<Option<Inherited>>,
    polls: AtomicU64,
    /// For a closure that can be told to stop.
    pub(crate) stop: Option<Arc<Stop>>,
}

// SAFETY: the fields are shared by themselves, but for `inherited`: its content is,
// and the cell is reached by one thread at a time (see `Extra::inherited`).
unsafe impl Sync for Extra {}

impl Extra {
    /// How often the task was polled.
    pub(crate) fn polls(&self) -> u64 {
        // Relaxed: a count, read for a list.
        self.polls.load(Ordering::Relaxed)
    }

    /// Counts a poll; for the one thread that polls the task.
    pub(crate) fn count_poll(&self) {
        self.polls.store(self.polls() + 1, Ordering::Relaxed);
    }

    /// What the task inherits, to be entered.
    ///
    /// # Safety
    ///
    /// The caller has a turn of the task, of which there is one at a time, and keeps
    /// the node no longer; it does not call `release` meanwhile.
    pub(crate) unsafe fn inherited(&self) -> Option<Node<'_>> {
        // SAFETY: nobody else reaches the content during this turn.
        unsafe { &*self.inherited.get() }.as_ref().map(Node::inherited)
    }

    /// Lets go of what the task inherits. What a drop of a value does is contained.
    ///
    /// # Safety
    ///
    /// As for `inherited`.
    pub(crate) unsafe fn release(&self) {
        // SAFETY: as above. The value goes after that, for its drop may do anything.
        let inherited = unsafe { &mut *self.inherited.get() }.take();
        drop(inherited);
    }
}

/// A pointer to a [`Site`], or, with its lowest bit set, to a [`Box`]ed
/// [`Extra`]; both types leave that bit free.
pub(crate) struct Origin(NonNull<()>);

const BOXED: usize = 1;
const _: () = assert!(align_of::<Site>() > BOXED && align_of::<Extra>() > BOXED);

// SAFETY: it is a `&'static Site` or a `Box<Extra>`, and both can be sent.
unsafe impl Send for Origin {}
// SAFETY: as above, both can be shared.
unsafe impl Sync for Origin {}

impl Origin {
    #[inline]
    pub(crate) fn new(
        site: &'static Site,
        name: Option<Arc<str>>,
        inherited: Option<Inherited>,
        stop: Option<Arc<Stop>>,
    ) -> Self {
        if name.is_none() && inherited.is_none() && stop.is_none() {
            return Origin(NonNull::from(site).cast());
        }
        let inherited = UnsafeCell::new(inherited);
        Origin::boxed(Extra { site, name, inherited, polls: AtomicU64::new(0), stop })
    }

    #[cold]
    fn boxed(extra: Extra) -> Self {
        let extra = NonNull::from(Box::leak(Box::new(extra)));
        Origin(extra.cast().map_addr(|addr| addr | BOXED))
    }

    #[inline]
    pub(crate) fn extra(&self) -> Option<&Extra> {
        // SAFETY: the pointer is that of the box, which lives as long as `self`.
        self.as_boxed().map(|extra| unsafe { extra.as_ref() })
    }

    #[inline]
    pub(crate) fn site(&self) -> &'static Site {
        match self.extra() {
            Some(extra) => extra.site,
            // SAFETY: without the bit it is what `new` made of a `&'static Site`.
            None => unsafe { self.0.cast().as_ref() },
        }
    }

    #[inline]
    fn as_boxed(&self) -> Option<NonNull<Extra>> {
        let boxed = self.0.addr().get() & BOXED != 0;
        let untagged = self.0.as_ptr().map_addr(|addr| addr & !BOXED);
        boxed.then(|| NonNull::new(untagged.cast())).flatten()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        if let Some(extra) = self.as_boxed() {
            // SAFETY: it came from `Box::leak` in `boxed`, and nobody else has it.
            drop(unsafe { Box::from_raw(extra.as_ptr()) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::Location;

    #[test]
    fn both_forms_give_back_what_was_put_in() {
        let site = Location::caller();
        let plain = Origin::new(site, None, None, None);
        assert!(plain.extra().is_none());
        assert_eq!(plain.site(), site);
        let name: Arc<str> = Arc::from("mail");
        let named = Origin::new(site, Some(name.clone()), None, None);
        assert_eq!(named.site(), site);
        assert_eq!(named.extra().and_then(|extra| extra.name.as_deref()), Some("mail"));
        drop(named);
        assert_eq!(Arc::strong_count(&name), 1, "the box was freed");
    }
}
