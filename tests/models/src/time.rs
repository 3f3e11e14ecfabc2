//! A clock that stands still until its thread waits: a wait with a time-out
//! always times out, at any moment the schedule gives.

use std::cell::Cell;
use std::ops::{Add, Sub};
use std::time::Duration;

loom::thread_local! {
    static NOW: Cell<Duration> = Cell::new(Duration::ZERO);
}

/// A time that no model lives to see: 48 days.
const FAR: Duration = Duration::from_secs(1 << 22);

/// A moment on this thread's clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Instant(Duration);

impl Instant {
    pub fn now() -> Self {
        Instant(NOW.with(Cell::get))
    }

    pub fn checked_add(self, time: Duration) -> Option<Self> {
        (time < FAR).then(|| self + time)
    }

    /// Whether it never comes: a wait until then has no time-out.
    pub(crate) fn is_far(self) -> bool {
        self.0 >= FAR
    }

    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    pub fn elapsed(self) -> Duration {
        Instant::now() - self
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, time: Duration) -> Instant {
        Instant(self.0.saturating_add(time))
    }
}

impl Sub for Instant {
    type Output = Duration;
    fn sub(self, earlier: Instant) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

/// Lets `time` pass on this thread's clock. From the second time on others go
/// first: else loom would try a loop of time-outs for ever.
pub(crate) fn pass(time: Duration) {
    let before = NOW.with(|now| now.replace(now.get().saturating_add(time)));
    if !before.is_zero() {
        loom::thread::yield_now();
    }
}
