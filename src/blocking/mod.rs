//! The blocking pool: threads for closures that block.
//!
//! One queue under one lock. Threads are started on demand up to the maximum
//! and end after idling for the keep-alive time.
//!
//! *One at a time.* At most one thread is on its way to the queue (`coming`):
//! started, or woken. When it arrives and finds more than it takes itself, it
//! sends for the next. So a burst of 10,000 short closures does not cost 10,000
//! wake-ups, but a chain that ends when a thread finds nothing left for another.
//!
//! *Who blocks in a task steps aside.* A thread of the pool may be inside a poll: a
//! lent one, or one of its own `block_on`. If that poll blocks and says so (a nested
//! `block_on`, `block_in_place`), the thread does not count until it is back, and
//! another may come: for closures, or to lend itself in its place, if tasks wait. It is
//! back when the poll returns; in a closure, when its outermost `block_on` does.
//!
//! *The limit counts closures, not threads.* A thread is *away* (`away.rs`) while it lends
//! or is in a start hook. A thread takes a closure only if the threads that are not away,
//! itself among them, are no more than the limit. Those that are away may be stuck there
//! while all others are stuck in closures. So the watcher, or without one whoever queues a
//! closure, may start threads beyond the limit, which lend, or take closures in place of
//! those that are away. A thread that is one too many, and has no task to poll, leaves.
//!
//! *Nothing is lost.* A closure is pushed under the lock. Then either a thread
//! is coming, which clears `coming` under the lock before it looks at the queue;
//! or one is sent for; or the pool is full and none is idle, so every thread
//! that counts will look at the queue, under the lock, before it idles. If the system
//! refuses a thread and the pool has none, the closures go to the workers. If it has
//! some, which may be long in their closures, the watcher tries again; if it gets none
//! either, or there is no watcher, the closures go to the workers too.

mod away;
pub(crate) mod cancel;
mod lend;
mod thread;

use std::collections::VecDeque;
use std::time::Duration;

use slab::Slab;

use self::away::Away;
use crate::context::Entry;
use crate::shared::Shared;
use crate::sync_facade::{Arc, AtomicU64, Condvar, Instant, Mutex, MutexGuard, Ordering, lock};
use crate::task::{self, Meta, Runnable, TaskId};
use crate::threads::Indices;

pub(crate) struct BlockingPool {
    state: Mutex<State>,
    wake: Condvar,
    max: usize,
    keep_alive: Duration,
    indices: Indices,
    away: Away,
    lends: AtomicU64,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Runnable>,
    /// Closures that were cancelled and may be in the queue.
    cancelled: Vec<TaskId>,
    /// Set by the start: before it, closures only queue up.
    open: bool,
    threads: usize,
    idle: usize,
    /// A thread was started or woken and has not looked at the queue yet.
    coming: bool,
    /// Wake-ups given and not yet taken by an idle thread; 0 or 1.
    tokens: usize,
    /// What each thread runs, and what is polled or dropped without a seat, for
    /// `tasks()`.
    running: Slab<Option<Running>>,
}

/// A closure that is being run, or a task without a seat.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) id: TaskId,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) site: &'static task::Site,
    pub(crate) since: Instant,
}

/// Numbers of the pool at one moment.
pub(crate) struct Census {
    pub(crate) threads: usize,
    pub(crate) idle: usize,
    pub(crate) queued: usize,
}

impl Shared {
    /// Queues a closure and sees to it that a thread comes for it.
    pub(crate) fn submit_blocking(&self, runnable: Runnable) {
        let mut state = lock(&self.blocking.state);
        state.queue.push_back(runnable);
        self.blocking.unlock_and_send(self, state);
    }
}

impl BlockingPool {
    pub(crate) fn new(max: usize, keep_alive: Duration) -> Self {
        BlockingPool {
            state: Mutex::default(),
            wake: Condvar::new(),
            max,
            keep_alive,
            indices: Indices::default(),
            away: Away::default(),
            lends: AtomicU64::new(0),
        }
    }

    /// Lets the threads come.
    pub(crate) fn open(&self, shared: &Shared) {
        let mut state = lock(&self.state);
        state.open = true;
        self.unlock_and_send(shared, state);
    }

    /// For closures that relied on the watcher, now that nobody watches.
    pub(crate) fn send(&self, shared: &Shared) {
        self.unlock_and_send(shared, lock(&self.state));
    }

    /// Sends for one thread if the queue holds something and none is coming.
    fn unlock_and_send(&self, shared: &Shared, mut state: MutexGuard<'_, State>) {
        if self.send_one(shared, &mut state) {
            drop(state);
            self.start(shared);
        }
    }

    /// The same under the lock: true if a thread, which is counted, is to be started.
    #[must_use]
    fn send_one(&self, shared: &Shared, state: &mut State) -> bool {
        // Who is away may be stuck; it is the watcher who sees that.
        let room = |state: &State| match shared.watcher.is_refused() {
            false => state.threads < self.max,
            true => self.has_room(shared, state),
        };
        let starts = self.wants_one(state) && room(state);
        if starts {
            state.expect_one();
        }
        starts
    }

    /// Whether closures wait, and nobody comes or idles. One who idles is woken.
    fn wants_one(&self, state: &mut State) -> bool {
        !state.coming && !state.queue.is_empty() && state.open && !self.wake_idle(state)
    }

    /// Sends for a thread that finds no closure, or is one too many to take one,
    /// and so lends itself; unless one is coming already, or enough are away.
    pub(crate) fn send_for_lender(&self, shared: &Shared) {
        let mut state = lock(&self.state);
        let enough = state.coming || self.away() >= lend::most(shared);
        if !enough && !self.wake_idle(&mut state) {
            state.expect_one();
            drop(state);
            self.start(shared);
        }
    }

    /// For the watcher: closures have waited for those who are away.
    pub(crate) fn send_for_closures(&self, shared: &Shared) {
        if self.expects_one(shared) {
            self.start(shared);
        } else if self.away() > lend::most(shared) {
            // They may be in their start hooks, and wait there for closures.
            self.give_away(shared);
        }
    }

    /// Whether to start a thread, which is counted here, for closures that wait. Threads that
    /// are away do not count towards the limit.
    fn expects_one(&self, shared: &Shared) -> bool {
        let mut state = lock(&self.state);
        let expects = self.wants_one(&mut state) && self.has_room(shared, &state);
        if expects {
            state.expect_one();
        }
        expects
    }

    /// Counts this thread as one that is away, unless `most` are.
    pub(crate) fn go_away(&self, entry: &Entry<'_>, most: usize) -> bool {
        let goes = self.away.enter(most);
        entry.away.set(goes);
        goes
    }

    /// It is back, if it was counted.
    pub(crate) fn return_from(&self, entry: &Entry<'_>) {
        if entry.away.replace(false) {
            self.away.leave();
        }
    }

    /// How many threads are away. Whoever decides by it on a closure holds the lock, and so
    /// sees that those who took one are back. For the watcher, which looks without, the
    /// next tick will do.
    pub(crate) fn away(&self) -> usize {
        self.away.count()
    }

    /// Whether closures wait though fewer run than may, because threads are away.
    pub(crate) fn waits(&self) -> bool {
        self.away() > 0 && {
            let state = lock(&self.state);
            !state.queue.is_empty() && !self.is_full(&state)
        }
    }

    /// Whether as many threads as may run closures are there.
    fn is_full(&self, state: &State) -> bool {
        state.threads.saturating_sub(self.away()) >= self.max
    }

    /// Whether one more thread may come for closures. Start hooks that do not return hold at
    /// most one thread more than may lend.
    fn has_room(&self, shared: &Shared, state: &State) -> bool {
        !self.is_full(state) && self.away() <= lend::most(shared)
    }

    /// Whether somebody who is about to lend has to take a closure instead: who submits one
    /// afterwards, and finds no watcher, sees that this thread is away.
    fn has_job_unwatched(&self, shared: &Shared) -> bool {
        shared.watcher.is_refused() && {
            let state = lock(&self.state);
            !state.queue.is_empty() && !self.is_full(&state)
        }
    }

    /// Whether a thread that is not away is one too many to take a closure.
    fn is_crowded(&self, state: &State) -> bool {
        state.threads.saturating_sub(self.away()) > self.max
    }

    /// Whether there is a closure that this thread, which is not away, may take.
    fn has_job(&self, state: &State) -> bool {
        !state.queue.is_empty() && !self.is_crowded(state)
    }

    /// Wakes an idle thread, if there is one.
    fn wake_idle(&self, state: &mut State) -> bool {
        let wake = state.idle > 0;
        if wake {
            state.coming = true;
            state.tokens += 1;
            self.wake.notify_one();
        }
        wake
    }

    /// Starts a thread that is counted.
    fn start(&self, shared: &Shared) {
        let Some(left) = self.try_start(shared) else { return };
        if left == 0 || !shared.watcher.try_again_later(shared) {
            self.give_away(shared);
        }
    }

    /// For the watcher: a thread was refused, and closures may still wait for it.
    pub(crate) fn try_again(&self, shared: &Shared) {
        if self.expects_one(shared) && self.try_start(shared).is_some() {
            self.give_away(shared);
        }
    }

    /// Starts a thread that is counted. If it is refused and closures wait, for which
    /// nobody is sent, says how many threads there are.
    fn try_start(&self, shared: &Shared) -> Option<usize> {
        let index = self.indices.take();
        let name = format!("{}-pool-{index}", shared.options.thread_name);
        let owned = shared.to_arc();
        if shared.threads.spawn(shared, name, move || thread::run(&owned, index)).is_ok() {
            return None;
        }
        self.indices.give_back(index);
        let mut state = lock(&self.state);
        state.threads -= 1;
        state.coming = false;
        // One may idle by now, and was not sent for because of this one.
        let wait = !state.queue.is_empty() && !self.wake_idle(&mut state);
        wait.then_some(state.threads)
    }

    /// The workers run the closures for which no thread is to be had; not those that wait
    /// because as many run as may.
    fn give_away(&self, shared: &Shared) {
        let mut state = lock(&self.state);
        if self.wants_one(&mut state) && !self.is_full(&state) {
            let queue = std::mem::take(&mut state.queue);
            drop(state);
            shared.inject_block(queue);
        }
    }

    /// A thread of the pool is about to block inside the poll of a future. It
    /// does not count as long as it does: another may come for the closures that
    /// it perhaps waits for; and if it lends itself, one that does so in its place. What the
    /// poll has pushed is seen here; what is pushed later is for the watcher.
    pub(crate) fn step_aside(&self, entry: &Entry<'_>) {
        let lends = entry.away.get();
        self.return_from(entry);
        let mut state = lock(&self.state);
        state.threads -= 1;
        self.unlock_and_send(entry.shared, state);
        if lends && entry.shared.has_work() {
            self.send_for_lender(entry.shared);
        }
    }

    /// It is back, in its closure.
    pub(crate) fn come_back(&self, entry: &Entry<'_>) {
        lock(&self.state).count_in(entry);
    }

    /// Wakes every idle thread, to look at the phase.
    pub(crate) fn wake_all(&self) {
        drop(lock(&self.state));
        self.wake.notify_all();
    }

    /// Takes out one that has not started, to be dropped. (Not all at once: the drop of one
    /// may wait for another.) From now on a thread is sent for what still comes, also if the
    /// pool was never opened.
    pub(crate) fn take_one(&self) -> Option<Runnable> {
        let mut state = lock(&self.state);
        state.open = true;
        state.queue.pop_front()
    }

    pub(crate) fn census(&self) -> Census {
        let state = lock(&self.state);
        Census { threads: state.threads, idle: state.idle, queued: state.queue.len() }
    }

    pub(crate) fn running(&self) -> Vec<Running> {
        let state = lock(&self.state);
        state.running.iter().filter_map(|(_, running)| running.clone()).collect()
    }

    /// Lists a task that is polled, or dropped, by a thread without a seat, until
    /// shortly after its end.
    pub(crate) fn list(&self, runnable: &Runnable) -> Listed<'_> {
        let running = Running::of(runnable.metadata());
        Listed { pool: self, key: lock(&self.state).running.insert(Some(running)) }
    }

    pub(crate) fn lend_count(&self) -> u64 {
        self.lends.load(Ordering::Relaxed)
    }
}

impl State {
    /// Counts one more thread, which is to be started.
    fn expect_one(&mut self) {
        self.coming = true;
        self.threads += 1;
    }

    /// Counts a thread that stepped aside, and is back. There may be one too many then.
    fn count_in(&mut self, entry: &Entry<'_>) {
        self.threads += usize::from(entry.counted_out.replace(false));
    }
}

/// Takes a task off the list of those that run.
pub(crate) struct Listed<'a> {
    pool: &'a BlockingPool,
    key: usize,
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        lock(&self.pool.state).running.remove(self.key);
    }
}

impl Running {
    fn of(meta: &Meta) -> Self {
        Running {
            id: meta.id(),
            name: meta.name().cloned(),
            site: meta.site(),
            since: Instant::now(),
        }
    }
}
