//! The registry of live tasks, which shutdown cancels and `tasks()` lists.
//!
//! *Lazy*: a task is entered when it first returns `Pending`, so a task that
//! completes in its first poll never pays. (One with a name is entered when it is
//! spawned; one that blocks in a nested call, when it does.) *Sharded*: a task goes into the
//! shard of the seat it was polled on, and each shard has its own lock.
//!
//! An entry holds a waker, and so a reference to the task: a detached task that
//! nothing else refers to stays whole until it is cancelled, and its future is
//! dropped by the executor, never leaked.
//!
//! *Bind against close.* [`close`](Registry::close) sets `closed` and collects
//! the wakers under each shard's lock, and wakes them after it. A task that
//! binds before is woken by it; one that binds after is refused, and ends as
//! cancelled at once. So no live task escapes a close.

use std::task::Waker;
use std::time::Instant;

use crossbeam_utils::CachePadded;
use slab::Slab;

use crate::sync_facade::{AtomicU64, Mutex, Ordering, lock};
use crate::task::Meta;

pub(crate) struct Registry {
    shards: Box<[CachePadded<Mutex<Shard>>]>,
}

#[derive(Default)]
struct Shard {
    closed: bool,
    entries: Slab<Entry>,
}

struct Entry {
    waker: Waker,
    meta: *const Meta,
    since: Instant,
}

// SAFETY: `meta` points into the task that `waker` refers to, so it is valid as
// long as the entry is, and `Meta` is `Sync`.
unsafe impl Send for Entry {}

/// Where a task is entered: nowhere yet, or a shard and a key. Changed only
/// under that shard's lock, or by the one thread that polls the task.
pub(crate) struct Place(AtomicU64);

const NOWHERE: u64 = u64::MAX;

impl Place {
    pub(crate) const fn nowhere() -> Self {
        Place(AtomicU64::new(NOWHERE))
    }

    pub(crate) fn is_nowhere(&self) -> bool {
        // Relaxed: only the thread that polls the task writes it.
        self.0.load(Ordering::Relaxed) == NOWHERE
    }
}

/// The registry was closed: the task has to end.
#[derive(Debug)]
pub(crate) struct Closed;

impl Registry {
    pub(crate) fn new(shards: usize) -> Self {
        let shards = (0..shards).map(|_| CachePadded::default()).collect();
        Registry { shards }
    }

    /// Enters the task that is being polled, which is not entered yet.
    pub(crate) fn bind(&self, shard: usize, meta: &Meta, waker: &Waker) -> Result<(), Closed> {
        let entry = Entry { waker: waker.clone(), meta, since: Instant::now() };
        let mut guard = lock(&self.shards[shard]);
        if guard.closed {
            drop(guard);
            return Err(Closed);
        }
        let key = guard.entries.insert(entry) as u64;
        debug_assert!(key < 1 << 48, "fewer than 2^48 tasks are alive");
        meta.place.0.store((shard as u64) << 48 | key, Ordering::Relaxed);
        Ok(())
    }

    /// Takes the task out again, when its future is dropped.
    pub(crate) fn release(&self, meta: &Meta) {
        let place = meta.place.0.swap(NOWHERE, Ordering::Relaxed);
        if place == NOWHERE {
            return;
        }
        let (shard, key) = ((place >> 48) as usize, place & ((1 << 48) - 1));
        let entry = lock(&self.shards[shard]).entries.try_remove(key as usize);
        // The waker goes outside the lock.
        drop(entry);
    }

    /// Refuses new tasks and wakes those that are there, so that the executor
    /// comes across each of them and drops it.
    pub(crate) fn close(&self) {
        for shard in &self.shards {
            let wakers: Vec<Waker> = {
                let mut shard = lock(shard);
                shard.closed = true;
                shard.entries.iter().map(|(_, entry)| entry.waker.clone()).collect()
            };
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// Calls `f` for each entered task, with when it was entered; under a lock,
    /// so `f` must be ours.
    pub(crate) fn for_each(&self, mut f: impl FnMut(&Meta, Instant)) {
        for shard in &self.shards {
            for (_, entry) in &lock(shard).entries {
                // SAFETY: `entry.waker` keeps the task's memory, and so its
                // metadata, alive while the lock keeps the entry.
                f(unsafe { &*entry.meta }, entry.since);
            }
        }
    }
}
