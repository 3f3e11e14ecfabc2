//! `src/sync.rs` as loom has it.
//!
//! `Arc`, `Weak` and `OnceLock` stay those of `std`: `std::task::Wake` wants
//! that `Arc`, and no protocol relies on them. A wait with a time-out is
//! described in [`crate::time`].

use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError};
use std::time::Duration;

pub use loom::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence,
};
pub use loom::thread_local;
pub use std::sync::{Arc, OnceLock, Weak};

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

    pub fn wait<'a, T>(&self, mut guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let inner = guard.inner.take().unwrap();
        guard.inner = Some(self.0.wait(inner).unwrap_or_else(PoisonError::into_inner));
        Ok(guard)
    }

    /// Waits like [`wait`](Self::wait) if `time` is all the time there is; else
    /// it times out.
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        time: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        if time == Duration::MAX {
            return self.wait(guard).map(|guard| (guard, ())).map_err(|_| unreachable!());
        }
        let mutex = guard.mutex;
        drop(guard);
        crate::time::pass(time);
        Ok((mutex.guard(), ()))
    }

    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}
