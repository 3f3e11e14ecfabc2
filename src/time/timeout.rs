//! `timeout`: a future that is given a limited time.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::sleep::{Sleep, sleep, sleep_until};
use crate::sync_facade::Instant;

/// Gives `future` a limited time to wait.
///
/// The time runs from the first poll that leaves `future` waiting; a future that is
/// ready at once does not even cost a look at the clock. `future` is always polled first:
/// with a `duration` of zero, it has one poll. When the time is over the result is an
/// error, and `future` is dropped with the timeout. For a time that is already running, use
/// [`timeout_at`].
///
/// # Errors
///
/// [`Elapsed`], if the time was over first.
///
/// # Cancel safety
///
/// That of `future`, which is dropped with it.
///
/// ```
/// use std::time::Duration;
///
/// oasync::block_on(async {
///     let ready = oasync::timeout(Duration::from_secs(60), async { 42 });
///     assert_eq!(ready.await, Ok(42));
///     let never = oasync::timeout(Duration::from_millis(5), std::future::pending::<()>());
///     assert!(never.await.is_err());
/// });
/// ```
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    Timeout { future: future.into_future(), limit: Limit::After(duration) }
}

/// Gives `future` until `deadline`; see [`timeout`].
///
/// # Errors
///
/// [`Elapsed`], if the deadline came first.
///
/// # Cancel safety
///
/// That of `future`, which is dropped with it.
///
/// ```
/// use oasync::time::timeout_at;
/// use std::time::{Duration, Instant};
///
/// oasync::block_on(async {
///     let deadline = Instant::now() + Duration::from_millis(5);
///     assert!(timeout_at(deadline, std::future::pending::<()>()).await.is_err());
/// });
/// ```
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    Timeout { future: future.into_future(), limit: Limit::Until(sleep_until(deadline)) }
}

/// The future of [`timeout`] and [`timeout_at`].
///
/// ```
/// use std::time::Duration;
///
/// let limited = oasync::timeout(Duration::ZERO, async { "ready" });
/// assert_eq!(oasync::block_on(limited), Ok("ready"));
/// ```
#[must_use = "a timeout does nothing until it is awaited"]
#[derive(Debug)]
pub struct Timeout<F> {
    future: F,
    limit: Limit,
}

#[derive(Debug)]
enum Limit {
    /// Counted from when it is first needed.
    After(Duration),
    Until(Sleep),
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: `future` is pinned with `self`: it is never moved out, and there is
        // neither a `Drop` nor an `Unpin` of our own. `limit` is not pinned.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: as above.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        if let Poll::Ready(output) = future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if let Limit::After(duration) = this.limit {
            this.limit = Limit::Until(sleep(duration));
        }
        match &mut this.limit {
            Limit::Until(sleep) => Pin::new(sleep).poll(cx).map(|()| Err(Elapsed(()))),
            Limit::After(_) => unreachable!("it was replaced just now"),
        }
    }
}

/// The time of a [`timeout`] was over first.
///
/// ```
/// let error = oasync::block_on(oasync::timeout(
///     std::time::Duration::ZERO,
///     std::future::pending::<()>(),
/// ));
/// assert_eq!(error.unwrap_err().to_string(), "deadline has elapsed");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl fmt::Debug for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Elapsed")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}
