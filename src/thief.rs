//! Taking runnables without a seat, one by one: a lender to poll them, a closer to
//! drop them.

use crate::shared::Shared;
use crate::sync_facade::ring::Worker;
use crate::task::Runnable;

pub(crate) struct Thief<'a> {
    shared: &'a Shared,
    /// Where a steal would put more than one runnable; it stays empty.
    spare: Worker<Runnable>,
}

impl<'a> Thief<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Thief { shared, spare: Worker::new(1) }
    }

    /// Takes one runnable: out of the injector first, then out of a local queue,
    /// out of a run slot as the last resort. What is there is about to be run by
    /// its worker, who has it in its cache, unless that worker is stuck.
    pub(crate) fn take(&self) -> Option<Runnable> {
        let shared = self.shared;
        if let Some(runnable) = shared.injector.take_one() {
            // The rest of a block was out of sight for a moment, in which the
            // last searcher may have gone to sleep.
            shared.notify();
            return Some(runnable);
        }
        let queued = shared.seats.iter().find_map(|seat| seat.queue.steal_one(&self.spare));
        queued.or_else(|| shared.seats.iter().find_map(|seat| seat.slot.take()))
    }
}
