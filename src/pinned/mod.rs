//! Tasks that stay on one thread: their futures need not be `Send`.
//!
//! Pinned to a *thread*, not to a seat, which changes hands. Each worker number
//! below the number of workers has a [`Home`]: an inbox of runnables, which the
//! worker thread of that number alone takes out, one at a time, in its loop
//! (see `host`).
//!
//! *What crosses.* A pinned task begins as a closure, which is `Send`; the first
//! poll, on the thread, makes the future. From then on it is polled and dropped
//! there. A wake, a cancel from another thread, or the end of the coordinator
//! only put the runnable into the inbox.
//!
//! *The thread stays.* `futures` counts the futures that it has made and not dropped. A
//! thread that has any, or something in its inbox, does not retire, and one that has got some
//! during its stop hook polls these to their end; and the other way to end, when
//! everything is over, comes only when no task is alive. So *while no thread has
//! arrived at a home, its inbox holds closures only*, and anyone may drop them.
//!
//! *Nothing waits for ever.* Who pushes while no thread has arrived sees to it
//! that one starts:
//!
//! | the number is | who starts a thread |
//! |---|---|
//! | free | the pusher; if the system refuses, the inbox is dropped |
//! | taken by a thread that is being started | nobody: it will look into its inbox |
//! | taken by a thread that ends | that thread: it gives its number back first and looks into the inbox second, as the pusher pushes first and asks for the number second |
//! | free, and the coordinator has not started | the start, which announces itself first and looks second |
//!
//! Threads are started under one lock, so a pusher that finds the number taken
//! never relies on a start that is about to fail.

mod broadcast;
mod future;
mod host;
mod spawn;

pub use broadcast::Broadcast;
pub use spawn::NoSuchWorker;

pub(crate) use broadcast::broadcast;
pub(crate) use host::{Host, ends_if};
pub(crate) use spawn::{spawn_pinned, spawn_pinned_on};

use std::collections::VecDeque;

use crate::parker::Parker;
use crate::shared::Shared;
use crate::sync_facade::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering, fence, lock};
use crate::task::Runnable;

/// Where the pinned tasks of one worker thread wait for it.
#[derive(Default)]
pub(crate) struct Home {
    inbox: Mutex<Inbox>,
    /// Whether the inbox holds something; changed under its lock.
    filled: AtomicBool,
    /// Pinned tasks whose closure or future is not dropped. Relaxed: for `quietest_home` any
    /// recent number will do.
    members: AtomicUsize,
    /// Those whose future is made. Relaxed: only the home's thread has to do with it.
    futures: AtomicUsize,
}

#[derive(Default)]
struct Inbox {
    queue: VecDeque<Runnable>,
    /// The thread's, from its arrival until it leaves.
    parker: Option<Arc<Parker>>,
}

impl Home {
    /// Appends a runnable and wakes the thread; false if there is none.
    fn push(&self, runnable: Runnable) -> bool {
        let mut inbox = lock(&self.inbox);
        inbox.queue.push_back(runnable);
        // Release: meets the Acquire in `is_filled`.
        if !self.filled.swap(true, Ordering::Release) {
            if let Some(parker) = &inbox.parker {
                parker.unpark();
            }
        }
        inbox.parker.is_some()
    }

    /// Whether a runnable waits.
    #[inline]
    pub(crate) fn is_filled(&self) -> bool {
        // Acquire: meets the Release in `push`. Who parks after it saw nothing is
        // unparked by the next push.
        self.filled.load(Ordering::Acquire)
    }

    /// The next runnable; for the home's thread.
    pub(crate) fn pop(&self) -> Option<Runnable> {
        self.take(&mut lock(&self.inbox))
    }

    /// The thread is there, and looks into the inbox from now on.
    pub(crate) fn arrive(&self, parker: Arc<Parker>) {
        lock(&self.inbox).parker = Some(parker);
    }

    /// Whether the thread has no pinned task, and then `and` says so, too.
    pub(crate) fn is_free_and(&self, and: impl FnOnce() -> bool) -> bool {
        self.is_free(&lock(&self.inbox)) && and()
    }

    /// The thread leaves, unless it has a pinned task.
    pub(crate) fn leave(&self) -> bool {
        let mut inbox = lock(&self.inbox);
        let leaves = self.is_free(&inbox);
        if leaves {
            inbox.parker = None;
        }
        leaves
    }

    fn is_free(&self, inbox: &Inbox) -> bool {
        inbox.queue.is_empty() && self.futures.load(Ordering::Relaxed) == 0
    }

    /// Drops what waits, if no thread has arrived: one after the other, for the drop of one
    /// may wait for another.
    fn discard_homeless(&self) {
        while let Some(runnable) = self.take_homeless() {
            drop(runnable);
        }
    }

    /// One that waits, if no thread has arrived: a closure, no future.
    fn take_homeless(&self) -> Option<Runnable> {
        let mut inbox = lock(&self.inbox);
        if inbox.parker.is_some() { None } else { self.take(&mut inbox) }
    }

    fn take(&self, inbox: &mut Inbox) -> Option<Runnable> {
        let runnable = inbox.queue.pop_front();
        if inbox.queue.is_empty() {
            // Relaxed: under the lock, as each write; "empty" promises nothing.
            self.filled.store(false, Ordering::Relaxed);
        }
        runnable
    }
}

impl Shared {
    /// Sees to it that a thread comes for what was pushed to the home `index`; if
    /// the system refuses, that is dropped.
    ///
    /// To be called where user code may run: it may drop closures.
    pub(crate) fn ensure_home(&self, index: usize) {
        // Between the push and the look; meets the fence of the start.
        fence(Ordering::SeqCst);
        if !self.is_open() || !self.homes[index].is_filled() {
            return;
        }
        if self.threads.start_numbered(self, index).is_err() {
            self.homes[index].discard_homeless();
        }
    }

    /// The same for every home, when the coordinator starts.
    pub(crate) fn ensure_homes(&self) {
        (0..self.homes.len()).for_each(|index| self.ensure_home(index));
    }

    /// Drops what waits for threads that never came.
    pub(crate) fn discard_homeless(&self) {
        self.homes.iter().for_each(|home| home.discard_homeless());
    }

    /// The home with the fewest tasks, the first of these.
    fn quietest_home(&self) -> usize {
        let members = |&index: &usize| self.homes[index].members.load(Ordering::Relaxed);
        (0..self.homes.len()).min_by_key(members).unwrap_or(0)
    }
}
