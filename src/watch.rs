//! The watcher: sees workers that do not come back from a poll, and frees what is
//! stuck behind them.
//!
//! Every [`TICK`] it compares each seat's count of polls with what it was. A seat
//! that is taken and whose count stands still is in one long poll (of a task or of
//! a main future). Then:
//!
//! * what is in its *run slot*, where no searcher looks, goes to the injector;
//! * after [`stall_threshold`](crate::Builder::stall_threshold), and again at every
//!   further threshold, if work waits and no worker comes for it, a blocking thread is
//!   sent to lend: an idle one, or a new one. Searching workers steal from the
//!   stuck local queue anyway;
//! * after the first threshold, the stall is counted and told to the hook.
//!
//! A thread that lends may be stuck in its poll as well. If closures wait for it, the
//! watcher sends another for them.
//!
//! *What was refused is tried again.* If the system gave no thread while something
//! waited, the watcher tries again after the stall threshold, and again as long as
//! that is so. Closures that still wait then go to the workers. A refused thread of its
//! own is asked for again at once, several times, then at the moments that would wake it.
//! Until it comes, others do without: what goes into a slot is handed on to the injector,
//! and blocking threads that idle look at every threshold whether to lend, whether timers
//! are overdue, and whether a watcher is to be had.
//!
//! *Nobody is disturbed in vain.* While all seats are taken, nobody is free for what is
//! in a slot, and the machine is busy: the watcher looks every [`SLOW_TICK`] only, until
//! a seat is given up. It wakes in between for timers.
//!
//! *Nothing happens while nothing is to do.* After [`LINGER`] ticks without a taken
//! seat, a lender or a refused thread the watcher sleeps without a time-out. It is woken
//! when there may be something to free: by who takes the last vacant seat, by who puts a
//! runnable into its slot, and by who finds nobody to wake. (Else, with a seat vacant,
//! what is in a local queue or the injector wakes a worker.) No such moment is missed:
//! the watcher writes `ASLEEP` and then looks at the idle word, whoever takes a seat
//! changes the word and then looks at the state, all sequentially consistent, so one of
//! the two sees the other. The same holds for a refused thread, and for `SLOW` and
//! whoever gives up a seat.
//!
//! *Timers* that are overdue by a millisecond, because every thread that would fire
//! them is in a long poll, it fires itself. While some wait it does not sleep for
//! longer than that; see `timers/README.md`.
//!
//! The cost for a worker is one load when it fills its slot. The count of polls is
//! there for the metrics. The watcher also notes the longest poll of each seat: one
//! that lasted is seen at two looks at least, and what is noted lacks less than a
//! tick (slow or not) at each end.

use std::time::Duration;

use crate::WorkerKind;
use crate::context::{self, Entry};
use crate::parker::{self, Parker};
use crate::shared::Shared;
use crate::stall::{Listeners, Stall};
use crate::sync_facade::{
    Arc, AtomicBool, AtomicU8, AtomicU64, Instant, OnceLock, Ordering, bound, fence,
};

/// How often the watcher looks while a seat is taken.
const TICK: Duration = Duration::from_micros(500);

/// How often, at least, while all are.
const SLOW_TICK: Duration = Duration::from_millis(bound(5, u32::MAX) as u64);

/// So many ticks with all seats taken, and it is slow.
const RUSH: u32 = bound(4, 1);

/// So many ticks without a taken seat, and the watcher sleeps.
const LINGER: u32 = bound(20, 1);

/// So many times, when a thread for the watcher is refused, it is asked for again at once;
/// from then on a millisecond later at the earliest, for an attempt takes time.
const EAGER: u64 = bound(16, 1) as u64;
const RETRY: Duration = Duration::from_millis(1);

/// So many times in a row, at most, it fires timers before it looks at the seats.
const FIRE_ROUNDS: u32 = 16;

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
            fire_overdue(shared);
            if shared.has_work() {
                self.poke(shared);
            }
        }
    }

    /// When such a thread is to look again.
    pub(crate) fn next_look(&self, shared: &Shared, now: Instant) -> Option<Instant> {
        now.checked_add(shared.options.stall_threshold.max(TICK))
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

    /// Goes to sleep, unless a seat is taken after all.
    fn try_sleep(&self, shared: &Shared) -> bool {
        self.enter(ASLEEP, || {
            shared.idle.vacant() == shared.seats.len() && !self.short.load(Ordering::SeqCst)
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

/// What the watcher knows of a seat.
#[derive(Clone)]
struct Seen {
    /// The count of polls at the last look; `None` if the seat was vacant.
    polls: Option<u64>,
    /// When it was seen first.
    since: Instant,
    /// How many thresholds of this stall have passed.
    thresholds: u32,
}

/// The body of the watcher's thread.
fn watch(shared: &Arc<Shared>) {
    context::settle(shared);
    let entry = Entry::new(shared, WorkerKind::Watcher, Some(0));
    let _entered = entry.enter();
    let parker = shared.watcher.parker.get_or_init(parker::current);
    // SeqCst: whoever finds it awake relies on a look after this.
    shared.watcher.state.swap(AWAKE, Ordering::SeqCst);
    let _listed = shared.list_parked(parker.clone());
    let nothing = Seen { polls: None, since: Instant::now(), thresholds: 0 };
    let mut seen = vec![nothing; shared.seats.len()];
    let mut listeners = Listeners::default();
    let (mut held_up, mut short) = (None, None);
    let slow_tick = (shared.options.stall_threshold / 2).clamp(TICK, SLOW_TICK);
    let (mut quiet, mut rush) = (0, 0);
    while !shared.is_over() {
        if quiet >= LINGER && shared.watcher.try_sleep(shared) {
            sleep(shared, parker);
            quiet = 0;
            // The wake-up may have been for the end.
            continue;
        }
        if rush >= RUSH && shared.watcher.try_slow(shared) {
            if !wait_slowly(shared, parker, slow_tick) {
                rush = 0;
            }
        } else {
            shared.timers.watcher_ticks();
            parker.park(Some(Instant::now() + TICK));
        }
        fire_overdue(shared);
        let lends = look_at_pool(shared, &mut held_up);
        let short = look_for_threads(shared, &mut short);
        let taken = look(shared, &mut seen, &mut listeners);
        quiet = if taken || lends || short { 0 } else { quiet + 1 };
        rush = if shared.idle.vacant() == 0 { rush.saturating_add(1) } else { 0 };
    }
}

/// Sleeps until it is woken to watch; for a timer that nobody else has fired it
/// wakes in between.
fn sleep(shared: &Shared, parker: &Parker) {
    // SeqCst: meets the swap in `rouse`.
    while shared.watcher.state.load(Ordering::SeqCst) == ASLEEP && !shared.is_over() {
        fire_overdue(shared);
        parker.park(shared.timers.watch());
    }
}

/// Waits for `tick`, for a timer that nobody else has fired, or for a vacant seat; false
/// if it was that.
fn wait_slowly(shared: &Shared, parker: &Parker, tick: Duration) -> bool {
    let tick = Instant::now() + tick;
    parker.park(Some(shared.timers.watch().map_or(tick, |at| at.min(tick))));
    // SeqCst: meets the swap in `rouse`.
    shared.watcher.state.swap(AWAKE, Ordering::SeqCst) == SLOW
}

/// Fires the timers that the workers are late for.
fn fire_overdue(shared: &Shared) {
    for _ in 0..FIRE_ROUNDS {
        if !shared.timers.is_overdue() {
            return;
        }
        shared.fire_timers();
    }
}

/// Looks at every seat; false if all are vacant.
fn look(shared: &Shared, seen: &mut [Seen], listeners: &mut Listeners) -> bool {
    let mut taken = false;
    for (seat, seen) in shared.seats.iter().zip(seen) {
        let counters = &seat.counters;
        let now = Instant::now();
        let sits = counters.is_taken();
        // Relaxed: a stale count is noticed one tick later.
        let polls = sits.then(|| counters.polls.load(Ordering::Relaxed));
        taken |= sits;
        if !sits || polls != seen.polls {
            *seen = Seen { polls, since: now, thresholds: 0 };
            continue;
        }
        if let Some(runnable) = seat.slot.take() {
            shared.watcher.rescued.fetch_add(1, Ordering::Relaxed);
            shared.inject(runnable);
        }
        let lasts = now - seen.since;
        if counters.running().is_some() {
            // Relaxed: for the metrics. The watcher alone writes it.
            counters.longest.fetch_max(lasts.as_nanos() as u64, Ordering::Relaxed);
        }
        if lasts >= shared.options.stall_threshold * (seen.thresholds + 1) {
            seen.thresholds += 1;
            // Before help comes, with which it may end.
            let stall = if seen.thresholds == 1 { note(shared, seat.index, lasts) } else { None };
            send_help(shared);
            if let Some(stall) = stall {
                listeners.tell(&shared.hooks, &stall);
            }
        }
    }
    taken
}

/// Sends a thread for closures that wait for a threshold because a thread that lends
/// is stuck in its poll; false if none lends.
fn look_at_pool(shared: &Shared, since: &mut Option<Instant>) -> bool {
    let pool = &shared.blocking;
    if !pool.waits_for_lenders() {
        *since = None;
    } else if since.get_or_insert_with(Instant::now).elapsed() >= shared.options.stall_threshold {
        *since = None;
        pool.send_for_lender(shared);
    }
    pool.lenders() > 0
}

/// A threshold after the system gave no thread, tries again; false if none was refused.
fn look_for_threads(shared: &Shared, since: &mut Option<Instant>) -> bool {
    let short = &shared.watcher.short;
    // Relaxed: `try_sleep` looks again.
    if !short.load(Ordering::Relaxed) {
        *since = None;
        return false;
    }
    if since.get_or_insert_with(Instant::now).elapsed() >= shared.options.stall_threshold {
        *since = None;
        // Before the attempts, which may set it again.
        short.store(false, Ordering::SeqCst);
        shared.blocking.try_again(shared);
        send_help(shared);
    }
    true
}

/// Work may wait though nobody is free to run it, for another threshold: wakes or
/// starts a worker; if none is to be had, sends a blocking thread to lend.
fn send_help(shared: &Shared) {
    if shared.has_work() {
        shared.notify();
        // With no seat vacant the one who comes may be busy or stuck too.
        if shared.idle.vacant() == 0 || !shared.idle.somebody_comes() {
            shared.blocking.send_for_lender(shared);
        }
    }
}

/// Counts the stall, if it is one of a task, and says what to tell those who listen.
fn note(shared: &Shared, worker: usize, lasts: Duration) -> Option<Stall> {
    let (id, location) = shared.seats[worker].counters.running()?;
    // Before it is counted: whoever waits for that may end the task, and with it its name.
    let stall = Listeners::any(&shared.hooks).then(|| {
        let name = shared.registry.name_of(id);
        Stall { id, name, location, worker, lasts }
    });
    shared.watcher.stalls.fetch_add(1, Ordering::Relaxed);
    stall
}
