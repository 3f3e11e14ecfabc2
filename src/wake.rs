//! A push, and after it: whom to wake, and what to do if nobody can be had. The
//! protocol and its proof are in `idle/README.md`.

use std::collections::VecDeque;

use crate::idle::{Promise, Vacated};
use crate::seat::Seated;
use crate::shared::Shared;
use crate::sync_facade::{Ordering, fence};
use crate::task::Runnable;

impl Shared {
    /// Pushes to the injector, and wakes someone.
    #[inline]
    pub(crate) fn inject(&self, runnable: Runnable) {
        self.injector.push(runnable);
        self.notify();
    }

    /// The same with many.
    pub(crate) fn inject_block(&self, block: VecDeque<Runnable>) {
        self.injector.push_block(block);
        self.notify();
    }

    /// Pushes to the local queue of this thread's seat; if it is full, half of it goes to
    /// the injector. Wakes nobody yet.
    #[inline]
    pub(crate) fn push_local(&self, seat: Seated<'_>, runnable: Runnable) {
        if let Err(half) = seat.push(runnable) {
            self.injector.push_block(half.into());
        }
    }

    /// After a push to any queue but a run slot: wakes someone, if everyone who
    /// could run it might sleep.
    #[inline]
    pub(crate) fn notify(&self) {
        if let Some(promise) = self.idle.promise() {
            self.wake(promise);
        }
    }

    /// The same after a push to the local queue of this thread's seat, or for want of room
    /// there to the injector.
    #[inline]
    pub(crate) fn notify_seated(&self) {
        if let Some(promise) = self.idle.promise_seated() {
            self.wake(promise);
        }
    }

    /// Hands a promise to a sleeper, or to a new thread; gives it back if there is
    /// neither.
    #[cold]
    pub(crate) fn wake(&self, promise: Promise) {
        let mut next = Some(promise);
        while let Some(promise) = next {
            let Err(promise) = self.idle.wake(promise) else { return };
            let Err((promise, refusal)) = self.threads.try_start(self, promise) else { return };
            next = self.take_back(promise);
            if refusal.is_some() {
                // Only now: while the promise is out they would count on it.
                self.do_without_thread();
            }
        }
    }

    /// The system gave no thread. Who counted on it to run something, for it was counted,
    /// looks for another way; and it is tried again.
    pub(crate) fn do_without_thread(&self) {
        self.wake_parked();
        if self.has_work() {
            self.watcher.try_again_later(self);
        }
    }

    /// Gives a promise back that nobody can take. Whoever goes to sleep after this
    /// looks at the queues; whoever did so while the promise was counted relied
    /// on it, so there may be a new one for them.
    pub(crate) fn take_back(&self, promise: Promise) -> Option<Promise> {
        let looked = self.give_back(promise);
        // Nobody may come now, and who pushed may be stuck.
        self.watcher.poke(self);
        if looked == Vacated::Rest || !self.has_work() || !self.idle.has_sleepers() {
            return None;
        }
        self.idle.promise()
    }

    /// Returns the promise's seat to the word.
    pub(crate) fn give_back(&self, promise: Promise) -> Vacated {
        let vacated = self.idle.give_back(promise);
        self.watcher.vacated(self);
        vacated
    }

    /// Whether any queue that a searcher looks into holds something.
    pub(crate) fn has_work(&self) -> bool {
        !self.injector.is_empty() || self.seats.iter().any(|seat| !seat.queue.is_empty())
    }

    /// Whether work waits on though a seat is vacant: who could sit there is in a start
    /// hook, or polls a pinned task without a seat, or was refused.
    pub(crate) fn is_forsaken(&self) -> bool {
        // Meets the fence after a push whose promise, or that of another, is taken back.
        fence(Ordering::SeqCst);
        self.idle.vacant() > 0 && !self.idle.somebody_comes() && self.has_work()
    }

    /// Wakes someone for what was pushed before the seats were open.
    pub(crate) fn notify_for_backlog(&self) {
        // Meets the fence after a push that found no seat open.
        fence(Ordering::SeqCst);
        if self.has_work() {
            self.notify();
        }
        self.ensure_homes();
    }
}
