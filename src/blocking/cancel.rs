//! Telling closures that they are cancelled: those that run, if they ask, and
//! those that are queued, which give their places up.

use std::collections::VecDeque;
use std::fmt;

use crate::blocking::BlockingPool;
use crate::context;
use crate::shared::Shared;
use crate::sync_facade::{Arc, AtomicBool, Ordering, Weak, lock};
use crate::task::{Meta, Runnable, TaskId};

/// In a queue up to this long, a cancelled closure is looked for at once. In longer
/// ones when half of them may be cancelled: so cancelling all costs a look at each,
/// not one at each for each.
const SHORT: usize = 256;

/// Tells a blocking closure whether it should stop; from
/// [`spawn_blocking_with`](crate::spawn_blocking_with()).
///
/// It is set when the closure's handle is [cancelled](crate::JoinHandle::cancel) or told to
/// [stop](crate::JoinHandle::stop), or when its coordinator cancels what is left, at the
/// limit of a shutdown or when it is dropped, and stays set. The closure has to look:
/// nothing interrupts it. It may be
/// cloned and sent to threads that help.
///
/// ```
/// use oasync::StopToken;
///
/// fn count(stop: &StopToken) -> u64 {
///     let mut rounds = 0;
///     while !stop.is_cancelled() {
///         rounds += 1; // a piece of work
///     }
///     rounds
/// }
///
/// let task = oasync::spawn_blocking_with(count);
/// let _ended = oasync::block_on(task.cancel()); // does not hang
/// ```
#[derive(Clone)]
pub struct StopToken {
    stop: Arc<Stop>,
    shared: Arc<Shared>,
}

/// What the task of such a closure, and so its handle, has of the token.
pub(crate) struct Stop {
    requested: AtomicBool,
    shared: Weak<Shared>,
}

impl StopToken {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let stop = Stop { requested: AtomicBool::new(false), shared: Arc::downgrade(shared) };
        StopToken { stop: Arc::new(stop), shared: shared.clone() }
    }

    pub(crate) fn stop(&self) -> Arc<Stop> {
        self.stop.clone()
    }

    /// Whether the closure should stop. Costs two loads: ask as often as you like.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// coord.start()?;
    /// coord.spawn_blocking_with(|stop| while !stop.is_cancelled() { std::thread::yield_now() });
    /// let report = coord.shutdown(std::time::Duration::from_millis(10));
    /// assert!(report.still_running.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_cancelled(&self) -> bool {
        // Acquire: meets the Release in `tell`.
        self.stop.requested.load(Ordering::Acquire) || self.shared.is_cancelling()
    }
}

impl fmt::Debug for StopToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopToken").field("cancelled", &self.is_cancelled()).finish()
    }
}

/// Tells the closure of a task, if it has a token.
pub(crate) fn tell(meta: &Meta) -> Option<&Stop> {
    let stop = meta.extra().and_then(|extra| extra.stop.as_deref())?;
    // Release: meets the Acquire in `is_cancelled`.
    stop.requested.store(true, Ordering::Release);
    Some(stop)
}

/// Does that, and gives the coordinator whose queue it may be in, as far as one can
/// tell. (The pointer in the metadata is of no use: the closure may have ended, and the
/// coordinator with it.)
pub(crate) fn request(meta: &Meta) -> Option<Arc<Shared>> {
    if !meta.is_blocking() {
        return None;
    }
    if let Some(stop) = tell(meta) {
        return stop.shared.upgrade();
    }
    // If it is another at the same address, its queue does not hold the closure.
    let own = |shared: &Arc<Shared>| meta.belongs_to(shared).then(|| shared.clone());
    context::with_shared(own).flatten()
}

impl BlockingPool {
    /// These closures were cancelled. Those that are queued never run: they go to the
    /// workers, which drop them, and do not wait for a thread of the pool.
    pub(crate) fn forget(&self, shared: &Shared, ids: &[TaskId]) {
        if ids.is_empty() {
            return;
        }
        let mut state = lock(&self.state);
        state.cancelled.extend(ids);
        let queued = state.queue.len();
        if queued > SHORT && 2 * state.cancelled.len() < queued {
            return;
        }
        let mut cancelled = std::mem::take(&mut state.cancelled);
        cancelled.sort_unstable();
        let is_dead = |job: &Runnable| cancelled.binary_search(&job.metadata().id()).is_ok();
        let queue = std::mem::take(&mut state.queue);
        let (dead, alive): (VecDeque<_>, VecDeque<_>) = queue.into_iter().partition(is_dead);
        state.queue = alive;
        drop(state);
        if !dead.is_empty() {
            shared.inject_block(dead);
        }
    }
}
