//! The injector: the shared queue for runnables that have no seat's queue.
//!
//! Two lanes, both unbounded and FIFO: `singles` takes what threads without a
//! seat schedule, one by one; `blocks` takes the halves of local queues that ran
//! over, each as one element, so that a burst of spawns on one worker costs
//! one operation here for every 128 tasks. Takers alternate between the lanes.

use std::collections::VecDeque;

use crate::sync_facade::{AtomicUsize, ConcurrentQueue, Ordering};
use crate::task::Runnable;

pub(crate) struct Injector {
    singles: ConcurrentQueue<Runnable>,
    blocks: ConcurrentQueue<VecDeque<Runnable>>,
    /// Runnables in `blocks`; counted before the push and after the pop, so
    /// never too few. Relaxed, all accesses: for the metrics alone.
    in_blocks: AtomicUsize,
}

/// What [`Injector::take`] got: the first runnable, and those that go to the
/// taker's own queue.
pub(crate) struct Batch {
    pub(crate) first: Runnable,
    pub(crate) rest: VecDeque<Runnable>,
}

impl Injector {
    pub(crate) fn new() -> Self {
        Injector {
            singles: ConcurrentQueue::unbounded(),
            blocks: ConcurrentQueue::unbounded(),
            in_blocks: AtomicUsize::new(0),
        }
    }

    pub(crate) fn push(&self, runnable: Runnable) {
        // The queue is unbounded and never closed: nothing comes back.
        let _ = self.singles.push(runnable);
    }

    pub(crate) fn push_block(&self, block: VecDeque<Runnable>) {
        if !block.is_empty() {
            self.in_blocks.fetch_add(block.len(), Ordering::Relaxed);
            let _ = self.blocks.push(block);
        }
    }

    /// Takes one runnable; `turn` as for [`take`](Self::take).
    pub(crate) fn take_one(&self, turn: bool) -> Option<Runnable> {
        let single = || self.singles.pop().ok();
        if turn {
            self.take_one_of_block().or_else(single)
        } else {
            single().or_else(|| self.take_one_of_block())
        }
    }

    fn take_one_of_block(&self) -> Option<Runnable> {
        let mut block = self.pop_block()?;
        let first = block.pop_front();
        self.push_block(block);
        first
    }

    /// Takes one runnable and up to `room` more: a whole block if it fits,
    /// else the taker's share of the singles, `1 / takers`.
    ///
    /// `turn` alternates between the lanes from call to call.
    pub(crate) fn take(&self, turn: bool, takers: usize, room: usize) -> Option<Batch> {
        if turn {
            self.take_block(room).or_else(|| self.take_singles(takers, room))
        } else {
            self.take_singles(takers, room).or_else(|| self.take_block(room))
        }
    }

    fn take_singles(&self, takers: usize, room: usize) -> Option<Batch> {
        let first = self.singles.pop().ok()?;
        let share = (self.singles.len() / takers).min(room);
        let rest = self.singles.try_iter().take(share).collect();
        Some(Batch { first, rest })
    }

    fn take_block(&self, room: usize) -> Option<Batch> {
        let mut rest = self.pop_block()?;
        let first = rest.pop_front()?;
        if rest.len() > room {
            let left = rest.split_off(room);
            self.push_block(left);
        }
        Some(Batch { first, rest })
    }

    fn pop_block(&self) -> Option<VecDeque<Runnable>> {
        let block = self.blocks.pop().ok()?;
        self.in_blocks.fetch_sub(block.len(), Ordering::Relaxed);
        Some(block)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.singles.is_empty() && self.blocks.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.singles.len() + self.in_blocks.load(Ordering::Relaxed)
    }
}
