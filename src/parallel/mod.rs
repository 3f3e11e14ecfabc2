//! Several futures in parallel, awaited together: [`join`](fn@join), [`join_all`],
//! [`for_each_concurrent`], [`map_concurrent`], and the same with `try_`, which end at the
//! first error.
//!
//! All of them hold what they spawn, so dropping them cancels that. If one of their
//! futures panics, the others are cancelled, and *when they are gone* the panic goes on
//! in the caller; a second panic goes to the hook. An error, where one is given out, does
//! the same. If one is cancelled, the coordinator is being shut down, and there is no
//! result: see [`Failure`].
//!
//! What is spawned here is to run beside its spawner, so it does not go into the run
//! slot, which others get at late.

mod concurrent;
mod join;
mod try_join;

pub use concurrent::{
    for_each_concurrent, map_concurrent, try_for_each_concurrent, try_map_concurrent,
};
pub use join::{join, join_all};
pub use try_join::{try_join, try_join_all};

use std::any::Any;
use std::convert::Infallible;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::TaskGroup;
use crate::context;
use crate::shared::Shared;
use crate::sync_facade::Arc;
use crate::task::JoinError;

type Payload = Box<dyn Any + Send>;

/// Why the futures that are left are cancelled. `E` is the error of the `try_` forms.
enum Failure<E> {
    /// A future gave an error.
    Error(E),
    /// A future panicked.
    Panic(Payload),
    /// A future was cancelled.
    Cancelled,
}

impl<E> From<JoinError> for Failure<E> {
    fn from(error: JoinError) -> Self {
        error.try_into_panic().map_or(Failure::Cancelled, Failure::Panic)
    }
}

impl<E> Failure<E> {
    /// Gives the error, or goes on with the panic. If the coordinator is being shut down and
    /// the caller is one of its tasks, it is cancelled here, where it waits.
    ///
    /// # Panics
    ///
    /// With the panic; in any other caller during a shutdown too, for nobody would
    /// ever wake it.
    async fn go_on(self, shared: &Shared) -> E {
        match self {
            Failure::Error(error) => error,
            Failure::Panic(payload) => resume_unwind(payload),
            Failure::Cancelled if context::is_polled_as_task_of(shared) => pending().await,
            Failure::Cancelled => {
                panic!("the coordinator was shut down before all futures were ready")
            }
        }
    }
}

/// The result of a plain form, which has no errors of its own.
fn always<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// Cancels what is in the group and waits for its end.
async fn end<T>(group: TaskGroup<T>) {
    group.cancel_all();
    group.drain_until(pending::<()>()).await;
}

/// Drops values of the user's, each of which may panic.
fn discard<T>(shared: &Arc<Shared>, values: impl IntoIterator<Item = T>) {
    values.into_iter().for_each(|value| shared.hooks.guard(|| drop(value)));
}

/// Polls a future and drops it once it is ready; catches its panics. A future that is
/// gone is pending.
fn poll_caught<F: Future, E>(
    shared: &Arc<Shared>,
    mut slot: Pin<&mut Option<F>>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Failure<E>>> {
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let Some(future) = slot.as_mut().as_pin_mut() else { return Poll::Pending };
        future.poll(cx)
    }));
    match polled {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => match catch_unwind(AssertUnwindSafe(|| slot.set(None))) {
            Ok(()) => Poll::Ready(Ok(output)),
            Err(payload) => {
                discard(shared, [output]);
                Poll::Ready(Err(Failure::Panic(payload)))
            }
        },
        Err(payload) => {
            shared.hooks.guard(|| slot.set(None));
            Poll::Ready(Err(Failure::Panic(payload)))
        }
    }
}
