//! Tasks: how a future becomes a runnable, is polled, and ends.
//!
//! A task is one allocation, made by `async-task`: its header with [`Meta`],
//! then the future, later the output. `async-task` aborts the process when user
//! code panics in certain places (the drop of a future or of a result nobody
//! takes, a waker), so [`TaskFuture`] and [`Outcome`] stand around the user's
//! future and result and let no panic through to it.
//!
//! | a panic in | caught by | told to |
//! |---|---|---|
//! | a poll | [`TaskFuture`] | the handle; if nobody takes the result, the panic hook |
//! | the drop of a future that completed | [`TaskFuture`] | the handle, in place of the result |
//! | the drop of a cancelled future | [`TaskFuture`] | the panic hook |
//! | the drop of a result that nobody takes, by our loop | [`Outcome`] | the panic hook |
//! | the same, with the handle in `go` or `gob` | `free::detach` | the panic hook |
//! | the same, with the handle in the user's code | nobody | that code |
//! | a waker that a handle was polled with | `join::Guarded` | the panic hook, if that was inside a coordinator |
//! | a hook | `Hooks` | nobody; it is counted |

pub(crate) mod arena;
pub(crate) mod builder;
mod error;
pub(crate) mod id;
mod join;
mod many;
mod meta;
mod origin;
pub(crate) mod registry;
mod runnable;
pub(crate) mod sink;
mod slots;
mod spawn;

pub use error::JoinError;
pub use id::TaskId;
pub use join::{Cancel, JoinHandle};
pub use many::spawn_many;

pub(crate) use error::message;
pub(crate) use meta::{Kind, Label, Meta, Site};
pub(crate) use runnable::{Runnable, Turn};
pub(crate) use spawn::{
    New, admit, create, create_unchecked, discard, launch_aside, launch_created, refuse, run,
    spawn, spawn_aside, spawn_blocking, spawn_blocking_with,
};
#[cfg(feature = "time")]
pub(crate) use spawn::{spawn_in_pool, spawn_in_pool_with};

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::context::{self, Scope};
use crate::hooks::PanicReport;
use crate::local::stack::Node;

type Payload = Box<dyn Any + Send>;

/// What a task leaves behind. `Done` is empty once the value has been taken.
pub(crate) enum Outcome<T> {
    Done(Option<T>),
    Panicked(PanicReport),
    Cancelled,
}

impl<T> Outcome<T> {
    /// The value, or nothing, or the panic.
    pub(crate) fn take(mut self) -> Result<Option<T>, PanicReport> {
        match &mut self {
            Outcome::Done(value) => Ok(value.take()),
            Outcome::Panicked(report) => Err(report.move_out()),
            Outcome::Cancelled => Ok(None),
        }
    }

    /// The value, or the error of the task that `label` tells of.
    #[inline]
    pub(crate) fn into_result(mut self, label: impl FnOnce() -> Label) -> Result<T, JoinError> {
        match &mut self {
            Outcome::Done(value) => value.take().ok_or_else(|| JoinError::cancelled(label())),
            Outcome::Panicked(report) => Err(JoinError::panicked(label(), report.take())),
            Outcome::Cancelled => Err(JoinError::cancelled(label())),
        }
    }
}

impl<T> Drop for Outcome<T> {
    fn drop(&mut self) {
        let Outcome::Done(value) = self else { return };
        let Some(value) = value.take() else { return };
        if !std::mem::needs_drop::<T>() || context::in_user_code() {
            // In the user's own drop of a handle, a panic is theirs.
            drop(value);
        } else if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
            context::with_shared(|shared| shared.hooks.report(None, payload));
        }
    }
}

/// The user's future, with the watch kept over it.
///
/// It is polled and dropped inside a turn of its [`Runnable`] only.
pub(crate) struct TaskFuture<F> {
    /// Dropped as soon as it completes or panics, at the latest in `drop`.
    future: Option<F>,
}

impl<F> TaskFuture<F> {
    pub(crate) fn new(future: F) -> Self {
        TaskFuture { future: Some(future) }
    }

    /// The metadata of the task that this future is in.
    #[inline]
    fn meta(&self) -> &Meta {
        // SAFETY: this is a turn of the task (see `Runnable`), whose memory lives
        // until its future is dropped, and so as long as `self`.
        unsafe { context::current_task().as_ref() }
    }

    fn panicked<T>(&self, payload: Payload) -> Outcome<T> {
        let meta = self.meta();
        Outcome::Panicked(PanicReport::new(&meta.shared().hooks, meta, payload))
    }

    /// Calls `f`, which runs user code, as the task, which counts as alive: what ends
    /// the coordinator in there must not wait for the task.
    #[cold]
    fn as_task(&self, f: impl FnOnce(&Meta)) {
        let scope = Scope::of_task(self.meta(), None);
        let _inside = scope.enter();
        f(self.meta());
    }

    /// Drops the user's future, as the task, and returns the panic of it.
    fn drop_future(&mut self) -> Result<(), Payload> {
        let scope = Scope::of_task(self.meta(), None);
        let _inside = scope.enter();
        // SAFETY: this is a turn of the task.
        let locals = self.meta().extra().and_then(|extra| unsafe { extra.inherited() });
        let _locals = locals.as_ref().map(Node::enter);
        catch_unwind(AssertUnwindSafe(|| self.future = None))
    }
}

impl<F: Future> Future for TaskFuture<F> {
    type Output = Outcome<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: `future` is only used in place: pinned below, dropped in
        // place by the assignment of `None`, never moved.
        let this = unsafe { self.get_unchecked_mut() };
        if context::turn() == Turn::Discard {
            return Poll::Ready(Outcome::Cancelled);
        }
        let polled = {
            let scope = Scope::of_task(this.meta(), Some(cx.waker()));
            let _inside = scope.enter();
            let locals = this.meta().extra().and_then(|extra| {
                extra.count_poll();
                // SAFETY: this is a turn of the task.
                unsafe { extra.inherited() }
            });
            let _locals = locals.as_ref().map(Node::enter);
            let future = this.future.as_mut().expect("a completed task is not polled again");
            // SAFETY: see above; `self` was pinned.
            let future = unsafe { Pin::new_unchecked(future) };
            catch_unwind(AssertUnwindSafe(|| future.poll(cx)))
        };
        // The seat may be another one than before, or none, after a nested
        // `block_on`; from here on the task may be run elsewhere.
        if let Some(seat) = context::seat(this.meta().shared()) {
            seat.end_poll();
        }
        match polled {
            // The wake of a registry that closes does nothing to a task that is
            // scheduled; if that came before this poll, its phase is seen here.
            Ok(Poll::Pending) => match this.meta().bind(cx.waker()) {
                Ok(()) if !this.meta().shared().is_cancelling() => Poll::Pending,
                _ => Poll::Ready(Outcome::Cancelled),
            },
            Ok(Poll::Ready(value)) => {
                let outcome = Outcome::Done(Some(value));
                match this.drop_future() {
                    Ok(()) => Poll::Ready(outcome),
                    Err(payload) => {
                        // The value is nobody's.
                        this.as_task(|meta| meta.shared().hooks.guard(|| drop(outcome)));
                        Poll::Ready(this.panicked(payload))
                    }
                }
            }
            Err(payload) => {
                let outcome = this.panicked(payload);
                if let Err(second) = this.drop_future() {
                    this.as_task(|meta| meta.shared().hooks.report(Some(meta), second));
                }
                Poll::Ready(outcome)
            }
        }
    }
}

impl<F> Drop for TaskFuture<F> {
    fn drop(&mut self) {
        let cancelled = self.future.is_some();
        if cancelled {
            if let Err(payload) = self.drop_future() {
                self.as_task(|meta| meta.shared().hooks.report(Some(meta), payload));
            }
        }
        if let Some(extra) = self.meta().extra() {
            // SAFETY: this is a turn of the task, and the future is dropped.
            self.as_task(|_| unsafe { extra.release() });
        }
        // Last: after this the coordinator may count no task alive.
        self.meta().finish(cancelled);
    }
}
