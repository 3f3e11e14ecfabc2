//! What a group and its children share.
//!
//! One lock guards all of it. It is held for the few steps of a table and a
//! queue, never while user code runs: futures, results and wakers go in and out of
//! the lock, and are dropped, cloned and called outside.
//!
//! A child's task holds a [`Membership`], its [sink](crate::task::sink): when the
//! child has ended and its future is dropped, the membership frees the child's
//! place in the table and leaves the result. The table holds a [`Leash`] on each
//! child, so group and child refer to each other until the child ends.

use std::collections::VecDeque;
use std::fmt;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use crate::group::waiters::Waiters;
use crate::hooks::{Hooks, PanicReport};
use crate::shared::Shared;
use crate::sync_facade::{Arc, Mutex, lock};
use crate::task::sink::{Leash, Sink};
use crate::task::{self, JoinError, Kind, Label, New, Outcome, Runnable, TaskId, id};

/// A table or queue that is empty and has room for more gives its memory back.
const KEEP: usize = 256;

pub(super) struct Inner<T> {
    pub(super) shared: Arc<Shared>,
    state: Mutex<State<T>>,
}

pub(super) struct State<T> {
    children: Slab<Child>,
    /// How many of them the group still counts: all but the detached.
    running: usize,
    /// Results nobody has taken. A value without a size takes no memory here.
    values: VecDeque<T>,
    errors: VecDeque<(Label, Option<PanicReport>)>,
    /// The group was dropped.
    closed: bool,
    pub(super) joiners: Waiters,
    pub(super) drainers: Waiters,
    /// Only in a bounded group.
    pub(super) places: Option<Places>,
}

enum Child {
    Alive(Leash),
    Cancelled(Box<Label>),
    Detached,
}

impl Child {
    /// What to call it, if the group counts it.
    fn label(&self) -> Option<Label> {
        match self {
            Child::Alive(leash) => Some(leash.label()),
            Child::Cancelled(label) => Some((**label).clone()),
            Child::Detached => None,
        }
    }
}

/// Places for children. If one is free, nobody waits.
pub(super) struct Places {
    pub(super) free: usize,
    pub(super) queue: Waiters,
}

/// Wakers to be called once the lock is open.
#[derive(Default)]
struct Calls {
    /// For a result.
    joiner: Option<Waker>,
    /// For a place.
    place: Option<Waker>,
    /// Everyone, for there will be no more results.
    others: Vec<Waker>,
}

/// A child's end of the group.
struct Membership<T> {
    group: Arc<Inner<T>>,
    key: usize,
}

impl<T: Send> Sink<T> for Membership<T> {
    fn put(self, outcome: Outcome<T>) {
        let hooks = self.group.shared.hooks.clone();
        self.group.end(self.key, outcome);
        // If it is the last, the results that nobody took go with it.
        hooks.guard(|| drop(self));
    }
}

impl<T> Inner<T> {
    pub(super) fn new(shared: &Arc<Shared>, places: Option<usize>) -> Arc<Self> {
        Arc::new(Inner {
            shared: shared.clone(),
            state: Mutex::new(State {
                children: Slab::new(),
                running: 0,
                values: VecDeque::new(),
                errors: VecDeque::new(),
                closed: false,
                joiners: Waiters::default(),
                drainers: Waiters::default(),
                places: places.map(|free| Places { free, queue: Waiters::default() }),
            }),
        })
    }

    /// Calls `f`, which is ours, under the lock.
    pub(super) fn with<R>(&self, f: impl FnOnce(&mut State<T>) -> R) -> R {
        f(&mut lock(&self.state))
    }

    /// Polls for `ready`, called under the lock; enters the queue while that gives
    /// `None`, and leaves it then.
    pub(super) fn wait<R>(
        &self,
        ticket: &mut Option<u64>,
        queue: fn(&mut State<T>) -> &mut Waiters,
        cx: &Context<'_>,
        mut ready: impl FnMut(&mut State<T>, Option<u64>) -> Option<R>,
    ) -> Poll<R> {
        if ticket.is_none() {
            if let Some(result) = self.with(|state| ready(state, None)) {
                return Poll::Ready(result);
            }
        }
        let waker = cx.waker().clone();
        let mut state = lock(&self.state);
        let result = ready(&mut state, *ticket);
        let queue = queue(&mut state);
        let unused = match &result {
            Some(_) => [ticket.take().and_then(|ticket| queue.leave(ticket)), Some(waker)],
            None => [queue.put(ticket, waker), None],
        };
        drop(state);
        drop(unused);
        result.map_or(Poll::Pending, Poll::Ready)
    }

    /// A child has ended.
    fn end(&self, key: usize, outcome: Outcome<T>) {
        let mut state = lock(&self.state);
        let child = state.children.remove(key);
        shrink(&mut state.children);
        let mut calls = Calls::default();
        let unwanted = match &child {
            Child::Detached => Some(outcome),
            Child::Alive(_) | Child::Cancelled(_) => {
                state.running -= 1;
                state.keep(&child, outcome);
                calls.joiner = state.joiners.call();
                state.call_if_done(&mut calls);
                None
            }
        };
        calls.place = state.places.as_mut().and_then(Places::give_back);
        drop(state);
        let hooks = &self.shared.hooks;
        hooks.guard(|| drop(unwanted));
        drop(child);
        calls.make(hooks);
    }

    /// Cancels the children that there are.
    pub(super) fn cancel_all(&self) {
        let leashes = self.with(|state| {
            let mut leashes = Vec::with_capacity(state.running);
            for (_, child) in &mut state.children {
                *child = match std::mem::replace(child, Child::Detached) {
                    Child::Alive(leash) => {
                        let label = Box::new(leash.label());
                        leashes.push(leash);
                        Child::Cancelled(label)
                    }
                    other => other,
                };
            }
            leashes
        });
        Leash::cancel(&self.shared, leashes);
    }

    /// Forgets the children that there are, and returns what holds those that were
    /// not cancelled. With `close`, there will be no others.
    fn release(&self, close: bool) -> Vec<Leash> {
        let mut calls = Calls::default();
        let leashes = self.with(|state| {
            state.closed |= close;
            state.running = 0;
            state.call_if_done(&mut calls);
            let children = state.children.iter_mut();
            let taken = children.map(|(_, child)| std::mem::replace(child, Child::Detached));
            let alive = |child| match child {
                Child::Alive(leash) => Some(leash),
                Child::Cancelled(_) | Child::Detached => None,
            };
            taken.filter_map(alive).collect()
        });
        calls.make(&self.shared.hooks);
        leashes
    }

    pub(super) fn detach_all(&self) {
        self.release(false).into_iter().for_each(Leash::detach);
    }

    /// The group is dropped: cancels the children, drops the results.
    pub(super) fn close(&self) {
        Leash::cancel(&self.shared, self.release(true));
        let (values, errors) = self
            .with(|state| (std::mem::take(&mut state.values), std::mem::take(&mut state.errors)));
        // One by one: each may panic.
        values.into_iter().for_each(|value| self.shared.hooks.guard(|| drop(value)));
        drop(errors);
    }

    /// Calls a waker that was called under the lock.
    pub(super) fn wake(&self, waker: Option<Waker>) {
        if let Some(waker) = waker {
            self.shared.hooks.guard(|| waker.wake());
        }
    }

    pub(super) fn debug(&self, mut to: fmt::DebugStruct<'_, '_>) -> fmt::Result {
        let (running, len) = self.with(|state| (state.running, state.len()));
        to.field("running", &running).field("results", &(len - running)).finish()
    }

    /// The children that the group counts.
    pub(super) fn labels(&self) -> Vec<Label> {
        self.with(|state| state.children.iter().filter_map(|(_, child)| child.label()).collect())
    }
}

impl<T: Send + 'static> Inner<T> {
    /// Spawns a child. If the group was dropped, the future is dropped at once.
    pub(super) fn spawn<F>(
        self: &Arc<Self>,
        site: &'static task::Site,
        name: Option<Arc<str>>,
        kind: Kind,
        future: F,
        launch: fn(&Shared, Runnable),
    ) -> TaskId
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut state = lock(&self.state);
        if state.closed {
            drop(state);
            return TaskId(id::fresh());
        }
        let new = New { shared: &self.shared, site, name };
        let entry = state.children.vacant_entry();
        let membership = Membership { group: self.clone(), key: entry.key() };
        // Nothing of the user's runs in here: the future is only moved.
        let (runnable, leash) = task::create(new, kind, future, membership);
        let id = runnable.metadata().id();
        entry.insert(Child::Alive(leash));
        state.running += 1;
        drop(state);
        launch(&self.shared, runnable);
        id
    }
}

impl<T> State<T> {
    pub(super) fn running(&self) -> usize {
        self.running
    }

    /// Children that run, and results.
    pub(super) fn len(&self) -> usize {
        self.running + self.values.len() + self.errors.len()
    }

    pub(super) fn has_result(&self) -> bool {
        !self.values.is_empty() || !self.errors.is_empty()
    }

    /// The next result, errors first; `Some(None)` if there will be none.
    pub(super) fn next_result(&mut self) -> Option<Option<Result<T, JoinError>>> {
        let result = match self.errors.pop_front() {
            Some((label, Some(mut report))) => Err(JoinError::panicked(label, report.take())),
            Some((label, None)) => Err(JoinError::cancelled(label)),
            None => match self.values.pop_front() {
                Some(value) => Ok(value),
                None => return (self.running == 0).then_some(None),
            },
        };
        if size_of::<T>() > 0 && self.values.is_empty() && self.values.capacity() > KEEP {
            self.values = VecDeque::new();
        }
        Some(Some(result))
    }

    fn keep(&mut self, child: &Child, outcome: Outcome<T>) {
        let report = match outcome.take() {
            Ok(Some(value)) => return self.values.push_back(value),
            Ok(None) => None,
            Err(report) => Some(report),
        };
        self.errors.extend(child.label().map(|label| (label, report)));
    }

    fn call_if_done(&mut self, calls: &mut Calls) {
        if self.running == 0 && !(self.joiners.is_empty() && self.drainers.is_empty()) {
            calls.others.extend(self.joiners.call_all().chain(self.drainers.call_all()));
        }
    }
}

impl Places {
    /// Takes a place if one is free.
    pub(super) fn take(&mut self) -> bool {
        let free = self.free > 0;
        self.free -= usize::from(free);
        free
    }

    /// The place goes to the first who waits, or is free.
    pub(super) fn give_back(&mut self) -> Option<Waker> {
        let next = self.queue.call();
        self.free += usize::from(next.is_none());
        next
    }
}

impl Calls {
    fn make(self, hooks: &Hooks) {
        let wakers = self.joiner.into_iter().chain(self.place).chain(self.others);
        wakers.for_each(|waker| hooks.guard(|| waker.wake()));
    }
}

fn shrink<V>(table: &mut Slab<V>) {
    if table.is_empty() && table.capacity() > KEEP {
        *table = Slab::new();
    }
}
