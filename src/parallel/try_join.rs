//! A fixed number of futures that may fail.

use std::convert::identity;
use std::future::Future;
use std::panic::Location;

use crate::parallel::join::{join_all_at, join_at};

/// [`join`](crate::join()) for futures that may fail: with the first error, the other one is
/// cancelled.
///
/// Nothing happens before it is awaited. `a` may borrow, and need not be `Send`; then what
/// this returns is not either.
///
/// # Errors
///
/// The first error, when the other future has been dropped. One in the middle of a poll ends
/// that first, and what it gives is dropped.
///
/// # Panics
///
/// As [`join`](crate::join()) does.
///
/// # Cancel safety
///
/// Dropping it drops `a` and cancels `b`.
///
/// ```
/// async fn parse(text: &str) -> Result<i32, std::num::ParseIntError> {
///     text.parse() // imagine a request
/// }
///
/// let both = oasync::block_on(oasync::try_join(parse("6"), parse("7")));
/// assert_eq!(both, Ok((6, 7)));
/// let error = oasync::block_on(oasync::try_join(parse("six"), std::future::pending()));
/// assert!(error.map(|(a, ()): (i32, ())| a).is_err()); // did not wait for the other one
/// ```
#[track_caller]
pub fn try_join<A, B, T, U, E>(a: A, b: B) -> impl Future<Output = Result<(T, U), E>>
where
    A: Future<Output = Result<T, E>>,
    B: Future<Output = Result<U, E>> + Send + 'static,
    U: Send + 'static,
    E: Send + 'static,
{
    join_at(Location::caller(), a, b, identity, identity, identity)
}

/// [`join_all`](crate::join_all) for futures that may fail: with the first error, the others
/// are cancelled.
///
/// Nothing happens before it is awaited. For very many futures, or for those that are made
/// one by one, see [`try_map_concurrent`](crate::try_map_concurrent).
///
/// # Errors
///
/// The first error, when all other futures have been dropped. One in the middle of a poll
/// ends that first; the results that are there are dropped.
///
/// # Panics
///
/// As [`join_all`](crate::join_all) does.
///
/// # Cancel safety
///
/// Dropping it drops the first future and cancels the others.
///
/// ```
/// let halve = |n: u32| async move { if n % 2 == 0 { Ok(n / 2) } else { Err(n) } };
/// let halves = oasync::block_on(oasync::try_join_all([2, 4, 6].map(halve)));
/// assert_eq!(halves, Ok(vec![1, 2, 3]));
/// assert_eq!(oasync::block_on(oasync::try_join_all([2, 5, 6].map(halve))), Err(5));
/// ```
#[track_caller]
pub fn try_join_all<I, T, E>(futures: I) -> impl Future<Output = Result<Vec<T>, E>> + Send
where
    I: IntoIterator,
    I::Item: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    join_all_at(Location::caller(), futures.into_iter().collect(), identity)
}
