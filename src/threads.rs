//! Worker threads: when one is started, what it does from its start to its end, and how many
//! live.

use std::io;

use crate::WorkerKind;
use crate::block_on::Link;
use crate::context::{self, Entry};
use crate::handles::{self, Handles};
use crate::idle::Promise;
use crate::pinned::Host;
use crate::shared::Shared;
use crate::sync_facade::{Arc, AtomicUsize, Mutex, Ordering, lock};
use crate::worker::{self, Left};

/// Small numbers, the lowest free one first.
#[derive(Default)]
pub(crate) struct Indices(Mutex<Vec<bool>>);

impl Indices {
    pub(crate) fn take(&self) -> usize {
        let mut taken = lock(&self.0);
        let index = taken.iter().position(|taken| !taken).unwrap_or(taken.len());
        if index == taken.len() {
            taken.push(true);
        } else {
            taken[index] = true;
        }
        index
    }

    /// Takes `index`, if it is free.
    fn claim(&self, index: usize) -> bool {
        let mut taken = lock(&self.0);
        if taken.len() <= index {
            taken.resize(index + 1, false);
        }
        !std::mem::replace(&mut taken[index], true)
    }

    pub(crate) fn give_back(&self, index: usize) {
        lock(&self.0)[index] = false;
    }
}

/// Worker threads start one by one, when there is work and nobody asleep to do
/// it. `live` counts those that run or sleep, not those that are blocked inside
/// a poll and gave up their seat: for each of these another may start.
pub(crate) struct Threads {
    /// SeqCst, all accesses: none is frequent. What counts is that who is given a seat by
    /// a thread that stepped aside (through the idle word) sees that one counted out.
    live: AtomicUsize,
    max: usize,
    pub(crate) indices: Indices,
    /// Locked from the moment a worker is counted and has its number until it is
    /// known whether the system gives a thread for it.
    pub(crate) handles: Handles,
}

impl Threads {
    pub(crate) fn new(max: usize) -> Self {
        Threads {
            live: AtomicUsize::new(0),
            max,
            indices: Indices::default(),
            handles: Handles::default(),
        }
    }

    /// Starts a worker thread that holds `promise`, if fewer than the seats live and
    /// the system gives one. Else the promise comes back, with the error of the system
    /// if it was that. Who takes it back wakes those who are parked after such an error.
    pub(crate) fn try_start(
        &self,
        shared: &Shared,
        promise: Promise,
    ) -> Result<(), (Promise, Option<io::Error>)> {
        if self.live() >= self.max {
            return Err((promise, None));
        }
        let mut handles = self.handles.lock();
        if !self.count_in_if_room() {
            return Err((promise, None));
        }
        let index = self.indices.take();
        // If it is refused, the closure is dropped with the promise in it.
        let started = self.start(&mut handles, shared, index, Some(promise));
        started.map_err(|error| (Promise::assume(), Some(error)))
    }

    /// Starts the worker thread of that number, for its pinned tasks, unless the
    /// number is taken. There may be more live threads than seats then: one that
    /// finds no seat polls its pinned tasks without. If the system gives none, wakes those
    /// who counted on it meanwhile.
    pub(crate) fn start_numbered(&self, shared: &Shared, index: usize) -> io::Result<()> {
        let mut handles = self.handles.lock();
        if !self.indices.claim(index) {
            return Ok(());
        }
        self.count_in();
        let started = self.start(&mut handles, shared, index, None);
        drop(handles);
        started.inspect_err(|_| shared.do_without_thread())
    }

    /// Starts a worker thread that is counted, and has its number. Both are given
    /// back if the system refuses.
    fn start(
        &self,
        handles: &mut handles::State,
        shared: &Shared,
        index: usize,
        promise: Option<Promise>,
    ) -> io::Result<()> {
        let owned = shared.to_arc();
        let name = format!("{}-{index}", shared.options.thread_name);
        let body = move || thread(&owned, index, promise);
        handles.spawn(shared, name, body).inspect_err(|_| {
            self.indices.give_back(index);
            self.count_out();
        })
    }

    /// Makes sure that a worker thread lives to run the tasks.
    pub(crate) fn ensure_one(&self, shared: &Shared) -> io::Result<()> {
        if self.live() > 0 {
            return Ok(());
        }
        let Some(promise) = shared.idle.promise() else {
            // No seat is vacant: somebody sits there; or somebody searches.
            return Ok(());
        };
        let Err((promise, error)) = self.try_start(shared, promise) else {
            return Ok(());
        };
        if let Some(promise) = shared.take_back(promise) {
            shared.wake(promise);
        }
        if error.is_some() {
            shared.do_without_thread();
        }
        error.map_or(Ok(()), Err)
    }

    /// Starts any thread of the coordinator's, to be joined at its end.
    pub(crate) fn spawn(
        &self,
        shared: &Shared,
        name: String,
        f: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        self.handles.lock().spawn(shared, name, f)
    }

    /// Counts one more live thread, unless there are enough.
    fn count_in_if_room(&self) -> bool {
        let more = |live| (live < self.max).then_some(live + 1);
        self.live.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
    }

    /// Counts a thread that comes back from a blocking poll; there may be more
    /// than enough then.
    pub(crate) fn count_in(&self) {
        self.live.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn count_out(&self) {
        self.live.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether there are more than enough.
    pub(crate) fn has_surplus(&self) -> bool {
        self.live() > self.max
    }

    /// Leaves if there are more than enough. Not while one is being started, which
    /// counts already, but may be refused: then nobody would be left.
    pub(crate) fn retire(&self) -> bool {
        if !self.has_surplus() {
            return false;
        }
        let _nobody_starts = self.handles.lock();
        let fewer = |live| (live > self.max).then(|| live - 1);
        self.live.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok()
    }

    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::SeqCst)
    }
}

/// The body of a worker thread, which starts with a promise, or for its pinned
/// tasks.
fn thread(shared: &Arc<Shared>, index: usize, promise: Option<Promise>) {
    context::settle(shared);
    let entry = Entry::new(shared, WorkerKind::Worker, Some(index));
    let entered = entry.enter();
    let info = entry.info();
    let host = Host::arrive(&entry);
    let link = Link::new(&host);
    let linked = link.push();
    match promise {
        Some(promise) if shared.hooks.thread_start.is_none() => {
            worker::sit_searching(&entry, shared.idle.redeem(promise, index));
        }
        promise => {
            // While a promise is out nobody else is woken, so not during the hook.
            if let Some(promise) = promise.and_then(|promise| shared.take_back(promise)) {
                shared.wake(promise);
            }
            entry.call_start_hook(&info);
        }
    }
    // The hook may have polled pinned tasks, and another thread have come.
    let left = if worker::come_back(&entry) { Left::Retired } else { worker::work(&entry, &host) };
    // Who stepped aside in the last poll of a pinned task, or polled it without a seat, is
    // counted out already.
    if left == Left::Done && !entry.counted_out.get() {
        shared.threads.count_out();
    }
    // It is counted out: there is nothing left to step aside from.
    entry.counted_out.set(true);
    shared.hooks.thread_stops(&info);
    host.finish();
    // Its drop may wait for what it pins to this thread.
    entry.drop_state();
    host.leave();
    drop(linked);
    drop(entered);
    drop(entry);
    shared.threads.indices.give_back(index);
    if index < shared.homes.len() {
        // Who pushed meanwhile found the number taken.
        shared.ensure_home(index);
    }
}
