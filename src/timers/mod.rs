//! The timers of a coordinator: where they wait, who waits for them, who fires
//! them. The protocol and its proof are in `README.md` beside this file.
//!
//! | word | value | who writes it |
//! |---|---|---|
//! | `Shard::earliest` | no timer of the shard is due before | whoever holds the shard's lock |
//! | `next` | no timer of any shard is due before | lowered by those who add a timer; set to `NEVER`, then lowered, by those who fire |
//! | `until` | a parked thread, the *holder*, wakes by then | whoever holds the lock of `holder` |
//! | `watched` | the watcher wakes by then; 0 while it ticks | the watcher |
//!
//! All are in ticks since the coordinator was made; `NEVER` is later than all. Accesses are
//! sequentially consistent, as the proof has it; one that is not says why.

mod shard;
mod wheel;

use std::task::Waker;
use std::time::Duration;

use crossbeam_utils::CachePadded;

use crate::context;
use crate::parker::Parker;
use crate::shared::Shared;
use crate::sync_facade::{Arc, AtomicU64, Instant, Mutex, Ordering, lock};
use shard::Shard;
use wheel::{LAST, NEVER};

pub(crate) use shard::{Fate, Timer};

/// A tick is 2^16 ns, 66 us: about what the system is late by when it wakes a thread.
const TICK_BITS: u32 = 16;

/// How late the watcher wakes for a timer that somebody else should fire: 1 ms.
const SLACK: u64 = 16;

/// At most so many fire at one look; workers look every 61 polls.
const BATCH: usize = 64;

pub(crate) struct Timers {
    epoch: Instant,
    /// One for each seat, one for threads without, and one for all timers whose wakers are not
    /// the runtime's.
    shards: Box<[Arc<CachePadded<Shard>>]>,
    next: CachePadded<AtomicU64>,
    until: AtomicU64,
    holder: Mutex<Option<Arc<Parker>>>,
    watched: AtomicU64,
}

/// What a thread that is about to park has to do for the timers.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Nothing: there are none, or somebody else waits for them.
    Free,
    /// It is the holder: to wake by then.
    Until(Instant),
    /// To fire what is due.
    Due,
}

impl Timers {
    pub(crate) fn new(seats: usize, epoch: Instant) -> Self {
        Timers {
            epoch,
            shards: (0..seats + 2)
                .map(|index| Arc::new(CachePadded::new(Shard::new(index <= seats))))
                .collect(),
            next: CachePadded::new(AtomicU64::new(NEVER)),
            until: AtomicU64::new(NEVER),
            holder: Mutex::new(None),
            watched: AtomicU64::new(NEVER),
        }
    }

    /// How many timers wait.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.len()).sum()
    }

    /// Refuses new timers from now on. Those who wait for one have to be woken: they have to
    /// go elsewhere. First the wakers of the runtime, then the others.
    fn close(&self) -> (Vec<Waker>, Vec<Waker>) {
        let (foreign, own) = self.split();
        let own = own.iter().flat_map(|shard| shard.close()).collect();
        let foreign = foreign.close().collect();
        self.next.store(NEVER, Ordering::SeqCst);
        (own, foreign)
    }

    /// The shard of the wakers that are not the runtime's, and those of the others.
    fn split(&self) -> (&Shard, &[Arc<CachePadded<Shard>>]) {
        let (foreign, own) = self.shards.split_last().expect("there are two at least");
        (foreign, own)
    }

    fn now(&self) -> u64 {
        tick_before(self.epoch.elapsed())
    }

    /// When a tick begins.
    fn instant(&self, tick: u64) -> Instant {
        self.epoch + Duration::from_nanos(tick.min(LAST) << TICK_BITS)
    }

    /// Whether a worker that is busy should [fire](Shared::fire_timers), and, if timers
    /// wait, the time in nanoseconds. Without timers this is one load.
    pub(crate) fn look(&self) -> (bool, Option<u64>) {
        // Relaxed: the next look sees it; before it sleeps a thread looks otherwise.
        let next = self.next.load(Ordering::Relaxed);
        if next == NEVER {
            return (false, None);
        }
        let now = self.epoch.elapsed();
        (next <= tick_before(now), Some(now.as_nanos() as u64))
    }

    /// Makes a thread that is about to park the holder, unless it need not be one. To
    /// be called before each park, and followed by [`resign`](Self::resign).
    pub(crate) fn hold(&self, parker: &Arc<Parker>) -> Hold {
        let next = self.next.load(Ordering::SeqCst);
        if next == NEVER {
            self.resign(parker);
            return Hold::Free;
        }
        if next <= self.now() {
            return Hold::Due;
        }
        let mut holder = lock(&self.holder);
        let own = holder.as_ref().is_some_and(|other| Arc::ptr_eq(other, parker));
        if !own && self.until.load(Ordering::SeqCst) <= next {
            return Hold::Free;
        }
        let until = self.announce(&self.until, 0);
        // The timers may all be gone by now: then nobody is the holder.
        let until = (until != NEVER).then(|| self.instant(until));
        *holder = until.is_some().then(|| parker.clone());
        until.map_or(Hold::Free, Hold::Until)
    }

    /// Writes when a thread will wake, `slack` after the earliest timer, so that nobody
    /// who adds an earlier one overlooks it; returns what it wrote.
    fn announce(&self, word: &AtomicU64, slack: u64) -> u64 {
        loop {
            let next = self.next.load(Ordering::SeqCst);
            let by = next.saturating_add(slack);
            word.store(by, Ordering::SeqCst);
            if self.next.load(Ordering::SeqCst) >= next {
                return by;
            }
        }
    }

    /// Gives the role of the holder up, if this thread has it; true if it did.
    pub(crate) fn resign(&self, parker: &Arc<Parker>) -> bool {
        // Relaxed: the role is this thread's only if it wrote this itself, in `hold`.
        if self.until.load(Ordering::Relaxed) == NEVER {
            return false;
        }
        let mut holder = lock(&self.holder);
        let own = holder.as_ref().is_some_and(|other| Arc::ptr_eq(other, parker));
        if own {
            *holder = None;
            self.until.store(NEVER, Ordering::SeqCst);
        }
        own
    }

    /// When the watcher, which goes to sleep, has to wake.
    pub(crate) fn watch(&self) -> Option<Instant> {
        let by = self.announce(&self.watched, SLACK);
        (by != NEVER).then(|| self.instant(by))
    }

    /// The watcher is awake, and looks at the timers at each tick.
    pub(crate) fn watcher_ticks(&self) {
        self.watched.store(0, Ordering::SeqCst);
    }

    /// Whether somebody should have fired a timer already.
    pub(crate) fn is_overdue(&self) -> bool {
        // Relaxed: the next tick sees it; before it sleeps the watcher looks otherwise.
        let next = self.next.load(Ordering::Relaxed);
        next != NEVER && next.saturating_add(SLACK) <= self.now()
    }

    /// The same of those whose wakers are not the runtime's.
    pub(crate) fn is_foreign_overdue(&self) -> bool {
        let first = self.split().0.earliest();
        first != NEVER && first.saturating_add(SLACK) <= self.now()
    }

    /// Takes out some of what is due; of what has a waker that is not the runtime's, one at
    /// most, and only `if_foreign`.
    fn take_due(&self, seat: usize, if_foreign: bool) -> Due {
        let now = self.now();
        let (foreign, shards) = self.split();
        let mut own = Vec::new();
        let mut rest = NEVER;
        // First this, then the look at each shard: whoever adds a timer after that
        // look sees `NEVER`, or what was written later.
        self.next.store(NEVER, Ordering::SeqCst);
        let (before, after) = shards.split_at(seat);
        for shard in after.iter().chain(before) {
            let mut first = shard.earliest();
            if first <= now && own.len() < BATCH {
                first = shard.take_due(now, BATCH - own.len(), &mut own);
            }
            rest = rest.min(first);
        }
        own.sort_by_key(|&(when, _)| when);
        let mut other = Vec::new();
        let mut first = foreign.earliest();
        if first <= now && if_foreign {
            first = foreign.take_due(now, 1, &mut other);
        }
        let more_own = rest <= now;
        Due { own, foreign: other.pop().map(|(_, waker)| waker), more_own, rest: rest.min(first) }
    }
}

/// What [`Timers::take_due`] took.
struct Due {
    /// In the order of their ticks.
    own: Vec<(u64, Waker)>,
    foreign: Option<Waker>,
    /// Whether more of `own` is due.
    more_own: bool,
    /// The tick of the earliest timer that is left.
    rest: u64,
}

impl Shared {
    /// Registers a timer; `None` if the coordinator has ended. `now` is before `at`.
    pub(crate) fn add_timer(&self, at: Instant, now: Instant, waker: &Waker) -> Option<Timer> {
        let timers = &self.timers;
        let since = |instant: Instant| instant.saturating_duration_since(timers.epoch);
        let when = tick_after(since(at));
        let outside = self.seats.len();
        let own = context::is_own_waker(waker);
        let seat = || context::seat(self).map_or(outside, |seat| seat.index);
        let shard = &timers.shards[if own { seat() } else { outside + 1 }];
        let (timer, first) = Shard::add(shard, when, tick_before(since(now)), waker)?;
        if first {
            self.lower_next(when);
        }
        Some(timer)
    }

    /// Sees to it that somebody wakes by `when`.
    fn lower_next(&self, when: u64) {
        let timers = &self.timers;
        let lowers = when < timers.next.load(Ordering::SeqCst)
            && when < timers.next.fetch_min(when, Ordering::SeqCst);
        if !lowers {
            return;
        }
        if when.saturating_add(SLACK) < timers.watched.load(Ordering::SeqCst) {
            self.watcher.wake_for_timers(self);
        }
        // Who has a seat looks at the timers before it gives that up. But it may be stuck
        // there, and nobody watch.
        if context::seat(self).is_none() || self.watcher.is_refused() {
            self.send_for_holder();
        }
    }

    /// After giving up a seat for good, or adding a timer without one: sees to it that
    /// a parked thread waits for the earliest timer.
    pub(crate) fn send_for_holder(&self) {
        let timers = &self.timers;
        let next = timers.next.load(Ordering::SeqCst);
        if next == NEVER || timers.until.load(Ordering::SeqCst) <= next {
            return;
        }
        let holder = lock(&timers.holder).clone();
        match holder {
            // It sleeps for a later one.
            Some(parker) => parker.unpark(),
            None => self.notify(),
        }
    }

    /// Wakes whose time has come, some at least; to be called by a thread in its loop.
    #[cold]
    pub(crate) fn fire_timers(&self) {
        for _ in 0..BATCH {
            let due = self.fire_own(true);
            let Some(waker) = due.foreign else { return };
            // User code, which may take long: it is the only one that was taken out.
            context::call(|| self.hooks.contain(|| waker.wake()));
        }
    }

    /// Wakes those whose time has come and whose wakers do not block, some at least; true if
    /// there are more.
    pub(crate) fn fire_own_timers(&self) -> bool {
        self.fire_own(false).more_own
    }

    fn fire_own(&self, take_foreign: bool) -> Due {
        let seat = context::seat(self).map(|seat| seat.index);
        let mut due = self.timers.take_due(seat.unwrap_or(self.seats.len()), take_foreign);
        self.lower_next(due.rest);
        if seat.is_some() && !due.own.is_empty() {
            // What is woken last comes into the run slot: let that be the first.
            due.own.rotate_left(1);
        }
        for (_, waker) in due.own.drain(..) {
            self.hooks.contain(|| waker.wake());
        }
        due
    }

    /// The holder gave up its role for other work, which may take long. If there is no
    /// watcher, another one has to take it.
    pub(crate) fn resign_holder(&self, parker: &Arc<Parker>) {
        if self.timers.resign(parker) && self.watcher.is_refused() {
            self.wake_parked();
        }
    }

    /// Tells those who wait for a timer that nobody will fire it; but for wakers that may
    /// block, which it returns.
    #[must_use]
    pub(crate) fn close_timers(&self) -> Vec<Waker> {
        let (own, foreign) = self.timers.close();
        for waker in own {
            self.hooks.contain(|| waker.wake());
        }
        foreign
    }
}

/// The tick in which the present is.
fn tick_before(since: Duration) -> u64 {
    u64::try_from(since.as_nanos() >> TICK_BITS).unwrap_or(LAST).min(LAST)
}

/// The first tick that does not begin before.
fn tick_after(since: Duration) -> u64 {
    let ticks = since.as_nanos().div_ceil(1 << TICK_BITS);
    u64::try_from(ticks).unwrap_or(LAST).min(LAST)
}
