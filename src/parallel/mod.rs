//! Several futures in parallel, awaited together: [`join`](fn@join), [`join_all`],
//! [`for_each_concurrent`], [`map_concurrent`].
//!
//! All of them hold what they spawn, so dropping them cancels that. If one of their
//! futures panics, the others are cancelled, and *when they are gone* the panic goes on
//! in the caller; a second panic goes to the hook. If one is cancelled, the coordinator
//! is being shut down, and there is no result: see [`Failure`].
//!
//! What is spawned here is to run beside its spawner, so it does not go into the run
//! slot, which others get at late.

mod concurrent;
mod join;

pub use concurrent::{for_each_concurrent, map_concurrent};
pub use join::{join, join_all};

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

/// Why there will be no result: the panic of a future, or, without one, that a future
/// was cancelled.
struct Failure(Option<Payload>);

impl From<JoinError> for Failure {
    fn from(error: JoinError) -> Self {
        Failure(error.try_into_panic().ok())
    }
}

impl Failure {
    /// Goes on with the panic. If the coordinator is being shut down and the caller is one
    /// of its tasks, it is cancelled here, where it waits.
    ///
    /// # Panics
    ///
    /// With the panic; in any other caller during a shutdown too, for nobody would
    /// ever wake it.
    async fn go_on(self, shared: &Shared) -> Infallible {
        match self.0 {
            Some(payload) => resume_unwind(payload),
            None if context::is_polled_as_task_of(shared) => pending().await,
            None => panic!("the coordinator was shut down before all futures were ready"),
        }
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
fn poll_caught<F: Future>(
    shared: &Arc<Shared>,
    mut slot: Pin<&mut Option<F>>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Failure>> {
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
                Poll::Ready(Err(Failure(Some(payload))))
            }
        },
        Err(payload) => {
            shared.hooks.guard(|| slot.set(None));
            Poll::Ready(Err(Failure(Some(payload))))
        }
    }
}
