//! Taking runnables without a seat, one by one: a lender polls them, a closer or its
//! sweeper drops them.

use std::cell::Cell;

use crate::shared::Shared;
use crate::sync_facade::ring::Worker;
use crate::task::Runnable;

/// Every so many turns, the local queues come before the injector: tasks that yield without
/// end are pushed back there each time, and would keep a lender from the queues.
const QUEUES_FIRST: usize = 4;

pub(crate) struct Thief<'a> {
    shared: &'a Shared,
    /// How often it has taken, or tried to.
    turns: Cell<usize>,
    /// Where a steal would put more than one runnable; it stays empty.
    spare: Worker<Runnable>,
}

impl<'a> Thief<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Thief { shared, turns: Cell::new(0), spare: Worker::new(1) }
    }

    /// Takes one runnable: out of the injector, mostly, then out of a local queue,
    /// out of a run slot as the last resort. What is there is about to be run by
    /// its worker, who has it in its cache, unless that worker is stuck.
    pub(crate) fn take(&self) -> Option<Runnable> {
        let turn = self.turns.replace(self.turns.get().wrapping_add(1));
        let round = turn / QUEUES_FIRST;
        let taken = if turn % QUEUES_FIRST + 1 == QUEUES_FIRST {
            self.take_queued(round).or_else(|| self.take_injected(round))
        } else {
            self.take_injected(turn).or_else(|| self.take_queued(round))
        };
        taken.or_else(|| self.shared.seats.iter().find_map(|seat| seat.slot.take()))
    }

    fn take_injected(&self, turn: usize) -> Option<Runnable> {
        let runnable = self.shared.injector.take_one(turn % 2 == 1)?;
        // The rest of a block was out of sight for a moment, in which the
        // last searcher may have gone to sleep.
        self.shared.notify();
        Some(runnable)
    }

    /// Each time from another seat on.
    fn take_queued(&self, round: usize) -> Option<Runnable> {
        let (behind, ahead) = self.shared.seats.split_at(round % self.shared.seats.len());
        ahead.iter().chain(behind).find_map(|seat| seat.queue.steal_one(&self.spare))
    }
}
