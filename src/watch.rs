//! The watcher: sees workers that do not come back from a poll, and frees what is
//! stuck behind them.
//!
//! Every [`TICK`] it compares each seat's count of polls with what it was. A seat
//! that is taken and whose count stands still is in one long poll (of a task or of
//! a main future). Then:
//!
//! * what is in its *run slot*, where no searcher looks, goes to the injector;
//! * after [`stall_threshold`](crate::Builder::stall_threshold), the stall is
//!   counted and told to the hook;
//! * from then on, at every threshold, if work waits and no seat is vacant, a
//!   blocking thread is sent to lend: an idle one, or a new one. Searching workers
//!   steal from the stuck local queue anyway.
//!
//! *Nothing happens while nothing is to do.* After [`LINGER`] ticks without a
//! taken seat the watcher sleeps without a time-out. It is woken when there may be
//! something to free: by who takes the last vacant seat, and by who puts a
//! runnable into its slot. (With a seat vacant, what is in a local queue or the
//! injector wakes a worker.) No such moment is missed: the watcher writes `ASLEEP`
//! and then looks at the idle word, whoever takes a seat changes the word and then
//! looks at the state, all sequentially consistent, so one of the two sees the
//! other.
//!
//! *Timers* that are overdue by a millisecond, because every thread that would fire
//! them is in a long poll, it fires itself. While some wait it does not sleep for
//! longer than that; see `timers/README.md`.
//!
//! The cost for a worker is one load when it fills its slot. The count of polls is
//! there for the metrics.

use std::time::Duration;
use std::time::Instant;

use crate::WorkerKind;
use crate::context::{self, Entry};
use crate::hooks::Stall;
use crate::parker::{self, Parker};
use crate::shared::Shared;
use crate::sync::{Arc, AtomicU8, AtomicU64, OnceLock, Ordering};

/// How often the watcher looks while a seat is taken.
const TICK: Duration = Duration::from_micros(500);

/// So many ticks without a taken seat, and the watcher sleeps.
const LINGER: u32 = 20;

/// So many times in a row, at most, it fires timers before it looks at the seats.
const FIRE_ROUNDS: u32 = 16;

const NOT_STARTED: u8 = 0;
const AWAKE: u8 = 1;
const ASLEEP: u8 = 2;
/// The system gave no thread: nobody watches.
const REFUSED: u8 = 3;

pub(crate) struct Watcher {
    state: AtomicU8,
    parker: OnceLock<Arc<Parker>>,
    pub(crate) stalls: AtomicU64,
    pub(crate) rescued: AtomicU64,
}

impl Watcher {
    pub(crate) const fn new() -> Self {
        Watcher {
            state: AtomicU8::new(NOT_STARTED),
            parker: OnceLock::new(),
            stalls: AtomicU64::new(0),
            rescued: AtomicU64::new(0),
        }
    }

    /// Something may get stuck from now on: sees to it that somebody watches.
    #[inline]
    pub(crate) fn poke(&self, shared: &Shared) {
        // SeqCst: see the top of the file.
        if matches!(self.state.load(Ordering::SeqCst), NOT_STARTED | ASLEEP) {
            self.rouse(shared);
        }
    }

    #[cold]
    fn rouse(&self, shared: &Shared) {
        match self.state.swap(AWAKE, Ordering::SeqCst) {
            ASLEEP => {
                if let Some(parker) = self.parker.get() {
                    parker.unpark();
                }
            }
            NOT_STARTED => {
                let owned = shared.to_arc();
                let name = format!("{}-watch", shared.options.thread_name);
                if shared.threads.spawn(shared, name, move || watch(&owned)).is_err() {
                    self.state.store(REFUSED, Ordering::SeqCst);
                }
            }
            REFUSED => self.state.store(REFUSED, Ordering::SeqCst),
            _ => {}
        }
    }

    /// Goes to sleep, unless a seat is taken after all.
    fn try_sleep(&self, shared: &Shared) -> bool {
        self.state.store(ASLEEP, Ordering::SeqCst);
        if shared.idle.vacant() == shared.seats.len() {
            return true;
        }
        self.state.store(AWAKE, Ordering::SeqCst);
        false
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
    #[cfg(feature = "time")]
    pub(crate) fn is_refused(&self) -> bool {
        self.state.load(Ordering::Relaxed) == REFUSED
    }
}

/// What the watcher knows of a seat.
#[derive(Clone, Default)]
struct Seen {
    polls: u64,
    /// Since when the count of polls stands still; `None` if it does not.
    since: Option<Instant>,
    /// How many thresholds of this stall have passed.
    thresholds: u32,
}

/// The body of the watcher's thread.
fn watch(shared: &Arc<Shared>) {
    context::settle(shared);
    let entry = Entry::new(shared, WorkerKind::Watcher, Some(0));
    let _entered = entry.enter();
    let parker = shared.watcher.parker.get_or_init(parker::current);
    let _listed = shared.list_parked(parker.clone());
    let mut seen = vec![Seen::default(); shared.seats.len()];
    let mut quiet = 0;
    while !shared.is_over() {
        if quiet >= LINGER && shared.watcher.try_sleep(shared) {
            sleep(shared, parker);
            quiet = 0;
        }
        shared.timers.watcher_ticks();
        parker.park(Some(Instant::now() + TICK));
        fire_overdue(shared);
        quiet = if look(shared, &mut seen) { 0 } else { quiet + 1 };
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
fn look(shared: &Shared, seen: &mut [Seen]) -> bool {
    let mut taken = false;
    for (seat, seen) in shared.seats.iter().zip(seen) {
        let polls = seat.counters.polls.load(Ordering::Relaxed);
        let sits = seat.counters.since.load(Ordering::Relaxed) != 0;
        taken |= sits;
        if !sits || polls != seen.polls {
            *seen = Seen { polls, since: None, thresholds: 0 };
            continue;
        }
        let now = Instant::now();
        let since = *seen.since.get_or_insert(now);
        if let Some(runnable) = seat.slot.take() {
            shared.watcher.rescued.fetch_add(1, Ordering::Relaxed);
            shared.injector.push(runnable);
            shared.notify();
        }
        let lasts = now - since;
        if lasts >= shared.options.stall_threshold * (seen.thresholds + 1) {
            seen.thresholds += 1;
            stalled(shared, seat.index, lasts, seen.thresholds == 1);
        }
    }
    taken
}

/// A seat is in one poll for another threshold.
fn stalled(shared: &Shared, index: usize, lasts: Duration, first: bool) {
    if let (true, Some((id, location))) = (first, shared.seats[index].counters.running()) {
        shared.watcher.stalls.fetch_add(1, Ordering::Relaxed);
        shared.hooks.stalled(&Stall { id, location, worker: index, lasts });
    }
    if shared.idle.vacant() == 0 && shared.has_work() {
        shared.blocking.send_for_lender(shared);
    }
}
