//! One thread's sleep token.
//!
//! ```text
//!              unpark                  park
//!   EMPTY ───────────────▶ NOTIFIED ─────────▶ EMPTY   (returns at once)
//!     │ park                  ▲
//!     ▼                       │ unpark: swap, then signal under the lock
//!   PARKED ───────────────────┘
//! ```
//!
//! A fourth state, `PARKED_IN_DRIVER`, belongs between `EMPTY` and `NOTIFIED`
//! for a thread that sleeps in an I/O driver: `unpark` will then wake
//! the driver in place of the condition variable. Nothing else changes.
//!
//! *No wake-up is lost.* `unpark` swaps `NOTIFIED` in. If the swap finds
//! `EMPTY`, the next `park` takes the token without sleeping. If it finds
//! `PARKED`, the sleeper set that state while it held the lock and lets go of
//! the lock only inside `wait`; `unpark` passes through the lock before it
//! signals, so the signal cannot fall between the sleeper's check and its wait.

use std::task::Wake;

use crate::sync_facade::{
    Arc, AtomicU8, Condvar, Instant, Mutex, Ordering, lock, thread_local, wait_until,
};

const EMPTY: u8 = 0;
const PARKED: u8 = 1;
const NOTIFIED: u8 = 2;

pub(crate) struct Parker {
    state: AtomicU8,
    lock: Mutex<()>,
    signal: Condvar,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Parker { state: AtomicU8::new(EMPTY), lock: Mutex::new(()), signal: Condvar::new() }
    }

    /// Sleeps until [`unpark`](Self::unpark), or until `deadline`. Returns at
    /// once if `unpark` was called since the last return.
    ///
    /// Only the parker's own thread calls it.
    pub(crate) fn park(&self, deadline: Option<Instant>) {
        if self.take_token() {
            return;
        }
        let mut guard = lock(&self.lock);
        // Fails only if the token came in: the partner is the swap in `unpark`.
        if self.state.compare_exchange(EMPTY, PARKED, Ordering::Relaxed, Ordering::Relaxed).is_err()
        {
            self.state.swap(EMPTY, Ordering::Acquire);
            return;
        }
        loop {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                // Acquire: a token that came in meanwhile is consumed.
                self.state.swap(EMPTY, Ordering::Acquire);
                return;
            }
            guard = wait_until(&self.signal, guard, deadline);
            if self.take_token() {
                return;
            }
        }
    }

    /// Wakes the thread, or lets its next `park` return at once.
    pub(crate) fn unpark(&self) {
        // Release: what was written before is seen after `park`, whose
        // exchanges and swaps acquire.
        if self.state.swap(NOTIFIED, Ordering::Release) == PARKED {
            drop(lock(&self.lock));
            self.signal.notify_one();
        }
    }

    fn take_token(&self) -> bool {
        // Acquire: meets the Release in `unpark`.
        self.state.compare_exchange(NOTIFIED, EMPTY, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.unpark();
    }
}

/// This thread's parker; while the thread ends, a new one for each caller, who
/// then has to make his waker and park with the same.
pub(crate) fn current() -> Arc<Parker> {
    thread_local! {
        static PARKER: Arc<Parker> = Arc::new(Parker::new());
    }
    PARKER.try_with(Arc::clone).unwrap_or_else(|_| Arc::new(Parker::new()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_token_given_before_is_taken_at_once() {
        let parker = Parker::new();
        parker.unpark();
        parker.unpark();
        parker.park(None);
        let start = Instant::now();
        parker.park(Some(start + Duration::from_millis(5)));
        assert!(start.elapsed() >= Duration::from_millis(5), "two unparks are one token");
    }

    #[test]
    fn every_unpark_ends_a_park() {
        const ROUNDS: usize = 20_000;
        let (here, there) = (Arc::new(Parker::new()), Arc::new(Parker::new()));
        std::thread::scope(|s| {
            s.spawn(|| {
                for _ in 0..ROUNDS {
                    there.park(None);
                    here.unpark();
                }
            });
            for _ in 0..ROUNDS {
                there.unpark();
                here.park(None);
            }
        });
    }
}
