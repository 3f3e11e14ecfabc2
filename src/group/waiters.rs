//! Wakers in the order they came, each under a ticket.
//!
//! Who waits takes a ticket. A ticket that is no longer in the queue has been
//! called. All of it is used under a lock, that of what they wait for: wakers go in and
//! out, and are neither called, cloned nor dropped here.

use std::collections::VecDeque;
use std::task::Waker;

#[derive(Default)]
pub(super) struct Waiters {
    next: u64,
    /// Sorted by ticket.
    queue: VecDeque<(u64, Waker)>,
}

impl Waiters {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Waits with `waker` from now on: under the ticket if that is in the queue, else under
    /// a new one at the end. Gives back the waker that it replaces.
    pub(super) fn put(&mut self, ticket: &mut Option<u64>, waker: Waker) -> Option<Waker> {
        if let Some(at) = ticket.and_then(|ticket| self.find(ticket)) {
            return Some(std::mem::replace(&mut self.queue[at].1, waker));
        }
        *ticket = Some(self.next);
        self.queue.push_back((self.next, waker));
        self.next += 1;
        None
    }

    /// Whether the ticket still waits.
    pub(super) fn holds(&self, ticket: u64) -> bool {
        self.find(ticket).is_some()
    }

    /// Takes the ticket out of the queue; `None` if it was called.
    pub(super) fn leave(&mut self, ticket: u64) -> Option<Waker> {
        let at = self.find(ticket)?;
        self.queue.remove(at).map(|(_, waker)| waker)
    }

    /// Calls the first.
    pub(super) fn call(&mut self) -> Option<Waker> {
        self.queue.pop_front().map(|(_, waker)| waker)
    }

    /// Calls everyone.
    pub(super) fn call_all(&mut self) -> impl Iterator<Item = Waker> + use<> {
        std::mem::take(&mut self.queue).into_iter().map(|(_, waker)| waker)
    }

    fn find(&self, ticket: u64) -> Option<usize> {
        self.queue.binary_search_by_key(&ticket, |&(ticket, _)| ticket).ok()
    }
}
