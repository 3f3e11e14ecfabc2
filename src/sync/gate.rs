//! A gate: shut, then open for good. What all that wait once wait at.
//!
//! *No wake-up is lost.* Whoever waits looks and enters the list under one lock;
//! who opens sets the flag and takes the list under the same lock. So a waiter
//! either is in the list that is taken, or sees the gate open. The flag outside of
//! the lock is a short cut for those who find it open.
//!
//! *No lock is held while user code runs.* Wakers may be anyone's. They are
//! cloned before the lock is taken; woken, replaced and dropped after it is let
//! go. That is why this is not `event-listener`, which wakes under its lock: our
//! own tasks do not mind, but a waker that looks at the same gate would hang.
//!
//! *No order.* All are woken at once, so the list is a slab: of very many who wait, each
//! gives up in constant time. Who is called one after the other is in `group::waiters`.

use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use crate::hooks;
use crate::sync_facade::{AtomicBool, Mutex, MutexGuard, Ordering, lock};

pub(super) struct Gate {
    open: AtomicBool,
    /// Empty for good once the gate is open.
    waiting: Mutex<Slab<Waker>>,
}

impl Gate {
    pub(super) const fn new(open: bool) -> Self {
        Gate { open: AtomicBool::new(open), waiting: Mutex::new(Slab::new()) }
    }

    pub(super) fn is_open(&self) -> bool {
        // Acquire: meets the Release in `open`. What happened before the opening
        // is seen by those who go through.
        self.open.load(Ordering::Acquire)
    }

    /// Opens the gate, and returns who is to be woken.
    pub(super) fn open(&self) -> Waiting {
        let mut waiting = self.lock();
        // Release: meets the Acquire in `is_open`.
        self.open.store(true, Ordering::Release);
        Waiting(mem::take(&mut *waiting))
    }

    pub(super) fn wait(&self) -> Wait<'_> {
        Wait { gate: self, key: None }
    }

    #[cfg(test)]
    pub(super) fn waiters(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Slab<Waker>> {
        lock(&self.waiting)
    }

    /// Whether it is shut and `waker` is in the list at `key`.
    fn is_listed(&self, key: Option<usize>, waker: &Waker) -> bool {
        key.is_some_and(|key| self.lock().get(key).is_some_and(|old| old.will_wake(waker)))
    }

    /// Puts `waker` into the list, if the gate is shut. Returns the waker that
    /// is of no use any more, for the caller to drop.
    fn list(&self, key: &mut Option<usize>, waker: Waker) -> Listed {
        let mut waiting = self.lock();
        if self.is_open() {
            return Listed::Open(waker);
        }
        match key.and_then(|key| waiting.get_mut(key)) {
            Some(old) => Listed::Shut(Some(mem::replace(old, waker))),
            None => {
                *key = Some(waiting.insert(waker));
                Listed::Shut(None)
            }
        }
    }
}

#[must_use = "the waker is dropped without the lock"]
enum Listed {
    Open(Waker),
    Shut(Option<Waker>),
}

/// Those who waited at a gate when it was opened.
#[must_use = "who is not woken hangs"]
pub(super) struct Waiting(Slab<Waker>);

/// Wakes all of them, also if a waker panics; the first panic goes on.
pub(super) fn wake_all(waiting: impl IntoIterator<Item = Waiting>) {
    let mut first = None;
    for (_, waker) in waiting.into_iter().flat_map(|waiting| waiting.0) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            match first {
                None => first = Some(panic),
                // Others are still to be woken, if its drop panics too.
                Some(_) => hooks::forget(panic),
            }
        }
    }
    if let Some(panic) = first {
        resume_unwind(panic);
    }
}

/// A future that is ready when what it waits for has happened: [`Latch::wait`],
/// [`CancelToken::cancelled`]. It stays ready when it is polled again.
///
/// Cancel safe: dropping it takes it out of the list of those who wait.
///
/// ```
/// let token = oasync::sync::CancelToken::new();
/// let wait: oasync::sync::Wait<'_> = token.cancelled();
/// token.cancel();
/// oasync::block_on(wait);
/// ```
///
/// [`Latch::wait`]: super::Latch::wait
/// [`CancelToken::cancelled`]: super::CancelToken::cancelled
#[must_use = "a future does nothing unless it is awaited"]
pub struct Wait<'a> {
    gate: &'a Gate,
    key: Option<usize>,
}

impl Future for Wait<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let gate = self.gate;
        if gate.is_open() {
            return Poll::Ready(());
        }
        if gate.is_listed(self.key, cx.waker()) {
            return Poll::Pending;
        }
        match gate.list(&mut self.key, cx.waker().clone()) {
            Listed::Open(_unused) => Poll::Ready(()),
            Listed::Shut(_replaced) => Poll::Pending,
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            // The guard ends with the statement, the waker after it. There is
            // none if the gate has been opened.
            let _waker = self.gate.lock().try_remove(key);
        }
    }
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("is_over", &self.gate.is_open()).finish_non_exhaustive()
    }
}
