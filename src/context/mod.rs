//! Where a thread is: in which coordinator, on which seat, inside which task.
//!
//! Three stacks, all linked through the thread's own call stack, with a
//! thread-local pointer to the top of each:
//!
//! * an [`Entry`] for each coordinator that this thread works for: one for a
//!   worker or blocking thread's whole life, one for each `block_on`;
//! * a [`UserCode`] for each piece of user code that is being polled or dropped;
//! * the task whose turn it is, around its poll or drop; see
//!   [`Runnable`](crate::task::Runnable).
//!
//! ```text
//!   worker thread:   Entry A ── UserCode task 7 ── Entry B (block_on) ── UserCode main
//! ```
//!
//! Nobody gets a reference to what is on a stack but for the time of a call.

mod entry;
mod user_code;
mod worker_state;

pub(crate) use entry::{Entry, with_entry};
pub(crate) use user_code::{UserCode, with_user_code};

use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::task::Waker;

use crate::seat::Seated;
use crate::shared::Shared;
use crate::sync_facade::{Arc, thread_local};
use crate::task::{Meta, Turn};

struct ThisThread {
    entry: Cell<*const Entry<'static>>,
    code: Cell<*const UserCode<'static>>,
    task: Cell<*const Meta>,
    turn: Cell<Turn>,
    /// Whether code of a user is called that is no task's: see [`call`].
    calls: Cell<bool>,
    /// The coordinator that started this thread; only compared.
    home: Cell<*const Shared>,
}

thread_local! {
    static THIS: ThisThread = const {
        ThisThread {
            entry: Cell::new(ptr::null()),
            code: Cell::new(ptr::null()),
            task: Cell::new(ptr::null()),
            turn: Cell::new(Turn::Poll),
            calls: Cell::new(false),
            home: Cell::new(ptr::null()),
        }
    };
}

/// Makes this the thread's current task until the guard is dropped.
#[inline]
pub(crate) fn enter_task(meta: &Meta, turn: Turn) -> Current {
    THIS.with(|this| Current { task: this.task.replace(meta), turn: this.turn.replace(turn) })
}

/// Restores the previous current task.
pub(crate) struct Current {
    task: *const Meta,
    turn: Turn,
}

impl Drop for Current {
    #[inline]
    fn drop(&mut self) {
        THIS.with(|this| {
            this.task.set(self.task);
            this.turn.set(self.turn);
        });
    }
}

/// Calls code of a user that is no task's, such as a waker, and waits for it: a `block_on` in
/// there is nested. A panic stays in `f`.
pub(crate) fn call(f: impl FnOnce()) {
    let outer = THIS.with(|this| this.calls.replace(true));
    f();
    THIS.with(|this| this.calls.set(outer));
}

/// The task whose turn it is on this thread.
///
/// # Panics
///
/// If there is none.
#[inline]
pub(crate) fn current_task() -> NonNull<Meta> {
    NonNull::new(THIS.with(|this| this.task.get()).cast_mut()).expect("a task has its turn")
}

#[inline]
pub(crate) fn turn() -> Turn {
    THIS.with(|this| this.turn.get())
}

/// Whether the thread is inside of a coordinator.
#[inline]
pub(crate) fn is_inside() -> bool {
    THIS.with(|this| !this.entry.get().is_null())
}

/// Calls `f` with the coordinator that this thread is inside of.
#[inline]
pub(crate) fn with_shared<R>(f: impl FnOnce(&Arc<Shared>) -> R) -> Option<R> {
    with_entry(|entry| f(entry.shared))
}

/// Calls `f` with the thread's entry and `value`, if the thread is in the body of a
/// scope of `shared`, and in no poll since; else gives `value` back.
pub(crate) fn with_body<T, R>(
    shared: &Shared,
    value: T,
    f: impl FnOnce(&Entry<'_>, T) -> R,
) -> Result<R, T> {
    let in_body = |entry: &Entry<'_>| entry.is_of(shared) && entry.body.get() && !in_code_of(entry);
    if with_entry(in_body) != Some(true) {
        return Err(value);
    }
    Ok(with_entry(|entry| f(entry, value)).expect("the thread is in a body"))
}

/// The seat of `shared` that this thread holds. Not to be kept across user
/// code, which may give it up.
#[inline]
pub(crate) fn seat(shared: &Shared) -> Option<Seated<'_>> {
    with_entry(|entry| entry.seated_of(shared)).flatten()
}

/// Whether this thread is inside a task of `shared`, maybe deeply. A main future
/// alone is none.
#[inline]
pub(crate) fn in_task_of(shared: &Shared) -> bool {
    with_user_code(|code| code.tasks_of(shared).next().is_some()).unwrap_or(false)
}

/// Whether this thread runs a task of `shared`, or what comes after it: its outcome is
/// being handed on, which somebody may wait for although the task counts no more.
pub(crate) fn in_turn_of(shared: &Shared) -> bool {
    let in_turn = THIS.with(|this| !this.task.get().is_null());
    let inside = || with_entry(|top| top.ancestors().any(|entry| entry.is_of(shared)));
    in_turn && inside().unwrap_or(false)
}

/// Whether the innermost poll is one of a task of `shared`, which would be cancelled if
/// it were pending now and `shared` cancelled.
pub(crate) fn is_polled_as_task_of(shared: &Shared) -> bool {
    with_user_code(|code| code.is_task_of(shared)).unwrap_or(false)
}

/// Whether user code is running, rather than the loop of a worker.
#[inline]
pub(crate) fn in_user_code() -> bool {
    with_entry(|entry| entry.body.get() || in_code_of(entry)).unwrap_or(true)
}

/// Whether user code runs that was entered after `entry`, the top one.
#[inline]
fn in_code_of(entry: &Entry<'_>) -> bool {
    THIS.with(|this| this.code.get() != entry.base.get())
}

/// Whether `waker` is the one that the innermost poll was given by us.
pub(crate) fn is_own_waker(waker: &Waker) -> bool {
    let own = |code: &UserCode<'_>| code.waker().is_some_and(|own| own.will_wake(waker));
    with_user_code(own).unwrap_or(false)
}

/// Who owns the memory of an arena that is made here; 0 outside of every task.
#[inline]
pub(crate) fn owner() -> u64 {
    with_user_code(|code| code.owner).unwrap_or(0)
}

/// Uses `units` of what the innermost poll has of `share`; false if that is used
/// up now. Outside of our polls there is nothing to use.
#[inline]
pub(crate) fn use_share(units: u32, share: u32) -> bool {
    let used = with_user_code(|code| {
        let used = code.used.get().saturating_add(units);
        code.used.set(used);
        used
    });
    used.is_none_or(|used| used < share)
}

/// Whether a `block_on` here would block someone else's poll, drop, or wake. The closure of a
/// blocking thread is nobody's poll.
pub(crate) fn is_nested() -> bool {
    let called = THIS.with(|this| this.calls.get());
    let is_closure = |code: &UserCode<'_>| code.task().is_some_and(Meta::is_blocking);
    let poll = |code: &UserCode<'_>| code.is_dropped() || !is_closure(code);
    let polling = with_user_code(|code| code.ancestors().any(poll)).unwrap_or(false);
    let seated = || with_entry(|top| top.ancestors().any(|entry| entry.seated().is_some()));
    polling || called || in_aftermath() || seated().unwrap_or(false)
}

/// Whether this is in the turn of a task, but after its future was dropped: its outcome is
/// handed on.
pub(crate) fn in_aftermath() -> bool {
    let task = THIS.with(|this| this.task.get());
    let is_own = |code: &UserCode<'_>| code.task().is_some_and(|own| ptr::eq(own, task));
    !task.is_null() && !with_user_code(is_own).unwrap_or(false)
}

/// Notes that this thread is one of `shared`'s own, to its very end: also in the
/// destructors of its thread-locals.
pub(crate) fn settle(shared: &Shared) {
    THIS.with(|this| this.home.set(shared));
}

/// Whether this is one of `shared`'s own threads.
pub(crate) fn on_own_thread(shared: &Shared) -> bool {
    THIS.with(|this| ptr::eq(this.home.get(), shared))
}
