//! What programs run on.

use std::cell::Cell;
use std::io;

pub(crate) use std::hint::spin_loop;
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU64, AtomicUsize, Ordering, fence,
};
pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, Weak};
pub(crate) use std::thread::{Thread, ThreadId, current};
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

/// A thread that was started.
pub(crate) struct JoinHandle {
    handle: std::thread::JoinHandle<()>,
    ended: Arc<AtomicBool>,
}

impl JoinHandle {
    pub(crate) fn thread(&self) -> &Thread {
        self.handle.thread()
    }

    /// Threads of ours catch every panic of user code.
    pub(crate) fn join(self) {
        let _ = self.handle.join();
    }

    /// Whether it has ended, as far as one can tell: the destructors of its thread-locals have
    /// returned. (`is_finished` is true before they begin.)
    pub(crate) fn has_ended(&self) -> bool {
        // Acquire: meets the Release in the drop of `End`.
        self.ended.load(Ordering::Acquire)
    }

    /// Whether to join it takes no time.
    pub(crate) fn joins_at_once(&self) -> bool {
        self.has_ended()
    }
}

/// Dropped when its thread ends, after the destructors of all thread-locals that were used
/// later: they are called in the opposite order.
struct End(Cell<Option<Arc<AtomicBool>>>);

thread_local! {
    static END: End = const { End(Cell::new(None)) };
}

impl Drop for End {
    fn drop(&mut self) {
        if let Some(ended) = self.0.take() {
            // Release: meets the Acquire in `has_ended`.
            ended.store(true, Ordering::Release);
        }
    }
}

/// Starts a thread.
pub(crate) fn start_thread(
    name: String,
    stack_size: Option<usize>,
    f: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle> {
    let mut builder = std::thread::Builder::new().name(name);
    if let Some(size) = stack_size {
        builder = builder.stack_size(size);
    }
    let ended = Arc::new(AtomicBool::new(false));
    let end = ended.clone();
    let handle = builder.spawn(move || {
        END.with(|this| this.0.set(Some(end)));
        f();
    })?;
    Ok(JoinHandle { handle, ended })
}
