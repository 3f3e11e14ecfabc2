//! What a model decides by itself: the time, and whether a thread is to be had.
//!
//! Time stands still until a thread of the model calls [`advance`], at whatever
//! moment the scheduler lets it. So every wait with a time-out is one without, but
//! for those whose time the model lets come: a lost wake-up is a deadlock, which
//! the scheduler sees, and hides behind no time-out.

use std::ops::{Add, Sub};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use slab::Slab;

use crate::sync_facade::{Condvar, Mutex, MutexGuard, lock, random};

shuttle::lazy_static! {
    /// One for each schedule that is tried.
    static ref WORLD: World = World::default();
}

#[derive(Default)]
struct World {
    /// In nanoseconds.
    now: AtomicU64,
    /// Who waits, until when. Locked while they are signalled, so that they stay.
    waiting: Mutex<Slab<(Duration, Signal)>>,
    refuses: AtomicBool,
    /// Counts down to the one that is refused, which is 1; 0 if none is.
    refused: AtomicU64,
}

struct Signal(*const Condvar);

// SAFETY: a `Condvar` is `Sync`.
unsafe impl Send for Signal {}

/// A moment of the model's time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Instant(Duration);

impl Instant {
    pub(crate) fn now() -> Self {
        Instant(Duration::from_nanos(WORLD.now.load(Ordering::SeqCst)))
    }

    pub(crate) fn checked_add(self, time: Duration) -> Option<Self> {
        self.0.checked_add(time).map(Instant)
    }

    pub(crate) fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    pub(crate) fn elapsed(self) -> Duration {
        Self::now().saturating_duration_since(self)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Instant(self.0 + time)
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

pub(crate) fn wait_until<'a, T>(
    signal: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Option<Instant>,
) -> MutexGuard<'a, T> {
    let _listed = deadline
        .map(|Instant(deadline)| Listed(lock(&WORLD.waiting).insert((deadline, Signal(signal)))));
    // What passes from here on signals until this is off the list.
    if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
        return guard;
    }
    signal.wait(guard).unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A place on the list of those who wait, until it is dropped.
struct Listed(usize);

impl Drop for Listed {
    fn drop(&mut self) {
        lock(&WORLD.waiting).remove(self.0);
    }
}

/// Lets so much time pass: who waits for less wakes up.
pub fn advance(time: Duration) {
    WORLD.now.fetch_add(time.as_nanos() as u64, Ordering::SeqCst);
    loop {
        let mut woken = false;
        let waiting = lock(&WORLD.waiting);
        for (_, (deadline, signal)) in &*waiting {
            if Instant(*deadline) <= Instant::now() {
                woken = true;
                // SAFETY: who waits keeps it until it is off the locked list.
                unsafe { &*signal.0 }.notify_all();
            }
        }
        drop(waiting);
        if !woken {
            return;
        }
        shuttle::thread::yield_now();
    }
}

/// From now on, every second thread that is to be started is refused, by chance.
pub fn refuse_threads(refuses: bool) {
    WORLD.refuses.store(refuses, Ordering::SeqCst);
}

/// Of the threads that are to be started from now on, one of the next `n` is refused.
pub fn refuse_one_thread(n: usize) {
    WORLD.refused.store(1 + random(n) as u64, Ordering::SeqCst);
}

pub(super) fn refuses_thread() -> bool {
    let nth = WORLD.refused.load(Ordering::SeqCst);
    WORLD.refused.store(nth.saturating_sub(1), Ordering::SeqCst);
    nth == 1 || WORLD.refuses.load(Ordering::SeqCst) && random(2) == 0
}
