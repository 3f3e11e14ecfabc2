//! The loop of a worker: take the next runnable, poll it, search when there is
//! none, rest when the search finds nothing. Control flow only.
//!
//! Every thread that works runs this one loop, with a [`Main`] that says what
//! else it is here for: a worker thread until the end, a caller until its main
//! future is ready. Who only waits (a nested caller, a closer) is in the loop only
//! if the system gives no thread to work in its place.

use std::task::{Context, Poll, Waker};

use crate::context::Entry;
use crate::idle::{Promise, Sleeper, Vacated};
use crate::parker::{self, Parker};
use crate::pinned;
use crate::queue::injector::Batch;
use crate::queue::local::CAPACITY;
use crate::seat::{Seated, bump};
use crate::shared::Shared;
use crate::sync_facade::{Arc, Instant, Ordering, random, spin_loop};
use crate::task::{self, Runnable};
use crate::timers::Hold;

/// How often a searcher goes round all queues before it gives up.
const SEARCH_ROUNDS: usize = 2;

/// What a thread in the loop is there for.
pub(crate) trait Main {
    /// Whether [`advance`](Self::advance) has something to do.
    fn is_ready(&self) -> bool;

    /// Does it; true if the thread is to leave the loop.
    fn advance(&self) -> bool;

    /// Whether it has something to do while a call above it on the stack waits, which may be
    /// *pressed*.
    fn is_woken(&self, _pressed: bool) -> bool {
        self.is_ready()
    }

    /// Whether its time is over, and it waits for what is dropped only: nothing below it is
    /// polled any more, for that may take long.
    fn is_pressed(&self) -> bool {
        false
    }

    /// What its waker unparks, if it has one.
    fn parker(&self) -> Arc<Parker> {
        parker::current()
    }

    /// When to look again, even if nobody wakes the thread.
    fn deadline(&self) -> Option<Instant> {
        None
    }
}

/// How the loop was left.
#[must_use]
#[derive(PartialEq, Eq)]
pub(crate) enum Left {
    Done,
    /// Another thread took this one's place while it was blocked in a poll.
    Retired,
}

/// The loop.
pub(crate) fn work(entry: &Entry<'_>, main: &impl Main) -> Left {
    loop {
        if main.is_ready() {
            sit_if_vacant(entry);
            end_search(entry);
            if main.advance() {
                leave(entry);
                return Left::Done;
            }
            if come_back(entry) {
                leave(entry);
                return Left::Retired;
            }
        }
        let due = entry.seated().is_some_and(|seat| seat.tick());
        let taken = if due { maintain(entry) } else { None };
        let queued = || entry.seated().and_then(|seat| seat.pop().or_else(|| search(entry, seat)));
        let next = taken.or_else(queued);
        match next {
            Some(runnable) => {
                // One that was woken for something else may find work in its own
                // queue. Nobody is woken while a searcher is counted.
                end_search(entry);
                task::run(entry, runnable);
            }
            None if main.is_ready() => {}
            None => rest(entry, main),
        }
        // A waker of a timer is user code, too.
        if come_back(entry) {
            leave(entry);
            return Left::Retired;
        }
    }
}

/// Every so often, timers that are due are fired, and the injector is emptied a
/// little behind what is queued, so that nothing waits there for ever.
///
/// If the queue has no room, one runnable comes back, to be run next: to push it would put
/// older ones into the injector, and itself behind them, again and again.
#[cold]
#[must_use]
fn maintain(entry: &Entry<'_>) -> Option<Runnable> {
    let shared = entry.shared;
    // The interval is set first: to fire is to run user code, which may give the seat up.
    let (due, now) = shared.timers.look();
    entry.seated().inspect(|seat| seat.wind(now));
    if due {
        // As in `rest`.
        end_search(entry);
        shared.fire_timers();
    }
    let seat = entry.seated()?;
    let full = seat.room() == 0;
    let Some(Batch { first, rest }) = take_batch(shared, seat) else {
        seat.spill(false);
        return None;
    };
    let next = if full {
        Some(first)
    } else {
        shared.push_local(seat, first);
        None
    };
    rest.into_iter().for_each(|runnable| shared.push_local(seat, runnable));
    // Room for the next look, which changes places: else those here would go first for ever.
    seat.spill(seat.room() < CAPACITY / 2 && !shared.injector.is_empty());
    shared.notify_seated();
    next
}

/// Takes from the injector what this seat has room for.
fn take_batch(shared: &Shared, seat: Seated<'_>) -> Option<Batch> {
    if shared.injector.is_empty() {
        return None;
    }
    let room = seat.room().saturating_sub(1).min(CAPACITY / 2);
    shared.injector.take(seat.turn(), shared.seats.len(), room)
}

/// Looks through all queues. The thread is left searching: it ends that before
/// it runs what it found, or together with its seat.
fn search(entry: &Entry<'_>, seat: Seated<'_>) -> Option<Runnable> {
    let shared = entry.shared;
    if !entry.searching.get() {
        if !shared.idle.begin_search() {
            // Enough others search; only what nobody has yet is worth a look.
            let found = take_injected(shared, seat);
            if found.is_some() {
                // The rest was out of sight for a moment, in which the last
                // searcher may have gone to sleep.
                shared.notify_seated();
            }
            return found;
        }
        entry.searching.set(true);
    }
    for _ in 0..SEARCH_ROUNDS {
        if let Some(runnable) = take_from_others(shared, seat) {
            return Some(runnable);
        }
        spin_loop();
    }
    None
}

fn take_injected(shared: &Shared, seat: Seated<'_>) -> Option<Runnable> {
    let Batch { first, rest } = take_batch(shared, seat)?;
    rest.into_iter().for_each(|runnable| shared.push_local(seat, runnable));
    Some(first)
}

fn take_from_others(shared: &Shared, seat: Seated<'_>) -> Option<Runnable> {
    if let Some(runnable) = take_injected(shared, seat) {
        return Some(runnable);
    }
    let seats = shared.seats.len();
    let start = random(seats);
    for victim in (start..seats).chain(0..start).filter(|&victim| victim != seat.index) {
        let victim = &shared.seats[victim];
        if victim.queue.is_empty() {
            continue;
        }
        // A busy queue is being emptied by someone: the next round looks again,
        // and so does the last look before sleeping.
        if let Some(runnable) = seat.steal(victim) {
            return Some(runnable);
        }
    }
    None
}

/// Stops searching. The last searcher wakes another for what is left: pushers
/// relied on a searcher while there was one.
fn end_search(entry: &Entry<'_>) {
    let shared = entry.shared;
    if entry.searching.replace(false) && shared.idle.end_search() && shared.has_work() {
        shared.notify();
    }
}

pub(crate) fn sit_if_vacant(entry: &Entry<'_>) {
    if entry.seated().is_none() {
        if let Some(seat) = entry.shared.idle.claim(false, entry.preferred_seat()) {
            sit(entry, seat);
        }
    }
}

/// Takes the seat of a promise, or a claimed one, with a search that is counted.
pub(crate) fn sit_searching(entry: &Entry<'_>, seat: usize) {
    sit(entry, seat);
    entry.searching.set(true);
}

fn sit(entry: &Entry<'_>, seat: usize) {
    entry.sit(seat);
    let shared = entry.shared;
    shared.stamp_taken(&shared.seats[seat]);
    if shared.idle.vacant() == 0 {
        // From now on work may wait behind polls that do not return.
        shared.watcher.poke(shared);
    }
}

/// Gives up the seat, if there is one, and sleeps until there is a seat and
/// something to do on it, until `main` is ready, or, as the holder of the timers,
/// until one is due.
///
/// Announce (the listener, then the word), fence, look, park: the order of the
/// proof in `idle/README.md`. Without a seat there is only the listener to announce,
/// whose lock is fence enough.
fn rest(entry: &Entry<'_>, main: &impl Main) {
    let shared = entry.shared;
    let parker = main.parker();
    let _listed = shared.list_parked(parker.clone());
    let sleeper = shared.idle.listen();
    if stand(entry) == Vacated::LookAgain && shared.has_work() {
        if let Some(seat) = shared.idle.claim(true, entry.preferred_seat()) {
            sit_searching(entry, seat);
            if let Some(promise) = sleeper.cancel() {
                // One seat is enough; this thread searches now.
                let _ = shared.give_back(promise);
            }
            return;
        }
    }
    if shared.is_over() {
        // The last to end a task may not have seen the phase.
        shared.look_at_end();
    }
    let (promise, due) = sleep(shared, main, &parker, sleeper);
    shared.resign_holder(&parker);
    let seat = match promise {
        Some(promise) => Some(shared.idle.redeem(promise, entry.preferred_seat())),
        None if due => shared.idle.claim(true, entry.preferred_seat()),
        None => None,
    };
    if let Some(seat) = seat {
        sit_searching(entry, seat);
    }
    if due {
        // A waker may block, and nobody is woken while a searcher is counted.
        end_search(entry);
        // On the seat, if there is one: what is woken runs here, next.
        shared.fire_timers();
    }
}

/// Parks until there is a promise, `main` is ready, or, which is the second result, this
/// thread is the holder of the timers and one is due.
fn sleep(
    shared: &Shared,
    main: &impl Main,
    parker: &Arc<Parker>,
    mut sleeper: Sleeper,
) -> (Option<Promise>, bool) {
    let waker = Waker::from(parker.clone());
    let mut cx = Context::from_waker(&waker);
    loop {
        if main.is_ready() {
            return (sleeper.cancel(), false);
        }
        if let Poll::Ready(promise) = sleeper.poll(&mut cx) {
            return (Some(promise), false);
        }
        parker.park(match shared.timers.hold(parker) {
            Hold::Free => main.deadline(),
            Hold::Until(at) => Some(main.deadline().map_or(at, |deadline| deadline.min(at))),
            Hold::Due => return (sleeper.cancel(), true),
        });
    }
}

/// Gives up the seat; one who has none looks again too.
fn stand(entry: &Entry<'_>) -> Vacated {
    let Some(seat) = entry.seated() else {
        return Vacated::LookAgain;
    };
    debug_assert!(seat.slot.is_empty(), "a worker rests when it has nothing to run");
    bump(&seat.counters.parks, 1, Ordering::Relaxed);
    entry.stand();
    entry.shared.vacate(seat.index, entry.searching.replace(false))
}

/// Leaves the seat with what is queued there, and the timers, to the others.
pub(crate) fn leave(entry: &Entry<'_>) {
    let shared = entry.shared;
    if let Some(seat) = entry.seated() {
        if let Some(runnable) = seat.slot.take() {
            shared.push_local(seat, runnable);
        }
        entry.stand();
        let looked = shared.vacate(seat.index, entry.searching.replace(false));
        if looked == Vacated::LookAgain && shared.has_work() {
            shared.notify();
        }
        if shared.is_over() {
            // As in `rest`.
            shared.look_at_end();
        }
    }
    shared.send_for_holder();
}

/// After a poll, in which this thread may have been counted out; true if it is one too
/// many now.
#[inline]
pub(crate) fn come_back(entry: &Entry<'_>) -> bool {
    entry.counted_out.get() && count_in(entry)
}

#[cold]
fn count_in(entry: &Entry<'_>) -> bool {
    entry.counted_out.set(false);
    if !entry.is_worker_thread() {
        return false;
    }
    let threads = &entry.shared.threads;
    threads.count_in();
    threads.has_surplus() && pinned::ends_if(entry, || threads.retire())
}
