//! The system's threads of a coordinator: each is started under one lock, and joined at the
//! end.
//!
//! Who joins takes one handle at a time, so that several may, and waits until all are joined.
//! With a limit it leaves that to a thread of its own, the *reaper*: a thread may be in a hook,
//! a waker or the destructor of a thread-local, and not return.

use std::io;

use crate::shared::Shared;
use crate::sync_facade::{
    Arc, Condvar, Instant, JoinHandle, Mutex, MutexGuard, Thread, has_ended, lock, start_thread,
    wait_until,
};

#[derive(Default)]
pub(crate) struct Handles {
    state: Mutex<State>,
    /// One was joined.
    joined: Condvar,
}

#[derive(Default)]
pub(crate) struct State {
    /// No thread starts any more.
    closed: bool,
    list: Vec<JoinHandle<()>>,
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
        self.list.retain(|handle| !has_ended(handle));
        self.list.push(handle);
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.list.is_empty() && self.leaving.is_empty()
    }

    fn names(&self) -> Vec<String> {
        // Those behind one that does not end may have ended.
        let list = self.list.iter().filter(|handle| !has_ended(handle)).map(JoinHandle::thread);
        let left = list.chain(&self.leaving);
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
        self.lock().closed = true;
        let reaper = if deadline.is_some() { start_reaper(shared) } else { None };
        if reaper.is_none() {
            self.reap();
        }
        let mut state = self.lock();
        while !state.is_done() && deadline.is_none_or(|deadline| Instant::now() < deadline) {
            state = wait_until(&self.joined, state, deadline);
        }
        let names = state.names();
        drop(state);
        if let Some(reaper) = reaper.filter(|_| names.is_empty()) {
            // It has nothing left to do.
            let _ = reaper.join();
        }
        names
    }

    /// Joins what nobody has joined yet.
    fn reap(&self) {
        loop {
            let mut state = self.lock();
            let Some(handle) = state.list.pop() else { return };
            let thread = handle.thread().clone();
            state.leaving.push(thread.clone());
            drop(state);
            // Threads of ours catch every panic of user code.
            let _ = handle.join();
            self.lock().leaving.retain(|other| other.id() != thread.id());
            self.joined.notify_all();
        }
    }
}

/// Starts a thread that joins the others; `None` if the system gives none, or there are no
/// others.
fn start_reaper(shared: &Arc<Shared>) -> Option<JoinHandle<()>> {
    if shared.threads.handles.lock().list.is_empty() {
        return None;
    }
    let owned = shared.clone();
    let name = format!("{}-reap", shared.options.thread_name);
    start_thread(name, None, move || owned.threads.handles.reap()).ok()
}
