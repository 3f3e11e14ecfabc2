//! A closure, once on every worker thread.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::pinned::spawn_pinned_on;
use crate::sync_facade::Arc;
use crate::task::{JoinError, JoinHandle, New};

/// The results of a closure that runs on every worker thread, by the numbers of
/// the threads; from [`Coordinator::broadcast`](crate::Coordinator::broadcast).
///
/// # Errors
///
/// Each result by itself is a [`JoinError`] if the closure panicked there, if the
/// system refused the thread, or if the coordinator was shut down.
///
/// # Cancel safety
///
/// It may be polled in a `select` and go on later. If it is dropped, the closure
/// runs on every thread all the same.
///
/// ```
/// let coord = oasync::Coordinator::builder().workers(2).build()?;
/// let all: oasync::Broadcast<i32> = coord.broadcast(|| 7);
/// let sum: i32 = coord.block_on(all).into_iter().flatten().sum();
/// assert_eq!(sum, 14);
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "the results are given to who awaits them"]
pub struct Broadcast<T> {
    parts: Vec<Part<T>>,
}

enum Part<T> {
    Running(JoinHandle<T>),
    Ended(Result<T, JoinError>),
}

pub(crate) fn broadcast<C, T>(new: &New<'_>, f: C) -> Broadcast<T>
where
    C: Fn() -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    let f = Arc::new(f);
    let on = |index| {
        let f = f.clone();
        spawn_pinned_on(new.clone(), index, move || async move { f() })
    };
    let handles = (0..new.shared.homes.len()).filter_map(|index| on(index).ok());
    Broadcast { parts: handles.map(Part::Running).collect() }
}

impl<T> Future for Broadcast<T> {
    type Output = Vec<Result<T, JoinError>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut all = true;
        for part in &mut self.parts {
            let Part::Running(handle) = part else { continue };
            match Pin::new(handle).poll(cx) {
                Poll::Ready(result) => *part = Part::Ended(result),
                Poll::Pending => all = false,
            }
        }
        if !all {
            return Poll::Pending;
        }
        let ended = |part| match part {
            Part::Ended(result) => Some(result),
            Part::Running(_) => None,
        };
        Poll::Ready(std::mem::take(&mut self.parts).into_iter().filter_map(ended).collect())
    }
}

// Results are moved, never pinned.
impl<T> Unpin for Broadcast<T> {}

impl<T> fmt::Debug for Broadcast<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running = self.parts.iter().filter(|part| matches!(part, Part::Running(_))).count();
        f.debug_struct("Broadcast")
            .field("threads", &self.parts.len())
            .field("running", &running)
            .finish()
    }
}
