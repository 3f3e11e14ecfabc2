//! One thread of the pool: it takes closures, then lends itself, then idles.

use std::cell::Cell;

use super::{BlockingPool, Running, State, lend};
use crate::context::{self, Entry};
use crate::shared::Shared;
use crate::sync_facade::{Arc, Instant, MutexGuard, lock, wait_until};
use crate::task;
use crate::{WorkerInfo, WorkerKind};

/// One thread of the pool.
struct Thread<'a> {
    entry: &'a Entry<'a>,
    shared: &'a Shared,
    pool: &'a BlockingPool,
    /// Its place in `State::running`.
    key: usize,
    /// Since when it has had nothing to do.
    idle_since: Cell<Option<Instant>>,
}

/// The body of a thread of the pool.
pub(super) fn run(shared: &Arc<Shared>, index: usize) {
    context::settle(shared);
    let entry = Entry::new(shared, WorkerKind::Blocking, Some(index));
    let entered = entry.enter();
    let info = entry.info();
    let pool = &shared.blocking;
    let key = {
        let mut state = lock(&pool.state);
        // Others may be sent for while the hook runs.
        state.coming = false;
        state.running.insert(None)
    };
    begin(&entry, &info);
    Thread { entry: &entry, shared, pool, key, idle_since: Cell::new(None) }.run();
    // It is counted out: there is nothing left to step aside from.
    entry.counted_out.set(true);
    shared.hooks.thread_stops(&info);
    drop(entered);
    drop(entry);
    pool.indices.give_back(index);
}

/// Calls the start hook. Closures are not for this thread as long as that takes.
fn begin(entry: &Entry<'_>, info: &WorkerInfo) {
    let shared = entry.shared;
    if shared.hooks.thread_start.is_some() {
        shared.blocking.go_away(entry, usize::MAX);
        shared.watcher.poke(shared);
        entry.call_start_hook(info);
        shared.blocking.return_from(entry);
    }
}

impl Thread<'_> {
    fn run(&self) {
        let lender = lend::Lender::new(self.entry);
        let mut state = self.come_back();
        loop {
            let job = self.pool.has_job(&state).then(|| state.queue.pop_front()).flatten();
            if let Some(job) = job {
                state.running[self.key] = Some(Running::of(job.metadata()));
                self.pool.unlock_and_send(self.shared, state);
                task::run(self.entry, job);
                state = self.come_back();
                state.running[self.key] = None;
                self.idle_since.set(None);
                continue;
            }
            // What is left, if this is one too many, is for those who idle.
            self.pool.unlock_and_send(self.shared, state);
            self.shared.watcher.stand_in(self.shared);
            // Out of blocking work: lend a hand, one poll at a time.
            while !self.pool.has_job(&lock(&self.pool.state)) && lender.lend() {
                self.idle_since.set(None);
            }
            state = match self.idle(self.come_back()) {
                Some(state) => state,
                None => return,
            };
        }
    }

    /// Locks the pool after user code ran, in which the thread may have stepped
    /// aside.
    fn come_back(&self) -> MutexGuard<'_, State> {
        if self.entry.counted_out.get() {
            self.idle_since.set(None);
        }
        let mut state = lock(&self.pool.state);
        state.count_in(self.entry);
        state
    }

    /// Waits for a token, a closure, or, if nobody watches, for the next look; `None`
    /// if the thread is to end, which is counted.
    fn idle<'a>(&self, mut state: MutexGuard<'a, State>) -> Option<MutexGuard<'a, State>> {
        // A token is for those who idle; one too many that took it would give it out
        // again at once.
        if self.pool.is_crowded(&state) {
            return self.leave(state);
        }
        // Asked once: lenders come and go without the lock.
        if !state.queue.is_empty() {
            return Some(state);
        }
        let mut now = Instant::now();
        let since = self.idle_since.get().unwrap_or(now);
        self.idle_since.set(Some(since));
        let end = since.checked_add(self.pool.keep_alive);
        let look = self.shared.watcher.next_look(self.shared, now);
        state.idle += 1;
        loop {
            if state.tokens > 0 {
                state.tokens -= 1;
                state.idle -= 1;
                state.coming = false;
                self.idle_since.set(None);
                return Some(state);
            }
            let watched = !self.shared.watcher.is_missing();
            let surplus = self.pool.is_crowded(&state);
            // No thread is to be had: the last that idles stays.
            let expired = is_past(end, now) && (watched || state.idle > 1);
            if surplus || expired || self.shared.is_over() {
                state.idle -= 1;
                if self.pool.has_job(&state) {
                    return Some(state);
                }
                return self.leave(state);
            }
            if !watched && is_past(look, now) {
                state.idle -= 1;
                return Some(state);
            }
            state = wait_until(&self.pool.wake, state, if watched { end } else { look });
            now = Instant::now();
        }
    }

    /// Counts the thread out. One that idles may have counted on it.
    fn leave<'a>(&self, mut state: MutexGuard<'a, State>) -> Option<MutexGuard<'a, State>> {
        state.threads -= 1;
        state.running.remove(self.key);
        self.pool.unlock_and_send(self.shared, state);
        None
    }
}

fn is_past(at: Option<Instant>, now: Instant) -> bool {
    at.is_some_and(|at| now >= at)
}
