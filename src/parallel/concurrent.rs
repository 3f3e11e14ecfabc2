//! Any number of futures, so many at a time.

use std::convert::identity;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use crate::TaskGroup;
use crate::parallel::{Failure, always, discard, end};
use crate::shared::Shared;
use crate::sync_facade::Arc;
use crate::task::Site;

/// After so many results in a row the caller lets other tasks run.
const ROUND: usize = 128;

/// Calls `f` with each item and runs the futures that it makes as tasks, at most `limit`
/// at a time; 0 means 4 for each worker.
///
/// Items are taken one by one, as there is room. `f` and the iterator are called here, in
/// the caller.
///
/// # Panics
///
/// With the first panic of a future, of `f` or of the iterator, after all futures have
/// been cancelled and dropped. Also if the coordinator is shut down meanwhile, unless the
/// caller is one of its tasks, which is cancelled here.
///
/// # Cancel safety
///
/// Dropping it cancels the futures that run. Items not yet taken are dropped with the
/// iterator.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// let sum = Arc::new(AtomicU64::new(0));
/// oasync::block_on(oasync::for_each_concurrent(1..=100, 8, |n| {
///     let sum = sum.clone();
///     async move {
///         sum.fetch_add(n, Ordering::Relaxed);
///     }
/// }));
/// assert_eq!(sum.load(Ordering::Relaxed), 5_050);
/// ```
#[track_caller]
pub fn for_each_concurrent<I, F, Fut>(items: I, limit: usize, f: F) -> impl Future<Output = ()>
where
    I: IntoIterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let site = Location::caller();
    let futures = items.into_iter().map(f);
    async move { always(each(site, limit, futures, Ok).await) }
}

/// [`for_each_concurrent`] for futures that may fail: after the first error no more items
/// are taken, and the futures that run are cancelled.
///
/// # Errors
///
/// The first error of a future, when all others have been dropped. A future in the middle of
/// a poll ends that first; what others give after the error is dropped.
///
/// # Panics
///
/// As [`for_each_concurrent`] does.
///
/// # Cancel safety
///
/// Dropping it cancels the futures that run. Items not yet taken are dropped with the
/// iterator.
///
/// ```
/// let seen = oasync::block_on(oasync::try_for_each_concurrent(1.., 2, |n| async move {
///     if n < 10 { Ok(()) } else { Err(n) } // the items have no end, but this stops
/// }));
/// assert!(seen.unwrap_err() >= 10);
/// ```
#[track_caller]
pub fn try_for_each_concurrent<I, F, Fut, E>(
    items: I,
    limit: usize,
    f: F,
) -> impl Future<Output = Result<(), E>>
where
    I: IntoIterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: Send + 'static,
{
    let site = Location::caller();
    let futures = items.into_iter().map(f);
    async move { each(site, limit, futures, identity).await }
}

/// Calls `f` with each item, runs the futures that it makes as tasks, at most `limit` at a
/// time (0 means 4 for each worker), and gives their results in the order of the items.
///
/// Items are taken one by one, as there is room. `f` and the iterator are called here, in
/// the caller.
///
/// # Panics
///
/// As [`for_each_concurrent`] does.
///
/// # Cancel safety
///
/// Dropping it cancels the futures that run, and drops the results.
///
/// ```
/// let lengths = oasync::block_on(oasync::map_concurrent(["a", "bb", "ccc"], 2, |word| {
///     let length = oasync::spawn_blocking(|| word.len()); // imagine a request
///     async { length.await.unwrap() }
/// }));
/// assert_eq!(lengths, [1, 2, 3]);
/// ```
#[track_caller]
pub fn map_concurrent<I, F, Fut>(
    items: I,
    limit: usize,
    f: F,
) -> impl Future<Output = Vec<Fut::Output>>
where
    I: IntoIterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future + Send + 'static,
    Fut::Output: Send + 'static,
{
    let site = Location::caller();
    let futures = items.into_iter().map(f);
    async move { always(collect(site, limit, futures, Ok).await) }
}

/// [`map_concurrent`] for futures that may fail: after the first error no more items are
/// taken, and the futures that run are cancelled.
///
/// # Errors
///
/// The first error of a future, when all others have been dropped. A future in the middle of
/// a poll ends that first; the results that are there are dropped.
///
/// # Panics
///
/// As [`for_each_concurrent`] does.
///
/// # Cancel safety
///
/// Dropping it cancels the futures that run, and drops the results.
///
/// ```
/// let parse = |words: &'static [&'static str]| {
///     oasync::block_on(oasync::try_map_concurrent(words, 4, |word| async move {
///         word.parse::<u32>() // imagine a request
///     }))
/// };
/// assert_eq!(parse(&["1", "2", "3"]), Ok(vec![1, 2, 3]));
/// assert!(parse(&["1", "two", "3"]).is_err());
/// ```
#[track_caller]
pub fn try_map_concurrent<I, F, Fut, T, E>(
    items: I,
    limit: usize,
    f: F,
) -> impl Future<Output = Result<Vec<T>, E>>
where
    I: IntoIterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let site = Location::caller();
    let futures = items.into_iter().map(f);
    async move { collect(site, limit, futures, identity).await }
}

/// Runs the futures, whose outputs `judge` looks at.
async fn each<F, E>(
    site: &'static Site,
    limit: usize,
    futures: impl Iterator<Item = F>,
    judge: impl Fn(F::Output) -> Result<(), E>,
) -> Result<(), E>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match drive(site, limit, futures, |_, output| judge(output)).await {
        Ok(()) => Ok(()),
        Err((failure, shared)) => Err(failure.go_on(&shared).await),
    }
}

/// Runs the futures and gives what `judge` makes of their outputs, in order.
async fn collect<F, T, E>(
    site: &'static Site,
    limit: usize,
    futures: impl Iterator<Item = F>,
    judge: impl Fn(F::Output) -> Result<T, E>,
) -> Result<Vec<T>, E>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let mut values = Vec::new();
    let keep = |index, output| {
        let value = judge(output)?;
        if values.len() <= index {
            values.resize_with(index + 1, || None);
        }
        values[index] = Some(value);
        Ok(())
    };
    if let Err((failure, shared)) = drive(site, limit, futures, keep).await {
        discard(&shared, values);
        return Err(failure.go_on(&shared).await);
    }
    Ok(values.into_iter().flatten().collect())
}

/// Runs the futures; `take` gets each output with the number of its future, and ends it with
/// an error. After a failure all of them are gone.
async fn drive<F, E>(
    site: &'static Site,
    limit: usize,
    mut futures: impl Iterator<Item = F>,
    mut take: impl FnMut(usize, F::Output) -> Result<(), E>,
) -> Result<(), (Failure<E>, Arc<Shared>)>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let group = TaskGroup::new();
    let shared = group.shared().clone();
    let limit = if limit == 0 { shared.default_limit() } else { limit };
    let (mut spawned, mut joined, mut more) = (0, 0, true);
    let failure = loop {
        if more && spawned - joined < limit {
            match catch_unwind(AssertUnwindSafe(|| futures.next())) {
                Ok(Some(future)) => {
                    let index = spawned;
                    group.spawn_aside(site, async move { (index, future.await) });
                    spawned += 1;
                }
                Ok(None) => more = false,
                Err(payload) => break Failure::Panic(payload),
            }
            continue;
        }
        match group.join_next().await {
            Some(Ok((index, output))) => {
                if let Err(error) = take(index, output) {
                    break Failure::Error(error);
                }
            }
            Some(Err(error)) => break Failure::from(error),
            None => return Ok(()),
        }
        joined += 1;
        if joined % ROUND == 0 {
            crate::yield_now().await;
        }
    };
    end(group).await;
    Err((failure, shared))
}
