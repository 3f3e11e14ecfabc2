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
//! | the same, with the handle in `go` or `gob` | `JoinHandle::detach` | the panic hook |
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
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::context::{self, UserCode};
use crate::hooks::PanicReport;
use crate::local::stack::Node;
use crate::shared::Shared;

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
        } else {
            context::with_shared(|shared| shared.hooks.guard(|| drop(value)));
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

/// The task that a [`TaskFuture`] is in. It is the task whose turn it is, and its future
/// is not dropped: that is `TaskFuture` itself.
#[derive(Clone, Copy)]
struct Own<'a>(&'a Meta);

impl<'a> Own<'a> {
    #[inline]
    fn shared(self) -> &'a Shared {
        // SAFETY: the task's future is not dropped during `'a`.
        unsafe { self.0.shared() }
    }

    /// What the task inherits, to be entered.
    #[inline]
    fn inherited(self) -> Option<Node<'a>> {
        // SAFETY: this is a turn of the task during `'a`. `release` is called at the end
        // of the future's drop alone, when no node is left.
        self.0.extra().and_then(|extra| unsafe { extra.inherited() })
    }

    /// Calls `f`, which runs user code, as the task, which counts as alive: what ends
    /// the coordinator in there must not wait for the task.
    #[cold]
    fn run(self, f: impl FnOnce()) {
        let code = UserCode::of_task(self.0, None);
        let _inside = code.enter();
        f();
    }

    fn report(self, payload: Payload) {
        self.run(|| self.shared().hooks.report(Some(self.0), payload));
    }

    fn panicked<T>(self, payload: Payload) -> Outcome<T> {
        Outcome::Panicked(PanicReport::new(&self.shared().hooks, self.0, payload))
    }
}

impl<F> TaskFuture<F> {
    pub(crate) fn new(future: F) -> Self {
        TaskFuture { future: Some(future) }
    }

    #[inline]
    fn own(&self) -> Own<'_> {
        // SAFETY: this is a turn of the task (see `Runnable`), whose memory lives
        // until its future is dropped, and so as long as `self`.
        Own(unsafe { context::current_task().as_ref() })
    }

    #[inline]
    fn split(&mut self) -> (Own<'_>, &mut Option<F>) {
        // SAFETY: as in `own`.
        (Own(unsafe { context::current_task().as_ref() }), &mut self.future)
    }

    /// Drops the user's future, as the task, and returns the panic of it.
    fn drop_future(&mut self) -> Result<(), Payload> {
        let (own, future) = self.split();
        let code = UserCode::of_task(own.0, None);
        let _inside = code.enter();
        let locals = own.inherited();
        let _locals = locals.as_ref().map(Node::enter);
        catch_unwind(AssertUnwindSafe(|| *future = None))
    }
}

impl<F: Future> TaskFuture<F> {
    /// Polls the user's future, as the task, and returns the panic of it.
    #[inline]
    fn poll_user(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Result<Poll<F::Output>, Payload> {
        // SAFETY: `future` is only used in place: pinned below, dropped in place by
        // `drop_future`, never moved.
        let (own, future) = unsafe { self.get_unchecked_mut() }.split();
        let code = UserCode::of_task(own.0, Some(cx.waker()));
        let _inside = code.enter();
        if let Some(extra) = own.0.extra() {
            extra.count_poll();
        }
        let locals = own.inherited();
        let _locals = locals.as_ref().map(Node::enter);
        let future = future.as_mut().expect("a completed task is not polled again");
        // SAFETY: see above; `self` was pinned.
        let future = unsafe { Pin::new_unchecked(future) };
        catch_unwind(AssertUnwindSafe(|| future.poll(cx)))
    }

    #[inline]
    fn on_pending(&self, waker: &Waker) -> Poll<Outcome<F::Output>> {
        let own = self.own();
        // The wake of a registry that closes does nothing to a task that is
        // scheduled; if that came before this poll, its phase is seen here.
        match own.0.bind(own.shared(), waker) {
            Ok(()) if !own.shared().is_cancelling() => {
                // From here on the task may be run elsewhere. The seat may be another one than
                // before, or none, after a nested `block_on`.
                if let Some(seat) = context::seat(own.shared()) {
                    seat.end_poll();
                }
                Poll::Pending
            }
            _ => Poll::Ready(Outcome::Cancelled),
        }
    }

    #[inline]
    fn on_value(&mut self, value: F::Output) -> Outcome<F::Output> {
        let outcome = Outcome::Done(Some(value));
        match self.drop_future() {
            Ok(()) => outcome,
            Err(payload) => {
                let own = self.own();
                // The value is nobody's.
                own.run(|| own.shared().hooks.guard(|| drop(outcome)));
                own.panicked(payload)
            }
        }
    }

    #[cold]
    fn on_panic(&mut self, payload: Payload) -> Outcome<F::Output> {
        let outcome = self.own().panicked(payload);
        if let Err(second) = self.drop_future() {
            self.own().report(second);
        }
        outcome
    }
}

impl<F: Future> Future for TaskFuture<F> {
    type Output = Outcome<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if context::turn() == Turn::Discard {
            return Poll::Ready(Outcome::Cancelled);
        }
        let polled = self.as_mut().poll_user(cx);
        // SAFETY: `future` is dropped in place; see `poll_user`.
        let this = unsafe { self.get_unchecked_mut() };
        match polled {
            Ok(Poll::Pending) => this.on_pending(cx.waker()),
            Ok(Poll::Ready(value)) => Poll::Ready(this.on_value(value)),
            Err(payload) => Poll::Ready(this.on_panic(payload)),
        }
    }
}

impl<F> Drop for TaskFuture<F> {
    fn drop(&mut self) {
        let cancelled = self.future.is_some();
        if cancelled {
            if let Err(payload) = self.drop_future() {
                self.own().report(payload);
            }
        }
        let own = self.own();
        if let Some(extra) = own.0.extra() {
            // SAFETY: this is a turn of the task, and the user's future is dropped.
            own.run(|| unsafe { extra.release() });
        }
        // Last: after this the coordinator may count no task alive.
        own.0.finish(own.shared(), cancelled);
    }
}
