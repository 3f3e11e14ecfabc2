//! The timers of a coordinator without the feature `time`: none, at no cost.

use std::task::Waker;

use crate::parker::Parker;
use crate::shared::Shared;
use crate::sync_facade::{Arc, Instant};

pub(crate) struct Timers;

#[must_use]
#[allow(dead_code, reason = "without timers nobody holds them")]
pub(crate) enum Hold {
    Free,
    Until(Instant),
    Due,
}

impl Timers {
    pub(crate) fn new(_: usize, _: Instant) -> Self {
        Timers
    }

    pub(crate) fn look(&self) -> (bool, Option<u64>) {
        (false, None)
    }

    pub(crate) fn is_overdue(&self) -> bool {
        false
    }

    pub(crate) fn is_foreign_overdue(&self) -> bool {
        false
    }

    pub(crate) fn hold(&self, _: &Arc<Parker>) -> Hold {
        Hold::Free
    }

    pub(crate) fn watch(&self) -> Option<Instant> {
        None
    }

    pub(crate) fn watcher_ticks(&self) {}
}

impl Shared {
    pub(crate) fn send_for_holder(&self) {}

    pub(crate) fn fire_timers(&self) {}

    pub(crate) fn fire_own_timers(&self) -> bool {
        false
    }

    pub(crate) fn resign_holder(&self, _: &Arc<Parker>) {}

    pub(crate) fn close_timers(&self) -> Vec<Waker> {
        Vec::new()
    }
}
