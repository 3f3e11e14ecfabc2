//! Dropping what is in the queues, at the end of a coordinator.
//!
//! A destructor may wait for a task that is still queued. So one is taken out at a time, and
//! whoever waits in a destructor for longer than [`LOOK`] has a thread of its own, a
//! *sweeper*, go on with the rest; for those who did that may all be waiting so. A closer has
//! sweepers from the start, and drops nothing itself: a destructor may not return.

use std::io;
use std::time::Duration;

use crate::WorkerKind;
use crate::context::{self, Entry, UserCode};
use crate::parker;
use crate::shared::Shared;
use crate::sync_facade::{Arc, AtomicBool, Instant, Ordering};
use crate::task;
use crate::thief::Thief;

/// How often those who wait for the end look by themselves.
pub(crate) const LOOK: Duration = Duration::from_millis(10);

/// How long a closer waits for a destructor before it has another thread go on.
const PATIENCE: Duration = Duration::from_millis(20);

/// So many threads a closer has for that.
const MOST: usize = 32;

/// So many drops may be on top of each other if there are no threads: the stack is finite.
const DEPTH: usize = 16;

/// A thread that drops what is in the queues, until this is dropped.
struct Sweeper(Arc<AtomicBool>);

impl Sweeper {
    fn start(shared: &Shared) -> io::Result<Self> {
        let done = Arc::new(AtomicBool::new(false));
        let (owned, until) = (shared.to_arc(), done.clone());
        let name = format!("{}-sweep", shared.options.thread_name);
        shared.threads.spawn(shared, name, move || sweep(&owned, &until))?;
        Ok(Sweeper(done))
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        // Relaxed: nothing else is told by it.
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The body of the sweeper's thread.
fn sweep(shared: &Arc<Shared>, done: &AtomicBool) {
    context::settle(shared);
    let entry = Entry::new(shared, WorkerKind::Caller, None);
    let _entered = entry.enter();
    let parker = parker::current();
    let _listed = shared.list_parked(parker.clone());
    loop {
        discard_queued(shared);
        // Relaxed: as the store in `Sweeper::drop`.
        if done.load(Ordering::Relaxed) || shared.is_over() {
            return;
        }
        parker.park(Some(Instant::now() + LOOK));
    }
}

/// Drops what is queued.
pub(crate) fn discard_queued(shared: &Shared) {
    while let Some(runnable) = shared.blocking.take_one() {
        task::discard(shared, runnable);
    }
    shared.discard_homeless();
    let thief = Thief::new(shared);
    while let Some(runnable) = thief.take() {
        task::discard(shared, runnable);
    }
}

/// The sweepers of a closer: one, and another whenever nothing has ended for some time though
/// something is queued, for a destructor may not return.
pub(crate) struct Sweepers<'a> {
    shared: &'a Shared,
    list: Vec<Sweeper>,
    /// How many tasks had ended, and when that was seen first.
    finished: u64,
    since: Instant,
}

impl<'a> Sweepers<'a> {
    pub(crate) fn start(shared: &'a Shared) -> io::Result<Self> {
        let list = vec![Sweeper::start(shared)?];
        Ok(Sweepers { shared, list, finished: shared.finished(), since: Instant::now() })
    }

    /// To be called each [`LOOK`].
    pub(crate) fn look(&mut self) {
        let finished = self.shared.finished();
        if finished != self.finished || !self.shared.has_queued() {
            (self.finished, self.since) = (finished, Instant::now());
        } else if self.since.elapsed() >= PATIENCE && self.list.len() < MOST {
            self.list.extend(Sweeper::start(self.shared));
            self.since = Instant::now();
        }
    }
}

/// What a call that waits does for what it may wait for, if it is inside of a destructor, or
/// of what comes after one.
#[derive(Default)]
pub(crate) struct Beside {
    since: Option<Instant>,
    sweeper: Option<Sweeper>,
}

impl Beside {
    /// To be called now and then; true if soon, by itself.
    pub(crate) fn look(&mut self) -> bool {
        let (ended, depth) = ended_around();
        if ended.is_empty() {
            return false;
        }
        let late = self.since.get_or_insert_with(Instant::now).elapsed() >= LOOK;
        if late && self.sweeper.is_none() {
            if let Some(shared) = ended.iter().find(|shared| shared.has_queued()) {
                self.sweeper = Sweeper::start(shared).ok();
                if self.sweeper.is_none() && depth < DEPTH {
                    discard_queued(shared);
                }
            }
        }
        true
    }
}

/// The coordinators that drop what they have, and have come to drops that this call is inside
/// of; and how many drops these are.
fn ended_around() -> (Vec<Arc<Shared>>, usize) {
    let mut around = Vec::new();
    context::with_user_code(|top| {
        let drops = top.ancestors().filter(|code| code.is_dropped());
        around.extend(drops.filter_map(UserCode::shared).map(Shared::to_arc));
    });
    if context::in_aftermath() {
        context::with_entry(|top| around.extend(top.ancestors().map(|entry| entry.shared.clone())));
    }
    let depth = around.len();
    around.retain(|shared| shared.is_cancelling());
    (around, depth)
}

impl Shared {
    /// Whether anything is queued, of any kind.
    fn has_queued(&self) -> bool {
        let pinned = || self.homes.iter().any(|home| home.is_filled());
        self.has_work() || pinned() || self.blocking.census().queued > 0
    }
}
