//! The watcher: a thread that sees workers that do not come back from a poll, and frees
//! what is stuck behind them. Here is who starts it, who wakes it, and what happens if
//! there is none; what it looks at is in `look.rs`.
//!
//! *Nothing happens while nothing is to do.* The watcher sleeps, without a time-out, after
//! 20 ticks in which no seat was taken, no thread was away from the pool, and no work waited
//! for a thread that was refused or does not come (`is_forsaken`). It is woken when there
//! may be something to free: by a thread that takes the last vacant seat, puts a runnable
//! into its run slot, lends, calls a start hook, or finds nobody to wake. (As long as a seat
//! is vacant, a push to a local queue or to the injector wakes a worker, and the watcher is
//! not needed.) No such moment is missed. The watcher writes `ASLEEP` and then looks at the
//! idle word; a thread that takes a seat changes that word and then looks at the watcher's
//! state. All four accesses are sequentially consistent, so one of the two sees the other.
//! The same holds for the other things that keep the watcher awake: the count of threads
//! that are away, a refused thread, a promise that is given back while work waits. And it
//! holds for `SLOW` and a thread that gives up a seat.
//!
//! *What was refused is tried again.* If the system gave no thread while something waited,
//! the watcher asks again after 10 ms (`PATIENCE`), or after the stall threshold if that is
//! less, until a thread comes or nothing waits. If closures wait and the pool is refused
//! again, they go to the workers. If the watcher's own thread is refused, it is asked for
//! again at once, up to `EAGER` times, then at each moment that would wake the watcher, at
//! most once in `RETRY`. Until it comes, others do its work: what goes into a run slot is
//! handed on to the injector, and idle blocking threads look, at the same intervals, whether
//! to lend, whether timers are overdue, and whether to ask for a watcher.
//!
//! *It runs no user code*, which might block. That is for its deputies (`deputy.rs`).
//!
//! The cost for a worker is one load when it fills its slot, or gives up its seat.

pub(crate) mod deputy;
mod look;

use std::time::Duration;

use self::deputy::Deputies;
use self::look::{FIRE_ROUNDS, TICK, patience, watch};
use crate::parker::Parker;
use crate::shared::Shared;
use crate::sync_facade::{
    Arc, AtomicBool, AtomicU8, AtomicU64, Instant, OnceLock, Ordering, bound, fence,
};

/// So many times, when a thread for the watcher is refused, it is asked for again at once;
/// from then on a millisecond later at the earliest, for an attempt takes time.
const EAGER: u64 = bound(16, 1) as u64;
const RETRY: Duration = Duration::from_millis(1);

const NOT_STARTED: u8 = 0;
/// The system is asked for a thread.
const STARTING: u8 = 1;
const AWAKE: u8 = 2;
/// Awake, for all seats are taken, but seldom.
const SLOW: u8 = 3;
const ASLEEP: u8 = 4;
/// The system gave no thread: nobody watches.
const REFUSED: u8 = 5;

pub(crate) struct Watcher {
    state: AtomicU8,
    /// How often it was refused, and when to try again, on the coordinator's clock.
    refusals: AtomicU64,
    retry_at: AtomicU64,
    /// The system gave no thread while something waited.
    short: AtomicBool,
    parker: OnceLock<Arc<Parker>>,
    pub(crate) deputies: Deputies,
    pub(crate) stalls: AtomicU64,
    pub(crate) rescued: AtomicU64,
}

impl Watcher {
    pub(crate) fn new() -> Self {
        Watcher {
            state: AtomicU8::new(NOT_STARTED),
            refusals: AtomicU64::new(0),
            retry_at: AtomicU64::new(0),
            short: AtomicBool::new(false),
            parker: OnceLock::new(),
            deputies: Deputies::default(),
            stalls: AtomicU64::new(0),
            rescued: AtomicU64::new(0),
        }
    }

    /// Something may get stuck from now on: sees to it that somebody watches.
    #[inline]
    pub(crate) fn poke(&self, shared: &Shared) {
        // SeqCst: see the top of the file.
        if !matches!(self.state.load(Ordering::SeqCst), AWAKE | SLOW) {
            self.rouse(shared);
        }
    }

    /// A seat is vacant: whoever takes it is free for what is stuck.
    #[inline]
    pub(crate) fn vacated(&self, shared: &Shared) {
        // SeqCst: see the top of the file.
        if self.state.load(Ordering::SeqCst) == SLOW {
            self.rouse(shared);
        }
    }

    #[cold]
    fn rouse(&self, shared: &Shared) {
        // Between what may get stuck and the state; meets the fence in `do_without`.
        fence(Ordering::SeqCst);
        // SeqCst, also below: the watcher swaps and then looks, see the top of the file.
        let mut state = self.state.load(Ordering::SeqCst);
        loop {
            let next = match state {
                AWAKE | STARTING => return,
                // Relaxed: only one that comes a little early or late.
                REFUSED if shared.now() < self.retry_at.load(Ordering::Relaxed) => {
                    return self.empty_slots(shared);
                }
                NOT_STARTED | REFUSED => STARTING,
                _ => AWAKE,
            };
            match self.state.compare_exchange(state, next, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) if next == STARTING => return self.start(shared),
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        if let Some(parker) = self.parker.get() {
            parker.unpark();
        }
    }

    /// Starts the thread, which is `AWAKE` once it runs.
    fn start(&self, shared: &Shared) {
        while !self.try_start(shared) {
            // Relaxed: a bound on attempts.
            if self.refusals.fetch_add(1, Ordering::Relaxed) >= EAGER {
                let again = shared.now() + RETRY.as_nanos() as u64;
                self.retry_at.store(again, Ordering::Relaxed);
                // SeqCst: meets the load in `is_refused`.
                self.state.swap(REFUSED, Ordering::SeqCst);
                return self.do_without(shared);
            }
        }
    }

    fn try_start(&self, shared: &Shared) -> bool {
        let owned = shared.to_arc();
        let name = format!("{}-watch", shared.options.thread_name);
        shared.threads.spawn(shared, name, move || watch(&owned)).is_ok()
    }

    /// Nobody watches: what others left to the watcher meanwhile, they or somebody else has
    /// to do.
    fn do_without(&self, shared: &Shared) {
        // Between the state and what may be stuck; meets the fence in `rouse`.
        fence(Ordering::SeqCst);
        self.empty_slots(shared);
        // Who let go of the timers, and who idles, and stands in from now on.
        shared.wake_parked();
        shared.blocking.send(shared);
    }

    /// Nobody will look into the slots: what is in them goes where others look.
    fn empty_slots(&self, shared: &Shared) {
        let stuck = shared.seats.iter().filter_map(|seat| seat.slot.take());
        stuck.for_each(|runnable| shared.inject(runnable));
    }

    /// For a blocking thread that has nothing else to do: if nobody watches, fires the
    /// timers that are overdue, and sees to it that the system is asked again.
    pub(crate) fn stand_in(&self, shared: &Shared) {
        if self.is_refused() {
            let rounds = (0..FIRE_ROUNDS).take_while(|_| shared.timers.is_overdue());
            rounds.for_each(|_| shared.fire_timers());
            if shared.has_work() {
                self.poke(shared);
            }
        }
    }

    /// When such a thread is to look again.
    pub(crate) fn next_look(&self, shared: &Shared, now: Instant) -> Option<Instant> {
        now.checked_add(patience(shared).max(TICK))
    }

    /// The system gave no thread, and something waits: to be tried again. False if
    /// nobody will.
    #[cold]
    pub(crate) fn try_again_later(&self, shared: &Shared) -> bool {
        // SeqCst: as for a seat that is taken, at the top of the file.
        self.short.store(true, Ordering::SeqCst);
        self.poke(shared);
        !self.is_refused()
    }

    /// Goes to sleep, unless there is something to watch after all.
    fn try_sleep(&self, shared: &Shared) -> bool {
        self.enter(ASLEEP, || {
            shared.idle.vacant() == shared.seats.len()
                && shared.blocking.away() == 0
                && !self.short.load(Ordering::SeqCst)
                && !shared.is_forsaken()
        })
    }

    /// Becomes slow, unless a seat is vacant after all.
    fn try_slow(&self, shared: &Shared) -> bool {
        self.enter(SLOW, || shared.idle.vacant() == 0)
    }

    /// Announces a state, then looks whether it is the right one.
    ///
    /// Stores would do; swaps are for the models (`docs/reliability.md`, "Order of
    /// writes").
    fn enter(&self, state: u8, is_right: impl Fn() -> bool) -> bool {
        self.state.swap(state, Ordering::SeqCst);
        is_right() || {
            self.state.swap(AWAKE, Ordering::SeqCst);
            false
        }
    }

    /// Wakes the watcher, if it sleeps, to look at the timers.
    #[cfg(feature = "time")]
    #[cold]
    pub(crate) fn wake_for_timers(&self, shared: &Shared) {
        match self.parker.get() {
            Some(parker) => parker.unpark(),
            None => self.poke(shared),
        }
    }

    /// Whether nobody watches, for the system gave no thread.
    pub(crate) fn is_refused(&self) -> bool {
        // SeqCst: meets the swap in `start`. Either this sees it, after the holder has given
        // up its role, or that is seen given up by those who are woken there.
        self.state.load(Ordering::SeqCst) == REFUSED
    }

    /// The same, also while the system is asked again.
    pub(crate) fn is_missing(&self) -> bool {
        match self.state.load(Ordering::SeqCst) {
            REFUSED => true,
            // Relaxed: it may be seen a look later.
            STARTING => self.refusals.load(Ordering::Relaxed) > 0,
            _ => false,
        }
    }
}
