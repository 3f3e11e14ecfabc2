//! Where a thread is: in which coordinator, on which seat, inside which task.
//!
//! Three stacks, all linked through the thread's own call stack, with a
//! thread-local pointer to the top of each:
//!
//! * an [`Entry`] for each coordinator that this thread works for: one for a
//!   worker or blocking thread's whole life, one for each `block_on`;
//! * a [`Scope`] for each piece of user code that is being polled or dropped;
//! * the task whose turn it is, around its poll or drop; see
//!   [`Runnable`](crate::task::Runnable).
//!
//! ```text
//!   worker thread:   Entry A ── Scope task 7 ── Entry B (block_on) ── Scope main
//! ```

use std::any::{Any, type_name};
use std::cell::{Cell, OnceCell};
use std::ptr::{self, NonNull};
use std::task::Waker;

use crate::local::stack::{self, Node};
use crate::seat::{Seat, Seated};
use crate::shared::Shared;
use crate::sync_facade::{Arc, thread_local};
use crate::task::{Meta, Turn};
use crate::{WorkerInfo, WorkerKind};

struct Context {
    entry: Cell<*const Entry<'static>>,
    scope: Cell<*const Scope>,
    task: Cell<*const Meta>,
    turn: Cell<Turn>,
    /// The coordinator that started this thread; only compared.
    home: Cell<*const Shared>,
}

thread_local! {
    static CONTEXT: Context = const {
        Context {
            entry: Cell::new(ptr::null()),
            scope: Cell::new(ptr::null()),
            task: Cell::new(ptr::null()),
            turn: Cell::new(Turn::Poll),
            home: Cell::new(ptr::null()),
        }
    };
}

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
    /// Whether it counts as a lender.
    pub(crate) lending: Cell<bool>,
    /// Whether it runs the body of a scope, on this entry's seat, outside of polls.
    pub(crate) body: Cell<bool>,
    state: OnceCell<WorkerState>,
    parent: Cell<*const Entry<'static>>,
    base: Cell<*const Scope>,
    /// The task-local values in scope where the entry was made.
    pub(crate) locals: Cell<*const Node<'static>>,
}

struct WorkerState {
    value: Option<Box<dyn Any>>,
    type_name: &'static str,
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
            lending: Cell::new(false),
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
        CONTEXT.with(|cx| {
            self.parent.set(cx.entry.get());
            self.base.set(cx.scope.get());
            cx.entry.set(ptr::from_ref(self).cast());
        });
        self.locals.set(stack::exchange(ptr::null()));
        Entered { previous: self.parent.get(), base: None, locals: self.locals.get() }
    }

    /// Makes this the top entry again for as long as the guard lives, although
    /// others were entered since, with the task-local values around it.
    pub(crate) fn reenter(&self) -> Entered<'_> {
        let locals = stack::exchange(self.locals.get());
        CONTEXT.with(|cx| {
            let previous = cx.entry.replace(ptr::from_ref(self).cast());
            // What is below is not the user's code of this entry.
            let base = Some((&self.base, self.base.replace(cx.scope.get())));
            Entered { previous, base, locals }
        })
    }

    /// The seat this thread holds.
    #[inline]
    pub(crate) fn seated(&self) -> Option<Seated<'a>> {
        // SAFETY: null, or from `sit`: a seat of `shared`, which outlives `'a`.
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

    /// Whether it is one of `shared`.
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
    pub(crate) fn ancestors(&self) -> impl Iterator<Item = &Entry<'static>> {
        let this: *const Entry<'static> = ptr::from_ref(self).cast();
        std::iter::successors(as_ref(this), |entry| as_ref(entry.parent.get()))
    }

    /// The worker state of this thread; see [`with_worker_state`](crate::with_worker_state).
    pub(crate) fn state<S: 'static>(&self) -> &S {
        let shared = &**self.shared;
        let own = self.ancestors().filter(|entry| entry.is_of(shared));
        let home = own.last().unwrap_or_else(|| unreachable!());
        let Some(maker) = &shared.options.worker_state else {
            panic!(
                "with_worker_state::<{}>: the coordinator was built without `worker_state`",
                type_name::<S>()
            );
        };
        let state = home.state.get_or_init(|| WorkerState {
            value: Some((maker.make)(&home.info())),
            type_name: maker.type_name,
        });
        let value = state.value.as_ref().and_then(|value| value.downcast_ref());
        value.unwrap_or_else(|| {
            panic!(
                "with_worker_state::<{}>: this coordinator's worker state is a `{}`",
                type_name::<S>(),
                state.type_name
            )
        })
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if let Some(state) = self.state.get_mut() {
            let value = state.value.take();
            self.shared.hooks.contain(|| drop(value));
        }
        if let (WorkerKind::Caller, Some(index)) = (self.kind, self.index.get()) {
            self.shared.callers.give_back(index);
        }
    }
}

/// Restores the previous entry.
pub(crate) struct Entered<'a> {
    previous: *const Entry<'static>,
    base: Option<(&'a Cell<*const Scope>, *const Scope)>,
    locals: *const Node<'static>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        CONTEXT.with(|cx| cx.entry.set(self.previous));
        stack::exchange(self.locals);
        if let Some((base, previous)) = self.base {
            base.set(previous);
        }
    }
}

/// User code that is being polled, or dropped, on this thread.
pub(crate) struct Scope {
    /// Whose memory an arena made here is: the id of the task or main future.
    owner: u64,
    meta: *const Meta,
    waker: *const Waker,
    /// What this poll has used of its share (see [`coop`](crate::coop)).
    pub(crate) used: Cell<u32>,
    /// Whether a closer on this stack counts the task among its own.
    pub(crate) in_closer: Cell<bool>,
    parent: Cell<*const Scope>,
}

impl Scope {
    /// The code of a task. Without a waker it is being dropped.
    pub(crate) fn of_task(meta: &Meta, waker: Option<&Waker>) -> Self {
        Scope {
            owner: meta.id,
            meta,
            waker: waker.map_or(ptr::null(), ptr::from_ref),
            used: Cell::new(0),
            in_closer: Cell::new(false),
            parent: Cell::new(ptr::null()),
        }
    }

    /// The code of a main future.
    pub(crate) fn of_main(owner: u64, waker: &Waker) -> Self {
        Scope {
            owner,
            meta: ptr::null(),
            waker,
            used: Cell::new(0),
            in_closer: Cell::new(false),
            parent: Cell::new(ptr::null()),
        }
    }

    /// Makes this the innermost scope until the guard is dropped.
    pub(crate) fn enter(&self) -> Inside<'_> {
        CONTEXT.with(|cx| self.parent.set(cx.scope.replace(self)));
        Inside(self)
    }

    pub(crate) fn task(&self) -> Option<&Meta> {
        // SAFETY: a scope lives inside the poll or drop of its task.
        unsafe { self.meta.as_ref() }
    }

    pub(crate) fn waker(&self) -> Option<&Waker> {
        // SAFETY: as for `task`: the waker outlives the poll.
        unsafe { self.waker.as_ref() }
    }
}

/// Restores the previous scope.
pub(crate) struct Inside<'a>(&'a Scope);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        CONTEXT.with(|cx| cx.scope.set(self.0.parent.get()));
    }
}

/// Makes this the thread's current task until the guard is dropped.
#[inline]
pub(crate) fn enter_task(meta: &Meta, turn: Turn) -> Current {
    CONTEXT.with(|cx| Current { task: cx.task.replace(meta), turn: cx.turn.replace(turn) })
}

/// Restores the previous current task.
pub(crate) struct Current {
    task: *const Meta,
    turn: Turn,
}

impl Drop for Current {
    #[inline]
    fn drop(&mut self) {
        CONTEXT.with(|cx| {
            cx.task.set(self.task);
            cx.turn.set(self.turn);
        });
    }
}

/// The task whose turn it is on this thread.
///
/// # Panics
///
/// If there is none.
#[inline]
pub(crate) fn current_task() -> NonNull<Meta> {
    NonNull::new(CONTEXT.with(|cx| cx.task.get()).cast_mut()).expect("a task has its turn")
}

#[inline]
pub(crate) fn turn() -> Turn {
    CONTEXT.with(|cx| cx.turn.get())
}

fn as_ref<'a, T>(pointer: *const T) -> Option<&'a T> {
    // SAFETY: called in this file only, with the pointers of the two stacks:
    // null, or a value on this thread's call stack below the caller, which its
    // guard unlinks before it dies. No caller keeps the reference longer.
    unsafe { pointer.as_ref() }
}
#[inline]
fn top_entry<'a>() -> Option<&'a Entry<'static>> {
    as_ref(CONTEXT.with(|cx| cx.entry.get()))
}
#[inline]
fn top_scope<'a>() -> Option<&'a Scope> {
    as_ref(CONTEXT.with(|cx| cx.scope.get()))
}

/// Calls `f` with the thread's entry.
pub(crate) fn with_entry<R>(f: impl FnOnce(&Entry<'_>) -> R) -> Option<R> {
    top_entry().map(f)
}

/// Calls `f` with the coordinator that this thread is inside of.
pub(crate) fn with_shared<R>(f: impl FnOnce(&Arc<Shared>) -> R) -> Option<R> {
    top_entry().map(|entry| f(entry.shared))
}

/// Calls `f` with the thread's entry and `value`, if the thread is in the body of a
/// scope of `shared`, and in no poll since; else gives `value` back.
pub(crate) fn with_body<T, R>(
    shared: &Shared,
    value: T,
    f: impl FnOnce(&Entry<'_>, T) -> R,
) -> Result<R, T> {
    let here = |entry: &&Entry<'static>| entry.is_of(shared) && entry.body.get();
    match top_entry().filter(here) {
        Some(entry) if CONTEXT.with(|cx| cx.scope.get() == entry.base.get()) => Ok(f(entry, value)),
        _ => Err(value),
    }
}

/// The seat of `shared` that this thread holds. Not to be kept across user
/// code, which may give it up.
#[inline]
pub(crate) fn seat(shared: &Shared) -> Option<Seated<'_>> {
    let entry = top_entry().filter(|entry| entry.is_of(shared))?;
    entry.seated()
}

/// Whether this thread is inside a task of `shared`, maybe deeply. A main future
/// alone is none.
#[inline]
pub(crate) fn in_task_of(shared: &Shared) -> bool {
    tasks_of(shared).next().is_some()
}

/// Whether this thread runs a task of `shared`, or what comes after it: its outcome is
/// being handed on, which somebody may wait for although the task counts no more.
pub(crate) fn in_turn_of(shared: &Shared) -> bool {
    let in_turn = CONTEXT.with(|cx| !cx.task.get().is_null());
    in_turn && top_entry().is_some_and(|top| top.ancestors().any(|entry| entry.is_of(shared)))
}

/// Whether the innermost poll is one of a task of `shared`, which would be cancelled if
/// it were pending now and `shared` cancelled.
pub(crate) fn is_polled_as_task_of(shared: &Shared) -> bool {
    let own = |meta: &Meta| meta.belongs_to(shared) && meta.is_admitted();
    top_scope().and_then(Scope::task).is_some_and(own)
}

/// Whether user code is running, rather than the loop of a worker.
#[inline]
pub(crate) fn in_user_code() -> bool {
    CONTEXT.with(|cx| match as_ref(cx.entry.get()) {
        Some(entry) => entry.body.get() || cx.scope.get() != entry.base.get(),
        None => true,
    })
}

/// Whether `waker` is the one that the innermost poll was given by us.
pub(crate) fn is_own_waker(waker: &Waker) -> bool {
    let own = top_scope().and_then(Scope::waker);
    own.is_some_and(|own| own.will_wake(waker))
}

/// Who owns the memory of an arena that is made here; 0 outside of every task.
pub(crate) fn owner() -> u64 {
    top_scope().map_or(0, |scope| scope.owner)
}

/// Uses `units` of what the innermost poll has of `share`; false if that is used
/// up now. Outside of our polls there is nothing to use.
#[inline]
pub(crate) fn use_share(units: u32, share: u32) -> bool {
    top_scope().is_none_or(|scope| {
        let used = scope.used.get().saturating_add(units);
        scope.used.set(used);
        used < share
    })
}

/// The scopes of this thread, the innermost first.
pub(crate) fn scopes<'a>() -> impl Iterator<Item = &'a Scope> {
    std::iter::successors(top_scope(), |scope| as_ref(scope.parent.get()))
}

/// Whether a `block_on` here would block someone else's poll. The closure of a
/// blocking thread is nobody's poll.
pub(crate) fn is_nested() -> bool {
    let polling = || scopes().any(|scope| scope.task().is_none_or(|task| !task.is_blocking()));
    let seated = |entry: &Entry<'_>| entry.ancestors().any(|entry| entry.seated().is_some());
    polling() || top_entry().is_some_and(seated)
}

/// Notes that this thread is one of `shared`'s own, to its very end: also in the
/// destructors of its thread-locals.
pub(crate) fn settle(shared: &Shared) {
    CONTEXT.with(|cx| cx.home.set(shared));
}

/// Whether this is one of `shared`'s own threads.
pub(crate) fn on_own_thread(shared: &Shared) -> bool {
    CONTEXT.with(|cx| ptr::eq(cx.home.get(), shared))
}

/// The tasks of `shared` on this thread's call stack, the innermost first.
#[inline]
pub(crate) fn tasks_of<'a>(shared: &Shared) -> impl Iterator<Item = &'a Scope> {
    // A refused task, which is being dropped, keeps nothing alive.
    let own = |meta: &Meta| meta.belongs_to(shared) && meta.is_admitted();
    scopes().filter(move |scope| scope.task().is_some_and(own))
}
