//! What the waker of a main future sets, and its thread looks at.

use std::task::Wake;

use crate::parker::Parker;
use crate::sync_facade::{Arc, AtomicBool, Ordering};

pub(super) struct Signal {
    woken: AtomicBool,
    parker: Arc<Parker>,
}

impl Signal {
    /// One that is set, and wakes the thread that parks with `parker`.
    pub(super) fn new(parker: Arc<Parker>) -> Self {
        Signal { woken: AtomicBool::new(true), parker }
    }

    pub(super) fn parker(&self) -> Arc<Parker> {
        self.parker.clone()
    }

    /// Asks for a poll; only by the thread that polls.
    pub(super) fn set(&self) {
        self.woken.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_set(&self) -> bool {
        // Acquire: meets the swap in `wake_by_ref`.
        self.woken.load(Ordering::Acquire)
    }

    /// A poll comes now, for every wake until now.
    pub(super) fn take(&self) {
        // AcqRel: what was written before a wake is seen by this poll, and a
        // wake from now on asks for the next one.
        self.woken.swap(false, Ordering::AcqRel);
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // AcqRel: meets the swap in `take`; a wake that finds the flag set is
        // seen by the poll that takes the flag.
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.parker.unpark();
        }
    }
}
