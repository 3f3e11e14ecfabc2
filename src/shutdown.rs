//! The end of a coordinator: phases in order, with the reason for the order.
//!
//! 1. *Draining* is announced (SeqCst). A spawn from outside counts itself
//!    first and looks at the phase second, so either it sees `Draining` and
//!    refuses, or step 2 counts it.
//! 2. The closer works until nothing is alive, or the limit is over. It works
//!    itself, because there may be no thread that would.
//! 3. *Cancelling* is announced: from now on a runnable that is taken out of a
//!    queue is dropped, not polled. Only then the registry is closed, which
//!    wakes each waiting task, so that each goes through a queue once more.
//!    Futures are thus dropped by a worker's loop and never inside a waker,
//!    where the waker's owner may hold a lock.
//! 4. The closer works until nothing is alive.
//! 5. *Stopped*: threads are woken, leave, and are joined.
//!
//! The closer looks at the count whenever it is woken, and those who end a task
//! wake it if they see the phase. They look at the phase with a plain load after
//! a plain store, which the machine may exchange; so the closer also looks on
//! its own, every 10 ms.

use std::time::{Duration, Instant};

use crate::WorkerKind;
use crate::block_on::wait_nested;
use crate::context::{self, Entry};
use crate::metrics::TaskInfo;
use crate::shared::{Phase, Shared};
use crate::sync::{Arc, Ordering};
use crate::worker::{self, Main};

/// How often a closer looks by itself.
const LOOK: Duration = Duration::from_millis(10);

/// How long `shutdown` waits, after its limit, for polls that are under way.
const GRACE: Duration = Duration::from_secs(1);

/// What became of the tasks; see
/// [`Coordinator::shutdown`](crate::Coordinator::shutdown).
///
/// ```
/// use std::time::Duration;
///
/// let coord = oasync::Coordinator::new();
/// coord.start()?;
/// coord.go(async {});
/// coord.go(std::future::pending());
/// let report = coord.shutdown(Duration::from_millis(20));
/// assert_eq!((report.finished, report.cancelled), (1, 1));
/// assert!(report.still_running.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Tasks and closures that ran to their end since the shutdown began.
    pub finished: u64,
    /// Tasks whose future was dropped before its end, closures that never
    /// started.
    pub cancelled: u64,
    /// What could not be stopped: a closure that still blocks, a poll that has
    /// not returned. The task that calls `shutdown` is not listed.
    pub still_running: Vec<TaskInfo>,
}

/// Lets tasks finish for `limit`, then cancels the rest.
pub(crate) fn shutdown(shared: &Arc<Shared>, limit: Duration) -> ShutdownReport {
    let (finished, cancelled) = (shared.finished(), shared.cancelled());
    let started = shared.phase.advance(Phase::Draining) >= Phase::Running;
    shared.open();
    if started {
        drain(shared, Instant::now().checked_add(limit));
    }
    cancel(shared);
    drain(shared, Instant::now().checked_add(GRACE));
    stop(shared);
    let cancelled = shared.cancelled() - cancelled;
    ShutdownReport {
        finished: shared.finished().saturating_sub(finished + cancelled),
        cancelled,
        still_running: still_running(shared),
    }
}

/// Cancels everything and waits for the end, however long a poll takes. Inside
/// one of the coordinator's own tasks it cannot wait, and only cancels. After a
/// `shutdown` it does not wait again for what that could not stop.
pub(crate) fn drop_coordinator(shared: &Arc<Shared>) {
    let before = shared.phase.advance(Phase::Cancelling);
    shared.open();
    if before < Phase::Cancelling {
        cancel(shared);
        if context::depth(shared) == 0 {
            drain(shared, None);
        }
    }
    stop(shared);
}

/// Works until nothing but this thread's own tasks is alive, or until the
/// deadline.
fn drain(shared: &Arc<Shared>, deadline: Option<Instant>) {
    let depth = context::depth(shared);
    shared.close_depth.fetch_max(depth, Ordering::SeqCst);
    let main = Drain { shared, depth, deadline };
    if main.is_ready() {
        return;
    }
    let nested = context::is_nested();
    let entry = Entry::new(shared, WorkerKind::Caller, None);
    let _entered = entry.enter();
    if nested {
        wait_nested(&entry, &main);
    } else {
        let _done = worker::work(&entry, &main);
    }
}

fn cancel(shared: &Shared) {
    shared.phase.advance(Phase::Cancelling);
    shared.registry.close();
    shared.discard_blocking_queue();
    shared.wake_parked();
    shared.notify();
}

/// Lets every thread go; waits for them unless some are stuck.
fn stop(shared: &Shared) {
    if shared.alive() == 0 {
        shared.phase.advance(Phase::Stopped);
        shared.wake_parked();
        shared.threads.join();
    } else {
        shared.keep();
    }
}

/// Lists what is alive, but for the tasks that this call is made in.
fn still_running(shared: &Shared) -> Vec<TaskInfo> {
    let own = |info: &TaskInfo| {
        context::scopes().filter_map(|scope| scope.task()).any(|meta| meta.id() == info.id())
    };
    let mut tasks = shared.tasks();
    tasks.retain(|info| !own(info));
    tasks
}

/// A closer's [`Main`].
struct Drain<'a> {
    shared: &'a Shared,
    /// Tasks on this thread's own stack, which cannot end before this call.
    depth: u64,
    deadline: Option<Instant>,
}

impl Main for Drain<'_> {
    fn is_ready(&self) -> bool {
        self.shared.alive() <= self.depth
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn advance(&self) -> bool {
        true
    }

    fn deadline(&self) -> Option<Instant> {
        let look = Instant::now() + LOOK;
        Some(self.deadline.map_or(look, |deadline| deadline.min(look)))
    }
}
