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

    /// Goes to the end of the queue.
    pub(super) fn enter(&mut self, waker: Waker) -> u64 {
        let ticket = self.next;
        self.next += 1;
        self.queue.push_back((ticket, waker));
        ticket
    }

    /// Whether the ticket still waits.
    pub(super) fn holds(&self, ticket: u64) -> bool {
        self.find(ticket).is_some()
    }

    /// Replaces the waker of a ticket that waits; returns the one not needed.
    pub(super) fn replace(&mut self, ticket: u64, waker: Waker) -> Waker {
        match self.find(ticket) {
            Some(at) => std::mem::replace(&mut self.queue[at].1, waker),
            None => waker,
        }
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
