//! A fixed number of futures.

use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use crate::free;
use crate::parallel::{Failure, discard, end, poll_caught};
use crate::shared::Shared;
use crate::sync_facade::Arc;
use crate::task::{self, JoinHandle, New, Site};
use crate::{JoinNext, TaskGroup};

/// Runs two futures in parallel and gives both results: `a` is polled right here, `b` in
/// a task of its own.
///
/// Nothing happens before it is awaited.
///
/// # Panics
///
/// With the panic of `a` or `b`, after the other one has been cancelled and dropped.
/// Also if the coordinator is shut down meanwhile, unless the caller is one of its tasks,
/// which is cancelled here.
///
/// # Cancel safety
///
/// Dropping it drops `a` and cancels `b`.
///
/// ```
/// async fn sum(numbers: std::ops::Range<u64>) -> u64 {
///     numbers.sum()
/// }
///
/// let (low, high) = oasync::block_on(oasync::join(sum(0..500), sum(500..1000)));
/// assert_eq!(low + high, 499_500);
/// ```
#[track_caller]
pub fn join<A, B>(a: A, b: B) -> impl Future<Output = (A::Output, B::Output)> + Send + use<A, B>
where
    A: Future + Send + 'static,
    B: Future + Send + 'static,
    A::Output: Send + 'static,
    B::Output: Send + 'static,
{
    join_at(Location::caller(), a, b)
}

async fn join_at<A, B>(site: &'static Site, a: A, b: B) -> (A::Output, B::Output)
where
    A: Future + Send + 'static,
    B: Future + Send + 'static,
    A::Output: Send + 'static,
    B::Output: Send + 'static,
{
    let mut theirs = free::with_current(|shared| {
        let handle = task::spawn_aside(New { shared, site, name: None }, b);
        Held { shared: shared.clone(), handle: Some(handle) }
    });
    let shared = theirs.shared.clone();
    let mut ours = pin!(Some(a));
    let (mut from_a, mut from_b) = (None, None);
    let both = poll_fn(|cx| {
        if let Poll::Ready(output) = poll_caught(&shared, ours.as_mut(), cx) {
            from_a = Some(output?);
        }
        if from_b.is_none() {
            if let Poll::Ready(output) = theirs.poll(cx) {
                from_b = Some(output?);
            }
        }
        let done = from_a.is_some() && from_b.is_some();
        if done { Poll::Ready(Ok(())) } else { Poll::Pending }
    });
    let ended: Result<(), Failure> = both.await;
    let failure = match (ended, from_a, from_b) {
        (Ok(()), Some(a), Some(b)) => return (a, b),
        (ended, a, b) => {
            shared.hooks.guard(|| ours.set(None));
            discard(&shared, a);
            discard(&shared, b);
            ended.err().unwrap_or(Failure(None))
        }
    };
    theirs.end().await;
    match failure.go_on(&shared).await {}
}

/// Holds a task: dropping this cancels it.
struct Held<T: Send + 'static> {
    shared: Arc<Shared>,
    handle: Option<JoinHandle<T>>,
}

impl<T: Send + 'static> Held<T> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Failure>> {
        match &mut self.handle {
            Some(handle) => Pin::new(handle).poll(cx).map_err(Failure::from),
            None => Poll::Pending,
        }
    }

    /// Cancels the task and waits for its end.
    async fn end(&mut self) {
        let Some(handle) = self.handle.take() else { return };
        match handle.cancel().await {
            Ok(value) => discard(&self.shared, [value]),
            Err(error) => {
                if let Ok(payload) = error.try_into_panic() {
                    self.shared.hooks.pass_on(payload);
                }
            }
        }
    }
}

impl<T: Send + 'static> Drop for Held<T> {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            self.shared.hooks.guard(|| handle.abort());
        }
    }
}

/// Runs futures in parallel and gives their results, in order: the first is polled right
/// here, each other in a task of its own.
///
/// Nothing happens before it is awaited. For very many futures, or for those that are
/// made one by one, see [`map_concurrent`](crate::map_concurrent).
///
/// # Panics
///
/// With the first panic of a future, after all others have been cancelled and dropped.
/// Also if the coordinator is shut down meanwhile, unless the caller is one of its tasks,
/// which is cancelled here.
///
/// # Cancel safety
///
/// Dropping it drops the first future and cancels the others.
///
/// ```
/// let squares = oasync::block_on(oasync::join_all((0..5).map(|n| async move { n * n })));
/// assert_eq!(squares, [0, 1, 4, 9, 16]);
/// ```
#[track_caller]
pub fn join_all<I>(futures: I) -> impl Future<Output = Vec<<I::Item as Future>::Output>> + Send
where
    I: IntoIterator,
    I::Item: Future + Send + 'static,
    <I::Item as Future>::Output: Send + 'static,
{
    join_all_at(Location::caller(), futures.into_iter().collect())
}

async fn join_all_at<F>(site: &'static Site, futures: Vec<F>) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let mut values: Vec<Option<F::Output>> = Vec::new();
    values.resize_with(futures.len(), || None);
    let mut futures = futures.into_iter();
    let Some(first) = futures.next() else { return Vec::new() };
    let group = TaskGroup::new();
    for (index, future) in (1..).zip(futures) {
        group.spawn_aside(site, async move { (index, future.await) });
    }
    let shared = group.shared().clone();
    let mut first = pin!(Some(first));
    let mut next = group.join_next();
    let failed = poll_fn(|cx| {
        if let Poll::Ready(value) = poll_caught(&shared, first.as_mut(), cx) {
            values[0] = Some(value?);
        }
        poll_children(&mut next, &mut values, cx)?;
        let done = values[0].is_some() && group.is_empty();
        if done { Poll::Ready(Ok(())) } else { Poll::Pending }
    });
    let failed: Result<(), Failure> = failed.await;
    drop(next);
    let Err(failure) = failed else {
        return values.into_iter().flatten().collect();
    };
    shared.hooks.guard(|| first.set(None));
    discard(&shared, values);
    end(group).await;
    match failure.go_on(&shared).await {}
}

/// Takes the results that are there.
fn poll_children<T>(
    next: &mut JoinNext<'_, (usize, T)>,
    values: &mut [Option<T>],
    cx: &mut Context<'_>,
) -> Result<(), Failure> {
    while let Poll::Ready(Some(result)) = Pin::new(&mut *next).poll(cx) {
        let (index, value) = result?;
        values[index] = Some(value);
    }
    Ok(())
}
