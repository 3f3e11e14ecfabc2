//! What programs run on.

use std::io;

pub(crate) use std::hint::spin_loop;
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU64, AtomicUsize, Ordering, fence,
};
pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, Weak};
pub(crate) use std::thread::{JoinHandle, Thread, ThreadId, current};
pub(crate) use std::thread_local;
pub(crate) use std::time::Instant;

pub(crate) use concurrent_queue::ConcurrentQueue;
pub(crate) use event_listener::{Event, EventListener, Listener};
pub(crate) use st3::fifo as ring;

/// A bound of the scheduler; a model has a small one, to get beyond it in few steps.
pub(crate) const fn bound(real: u32, _model: u32) -> u32 {
    real
}

/// A number below `end`; nothing depends on its quality.
pub(crate) fn random(end: usize) -> usize {
    fastrand::usize(..end)
}

/// Waits for `signal`, until `deadline` at most. It may return without either.
pub(crate) fn wait_until<'a, T>(
    signal: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Option<Instant>,
) -> MutexGuard<'a, T> {
    match deadline {
        None => signal.wait(guard).unwrap_or_else(|poisoned| poisoned.into_inner()),
        Some(deadline) => {
            let left = deadline.saturating_duration_since(Instant::now());
            let waited = signal.wait_timeout(guard, left);
            waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0
        }
    }
}

/// Starts a thread.
pub(crate) fn start_thread(
    name: String,
    stack_size: Option<usize>,
    f: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let mut builder = std::thread::Builder::new().name(name);
    if let Some(size) = stack_size {
        builder = builder.stack_size(size);
    }
    builder.spawn(f)
}

/// Whether a thread has ended, as far as one can tell.
pub(crate) fn has_ended(thread: &JoinHandle<()>) -> bool {
    thread.is_finished()
}
