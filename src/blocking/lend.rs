//! Lending: a blocking thread that is out of blocking work polls async tasks,
//! one at a time, while every seat is taken and work waits all the same.

use crate::context::Entry;
use crate::task;
use crate::thief::Thief;

pub(super) struct Lender<'a> {
    entry: &'a Entry<'a>,
    thief: Thief<'a>,
}

impl<'a> Lender<'a> {
    pub(super) fn new(entry: &'a Entry<'a>) -> Self {
        Lender { entry, thief: Thief::new(entry.shared) }
    }

    /// Polls one task, if one waits and no seat is vacant.
    pub(super) fn lend(&self) -> bool {
        // A vacant seat means that a worker sleeps, or is on its way.
        if self.entry.shared.idle.vacant() > 0 {
            return false;
        }
        let Some(runnable) = self.thief.take() else {
            return false;
        };
        task::run(self.entry, runnable);
        true
    }
}
