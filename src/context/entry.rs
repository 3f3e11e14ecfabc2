//! A thread's entry into a coordinator: what the two have to do with each other.

use std::cell::{Cell, OnceCell};
use std::ptr;

use super::THIS;
use super::user_code::UserCode;
use super::worker_state::WorkerState;
use crate::local::stack::{self, Node};
use crate::seat::{Seat, Seated};
use crate::shared::Shared;
use crate::sync_facade::Arc;
use crate::{WorkerInfo, WorkerKind};

/// So many worker threads may have stepped aside in their start hooks.
const MOST_IN_HOOKS: usize = 512;

/// This thread works for a coordinator.
pub(crate) struct Entry<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    kind: WorkerKind,
    /// The thread's number among those of its kind; a caller's is taken when
    /// someone asks for it.
    index: Cell<Option<usize>>,
    /// The seat this thread holds, or null; it points into `shared`.
    seat: Cell<*const Seat>,
    /// Whether this thread counts as searching in the idle word.
    pub(crate) searching: Cell<bool>,
    /// Whether this thread, of a coordinator's own, is not counted as one: it stepped aside
    /// inside a poll (see `block_on::step_aside`), or is about to end, or has pinned tasks
    /// and no seat.
    pub(crate) counted_out: Cell<bool>,
    /// Whether it counts as a thread of the blocking pool that is away.
    pub(crate) away: Cell<bool>,
    /// Whether this thread, of a coordinator's own, is in its start hook.
    pub(crate) starting: Cell<bool>,
    /// Whether it runs the body of a scope, on this entry's seat, outside of polls.
    pub(crate) body: Cell<bool>,
    pub(super) state: OnceCell<WorkerState>,
    /// The top entry before this one was entered.
    parent: Cell<*const Entry<'static>>,
    /// The innermost user code where the entry was made.
    pub(super) base: Cell<*const UserCode<'static>>,
    /// The task-local values in scope where the entry was made.
    pub(crate) locals: Cell<*const Node<'static>>,
}

impl<'a> Entry<'a> {
    pub(crate) fn new(shared: &'a Arc<Shared>, kind: WorkerKind, index: Option<usize>) -> Self {
        Entry {
            shared,
            kind,
            index: Cell::new(index),
            seat: Cell::new(ptr::null()),
            searching: Cell::new(false),
            counted_out: Cell::new(false),
            away: Cell::new(false),
            starting: Cell::new(false),
            body: Cell::new(false),
            state: OnceCell::new(),
            parent: Cell::new(ptr::null()),
            base: Cell::new(ptr::null()),
            locals: Cell::new(ptr::null()),
        }
    }

    /// Makes this the thread's entry until the guard is dropped. The task-local
    /// values around it are out of scope meanwhile: what runs in it is others' code.
    pub(crate) fn enter(&self) -> Entered<'_> {
        THIS.with(|this| {
            self.parent.set(this.entry.get());
            self.base.set(this.code.get());
            this.entry.set(ptr::from_ref(self).cast());
        });
        self.locals.set(stack::exchange(ptr::null()));
        Entered { previous: self.parent.get(), base: None, locals: self.locals.get() }
    }

    /// Makes this the top entry again for as long as the guard lives, although
    /// others were entered since, with the task-local values around it.
    pub(crate) fn reenter(&self) -> Entered<'_> {
        let locals = stack::exchange(self.locals.get());
        THIS.with(|this| {
            let previous = this.entry.replace(ptr::from_ref(self).cast());
            // What is below is not the user's code of this entry.
            let base = Some((&self.base, self.base.replace(this.code.get())));
            Entered { previous, base, locals }
        })
    }

    /// The seat this thread holds.
    #[inline]
    pub(crate) fn seated(&self) -> Option<Seated<'a>> {
        self.seated_of(self.shared)
    }

    /// The same if that is one of `shared`.
    #[inline]
    pub(super) fn seated_of<'s>(&self, shared: &'s Shared) -> Option<Seated<'s>> {
        if !self.is_of(shared) {
            return None;
        }
        // SAFETY: null, or from `sit`: a seat of `shared`, which outlives `'s`.
        let seat = unsafe { self.seat.get().as_ref() }?;
        // SAFETY: `sit` was called on this thread (an entry is not `Sync`) by
        // whoever got the seat from the idle module, and `stand` not since.
        // Nobody keeps the evidence across user code, where it may be given up.
        Some(unsafe { seat.seated() })
    }

    /// Notes that this thread got the seat `index` from the idle module.
    pub(crate) fn sit(&self, index: usize) {
        self.seat.set(&*self.shared.seats[index]);
    }

    /// The seat to ask for: the one of the thread's number.
    pub(crate) fn preferred_seat(&self) -> usize {
        match self.kind {
            WorkerKind::Worker => self.index.get().unwrap_or(0),
            _ => 0,
        }
    }

    /// Forgets the seat, which the caller gives back.
    pub(crate) fn stand(&self) {
        self.seat.set(ptr::null());
    }

    /// Whether this is an entry into `shared`.
    #[inline]
    pub(crate) fn is_of(&self, shared: &Shared) -> bool {
        ptr::eq(&**self.shared, shared)
    }

    pub(crate) fn kind(&self) -> WorkerKind {
        self.kind
    }

    /// Whether this is the entry of a worker thread itself, not of a `block_on`
    /// on one.
    pub(crate) fn is_worker_thread(&self) -> bool {
        self.kind == WorkerKind::Worker && self.index.get().is_some()
    }

    /// The same for a thread of the blocking pool.
    pub(crate) fn is_blocking_thread(&self) -> bool {
        self.kind == WorkerKind::Blocking && self.index.get().is_some()
    }

    /// Calls the start hook.
    pub(crate) fn call_start_hook(&self, info: &WorkerInfo) {
        self.starting.set(true);
        self.shared.hooks.thread_started(info);
        self.starting.set(false);
    }

    /// Whether a nested call counts this thread out, so that another may come. That one would
    /// call the start hook, too: so in there a bounded number do. A thread of the pool is away
    /// there, and stays so.
    pub(crate) fn may_count_out(&self) -> bool {
        let some = || self.is_worker_thread() && self.preferred_seat() < MOST_IN_HOOKS;
        !self.starting.get() || some()
    }

    pub(crate) fn info(&self) -> WorkerInfo {
        if let Some(index) = self.index.get() {
            return WorkerInfo::new(index, self.kind);
        }
        // A nested `block_on` is the same worker as the one around it.
        let outer = self.ancestors().skip(1).find(|outer| outer.is_of(self.shared));
        outer.map_or_else(
            || {
                let index = self.shared.callers.take();
                self.index.set(Some(index));
                WorkerInfo::new(index, self.kind)
            },
            Entry::info,
        )
    }

    /// This entry and those below it.
    pub(crate) fn ancestors(&self) -> impl Iterator<Item = &Entry<'_>> {
        // SAFETY: null, or the entry that was on top when this one was entered. It is
        // below on this thread's call stack, and so there as long as this one is.
        let parent = |entry: &&Entry<'_>| unsafe { entry.parent.get().as_ref() };
        std::iter::successors(Some(self), parent)
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.drop_state();
        if let (WorkerKind::Caller, Some(index)) = (self.kind, self.index.get()) {
            self.shared.callers.give_back(index);
        }
    }
}

/// Restores the previous entry.
pub(crate) struct Entered<'a> {
    previous: *const Entry<'static>,
    base: Option<(&'a Cell<*const UserCode<'static>>, *const UserCode<'static>)>,
    locals: *const Node<'static>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        THIS.with(|this| this.entry.set(self.previous));
        stack::exchange(self.locals);
        if let Some((base, previous)) = self.base {
            base.set(previous);
        }
    }
}

/// Calls `f` with the thread's entry.
#[inline]
pub(crate) fn with_entry<R>(f: impl FnOnce(&Entry<'_>) -> R) -> Option<R> {
    let top = THIS.with(|this| this.entry.get());
    // SAFETY: null, or an entry on this thread's call stack below this call, which its
    // guard unlinks before it dies.
    unsafe { top.as_ref() }.map(f)
}
