//! The life of a coordinator, as one word that only grows.
//!
//! | phase | new tasks from outside | new tasks from tasks | a runnable that is taken |
//! |---|---|---|---|
//! | `Created` | queued | – | – |
//! | `Running` | queued | queued | polled |
//! | `Draining` | refused | queued | polled |
//! | `Cancelling` | refused | refused | dropped |
//! | `Stopped` | refused | – | none is left |

use crate::sync_facade::{AtomicU8, Ordering};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum Phase {
    Created,
    Running,
    Draining,
    Cancelling,
    Stopped,
}

pub(crate) struct AtomicPhase(AtomicU8);

impl AtomicPhase {
    pub(crate) fn new() -> Self {
        AtomicPhase(AtomicU8::new(Phase::Created as u8))
    }

    pub(crate) fn load(&self, order: Ordering) -> Phase {
        Phase::of(self.0.load(order))
    }

    /// Goes on to `phase`, unless it is there or beyond; returns what was.
    pub(crate) fn advance(&self, phase: Phase) -> Phase {
        // SeqCst: pairs with the look at the phase after a spawn is counted.
        Phase::of(self.0.fetch_max(phase as u8, Ordering::SeqCst))
    }
}

impl Phase {
    fn of(value: u8) -> Self {
        match value {
            0 => Phase::Created,
            1 => Phase::Running,
            2 => Phase::Draining,
            3 => Phase::Cancelling,
            _ => Phase::Stopped,
        }
    }
}
