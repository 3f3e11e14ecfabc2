//! Any number of futures, so many at a time.

use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use crate::TaskGroup;
use crate::parallel::{Failure, discard, end};
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
    async move {
        if let Err((failure, shared)) = drive(site, limit, futures, |_, ()| ()).await {
            match failure.go_on(&shared).await {}
        }
    }
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
    async move {
        let mut values = Vec::new();
        let keep = |index, value| {
            if values.len() <= index {
                values.resize_with(index + 1, || None);
            }
            values[index] = Some(value);
        };
        if let Err((failure, shared)) = drive(site, limit, futures, keep).await {
            discard(&shared, values);
            match failure.go_on(&shared).await {}
        }
        values.into_iter().flatten().collect()
    }
}

/// Runs the futures; `take` gets each result with the number of its future. After a failure
/// all of them are gone.
async fn drive<F>(
    site: &'static Site,
    limit: usize,
    mut futures: impl Iterator<Item = F>,
    mut take: impl FnMut(usize, F::Output),
) -> Result<(), (Failure, Arc<Shared>)>
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
                Err(payload) => break Failure(Some(payload)),
            }
            continue;
        }
        match group.join_next().await {
            Some(Ok((index, value))) => take(index, value),
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
