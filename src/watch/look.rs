//! What the watcher's thread looks at.
//!
//! Every [`TICK`] it compares each seat's count of polls with what it was. A seat
//! that is taken and whose count stands still is in one long poll (of a task or of
//! a main future). Then:
//!
//! * what is in its *run slot*, where no searcher looks, goes to the injector. (If a slot
//!   is filled and a seat vacant, it looks again soon, so that this takes less than a
//!   millisecond);
//! * after [`stall_threshold`](crate::Builder::stall_threshold), and again at every
//!   further threshold, if work waits and no worker comes for it, a blocking thread is
//!   sent to lend: an idle one, or a new one. Searching workers steal from the
//!   stuck local queue anyway;
//! * after the first threshold, the stall is counted and told to the hook.
//!
//! A thread that lends may be stuck in its poll as well. If closures wait for it, the
//! watcher sends another for them.
//!
//! *Nobody is disturbed in vain.* While all seats are taken, nobody is free for what is
//! in a slot, and the machine is busy: the watcher looks every [`SLOW_TICK`] only, until
//! a seat is given up. It wakes in between for timers.
//!
//! *Timers* that are overdue by a millisecond, because every thread that would fire
//! them is in a long poll, it fires itself, or has them fired by its deputy. While some wait
//! it does not sleep for longer than that; see `timers/README.md`.
//!
//! The count of polls costs nothing more: it is kept for the metrics. The watcher also notes
//! the longest poll of each seat. It sees only polls that last for two looks or more, and the
//! time it notes is too short, by less than one tick (slow or not) at each end.

use std::time::Duration;

use super::deputy::Duty;
use super::{ASLEEP, AWAKE, SLOW};
use crate::WorkerKind;
use crate::context::{self, Entry};
use crate::parker::{self, Parker};
use crate::shared::Shared;
use crate::stall::{Listeners, Stall};
use crate::sync_facade::{Arc, Instant, Ordering, bound};

/// How often the watcher looks while a seat is taken.
pub(super) const TICK: Duration = Duration::from_micros(400);

/// How soon it looks again after it has seen a filled slot beside a vacant seat: somebody
/// is free for what is in there.
const QUICK_TICK: Duration = Duration::from_micros(100);

/// The longest time between two looks while all seats are taken.
const SLOW_TICK: Duration = Duration::from_millis(bound(5, u32::MAX) as u64);

/// So many ticks with all seats taken, and it is slow.
const RUSH: u32 = bound(4, 1);

/// So many ticks without a taken seat, and the watcher sleeps.
const LINGER: u32 = bound(20, 1);

/// So long, at most, it leaves something to those who should come for it; less if the stall
/// threshold is.
const PATIENCE: Duration = Duration::from_millis(10);

/// So many times in a row, at most, it fires timers before it looks at the seats.
pub(super) const FIRE_ROUNDS: u32 = 16;

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

/// What it saw at a look at all seats.
#[derive(Default)]
struct Looked {
    /// A seat was taken.
    taken: bool,
    /// Something was in a run slot, and the worker there had gone on to another poll.
    filled: bool,
}

/// Since when something waits for a thread that does not come, or was last tried.
#[derive(Default)]
struct Wait(Option<Instant>);

impl Wait {
    /// Whether it has lasted for too long, again and again.
    fn is_over(&mut self, shared: &Shared, waits: bool) -> bool {
        if !waits {
            self.0 = None;
            return false;
        }
        let over = self.0.get_or_insert_with(Instant::now).elapsed() >= patience(shared);
        if over {
            self.0 = None;
        }
        over
    }
}

/// How long something may wait for a thread before another one is tried.
pub(super) fn patience(shared: &Shared) -> Duration {
    shared.options.stall_threshold.min(PATIENCE)
}

/// The body of the watcher's thread.
pub(super) fn watch(shared: &Arc<Shared>) {
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
    let (mut closures, mut refused, mut forsaken, mut foreign) = Default::default();
    let slow_tick = (shared.options.stall_threshold / 2).clamp(TICK, SLOW_TICK);
    let (mut quiet, mut rush, mut tick) = (0, 0, TICK);
    while !shared.is_over() {
        if quiet >= LINGER && shared.watcher.try_sleep(shared) {
            sleep(shared, parker, &mut foreign);
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
            parker.park(Some(Instant::now() + tick));
        }
        fire_overdue(shared, &mut foreign);
        let looked = look(shared, &mut seen, &mut listeners);
        let busy = look_at_pool(shared, &mut closures)
            | look_for_threads(shared, &mut refused)
            | look_for_workers(shared, &mut forsaken)
            | looked.taken;
        let full = shared.idle.vacant() == 0;
        quiet = if busy { 0 } else { quiet + 1 };
        rush = if full { rush.saturating_add(1) } else { 0 };
        tick = if looked.filled && !full { QUICK_TICK } else { TICK };
    }
}

/// Sleeps until it is woken to watch; for a timer that nobody else has fired it
/// wakes in between.
fn sleep(shared: &Shared, parker: &Parker, foreign: &mut Wait) {
    // SeqCst: meets the swap in `rouse`.
    while shared.watcher.state.load(Ordering::SeqCst) == ASLEEP && !shared.is_over() {
        fire_overdue(shared, foreign);
        parker.park(next_timer(shared));
    }
}

/// Waits for `tick`, for a timer that nobody else has fired, or for a vacant seat; false
/// if it was that.
fn wait_slowly(shared: &Shared, parker: &Parker, tick: Duration) -> bool {
    let tick = Instant::now() + tick;
    parker.park(Some(next_timer(shared).map_or(tick, |at| at.min(tick))));
    // SeqCst: meets the swap in `rouse`.
    shared.watcher.state.swap(AWAKE, Ordering::SeqCst) == SLOW
}

/// Fires the timers that the workers are late for, or, if their wakers are not the runtime's, has
/// them fired, by more than one if one is late for them.
fn fire_overdue(shared: &Shared, foreign: &mut Wait) {
    for _ in 0..FIRE_ROUNDS {
        if !shared.timers.is_overdue() || !shared.fire_own_timers() {
            break;
        }
    }
    let waits = shared.timers.is_foreign_overdue();
    if waits {
        shared.watcher.deputies.send(shared, Duty::Timers);
    }
    if foreign.is_over(shared, waits) {
        shared.watcher.deputies.send_another(shared, Duty::Timers);
    }
}

/// When it has to wake for a timer; not at once for one that its deputy is late for.
fn next_timer(shared: &Shared) -> Option<Instant> {
    shared.timers.watch().map(|at| at.max(Instant::now() + TICK))
}

/// Looks at every seat.
fn look(shared: &Shared, seen: &mut [Seen], listeners: &mut Listeners) -> Looked {
    let mut looked = Looked::default();
    for (seat, seen) in shared.seats.iter().zip(seen) {
        let counters = &seat.counters;
        let now = Instant::now();
        let sits = counters.is_taken();
        let polls = sits.then(|| counters.polls());
        looked.taken |= sits;
        if !sits || polls != seen.polls {
            *seen = Seen { polls, since: now, thresholds: 0 };
            looked.filled |= !seat.slot.is_empty();
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
            if let Some(stall) = stall.filter(|stall| listeners.want(&shared.hooks, stall)) {
                shared.watcher.deputies.tell(shared, stall);
            }
        }
    }
    looked
}

/// Sends a thread for closures that wait because threads of the pool are away, and may be
/// stuck there, or, if too many are, has the workers run them; false if none is away.
fn look_at_pool(shared: &Shared, wait: &mut Wait) -> bool {
    let pool = &shared.blocking;
    if wait.is_over(shared, pool.waits()) {
        pool.send_for_closures(shared);
    }
    pool.away() > 0
}

/// Some time after the system gave no thread, tries again; false if none was refused.
fn look_for_threads(shared: &Shared, wait: &mut Wait) -> bool {
    // Relaxed: `try_sleep` looks again.
    let short = shared.watcher.short.load(Ordering::Relaxed);
    if wait.is_over(shared, short) {
        // Before the attempts, which may set it again.
        shared.watcher.short.store(false, Ordering::SeqCst);
        shared.blocking.try_again(shared);
        send_help(shared);
    }
    short
}

/// Sends help for what waits while nobody comes and no seat need be taken; false if there
/// is no such thing.
fn look_for_workers(shared: &Shared, wait: &mut Wait) -> bool {
    let forsaken = shared.is_forsaken();
    if wait.is_over(shared, forsaken) {
        send_help(shared);
    }
    forsaken
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

/// Counts the stall, if it is one of a poll, and says what to tell those who listen.
fn note(shared: &Shared, worker: usize, lasts: Duration) -> Option<Stall> {
    let (id, location) = shared.seats[worker].counters.running()?;
    // Before it is counted: whoever waits for that may end the task, and with it its name.
    let stall = Listeners::any(&shared.hooks).then(|| {
        let name = id.and_then(|id| shared.registry.name_of(id));
        Stall { id, name, location, worker, lasts }
    });
    shared.watcher.stalls.fetch_add(1, Ordering::Relaxed);
    stall
}
