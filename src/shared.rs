//! What every thread of a coordinator holds, and the few steps that touch more
//! than one part of it.

use std::io;

use crossbeam_utils::CachePadded;
use slab::Slab;

use crate::barrier;
use crate::blocking::BlockingPool;
use crate::builder::Options;
use crate::count::Foreign;
use crate::hooks::Hooks;
use crate::idle::{Idle, Vacated};
use crate::parker::Parker;
use crate::pinned::Home;
use crate::queue::injector::Injector;
use crate::seat::Seat;
use crate::sync_facade::{Arc, AtomicBool, AtomicU64, Instant, Mutex, Ordering, Weak, lock};
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
    /// end before the closers do. SeqCst, all accesses: a closer raises it first and counts
    /// the living second, who ends a task counts that first and looks here second.
    pub(crate) close_depth: AtomicU64,
    /// A shutdown came back without having stopped everything. Relaxed: it tells the
    /// drop, which comes after the shutdown, or need not know.
    pub(crate) gave_up: AtomicBool,
    /// A reference to itself, from the moment nobody else need hold one until
    /// no task is alive.
    keep: Mutex<Option<Arc<Shared>>>,
    pub(crate) epoch: Instant,
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
        // Relaxed: the fence in `notify_for_backlog`, which follows, is for who looks.
        let first = !self.opened.swap(true, Ordering::Relaxed);
        if first {
            self.idle.open();
        }
        first
    }

    /// Whether the coordinator has started.
    pub(crate) fn is_open(&self) -> bool {
        // Relaxed: who looks has a fence before it, which meets that of the start.
        self.opened.load(Ordering::Relaxed)
    }

    /// Starts the coordinator, if it was not; as for `open`.
    #[must_use]
    pub(crate) fn run(&self) -> bool {
        // Relaxed: `open` tells the first from the others.
        if self.phase.load(Ordering::Relaxed) != Phase::Created {
            return false;
        }
        self.phase.advance(Phase::Running);
        self.blocking.open(self);
        self.open()
    }

    /// Starts the coordinator, if it was not, with a thread of its own.
    pub(crate) fn start(&self) -> io::Result<()> {
        // Relaxed: beside a shutdown either answer is right.
        if self.phase.load(Ordering::Relaxed) >= Phase::Draining {
            return Err(io::Error::other("the coordinator was shut down and cannot start again"));
        }
        if self.run() {
            self.notify_for_backlog();
        }
        self.threads.ensure_one(self)
    }

    /// Whether runnables are dropped, not polled.
    #[inline]
    pub(crate) fn is_cancelling(&self) -> bool {
        // Relaxed: a stale phase lets one more poll through.
        self.phase.load(Ordering::Relaxed) >= Phase::Cancelling
    }

    /// Whether every thread may go: nothing is alive, and nothing will be.
    pub(crate) fn is_over(&self) -> bool {
        // Acquire: meets the write in `advance`, so that the count is read after it.
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

    /// How many tasks at a time, if the user does not say.
    pub(crate) fn default_limit(&self) -> usize {
        4 * self.seats.len()
    }

    /// Gives up the seat `index`, and the search if `searching`. What is left in
    /// its queue is found by whoever searches next.
    pub(crate) fn vacate(&self, index: usize, searching: bool) -> Vacated {
        self.seats[index].counters.stamp_vacant(self.now());
        let vacated = self.idle.vacate(index, searching);
        self.watcher.vacated(self);
        vacated
    }

    pub(crate) fn stamp_taken(&self, seat: &Seat) {
        seat.counters.stamp_taken(self.now());
    }

    /// Nothing is alive, and nothing will be: lets every thread go. The caller
    /// holds a reference.
    pub(crate) fn stop(&self) {
        self.threads.handles.while_stopping(|| {
            self.phase.advance(Phase::Stopped);
            self.wake_parked();
            self.watcher.deputies.wake(self, self.close_timers());
        });
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
