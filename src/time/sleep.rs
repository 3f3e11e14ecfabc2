//! `sleep`: a future that is ready at a moment in time.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::free;
use crate::sync_facade::Instant;
use crate::timers::{Fate, Timer};

/// Waits for `duration`, counted from this call.
///
/// # Cancel safety
///
/// Dropping it removes its timer. It may be polled again after it was ready.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// oasync::block_on(oasync::sleep(Duration::from_millis(5)));
/// assert!(start.elapsed() >= Duration::from_millis(5));
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::new(Instant::now().checked_add(duration))
}

/// Waits until `deadline`; not at all if that has passed.
///
/// # Cancel safety
///
/// That of [`sleep`].
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let deadline = Instant::now() + Duration::from_millis(5);
/// oasync::block_on(oasync::sleep_until(deadline));
/// assert!(Instant::now() >= deadline);
/// ```
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::new(Some(deadline))
}

/// The future of [`sleep`] and [`sleep_until`].
///
/// ```
/// use std::time::Duration;
///
/// // One that is made once may be used often.
/// let mut sleep = oasync::sleep(Duration::MAX);
/// assert_eq!(sleep.deadline(), None); // it never comes
/// sleep.reset(std::time::Instant::now());
/// oasync::block_on(&mut sleep);
/// ```
#[must_use = "a sleep does nothing until it is awaited"]
pub struct Sleep {
    /// `None` never comes.
    deadline: Option<Instant>,
    timer: Option<Timer>,
}

impl Sleep {
    pub(super) fn new(deadline: Option<Instant>) -> Self {
        Sleep { deadline, timer: None }
    }

    /// When it is ready; `None` if that is too far for the clock, which is never.
    ///
    /// ```
    /// let now = std::time::Instant::now();
    /// assert_eq!(oasync::sleep_until(now).deadline(), Some(now));
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Waits until `deadline` instead, even if it was ready before. A task that waits
    /// for it has to poll it again for this to take effect.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let mut sleep = oasync::sleep(Duration::ZERO);
    /// oasync::block_on(async {
    ///     (&mut sleep).await;
    ///     sleep.reset(Instant::now() + Duration::from_millis(5));
    ///     sleep.await; // 5 ms
    /// });
    /// ```
    pub fn reset(&mut self, deadline: Instant) {
        self.set(Some(deadline));
    }

    pub(super) fn set(&mut self, deadline: Option<Instant>) {
        self.timer = None;
        self.deadline = deadline;
    }

    /// Waits on from here: registers a timer, if the deadline is not over.
    fn register(&mut self, waker: &Waker) -> Poll<()> {
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        let now = Instant::now();
        if now >= deadline {
            return Poll::Ready(());
        }
        self.timer = free::with_timers(|shared| shared.add_timer(deadline, now, waker));
        if self.timer.is_none() {
            // Nobody would fire it.
            waker.wake_by_ref();
        }
        Poll::Pending
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(timer) = &self.timer else {
            return self.register(cx.waker());
        };
        match timer.poll(cx.waker()) {
            // The threads that fire it may all be busy, perhaps with this very task.
            Fate::Waits if self.deadline.is_some_and(|deadline| Instant::now() < deadline) => {
                Poll::Pending
            }
            Fate::Waits | Fate::Fired => {
                self.timer = None;
                Poll::Ready(())
            }
            Fate::Lost | Fate::Misplaced => {
                self.timer = None;
                self.register(cx.waker())
            }
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// `future`, once `duration` from now has passed.
pub(crate) fn delayed<F: Future>(
    duration: Duration,
    future: F,
) -> impl Future<Output = F::Output> + use<F> {
    let sleep = sleep(duration);
    async move {
        sleep.await;
        future.await
    }
}
