//! The end of a coordinator: phases in order, with the reason for the order.
//!
//! 1. *Draining* is announced (SeqCst). A spawn from outside counts itself
//!    first and looks at the phase second, so either it sees `Draining`, takes
//!    its count back and is refused, or step 2 counts it.
//! 2. The closer waits aside until nothing is alive, or the limit is over. It runs
//!    no task itself unless there is no thread that would.
//! 3. *Cancelling* is announced: from now on a runnable that is taken out of a
//!    queue is dropped, not polled. Only then the registry is closed, which
//!    wakes each waiting task, so that each goes through a queue once more.
//!    Futures are thus dropped by a worker's or the closer's loop and never
//!    inside a waker, where the waker's owner may hold a lock.
//! 4. What is in the queues is taken out, without a seat, and dropped, until nothing
//!    is alive: by a thread of its own, the *sweeper*, for a destructor may not return
//!    (`sweep.rs`).
//! 5. *Stopped*: threads are woken and leave; the closer lets no other start, and
//!    joins them, if need be until its limit (see `handles.rs`).
//!
//! The closer looks at the count whenever it is woken, and those who end a task
//! wake it if they see the phase. They look at the phase with a plain load after
//! a plain store, which the machine may exchange; and a spawn that was counted
//! before the end, but pushes after it, wakes nobody if the seats were never
//! opened. So the closer also looks on its own, every 10 ms.

use std::cell::Cell;
use std::fmt;
use std::iter;
use std::time::Duration;

use crate::block_on::{advance_suspended, step_aside, wait_aside};
use crate::context::{self, Entry, UserCode};
use crate::metrics::TaskInfo;
use crate::shared::{Phase, Shared};
use crate::sweep::{Beside, LOOK, Sweepers, discard_queued};
use crate::sync_facade::{Arc, Instant, Ordering};
use crate::warn;
use crate::worker::Main;
use crate::{Coordinator, Handle, WorkerKind};

/// How long `shutdown` waits, after its limit, for polls that are under way, and once more
/// for threads; and how long a drop does before it says what it waits for.
const GRACE: Duration = Duration::from_secs(1);

/// What became of the tasks; see
/// [`Coordinator::shutdown`](crate::Coordinator::shutdown).
///
/// ```
/// use std::time::Duration;
///
/// let coord = oasync::Coordinator::new();
/// coord.start()?;
/// coord.go(std::future::pending::<()>());
/// let report = coord.shutdown(Duration::from_millis(20));
/// assert_eq!((report.finished, report.cancelled), (0, 1));
/// for stuck in &report.still_running {
///     println!("cannot be stopped: {stuck}");
/// }
/// assert!(report.still_running.is_empty());
/// assert_eq!(report.to_string(), "0 finished, 1 cancelled");
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
    /// What could not be stopped: a closure that still blocks, a poll or a
    /// destructor that has not returned, and what was behind it. The task that calls
    /// `shutdown` is not listed.
    pub still_running: Vec<TaskInfo>,
    /// If all tasks have ended, the names of the coordinator's threads that have not: they
    /// are in a hook, in a waker of somebody else, in the drop of a result that nobody takes
    /// or of a worker state, or in the destructor of a thread-local.
    pub threads: Vec<String>,
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} finished, {} cancelled", self.finished, self.cancelled)?;
        list(f, "still running", &self.still_running)?;
        list(f, "threads left", &self.threads)
    }
}

/// How many there are, and each of them; nothing if there is none.
fn list(f: &mut fmt::Formatter<'_>, what: &str, items: &[impl fmt::Display]) -> fmt::Result {
    if !items.is_empty() {
        write!(f, ", {} {what}", items.len())?;
    }
    let separators = iter::once(": ").chain(iter::repeat("; "));
    items.iter().zip(separators).try_for_each(|(item, s)| write!(f, "{s}{item}"))
}

impl Coordinator {
    /// Whether a [`shutdown`](Self::shutdown) has begun, or is over: tasks that are spawned
    /// from outside are refused.
    ///
    /// Tasks are cancelled at the limit; a main future of [`block_on`](Self::block_on) never
    /// is. One that goes round and round should look at this and return, or wait for what
    /// ends with the tasks: a channel that closes, a `CancelToken`.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// assert!(!coord.is_shutting_down());
    /// coord.shutdown(std::time::Duration::ZERO);
    /// assert!(coord.is_shutting_down());
    /// ```
    pub fn is_shutting_down(&self) -> bool {
        self.shared().is_shutting_down()
    }
}

impl Handle {
    /// See [`Coordinator::is_shutting_down`]. Also true if the coordinator was dropped.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let handle = coord.handle();
    /// drop(coord);
    /// assert!(handle.is_shutting_down());
    /// ```
    pub fn is_shutting_down(&self) -> bool {
        self.shared().is_shutting_down()
    }
}

impl Shared {
    fn is_shutting_down(&self) -> bool {
        // Relaxed: nothing else is told by it.
        self.phase.load(Ordering::Relaxed) >= Phase::Draining
    }
}

/// Lets tasks finish for `limit`, then cancels the rest.
pub(crate) fn shutdown(shared: &Arc<Shared>, limit: Duration) -> ShutdownReport {
    let (finished, cancelled) = (shared.finished(), shared.cancelled());
    let closer = Closer::new(shared);
    let limit = Instant::now().checked_add(limit);
    let started = shared.phase.advance(Phase::Draining) >= Phase::Running;
    if started {
        if shared.open() {
            shared.notify_for_backlog();
        }
        closer.wait(limit);
    }
    cancel(shared);
    let ended = closer.wait(Some(Instant::now() + GRACE));
    let still_running = if ended { Vec::new() } else { still_running(shared) };
    let threads = if closer.stop(ended) {
        let grace = Instant::now() + GRACE;
        shared.threads.handles.join(shared, limit.map(|limit| limit.max(grace)))
    } else {
        Vec::new()
    };
    if !ended || !threads.is_empty() {
        shared.gave_up.store(true, Ordering::Relaxed);
    }
    let cancelled = shared.cancelled() - cancelled;
    let finished = shared.finished().saturating_sub(finished + cancelled);
    ShutdownReport { finished, cancelled, still_running, threads }
}

/// Cancels everything and waits for the end, however long a poll takes. Inside
/// one of the coordinator's own tasks it cannot wait, and only cancels. It does
/// not wait for what a shutdown gave up.
pub(crate) fn drop_coordinator(shared: &Arc<Shared>) {
    let closer = Closer::new(shared);
    cancel(shared);
    let gave_up = shared.gave_up.load(Ordering::Relaxed);
    let wait = !closer.inside && !gave_up;
    let ended = if wait { closer.wait(None) } else { shared.alive() == 0 };
    if closer.stop(ended) && !gave_up {
        join_all(shared);
    }
}

/// Waits for the end of all threads, and says so if that takes long.
fn join_all(shared: &Arc<Shared>) {
    let handles = &shared.threads.handles;
    if warn::IS_HEARD {
        let late = handles.join(shared, Some(Instant::now() + GRACE));
        if !late.is_empty() {
            shared.hooks.contain(|| warn::of_threads(&late));
        }
    }
    handles.join(shared, None);
}

fn cancel(shared: &Shared) {
    if shared.phase.advance(Phase::Cancelling) < Phase::Cancelling {
        shared.registry.close();
        shared.wake_parked();
    }
}

/// Lists what is alive, but for the tasks that this call is made in.
fn still_running(shared: &Shared) -> Vec<TaskInfo> {
    let mut tasks = shared.tasks();
    context::with_user_code(|code| {
        let own = |info: &TaskInfo| {
            code.tasks_of(shared).filter_map(UserCode::task).any(|meta| meta.id() == info.id())
        };
        tasks.retain(|info| !own(info));
    });
    tasks
}

/// A thread that waits for the end.
struct Closer<'a> {
    shared: &'a Arc<Shared>,
    /// Whether this is inside tasks, which cannot end before this call, or after one,
    /// in what its scope waits for.
    inside: bool,
    /// How many of these it counts; the others are those of a closer further down
    /// this stack.
    own: usize,
}

impl<'a> Closer<'a> {
    fn new(shared: &'a Arc<Shared>) -> Self {
        let inside = context::in_turn_of(shared);
        let count = |code: &UserCode<'_>| {
            let mut own = 0;
            for task in code.tasks_of(shared) {
                own += usize::from(!task.in_closer.replace(true));
            }
            own
        };
        let own = context::with_user_code(count).unwrap_or(0);
        shared.close_depth.fetch_add(own as u64, Ordering::SeqCst);
        Closer { shared, inside, own }
    }

    /// Waits until nothing is alive but the closers' own tasks, or until the
    /// deadline; true if it came to that. It polls no task, unless there is no thread that
    /// would: a poll that takes long would keep it from its deadline. When cancelling it
    /// helps to drop what is queued, also what is queued behind a poll that does not return.
    fn wait(&self, deadline: Option<Instant>) -> bool {
        let shared = self.shared;
        let end = End { closer: self, deadline, reached: Cell::new(false) };
        if !end.is_ready() {
            let entry = Entry::new(shared, WorkerKind::Caller, None);
            let _entered = entry.enter();
            // Relaxed: this thread has written it.
            let cancelling = shared.phase.load(Ordering::Relaxed) >= Phase::Cancelling;
            // Without a thread for it, it has to do it itself, and may have to wait.
            let sweeps = cancelling && deadline.is_some();
            let sweepers = if sweeps { Sweepers::start(shared).ok() } else { None };
            match sweepers {
                Some(mut sweepers) => wait_aside(&entry, &end, || sweepers.look()),
                None if cancelling => discard_until(&entry, &end),
                None => wait_aside(&entry, &end, || ()),
            }
        }
        end.reached.get()
    }

    /// Whether nothing is alive that could end before this call does. Closers that
    /// are tasks do not wait for each other.
    fn is_at_end(&self) -> bool {
        let alive = self.shared.alive();
        let others = || self.shared.close_depth.load(Ordering::SeqCst);
        alive == 0 || self.inside && alive <= others()
    }

    /// Lets every thread go, if the end was reached; true if this one, which is none of them,
    /// is to wait for them.
    #[must_use]
    fn stop(self, ended: bool) -> bool {
        let shared = self.shared;
        if !ended || self.inside {
            shared.keep();
            return false;
        }
        shared.stop();
        !context::on_own_thread(shared)
    }
}

impl Drop for Closer<'_> {
    fn drop(&mut self) {
        // Closers of one stack end in the order of the stack.
        context::with_user_code(|code| {
            let own = code.tasks_of(self.shared).take(self.own);
            own.for_each(|task| task.in_closer.set(false));
        });
        self.shared.close_depth.fetch_sub(self.own as u64, Ordering::SeqCst);
    }
}

/// Has what is in the queues dropped until the end; drops it itself if there is no thread for
/// that.
fn discard_until(entry: &Entry<'_>, end: &End<'_>) {
    let shared = entry.shared;
    step_aside(entry);
    let parker = end.parker();
    let _listed = shared.list_parked(parker.clone());
    // One that has a limit reports it.
    let mut is_news = end.deadline.is_none() && warn::IS_HEARD;
    let late = Instant::now() + GRACE;
    let (mut sweepers, mut beside) = (Sweepers::start(shared).ok(), Beside::default());
    loop {
        beside.look();
        match &mut sweepers {
            Some(sweepers) => sweepers.look(),
            None => discard_queued(shared),
        }
        advance_suspended(end);
        if end.is_ready() {
            return;
        }
        if is_news && Instant::now() >= late {
            is_news = false;
            // A logger is a user's code.
            shared.hooks.contain(|| warn::of_drop(&still_running(shared)));
        }
        parker.park(end.deadline());
    }
}

/// What a closer waits for.
struct End<'a> {
    closer: &'a Closer<'a>,
    deadline: Option<Instant>,
    /// Seen once, it stays: what is spawned from now on is refused, and not
    /// counted.
    reached: Cell<bool>,
}

impl Main for End<'_> {
    fn is_ready(&self) -> bool {
        if self.closer.is_at_end() {
            self.reached.set(true);
        }
        self.reached.get() || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn advance(&self) -> bool {
        true
    }

    fn is_pressed(&self) -> bool {
        let cancelling = self.closer.shared.is_cancelling();
        self.deadline.is_some_and(|deadline| cancelling || Instant::now() >= deadline)
    }

    fn deadline(&self) -> Option<Instant> {
        let look = Instant::now() + LOOK;
        Some(self.deadline.map_or(look, |deadline| deadline.min(look)))
    }
}
