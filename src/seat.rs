//! A seat: a worker's place, which a thread takes. There are exactly as many
//! seats as workers, whoever sits there: a worker thread, or a caller inside
//! `block_on`.
//!
//! A seat has a half for everyone ([`Seat`]) and a half for the thread that
//! sits there ([`Owner`]). [`Seated`] is the evidence that this thread does.

use std::cell::{Cell, UnsafeCell};
use std::marker::PhantomData;

use crate::queue::local;
use crate::queue::run_slot::RunSlot;
use crate::sync_facade::{AtomicPtr, AtomicU64, Ordering, bound};
use crate::task::id::IdBlock;
use crate::task::{Meta, Runnable, Site, TaskId};

/// Every this many polls, at the latest, a worker looks at the injector, and at the
/// timers, although it has work of its own. 61, a prime, as in Go's and tokio's
/// schedulers.
const INTERVAL: u64 = bound(61, 3) as u64;

/// While timers wait, a look is due after so many nanoseconds of polls, as far as one
/// can tell from those before.
const TIMER_INTERVAL: u64 = 100_000;

/// So many run-slot runs in a row, then the local queue has its turn: a pair
/// of tasks that wake each other cannot starve the rest. 3, as in tokio.
const MAX_SLOT_RUNS: u32 = 3;

pub(crate) struct Seat {
    pub(crate) index: usize,
    pub(crate) slot: RunSlot,
    pub(crate) queue: local::Shared,
    pub(crate) counters: Counters,
    owner: UnsafeCell<Owner>,
}

/// What only the thread on the seat touches.
struct Owner {
    queue: local::Owner,
    ids: IdBlock,
    /// How many polls there are between two looks; how many are left until the next.
    interval: Cell<u64>,
    left: Cell<u64>,
    /// When the last look was, if timers waited then.
    looked: Cell<Option<u64>>,
    slot_runs: Cell<u32>,
    turn: Cell<bool>,
    spills: Cell<bool>,
}

/// In [`Counters::running`]: a main future.
const MAIN: u64 = u64::MAX;

/// Counters of a seat. The thread on it is the only writer (but of one), so it adds
/// with a load and a store; a hand-over of the seat passes through the idle word,
/// whose operations are sequentially consistent.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) spawned: AtomicU64,
    pub(crate) finished: AtomicU64,
    /// Polls of tasks and of main futures.
    polls: AtomicU64,
    main_polls: AtomicU64,
    pub(crate) steals: AtomicU64,
    pub(crate) parks: AtomicU64,
    /// Twice the nanoseconds for which the seat was taken so far. While it is taken: one
    /// more, less twice the time when it was. So one load tells all, and no stay is seen
    /// both as over and as going on.
    busy: AtomicU64,
    /// Nanoseconds of the longest poll, as the watcher saw it, who alone writes it.
    pub(crate) longest: AtomicU64,
    /// The task that is being polled, or `MAIN`; 0 for none.
    running: AtomicU64,
    running_site: AtomicPtr<Site>,
}

impl Counters {
    /// The seat is taken; `now` is in nanoseconds since the coordinator was made.
    pub(crate) fn stamp_taken(&self, now: u64) {
        debug_assert!(!self.is_taken(), "one thread on a seat");
        self.add_busy(1_u64.wrapping_sub(2 * now));
    }

    /// It is given up, and nothing is polled there.
    pub(crate) fn stamp_vacant(&self, now: u64) {
        debug_assert!(self.is_taken(), "who gives it up was there");
        self.running.store(0, Ordering::Relaxed);
        self.add_busy((2 * now).wrapping_sub(1));
    }

    /// Relaxed: for the metrics, and for the watcher's ticks, which may be late.
    fn add_busy(&self, n: u64) {
        let busy = self.busy.load(Ordering::Relaxed);
        self.busy.store(busy.wrapping_add(n), Ordering::Relaxed);
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.busy.load(Ordering::Relaxed) & 1 == 1
    }

    /// For how many nanoseconds it was taken until `now`.
    pub(crate) fn busy(&self, now: impl FnOnce() -> u64) -> u64 {
        let busy = self.busy.load(Ordering::Relaxed);
        let until = if busy & 1 == 1 { 2 * now() } else { 0 };
        busy.wrapping_add(until) >> 1
    }

    /// How many polls began; it stands still during each. Relaxed: a stale count is noticed
    /// one look later.
    pub(crate) fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    /// The same without those of main futures. Relaxed: for the metrics.
    pub(crate) fn task_polls(&self) -> u64 {
        let mains = self.main_polls.load(Ordering::Relaxed);
        self.polls().saturating_sub(mains)
    }

    /// What is being polled, as far as one can tell from outside: a task, or a main future;
    /// and where that was spawned, or `block_on` called.
    pub(crate) fn running(&self) -> Option<(Option<TaskId>, &'static Site)> {
        // Each load meets the Release of its store in `publish`. The id is of this
        // poll or a later one, or 0; the site, written before the id, is of the id's
        // poll or a later one.
        let polls = self.polls.load(Ordering::Acquire);
        let id = self.running.load(Ordering::Acquire);
        let site = self.running_site.load(Ordering::Acquire);
        // Another poll began meanwhile: the two may not belong together.
        if id == 0 || polls != self.polls.load(Ordering::Relaxed) {
            return None;
        }
        let task = (id != MAIN).then_some(TaskId(id));
        // SAFETY: only `publish` writes the site, from a `&'static`.
        unsafe { site.as_ref() }.map(|site| (task, site))
    }
}

/// Adds to a counter that this thread alone writes.
#[inline]
pub(crate) fn bump(counter: &AtomicU64, n: u64, order: Ordering) {
    counter.store(counter.load(Ordering::Relaxed) + n, order);
}

// SAFETY: `owner` is the only field that is not `Sync` by itself, and it is
// reached through `Seated` alone, of which there is one per seat at a time, on
// one thread (the contract of `Seat::seated`).
unsafe impl Sync for Seat {}

/// Evidence that this thread sits on the seat. Neither `Send` nor `Sync`.
#[derive(Clone, Copy)]
pub(crate) struct Seated<'a> {
    seat: &'a Seat,
    here: PhantomData<*const ()>,
}

impl std::ops::Deref for Seated<'_> {
    type Target = Seat;
    fn deref(&self) -> &Seat {
        self.seat
    }
}

impl Seat {
    pub(crate) fn new(index: usize) -> Self {
        let (owner, queue) = local::new();
        Seat {
            index,
            slot: RunSlot::new(),
            queue,
            counters: Counters::default(),
            owner: UnsafeCell::new(Owner {
                queue: owner,
                ids: IdBlock::new(),
                interval: Cell::new(INTERVAL),
                left: Cell::new(INTERVAL),
                looked: Cell::new(None),
                slot_runs: Cell::new(0),
                turn: Cell::new(false),
                spills: Cell::new(false),
            }),
        }
    }

    /// # Safety
    ///
    /// The calling thread holds this seat: it got its index from the idle
    /// module and has not given it back, and keeps it while the result lives.
    pub(crate) unsafe fn seated(&self) -> Seated<'_> {
        Seated { seat: self, here: PhantomData }
    }
}

impl Seated<'_> {
    #[inline]
    fn owner(&self) -> &Owner {
        // SAFETY: `Seated` exists on the thread that holds the seat only, and
        // `Owner` is used through `&` and `Cell`s alone.
        unsafe { &*self.seat.owner.get() }
    }

    /// Gives a new task its id, and counts it if it is admitted.
    pub(crate) fn next_id(&self, admitted: bool) -> u64 {
        bump(&self.counters.spawned, u64::from(admitted), Ordering::Relaxed);
        self.owner().ids.next()
    }

    /// Puts a woken runnable into the slot; the one displaced comes back.
    #[inline]
    pub(crate) fn push_slot(&self, runnable: Runnable) -> Option<Runnable> {
        self.seat.slot.replace(runnable)
    }
    #[inline]
    pub(crate) fn has_nothing_queued(&self) -> bool {
        self.seat.slot.is_empty() && self.owner().queue.is_empty()
    }

    /// Appends to the local queue. If it is full, half of it comes out, to be
    /// put into the injector with `runnable` at its end.
    #[inline]
    pub(crate) fn push(&self, runnable: Runnable) -> Result<(), Vec<Runnable>> {
        let queue = &self.owner().queue;
        queue.push(&self.seat.queue, runnable).map_err(|runnable| {
            let mut half = queue.split(&self.seat.queue);
            half.push(runnable);
            half
        })
    }

    /// The next runnable of this seat: slot, then local queue.
    #[inline]
    pub(crate) fn pop(&self) -> Option<Runnable> {
        let owner = self.owner();
        if owner.slot_runs.get() < MAX_SLOT_RUNS {
            if let Some(runnable) = self.seat.slot.take() {
                owner.slot_runs.set(owner.slot_runs.get() + 1);
                return Some(runnable);
            }
        }
        owner.slot_runs.set(0);
        let queued = owner.queue.pop(&self.seat.queue);
        queued.or_else(|| self.seat.slot.take())
    }

    pub(crate) fn room(&self) -> usize {
        self.owner().queue.room()
    }

    /// Whether a look is due before this poll: at the injector and the timers. The
    /// caller then has to [`wind`](Self::wind).
    #[inline]
    pub(crate) fn tick(&self) -> bool {
        let left = self.owner().left.get() - 1;
        self.owner().left.set(left);
        left == 0
    }

    /// Sets after how many polls the next look is due. `now` is the time in nanoseconds if
    /// timers wait, so that long polls do not make them late.
    pub(crate) fn wind(&self, now: Option<u64>) {
        let owner = self.owner();
        let mut polls = INTERVAL;
        if let (Some(now), Some(before)) = (now, owner.looked.replace(now)) {
            let each = now.saturating_sub(before) / owner.interval.get();
            // Two: what a look gives to run is not all that is run.
            polls = (TIMER_INTERVAL / each.max(1)).clamp(2, INTERVAL);
        }
        owner.interval.set(polls);
        owner.left.set(polls);
    }

    /// Whether, until the next look, tasks that go to the back of the queue go to the back of
    /// the injector: more are ready than the queue holds, and those there have their turn.
    #[inline]
    pub(crate) fn spills(&self) -> bool {
        self.owner().spills.get()
    }

    pub(crate) fn spill(&self, spills: bool) {
        self.owner().spills.set(spills);
    }

    /// Alternates from call to call of the injector.
    pub(crate) fn turn(&self) -> bool {
        let turn = !self.owner().turn.get();
        self.owner().turn.set(turn);
        turn
    }

    /// Steals half of `victim`'s local queue.
    pub(crate) fn steal(&self, victim: &Seat) -> Option<Runnable> {
        let stolen = self.owner().queue.steal_from(&self.seat.queue, &victim.queue);
        if stolen.is_some() {
            bump(&self.counters.steals, 1, Ordering::Relaxed);
        }
        stolen
    }

    /// Publishes that this seat is about to poll a task.
    #[inline]
    pub(crate) fn begin_poll(&self, meta: &Meta) {
        self.publish(meta.id, meta.site());
    }

    /// The same of a main future, whose `block_on` was called at `site`.
    pub(crate) fn begin_main_poll(&self, site: &'static Site) {
        bump(&self.counters.main_polls, 1, Ordering::Relaxed);
        self.publish(MAIN, site);
    }

    #[inline]
    fn publish(&self, id: u64, site: &'static Site) {
        let counters = &self.counters;
        // Release, all three: meet the Acquires in `running`.
        bump(&counters.polls, 1, Ordering::Release);
        counters.running_site.store(std::ptr::from_ref(site).cast_mut(), Ordering::Release);
        counters.running.store(id, Ordering::Release);
    }

    #[inline]
    pub(crate) fn end_poll(&self) {
        self.counters.running.store(0, Ordering::Relaxed);
    }

    /// The same if it was the poll of that task: one that is refused may end inside of another.
    /// (Relaxed: this thread alone writes it.)
    #[inline]
    pub(crate) fn end_poll_of(&self, id: u64) {
        if self.counters.running.load(Ordering::Relaxed) == id {
            self.end_poll();
        }
    }
}
