//! The user's code on a thread's call stack.

use std::cell::Cell;
use std::ptr;
use std::task::Waker;

use super::THIS;
use crate::shared::Shared;
use crate::task::Meta;

/// User code that is being polled, or dropped, on this thread.
pub(crate) struct UserCode<'a> {
    /// Whose memory an arena made here is: the id of the task or main future.
    pub(super) owner: u64,
    task: Option<&'a Meta>,
    waker: Option<&'a Waker>,
    /// What this poll has used of its share (see [`coop`](crate::coop)).
    pub(super) used: Cell<u32>,
    /// Whether a closer on this stack counts the task among its own.
    pub(crate) in_closer: Cell<bool>,
    /// The innermost before this one was entered.
    parent: Cell<*const UserCode<'static>>,
}

impl<'a> UserCode<'a> {
    /// The code of a task, inside a turn of it. Without a waker it is being dropped.
    #[inline]
    pub(crate) fn of_task(meta: &'a Meta, waker: Option<&'a Waker>) -> Self {
        UserCode::new(meta.id, Some(meta), waker)
    }

    /// The code of a main future.
    pub(crate) fn of_main(owner: u64, waker: &'a Waker) -> Self {
        UserCode::new(owner, None, Some(waker))
    }

    #[inline]
    fn new(owner: u64, task: Option<&'a Meta>, waker: Option<&'a Waker>) -> Self {
        UserCode {
            owner,
            task,
            waker,
            used: Cell::new(0),
            in_closer: Cell::new(false),
            parent: Cell::new(ptr::null()),
        }
    }

    /// Makes this the innermost until the guard is dropped.
    #[inline]
    pub(crate) fn enter(&self) -> Inside<'_> {
        THIS.with(|this| self.parent.set(this.code.replace(ptr::from_ref(self).cast())));
        Inside(self)
    }

    pub(crate) fn task(&self) -> Option<&Meta> {
        self.task
    }

    /// The coordinator of the task.
    pub(crate) fn shared(&self) -> Option<&Shared> {
        // SAFETY: this is inside a turn of the task, whose future is not dropped.
        self.task.map(|meta| unsafe { meta.shared() })
    }

    pub(super) fn waker(&self) -> Option<&Waker> {
        self.waker
    }

    /// Whether this is a task that is being dropped.
    pub(crate) fn is_dropped(&self) -> bool {
        self.waker.is_none()
    }

    /// Sees to it that the task, which may block for long, is listed.
    pub(crate) fn list(&self) {
        if let (Some(meta), Some(shared)) = (self.task, self.shared()) {
            meta.list(shared, self.waker);
        }
    }

    /// Whether it is a task of `shared`; a refused one, which is being dropped, keeps
    /// nothing alive, and is none.
    #[inline]
    pub(super) fn is_task_of(&self, shared: &Shared) -> bool {
        self.task.is_some_and(|meta| meta.belongs_to(shared) && meta.is_admitted())
    }

    /// This code and that below it.
    #[inline]
    pub(crate) fn ancestors(&self) -> impl Iterator<Item = &UserCode<'_>> {
        // SAFETY: null, or what was innermost when this was entered. It is below on this
        // thread's call stack, and so there as long as this is.
        let parent = |code: &&UserCode<'_>| unsafe { code.parent.get().as_ref() };
        std::iter::successors(Some(self), parent)
    }

    /// The tasks of `shared` among them.
    #[inline]
    pub(crate) fn tasks_of(&self, shared: &Shared) -> impl Iterator<Item = &UserCode<'_>> {
        self.ancestors().filter(move |code| code.is_task_of(shared))
    }
}

/// Restores the previous innermost user code.
pub(crate) struct Inside<'a>(&'a UserCode<'a>);

impl Drop for Inside<'_> {
    #[inline]
    fn drop(&mut self) {
        THIS.with(|this| this.code.set(self.0.parent.get()));
    }
}

/// Calls `f` with the innermost user code of this thread.
#[inline]
pub(crate) fn with_user_code<R>(f: impl FnOnce(&UserCode<'_>) -> R) -> Option<R> {
    let top = THIS.with(|this| this.code.get());
    // SAFETY: null, or on this thread's call stack below this call, where its guard
    // unlinks it before it dies.
    unsafe { top.as_ref() }.map(f)
}
