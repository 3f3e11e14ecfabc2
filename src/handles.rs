//! The system's threads of a coordinator: each is started under one lock, and joined at the
//! end.
//!
//! Who joins takes one handle at a time, so that several may, and waits until all are joined.
//! With a limit it leaves that to a thread of its own, the *reaper*: a thread may be in a hook,
//! a waker or the destructor of a thread-local, and not return. (If the system gives none, it
//! joins those that have ended, again and again.)
//!
//! Who stops the coordinator may still have to start a thread, for wakers. So nobody is at that
//! any more when the list is closed.

use std::io;

use crate::shared::Shared;
use crate::sweep::LOOK;
use crate::sync_facade::{
    Arc, Condvar, Instant, JoinHandle, Mutex, MutexGuard, Thread, lock, start_thread, wait_until,
};

#[derive(Default)]
pub(crate) struct Handles {
    state: Mutex<State>,
    /// One was joined.
    joined: Condvar,
}

#[derive(Default)]
pub(crate) struct State {
    /// How many are about to stop the coordinator.
    stopping: usize,
    /// No thread starts any more.
    closed: bool,
    list: Vec<JoinHandle>,
    /// Those that are being joined.
    leaving: Vec<Thread>,
}

impl State {
    /// Starts a thread; under the lock, so that none does behind the back of `join`.
    pub(crate) fn spawn(
        &mut self,
        shared: &Shared,
        name: String,
        f: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        if self.closed {
            return Err(io::Error::other("the coordinator has stopped"));
        }
        let handle = start_thread(name, shared.options.stack_size, f)?;
        self.list.retain(|handle| !handle.has_ended());
        self.list.push(handle);
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.list.is_empty() && self.leaving.is_empty()
    }

    fn names(&self) -> Vec<String> {
        // Those behind one that does not end may have ended.
        let list = self.list.iter().filter(|handle| !handle.has_ended());
        let left = list.map(JoinHandle::thread).chain(&self.leaving);
        left.map(|thread| thread.name().unwrap_or_default().to_owned()).collect()
    }
}

impl Handles {
    /// Locks it, to start one.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Waits until every thread has ended, or until the deadline; none starts any more.
    /// Returns the names of those that have not. To be called by none of them.
    pub(crate) fn join(&self, shared: &Arc<Shared>, deadline: Option<Instant>) -> Vec<String> {
        let is_late = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let mut state = self.lock();
        while state.stopping > 0 && !is_late() {
            state = wait_until(&self.joined, state, deadline);
        }
        state.closed = true;
        drop(state);
        let reaper = deadline.and_then(|_| start_reaper(shared));
        let reaps = reaper.is_none();
        let names = loop {
            if reaps {
                self.reap(|handle| deadline.is_none() || handle.joins_at_once());
            }
            let state = self.lock();
            if state.is_done() || is_late() {
                break state.names();
            }
            let look = reaps.then(|| Instant::now() + LOOK);
            drop(wait_until(&self.joined, state, look.into_iter().chain(deadline).min()));
        };
        if let Some(reaper) = reaper.filter(|_| names.is_empty()) {
            // It has nothing left to do.
            reaper.join();
        }
        names
    }

    /// Calls `f`, which stops the coordinator, and may start a last thread.
    pub(crate) fn while_stopping(&self, f: impl FnOnce()) {
        self.lock().stopping += 1;
        f();
        self.lock().stopping -= 1;
        self.joined.notify_all();
    }

    /// Joins what nobody has joined yet, if it is `ready`.
    fn reap(&self, ready: impl Fn(&JoinHandle) -> bool) {
        loop {
            let mut state = self.lock();
            let Some(index) = state.list.iter().position(&ready) else { return };
            let handle = state.list.swap_remove(index);
            let thread = handle.thread().clone();
            state.leaving.push(thread.clone());
            drop(state);
            handle.join();
            self.lock().leaving.retain(|other| other.id() != thread.id());
            self.joined.notify_all();
        }
    }
}

/// Starts a thread that joins the others; `None` if the system gives none, or there are no
/// others.
fn start_reaper(shared: &Arc<Shared>) -> Option<JoinHandle> {
    if shared.threads.handles.lock().list.is_empty() {
        return None;
    }
    let owned = shared.clone();
    let name = format!("{}-reap", shared.options.thread_name);
    start_thread(name, None, move || owned.threads.handles.reap(|_| true)).ok()
}
