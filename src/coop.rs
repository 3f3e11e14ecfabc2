//! Yield points with a budget, for tasks that compute.
//!
//! A task that computes for long has to let others run now and then. Where it
//! could, it puts a [`checkpoint`]: most of them cost a few nanoseconds and do
//! nothing; the one after the task has used its [`SHARE`] yields, as
//! [`yield_now`](crate::yield_now) does. So the checkpoint can stand in the innermost
//! loop, and in functions that do not know how often they are called.
//!
//! The share is counted in checkpoints for each *poll* of the task: whenever it
//! waited for something, it has a full share again. All futures of one task use
//! one share, also those in a `join`. A unit is meant to be about a microsecond of work; for
//! a step that is longer, [`consume`] more.
//!
//! Nothing but a checkpoint counts: locks, channels and other futures behave
//! as in any executor. And a count belongs to one poll, not to time: no clock is
//! read. A poll that lasts without checkpoints is what
//! [`on_stall`](crate::Builder::on_stall) is for.
//!
//! ```
//! async fn sum(numbers: &[u64]) -> u64 {
//!     let mut sum = 0;
//!     for chunk in numbers.chunks(1_000) {
//!         sum += chunk.iter().sum::<u64>();
//!         oasync::coop::checkpoint().await;
//!     }
//!     sum
//! }
//!
//! let numbers: Vec<u64> = (0..1_000_000).collect();
//! assert_eq!(oasync::block_on(sum(&numbers)), 499_999_500_000);
//! ```

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::context;

/// How many units a task may use in one poll before a checkpoint yields.
pub const SHARE: u32 = 128;

/// Uses one unit of the task's share, and yields if it is used up.
///
/// In the poll of another runtime there is no share, and this does nothing.
///
/// Cancel safe: if it is dropped, at most one unit is wasted.
///
/// ```
/// oasync::block_on(async {
///     for _ in 0..1_000 {
///         // a small step of a long computation
///         oasync::coop::checkpoint().await;
///     }
/// });
/// ```
pub fn checkpoint() -> Checkpoint {
    consume(1)
}

/// The same for a step that was `units` times as long: [`SHARE`] or more always
/// yields.
///
/// ```
/// # oasync::block_on(async {
/// let lines: Vec<String> = (0..100).map(|n| "x".repeat(n * 1_000)).collect();
/// for line in &lines {
///     let _words = line.split(' ').count();
///     // A kilobyte takes about a microsecond.
///     oasync::coop::consume(1 + line.len() as u32 / 1_024).await;
/// }
/// # });
/// ```
pub fn consume(units: u32) -> Checkpoint {
    Checkpoint { units: Some(units) }
}

/// The future of [`checkpoint`] and [`consume`].
///
/// ```
/// use oasync::coop::{Checkpoint, SHARE, consume};
///
/// let long: Checkpoint = consume(SHARE); // yields
/// oasync::block_on(long);
/// ```
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct Checkpoint {
    /// What is still to be used.
    units: Option<u32>,
}

impl Future for Checkpoint {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // A second poll goes on in any case. It may be within the same poll of the
        // task, if something inside of the task polls again what was woken (a
        // `select`, another executor): a new share would never come.
        let Some(units) = self.units.take() else { return Poll::Ready(()) };
        if context::use_share(units, SHARE) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
