//! The registry of live tasks, which shutdown cancels and `tasks()` lists.
//!
//! *Lazy*: a task is entered when it first returns `Pending`, so a task that
//! completes in its first poll never pays. (One with a name, or pinned to a thread, is
//! entered when it is spawned; one that blocks in a nested call, when it does.) *Sharded*: a
//! task goes into the shard of the seat it was polled on, and each shard has its own lock.
//!
//! An entry holds a waker, and so a reference to the task: a detached task that
//! nothing else refers to stays whole until it is cancelled, and its future is
//! dropped by the executor, never leaked. (A task that blocks while it is dropped has an entry
//! without one: it takes that out itself before its memory is freed.)
//!
//! *Bind against close.* [`close`](Registry::close) sets `closed` and collects
//! the wakers under each shard's lock, and wakes them after it. A task that
//! binds before is woken by it; one that binds after is refused, and ends as
//! cancelled at once. So no live task escapes a close. A poll that blocks, and will end as
//! cancelled, is entered all the same, to be listed.

use std::ops::Range;
use std::ptr::NonNull;
use std::task::Waker;
use std::time::Duration;

use crossbeam_utils::CachePadded;

use crate::sync_facade::{Arc, AtomicU16, Mutex, Ordering, lock};
use crate::task::slots::Slots;
use crate::task::{Meta, TaskId};

pub(crate) struct Registry {
    shards: Box<[CachePadded<Mutex<Shard>>]>,
}

#[derive(Default)]
struct Shard {
    closed: bool,
    /// How many of the entries have a name.
    named: usize,
    entries: Slots<Entry>,
}

struct Entry {
    /// `None` if the task is being dropped.
    waker: Option<Waker>,
    meta: NonNull<Meta>,
    /// When it was entered, in [`ticks`].
    since: u32,
}

// SAFETY: `meta` is valid as long as the entry is (see `Entry::meta`), and `Meta` is `Sync`.
unsafe impl Send for Entry {}

impl Entry {
    fn meta(&self) -> &Meta {
        // SAFETY: `waker` keeps the task's memory, and so its metadata, alive. Without one
        // this is inside the drop of the task's future, at the end of which, before the
        // memory is freed, `release` takes the entry out.
        unsafe { self.meta.as_ref() }
    }
}

/// A time since the coordinator was made in ticks of 2^24 ns (17 ms), rounded up
/// so that no age is reported too high. Enough for two years.
fn ticks(time: Duration) -> u32 {
    u32::try_from((time.as_nanos() >> 24) + 1).unwrap_or(u32::MAX)
}

fn duration(ticks: u32) -> Duration {
    Duration::from_nanos(u64::from(ticks) << 24)
}

/// Where a task is entered: nowhere yet, or a shard and a key. Written only by
/// the one thread that polls the task, or drops its future.
pub(crate) struct Place {
    shard: AtomicU16,
    /// The low and the high half; in halves, so that a place takes six bytes.
    key: [AtomicU16; 2],
}

const NOWHERE: u16 = u16::MAX;

/// So many tasks in a shard at most; no memory holds more.
const MOST: usize = u32::MAX as usize;

/// So many entries at a time are searched under the lock: there may be millions,
/// and nobody is to wait for all of them.
const LOOK: usize = 256;

impl Place {
    pub(crate) fn nowhere() -> Self {
        Place { shard: AtomicU16::new(NOWHERE), key: [AtomicU16::new(0), AtomicU16::new(0)] }
    }

    pub(crate) fn is_nowhere(&self) -> bool {
        // Relaxed, here and below: only the thread that polls the task writes it,
        // and the next one to poll it has acquired the task.
        self.shard.load(Ordering::Relaxed) == NOWHERE
    }

    fn set(&self, shard: usize, key: usize) {
        self.key[0].store(key as u16, Ordering::Relaxed);
        self.key[1].store((key >> 16) as u16, Ordering::Relaxed);
        self.shard.store(shard as u16, Ordering::Relaxed);
    }

    /// The shard and the key, once.
    fn take(&self) -> Option<(usize, usize)> {
        let shard = self.shard.load(Ordering::Relaxed);
        self.shard.store(NOWHERE, Ordering::Relaxed);
        let [low, high] = &self.key;
        let half = |half: &AtomicU16| usize::from(half.load(Ordering::Relaxed));
        (shard != NOWHERE).then(|| (usize::from(shard), half(high) << 16 | half(low)))
    }
}

/// The registry was closed: the task has to end.
#[derive(Debug)]
pub(crate) struct Closed;

impl Shard {
    fn name_in(&self, keys: Range<usize>, id: TaskId) -> Option<Arc<str>> {
        let mut metas = keys.filter_map(|key| self.entries.get(key)).map(Entry::meta);
        metas.find(|meta| meta.id() == id)?.name().cloned()
    }
}

impl Registry {
    pub(crate) fn new(shards: usize) -> Self {
        assert!(shards < usize::from(NOWHERE), "a place has room for every shard");
        Registry { shards: (0..shards).map(|_| CachePadded::default()).collect() }
    }

    /// Enters the task that is being polled, which is not entered yet; `now` is
    /// the time since the coordinator was made.
    pub(crate) fn bind(
        &self,
        shard: usize,
        meta: &Meta,
        waker: &Waker,
        now: Duration,
    ) -> Result<(), Closed> {
        self.enter(shard, meta, Some(waker), now, |shard| !shard.closed)
    }

    /// Enters a task that blocks in its poll, or, without a waker, in the drop of its future:
    /// also if the registry is closed.
    pub(crate) fn list(&self, shard: usize, meta: &Meta, waker: Option<&Waker>, now: Duration) {
        // Refused only if there is no room for more.
        let _ = self.enter(shard, meta, waker, now, |_| true);
    }

    fn enter(
        &self,
        shard: usize,
        meta: &Meta,
        waker: Option<&Waker>,
        now: Duration,
        is_open: impl FnOnce(&Shard) -> bool,
    ) -> Result<(), Closed> {
        let waker = waker.cloned();
        let entry = Entry { waker, meta: NonNull::from(meta), since: ticks(now) };
        let mut guard = lock(&self.shards[shard]);
        if !is_open(&guard) || guard.entries.next_key() >= MOST {
            drop(guard);
            return Err(Closed);
        }
        guard.named += usize::from(meta.name().is_some());
        meta.place.set(shard, guard.entries.insert(entry));
        Ok(())
    }

    /// Takes the task out again, when its future is dropped.
    pub(crate) fn release(&self, meta: &Meta) {
        let Some((shard, key)) = meta.place.take() else { return };
        let mut guard = lock(&self.shards[shard]);
        guard.named -= usize::from(meta.name().is_some());
        let entry = guard.entries.remove(key);
        // The waker goes outside the lock.
        drop(guard);
        drop(entry);
    }

    /// Refuses new tasks and wakes those that are there, so that the executor
    /// comes across each of them and drops it.
    pub(crate) fn close(&self) {
        for shard in &self.shards {
            let wakers: Vec<Waker> = {
                let mut shard = lock(shard);
                shard.closed = true;
                shard.entries.iter().filter_map(|entry| entry.waker.clone()).collect()
            };
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// The name of a task, if it has one.
    pub(crate) fn name_of(&self, id: TaskId) -> Option<Arc<str>> {
        for shard in &self.shards {
            for from in (0..).step_by(LOOK) {
                let shard = lock(shard);
                if shard.named == 0 || from >= shard.entries.end() {
                    break;
                }
                if let Some(name) = shard.name_in(from..from + LOOK, id) {
                    return Some(name);
                }
            }
        }
        None
    }

    /// Calls `f` for each entered task, with when it was entered, as a time since
    /// the coordinator was made; under a lock, so `f` must be ours.
    pub(crate) fn for_each(&self, mut f: impl FnMut(&Meta, Duration)) {
        for shard in &self.shards {
            let shard = lock(shard);
            for entry in shard.entries.iter() {
                f(entry.meta(), duration(entry.since));
            }
        }
    }
}
