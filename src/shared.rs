//! What every thread of a coordinator holds, and the few steps that touch more
//! than one part of it.

use std::time::Instant;

use crossbeam_utils::CachePadded;
use slab::Slab;

use crate::barrier;
use crate::blocking::BlockingPool;
use crate::builder::Options;
use crate::context;
use crate::hooks::Hooks;
use crate::idle::{Idle, Promise, Vacated};
use crate::parker::Parker;
use crate::pinned::Home;
use crate::queue::injector::Injector;
use crate::seat::{Seat, bump};
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering, Weak, fence, lock};
use crate::task::arena::ArenaPool;
use crate::task::registry::Registry;
use crate::threads::{Indices, Threads};
use crate::timers::Timers;
use crate::watch::Watcher;

pub(crate) use crate::phase::{AtomicPhase, Phase};

pub(crate) struct Shared {
    me: Weak<Shared>,
    pub(crate) options: Options,
    pub(crate) hooks: Arc<Hooks>,
    pub(crate) phase: AtomicPhase,
    /// Padded: each is written to all the time by the thread that sits there.
    pub(crate) seats: Box<[CachePadded<Seat>]>,
    pub(crate) injector: Injector,
    pub(crate) idle: Idle,
    opened: AtomicBool,
    /// Counts of what no seat counts.
    pub(crate) foreign: Foreign,
    pub(crate) registry: Registry,
    pub(crate) blocking: BlockingPool,
    pub(crate) threads: Threads,
    /// One for each worker thread, by its number.
    pub(crate) homes: Box<[Arc<Home>]>,
    pub(crate) watcher: Watcher,
    pub(crate) timers: Timers,
    pub(crate) callers: Indices,
    pub(crate) arenas: Arc<ArenaPool>,
    /// Threads that may be parked, to be woken when the phase changes.
    parked: Mutex<Slab<Arc<Parker>>>,
    /// How many tasks the closers have on their own call stacks: these cannot
    /// end before the closers do.
    pub(crate) close_depth: AtomicU64,
    /// A shutdown came back without having stopped everything.
    pub(crate) gave_up: AtomicBool,
    /// A reference to itself, from the moment nobody else need hold one until
    /// no task is alive.
    keep: Mutex<Option<Arc<Shared>>>,
    pub(crate) epoch: Instant,
}

#[derive(Default)]
pub(crate) struct Foreign {
    pub(crate) spawned: AtomicU64,
    pub(crate) finished: AtomicU64,
    pub(crate) cancelled: AtomicU64,
}

impl Shared {
    pub(crate) fn new(options: Options, hooks: Hooks) -> Arc<Self> {
        let workers = options.workers;
        let epoch = Instant::now();
        barrier::init();
        Arc::new_cyclic(|me| Shared {
            me: me.clone(),
            hooks: Arc::new(hooks),
            phase: AtomicPhase::new(),
            seats: (0..workers).map(|index| CachePadded::new(Seat::new(index))).collect(),
            injector: Injector::new(),
            idle: Idle::new(workers),
            opened: AtomicBool::new(false),
            foreign: Foreign::default(),
            registry: Registry::new(workers + 1),
            blocking: BlockingPool::new(options.blocking_threads, options.keep_alive),
            threads: Threads::new(workers),
            homes: (0..workers).map(|_| Arc::default()).collect(),
            watcher: Watcher::new(),
            timers: Timers::new(workers, epoch),
            callers: Indices::default(),
            arenas: Arc::new(ArenaPool::new(options.arena_keep)),
            parked: Mutex::new(Slab::new()),
            close_depth: AtomicU64::new(0),
            gave_up: AtomicBool::new(false),
            keep: Mutex::new(None),
            epoch,
            options,
        })
    }

    /// A reference that keeps the coordinator alive. To be called by those who
    /// know that someone holds one.
    pub(crate) fn to_arc(&self) -> Arc<Shared> {
        self.me.upgrade().expect("a coordinator in use is not being dropped")
    }

    /// Opens the seats; true for the one call that does, whose caller has to
    /// [`notify_for_backlog`](Self::notify_for_backlog).
    #[must_use]
    pub(crate) fn open(&self) -> bool {
        let first = !self.opened.swap(true, Ordering::SeqCst);
        if first {
            self.idle.open();
        }
        first
    }

    /// Wakes someone for what was pushed before the seats were open.
    pub(crate) fn notify_for_backlog(&self) {
        // Meets the fence after a push that found no seat open.
        fence(Ordering::SeqCst);
        if self.has_work() {
            self.notify();
        }
        self.ensure_homes();
    }

    /// Whether the coordinator has started.
    pub(crate) fn is_open(&self) -> bool {
        // Relaxed: who looks has a fence before it.
        self.opened.load(Ordering::Relaxed)
    }

    /// Starts the coordinator, if it was not; as for `open`.
    #[must_use]
    pub(crate) fn run(&self) -> bool {
        if self.phase.load(Ordering::Acquire) != Phase::Created {
            return false;
        }
        self.phase.advance(Phase::Running);
        self.blocking.open(self);
        self.open()
    }

    /// Whether runnables are dropped, not polled.
    #[inline]
    pub(crate) fn is_cancelling(&self) -> bool {
        // Relaxed: a stale phase lets one more poll through.
        self.phase.load(Ordering::Relaxed) >= Phase::Cancelling
    }

    /// Whether every thread may go: nothing is alive, and nothing will be.
    pub(crate) fn is_over(&self) -> bool {
        match self.phase.load(Ordering::Acquire) {
            Phase::Stopped => true,
            Phase::Cancelling => self.alive() == 0,
            _ => false,
        }
    }

    /// Nanoseconds since the coordinator was made.
    pub(crate) fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    /// After a push to any queue but a run slot: wakes someone, if everyone who
    /// could run it might sleep.
    #[inline]
    pub(crate) fn notify(&self) {
        if let Some(promise) = self.idle.promise() {
            self.wake(promise);
        }
    }

    /// The same after a push to the local queue of this thread's seat.
    #[inline]
    pub(crate) fn notify_seated(&self) {
        if let Some(promise) = self.idle.promise_seated() {
            self.wake(promise);
        }
    }

    /// Hands a promise to a sleeper, or to a new thread; returns it if there is
    /// neither.
    #[cold]
    pub(crate) fn wake(&self, promise: Promise) {
        let mut next = Some(promise);
        while let Some(promise) = next {
            let refused = match self.idle.wake(promise) {
                Ok(()) => return,
                Err(promise) => self.threads.start_worker(self, promise),
            };
            next = match refused {
                Ok(()) => return,
                Err(promise) => self.take_back(promise),
            };
        }
    }

    /// Returns a promise that nobody can take. Whoever goes to sleep after this
    /// looks at the queues; whoever did so while the promise was counted relied
    /// on it, so there may be a new one for them.
    pub(crate) fn take_back(&self, promise: Promise) -> Option<Promise> {
        let looked = self.idle.give_back(promise);
        if looked == Vacated::Rest || !self.has_work() || !self.idle.has_sleepers() {
            return None;
        }
        self.idle.promise()
    }

    /// How many tasks at a time, if the user does not say.
    pub(crate) fn default_limit(&self) -> usize {
        4 * self.seats.len()
    }

    /// Whether any queue that a searcher looks into holds something.
    pub(crate) fn has_work(&self) -> bool {
        !self.injector.is_empty() || self.seats.iter().any(|seat| !seat.queue.is_empty())
    }

    /// Gives up the seat `index`, and the search if `searching`. What is left in
    /// its queue is found by whoever searches next.
    pub(crate) fn vacate(&self, index: usize, searching: bool) -> Vacated {
        self.stamp_vacant(&self.seats[index]);
        self.idle.vacate(index, searching)
    }

    pub(crate) fn stamp_taken(&self, seat: &Seat) {
        seat.counters.since.store(self.now() + 1, Ordering::Relaxed);
    }

    fn stamp_vacant(&self, seat: &Seat) {
        let counters = &seat.counters;
        counters.running.store(0, Ordering::Relaxed);
        let since = counters.since.swap(0, Ordering::Relaxed);
        if since > 0 {
            bump(&counters.busy, (self.now() + 1).saturating_sub(since), Ordering::Relaxed);
        }
    }

    /// How many futures and closures are alive, never too few.
    ///
    /// All the ends are read before all the spawns: at the moment between, there
    /// were at most this many. Spawns are written before the end of the task
    /// that made them (Release), and ends are read with Acquire, so whoever
    /// counts a spawner's end counts its spawns too.
    pub(crate) fn alive(&self) -> u64 {
        let seats = || self.seats.iter().map(|seat| &seat.counters);
        let finished: u64 = seats().map(|c| c.finished.load(Ordering::Acquire)).sum();
        let finished = finished + self.foreign.finished.load(Ordering::SeqCst);
        let spawned: u64 = seats().map(|c| c.spawned.load(Ordering::Acquire)).sum();
        let spawned = spawned + self.foreign.spawned.load(Ordering::SeqCst);
        spawned.saturating_sub(finished)
    }

    /// A task's future is gone.
    pub(crate) fn count_finished(&self, cancelled: bool) {
        if cancelled {
            self.foreign.cancelled.fetch_add(1, Ordering::Relaxed);
        }
        match context::seat(self) {
            // Release: meets the Acquire in `alive`.
            Some(seat) => bump(&seat.counters.finished, 1, Ordering::Release),
            None => {
                self.foreign.finished.fetch_add(1, Ordering::SeqCst);
            }
        }
        // Relaxed: see `shutdown`, which does not rely on this look alone.
        if self.phase.load(Ordering::Relaxed) >= Phase::Draining {
            self.look_at_end();
        }
    }

    /// Wakes those who wait for the end, if it may have come.
    #[cold]
    pub(crate) fn look_at_end(&self) {
        fence(Ordering::SeqCst);
        let alive = self.alive();
        if alive <= self.close_depth.load(Ordering::SeqCst) {
            self.wake_parked();
        }
        if alive == 0 && self.phase.load(Ordering::SeqCst) >= Phase::Cancelling {
            self.stop();
        }
    }

    /// Nothing is alive, and nothing will be: lets every thread go. The caller
    /// holds a reference.
    pub(crate) fn stop(&self) {
        self.phase.advance(Phase::Stopped);
        self.wake_parked();
        self.close_timers();
        let kept = lock(&self.keep).take();
        drop(kept);
    }

    /// Keeps the coordinator's memory until its last task has ended.
    pub(crate) fn keep(&self) {
        *lock(&self.keep) = Some(self.to_arc());
        self.look_at_end();
    }

    /// Lists this thread among those that a change of phase wakes.
    pub(crate) fn list_parked(&self, parker: Arc<Parker>) -> Listed<'_> {
        Listed { shared: self, key: lock(&self.parked).insert(parker) }
    }

    /// Wakes every thread that is parked, to look at the phase.
    pub(crate) fn wake_parked(&self) {
        for (_, parker) in &*lock(&self.parked) {
            parker.unpark();
        }
        self.blocking.wake_all();
    }
}

/// Takes the thread off the list again.
pub(crate) struct Listed<'a> {
    shared: &'a Shared,
    key: usize,
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        lock(&self.shared.parked).remove(self.key);
    }
}
