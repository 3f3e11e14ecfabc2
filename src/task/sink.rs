//! Tasks whose outcome goes into a sink, not to a handle: children of groups,
//! and scoped tasks.
//!
//! The future of such a task is a [`Sinking`]: the [`TaskFuture`] and, behind it,
//! the [`Tail`]. When the task ends, in whatever way, its future is dropped, and
//! so its fields in the order they are declared in: first the user's future, then
//! the tail, which gives the outcome away. So *who hears of the end knows that the
//! future is gone*, and that the coordinator has counted it.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::shared::Shared;
use crate::task::{Label, Meta, Outcome, TaskFuture, TaskId};

/// Takes the outcome of a task, once, after its future has been dropped.
pub(crate) trait Sink<T> {
    /// Must not panic: `async-task` would abort the process.
    fn put(self, outcome: Outcome<T>);
}

/// Holds a task that has a sink: dropping it cancels the task.
pub(crate) struct Leash(async_task::Task<Outcome<()>, Meta>);

impl Leash {
    pub(super) fn new(task: async_task::Task<Outcome<()>, Meta>) -> Self {
        Leash(task)
    }

    pub(crate) fn id(&self) -> TaskId {
        self.0.metadata().id()
    }

    /// Cancels tasks of one coordinator. Closures that are queued leave the queue.
    pub(crate) fn cancel(shared: &Shared, leashes: Vec<Leash>) {
        let blocking = leashes.iter().filter(|leash| leash.0.metadata().is_blocking());
        let closures: Vec<TaskId> = blocking.map(Leash::id).collect();
        drop(leashes);
        shared.blocking.forget(shared, &closures);
    }

    pub(crate) fn label(&self) -> Label {
        self.0.metadata().label()
    }

    /// Lets the task run on by itself.
    pub(crate) fn detach(self) {
        self.0.detach();
    }
}

/// See the module.
pub(crate) struct Sinking<F: Future, S: Sink<F::Output>> {
    future: TaskFuture<F>,
    tail: Tail<F::Output, S>,
}

struct Tail<T, S: Sink<T>> {
    /// Without one the task was cancelled.
    outcome: Option<Outcome<T>>,
    /// `None` only in `drop`.
    sink: Option<S>,
}

impl<F: Future, S: Sink<F::Output>> Sinking<F, S> {
    pub(super) fn new(future: F, sink: S) -> Self {
        Sinking { future: TaskFuture::new(future), tail: Tail { outcome: None, sink: Some(sink) } }
    }
}

impl<F: Future, S: Sink<F::Output>> Future for Sinking<F, S> {
    type Output = Outcome<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<()>> {
        // SAFETY: `future` is pinned below and nowhere else touched; the tail is
        // never pinned. There is no `Drop` of `Sinking` itself.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: see above; `self` was pinned.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        future.poll(cx).map(|outcome| {
            this.tail.outcome = Some(outcome);
            Outcome::Done(Some(()))
        })
    }
}

impl<T, S: Sink<T>> Drop for Tail<T, S> {
    fn drop(&mut self) {
        let outcome = self.outcome.take().unwrap_or(Outcome::Cancelled);
        if let Some(sink) = self.sink.take() {
            sink.put(outcome);
        }
    }
}
