//! `src/sync_facade.rs` as loom has it.
//!
//! `Arc` and `Weak` stay those of `std`: `std::task::Wake` wants that `Arc`, and no
//! protocol relies on them. A wait with a time-out is
//! described in [`crate::time`].

use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

pub use concurrent_queue::ConcurrentQueue;
pub use event_listener::{Event, EventListener, Listener};
pub use loom::sync::atomic::fence;
pub use loom::thread_local;
// Loom's own would keep the thread from going on while another can.
pub use std::hint::spin_loop;
pub use std::sync::{Arc, Weak};

pub use crate::atomic::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU64, AtomicUsize, Ordering,
};
pub use crate::ring;
pub use crate::time::Instant;

/// A mutex whose guard knows it, so that a time-out can unlock and lock again.
#[derive(Debug, Default)]
pub struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        Mutex(loom::sync::Mutex::new(value))
    }

    fn guard(&self) -> MutexGuard<'_, T> {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        MutexGuard { inner: Some(inner), mutex: self }
    }
}

pub struct MutexGuard<'a, T> {
    /// `None` only while the guard waits.
    inner: Option<loom::sync::MutexGuard<'a, T>>,
    mutex: &'a Mutex<T>,
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.inner.as_ref().unwrap()
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().unwrap()
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.guard()
}

#[derive(Debug, Default)]
pub struct Condvar(loom::sync::Condvar);

impl Condvar {
    pub fn new() -> Self {
        Condvar(loom::sync::Condvar::new())
    }

    fn wait<'a, T>(&self, mut guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        let inner = guard.inner.take().unwrap();
        guard.inner = Some(self.0.wait(inner).unwrap_or_else(PoisonError::into_inner));
        guard
    }

    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// Waits for `signal`; with a deadline, until that is over.
pub fn wait_until<'a, T>(
    signal: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Option<Instant>,
) -> MutexGuard<'a, T> {
    let Some(deadline) = deadline.filter(|deadline| !deadline.is_far()) else {
        return signal.wait(guard);
    };
    let mutex = guard.mutex;
    drop(guard);
    crate::time::pass(deadline - Instant::now());
    mutex.guard()
}

/// `std`'s, of which loom sees who reads what is in it.
#[derive(Default)]
pub struct OnceLock<T> {
    value: std::sync::OnceLock<T>,
    is_set: AtomicBool,
}

impl<T> OnceLock<T> {
    pub fn new() -> Self {
        OnceLock { value: std::sync::OnceLock::new(), is_set: AtomicBool::new(false) }
    }

    pub fn get(&self) -> Option<&T> {
        self.is_set.load(Ordering::Acquire).then(|| self.value.get()).flatten()
    }

    /// For one thread only; `init` passes no point of the schedule.
    pub fn get_or_init(&self, init: impl FnOnce() -> T) -> &T {
        let value = self.value.get_or_init(init);
        self.is_set.store(true, Ordering::Release);
        value
    }
}

/// The models' bounds.
pub const fn bound(_real: u32, model: u32) -> u32 {
    model
}

/// The same each time, as loom repeats what it explores.
pub fn random(_end: usize) -> usize {
    0
}
