//! `interval`: ticks in equal distances.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::sleep::Sleep;
use crate::sync_facade::Instant;

/// Ticks every `period`; the first tick comes at once.
///
/// # Panics
///
/// If `period` is zero: all ticks would come at once, for ever.
///
/// ```
/// use std::time::Duration;
///
/// oasync::block_on(async {
///     let mut interval = oasync::interval(Duration::from_millis(2));
///     let first = interval.tick().await; // at once
///     let second = interval.tick().await;
///     assert_eq!(second - first, Duration::from_millis(2));
/// });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Ticks every `period`, first at `start`.
///
/// # Panics
///
/// If `period` is zero, as [`interval`] does.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now() + Duration::from_millis(3);
/// let mut interval = oasync::time::interval_at(start, Duration::from_millis(2));
/// assert_eq!(oasync::block_on(interval.tick()), start);
/// ```
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "the period of an interval must not be zero");
    Interval { period, sleep: Sleep::new(Some(start)), missed: MissedTicks::default() }
}

/// Ticks; made by [`interval`] and [`interval_at`].
///
/// ```
/// use oasync::time::MissedTicks;
/// use std::time::Duration;
///
/// let mut interval = oasync::interval(Duration::from_secs(1)).missed_ticks(MissedTicks::Skip);
/// oasync::block_on(interval.tick());
/// assert_eq!(interval.period(), Duration::from_secs(1));
/// ```
#[derive(Debug)]
#[must_use = "an interval does nothing until its ticks are awaited"]
pub struct Interval {
    period: Duration,
    /// Until the next tick.
    sleep: Sleep,
    missed: MissedTicks,
}

/// What an [`Interval`] does about ticks that were missed. A tick is missed if the next
/// one is already due when it is taken.
///
/// With a period of 10 ms and ticks taken at 0, 35 and 42 ms, the ticks, and those
/// after them, are of these moments:
///
/// | | at 0 | at 35 | at 42 | next |
/// |---|---|---|---|---|
/// | `Burst` | 0 | 10 | 20 | 30, at once |
/// | `Delay` | 0 | 10 | not before 45 | 55 |
/// | `Skip` | 0 | 10 | 40 | 50 |
///
/// ```
/// assert_eq!(oasync::time::MissedTicks::default(), oasync::time::MissedTicks::Burst);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTicks {
    /// Makes up for them, one after the other, without a pause.
    #[default]
    Burst,
    /// Leaves them out and goes on a period after the late tick.
    Delay,
    /// Leaves them out and goes on with the next one that is still to come.
    Skip,
}

impl Interval {
    /// The same interval with another way to treat missed ticks.
    ///
    /// ```
    /// use oasync::time::MissedTicks;
    ///
    /// let second = std::time::Duration::from_secs(1);
    /// let _interval = oasync::interval(second).missed_ticks(MissedTicks::Delay);
    /// ```
    pub fn missed_ticks(self, missed: MissedTicks) -> Self {
        Interval { missed, ..self }
    }

    /// Waits for the next tick; returns the moment it was due, not when it was taken.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped before it is ready, no tick is lost.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// oasync::block_on(async {
    ///     let mut interval = oasync::interval(Duration::from_millis(1));
    ///     for _ in 0..3 {
    ///         interval.tick().await;
    ///     }
    /// });
    /// ```
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// Polls for the next tick, as [`tick`](Self::tick) does.
    ///
    /// ```
    /// let mut interval = oasync::interval(std::time::Duration::from_secs(1));
    /// oasync::block_on(std::future::poll_fn(|cx| interval.poll_tick(cx)));
    /// ```
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(Pin::new(&mut self.sleep).poll(cx));
        let now = Instant::now();
        // One that never comes is never ready.
        let tick = self.sleep.deadline().unwrap_or(now);
        self.sleep.set(self.missed.next(tick, self.period, now));
        Poll::Ready(tick)
    }

    /// Begins anew: the next tick comes a period from now.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let start = Instant::now();
    /// let mut interval = oasync::interval(Duration::from_millis(5));
    /// interval.reset();
    /// assert!(oasync::block_on(interval.tick()) >= start + Duration::from_millis(5));
    /// ```
    pub fn reset(&mut self) {
        self.sleep.set(Instant::now().checked_add(self.period));
    }

    /// The time from tick to tick.
    ///
    /// ```
    /// let second = std::time::Duration::from_secs(1);
    /// assert_eq!(oasync::interval(second).period(), second);
    /// ```
    pub fn period(&self) -> Duration {
        self.period
    }
}

impl MissedTicks {
    /// The tick after `tick`, which is taken at `now`; `None` if it never comes.
    fn next(self, tick: Instant, period: Duration, now: Instant) -> Option<Instant> {
        let next = tick.checked_add(period)?;
        if next > now {
            return Some(next);
        }
        match self {
            MissedTicks::Burst => Some(next),
            MissedTicks::Delay => now.checked_add(period),
            MissedTicks::Skip => {
                let late = (now - tick).as_nanos();
                // At most how late it is: that many nanoseconds fit.
                let over = (late % period.as_nanos()) as u64;
                now.checked_add(period - Duration::from_nanos(over))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_goes_on_as_its_table_says() {
        let ms = Duration::from_millis;
        let (start, period) = (Instant::now(), ms(10));
        let next = |missed: MissedTicks, tick, now| {
            missed.next(start + ms(tick), period, start + ms(now)).map(|next| next - start)
        };
        for missed in [MissedTicks::Burst, MissedTicks::Delay, MissedTicks::Skip] {
            assert_eq!(next(missed, 0, 0), Some(ms(10)), "in time");
            assert_eq!(next(missed, 0, 9), Some(ms(10)), "late, and not missed");
        }
        assert_eq!(next(MissedTicks::Burst, 10, 35), Some(ms(20)));
        assert_eq!(next(MissedTicks::Delay, 10, 35), Some(ms(45)));
        assert_eq!(next(MissedTicks::Skip, 10, 35), Some(ms(40)));
        assert_eq!(next(MissedTicks::Skip, 10, 40), Some(ms(50)), "40 is over");
    }

    #[test]
    fn a_tick_beyond_the_clock_never_comes() {
        let now = Instant::now();
        for missed in [MissedTicks::Burst, MissedTicks::Delay, MissedTicks::Skip] {
            assert_eq!(missed.next(now, Duration::MAX, now), None);
        }
    }
}
