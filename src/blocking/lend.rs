//! Lending: a blocking thread that is out of blocking work polls async tasks,
//! one at a time, while every seat is taken and work waits all the same.
//!
//! It takes from the injector first, then from the local queues, and from a run
//! slot as the last resort: what is there is about to be run by its worker, who
//! has it in its cache, unless that worker is stuck.

use st3::fifo::Worker;

use crate::context::Entry;
use crate::queue::local::Stolen;
use crate::task::{self, Runnable};

pub(super) struct Lender<'a> {
    entry: &'a Entry<'a>,
    /// Where a steal would put more than one runnable; it stays empty.
    spare: Worker<Runnable>,
}

impl<'a> Lender<'a> {
    pub(super) fn new(entry: &'a Entry<'a>) -> Self {
        Lender { entry, spare: Worker::new(1) }
    }

    /// Polls one task, if one waits and no seat is vacant.
    pub(super) fn lend(&self) -> bool {
        // A vacant seat means that a worker sleeps, or is on its way.
        if self.entry.shared.idle.vacant() > 0 {
            return false;
        }
        let Some(runnable) = self.take() else {
            return false;
        };
        task::run(self.entry, runnable);
        true
    }

    fn take(&self) -> Option<Runnable> {
        let shared = self.entry.shared;
        let seats = &shared.seats;
        let from_queue = || {
            seats.iter().find_map(|seat| match seat.queue.steal_one(&self.spare) {
                Stolen::One(runnable) => Some(runnable),
                Stolen::Nothing | Stolen::Busy => None,
            })
        };
        let injected = shared.injector.take_one();
        injected.or_else(from_queue).or_else(|| seats.iter().find_map(|seat| seat.slot.take()))
    }
}
