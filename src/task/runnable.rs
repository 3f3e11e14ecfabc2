//! A task that is scheduled: the right to poll it once, or to drop its future.

use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use crate::context;
use crate::shared::Shared;
use crate::task::Meta;

type Raw = async_task::Runnable<Meta>;

/// At most one exists for each task.
///
/// `async-task` touches a task's future only in its `Runnable`'s `run` and drop.
/// This type is the only one of ours that holds such a `Runnable`, and it notes
/// the task as the thread's *current* one around both: [`TaskFuture`] need not
/// carry a pointer to its metadata.
///
/// Dropping it drops the task's future, and its handle gets a cancelled error.
///
/// [`TaskFuture`]: crate::task::TaskFuture
pub(crate) struct Runnable(ManuallyDrop<Raw>);

/// What to do with a task.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Poll,
    Discard,
}

impl Runnable {
    #[inline]
    pub(crate) fn new(raw: Raw) -> Self {
        Runnable(ManuallyDrop::new(raw))
    }

    #[inline]
    pub(crate) fn metadata(&self) -> &Meta {
        self.0.metadata()
    }

    #[inline]
    pub(crate) fn shared(&self) -> &Shared {
        // SAFETY: while there is a runnable, the task's future is not dropped.
        unsafe { self.metadata().shared() }
    }

    pub(crate) fn waker(&self) -> std::task::Waker {
        self.0.waker()
    }

    /// Polls the task once.
    #[inline]
    pub(crate) fn run(self) {
        take_turn(self.into_inner(), Turn::Poll);
    }

    #[inline]
    pub(crate) fn into_raw(self) -> NonNull<()> {
        self.into_inner().into_raw()
    }

    /// # Safety
    ///
    /// `raw` came from [`into_raw`](Self::into_raw), and is used once.
    #[inline]
    pub(crate) unsafe fn from_raw(raw: NonNull<()>) -> Self {
        // SAFETY: the caller's promise.
        Runnable::new(unsafe { Raw::from_raw(raw) })
    }

    #[inline]
    fn into_inner(self) -> Raw {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is neither used nor dropped after this.
        unsafe { ManuallyDrop::take(&mut this.0) }
    }
}

impl Drop for Runnable {
    fn drop(&mut self) {
        // SAFETY: `self` is not used after this.
        take_turn(unsafe { ManuallyDrop::take(&mut self.0) }, Turn::Discard);
    }
}

/// A discarded task is polled as well: `TaskFuture` is ready then, with the user's
/// future untouched, and `async-task` drops it. So a handle finds an outcome in every
/// case, and never an empty task.
#[inline]
fn take_turn(raw: Raw, turn: Turn) {
    let _current = context::enter_task(raw.metadata(), turn);
    raw.run();
}
