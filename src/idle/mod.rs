//! Who searches, who sleeps, and whom to wake. The protocol and its proof are
//! in `README.md` beside this file.
//!
//! The word, and its only two fields:
//!
//! ```text
//!   63            32 31             0
//!  ┌────────────────┬────────────────┐
//!  │ vacant seats   │ searching      │
//!  └────────────────┴────────────────┘
//! ```
//!
//! | step | searching | vacant | who |
//! |---|---|---|---|
//! | `open` | | +seats | the start, once |
//! | `promise` | +1 | −1 | a pusher, if searching = 0 and vacant > 0 |
//! | `begin_search` | +1 | | a worker without work |
//! | `end_search` | −1 | | a searcher that found work, or is called away |
//! | `vacate` | −1 or 0 | +1 | a worker that leaves its seat, searching or not |
//! | `claim` | +1 or 0 | −1 | a thread that wants a seat, to search or not |
//! | `give_back` | −1 | +1 | a promise that nobody can take, or one too many |

use std::pin::Pin;
use std::task::{Context, Poll};

use crossbeam_utils::CachePadded;
use event_listener::IntoNotification;

use crate::barrier;
use crate::sync_facade::{AtomicU64, Event, EventListener, Listener, Ordering, fence, spin_loop};

const SEARCHING: u64 = 1;
const VACANT: u64 = 1 << 32;

pub(crate) struct Idle {
    /// Modified by sequentially consistent read-modify-writes only; what each of them meets
    /// is in the proof. Loaded relaxed where a compare-exchange confirms what was read.
    word: CachePadded<AtomicU64>,
    /// A bit for each seat that is free to sit on. Set before `vacant` counts
    /// it, cleared after `vacant` no longer does: a claimant always finds one.
    free: Box<[AtomicU64]>,
    sleepers: Event,
    seats: usize,
}

/// One seat and one searcher, counted in the word, on their way to a thread.
/// Whoever holds it must take the seat, hand the promise on, or give it back.
#[must_use]
#[derive(Debug)]
pub(crate) struct Promise(());

/// A place in the list of sleepers.
#[must_use]
pub(crate) struct Sleeper(EventListener);

/// What a thread that gave up its seat has to do.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Vacated {
    /// Nobody else searches: look at every queue once more, then sleep.
    LookAgain,
    /// A searcher is left, who will look at every queue after this.
    Rest,
}

fn searching(word: u64) -> u64 {
    word & (VACANT - 1)
}

fn vacant(word: u64) -> u64 {
    word >> 32
}

impl Idle {
    /// `seats` seats, none of them open yet.
    pub(crate) fn new(seats: usize) -> Self {
        Idle {
            word: CachePadded::new(AtomicU64::new(0)),
            free: (0..seats.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            sleepers: Event::new(),
            seats,
        }
    }

    /// Opens every seat; called once.
    pub(crate) fn open(&self) {
        for seat in 0..self.seats {
            self.set_free(seat);
        }
        self.word.fetch_add(self.seats as u64 * VACANT, Ordering::SeqCst);
    }

    /// After a push: a promise, if someone has to be woken for it.
    pub(crate) fn promise(&self) -> Option<Promise> {
        // P2 of the proof: between the push and the load of the word.
        fence(Ordering::SeqCst);
        self.promise_if_needed()
    }

    /// The same, after a push to the local queue of a seat that this thread
    /// holds.
    #[inline]
    pub(crate) fn promise_seated(&self) -> Option<Promise> {
        // P2 of the proof, whose other side is `heavy` as long as a seat is taken.
        barrier::light();
        self.promise_if_needed()
    }

    #[inline]
    fn promise_if_needed(&self) -> Option<Promise> {
        let mut word = self.word.load(Ordering::Relaxed);
        while searching(word) == 0 && vacant(word) > 0 {
            match self.step(word, word - VACANT + SEARCHING) {
                Ok(()) => return Some(Promise(())),
                Err(now) => word = now,
            }
        }
        None
    }

    /// Wakes one sleeper, who then holds the promise; gives it back if none
    /// sleeps.
    pub(crate) fn wake(&self, promise: Promise) -> Result<(), Promise> {
        match self.sleepers.notify(1.additional()) {
            0 => Err(promise),
            _ => Ok(()),
        }
    }

    /// Takes the seat that a promise stands for, `preferred` if that is free.
    pub(crate) fn redeem(&self, _: Promise, preferred: usize) -> usize {
        self.take_free(preferred)
    }

    /// Returns the promise's seat and searcher to the word.
    pub(crate) fn give_back(&self, _: Promise) -> Vacated {
        self.after_vacating(self.word.fetch_add(VACANT - SEARCHING, Ordering::SeqCst) - SEARCHING)
    }

    /// Takes a vacant seat, if there is one.
    pub(crate) fn claim(&self, search: bool, preferred: usize) -> Option<usize> {
        let mut word = self.word.load(Ordering::Relaxed);
        while vacant(word) > 0 {
            match self.step(word, word - VACANT + u64::from(search) * SEARCHING) {
                Ok(()) => return Some(self.take_free(preferred)),
                Err(now) => word = now,
            }
        }
        None
    }

    /// Counts this worker as searching, unless half of the seats search: more
    /// of them would only be in each other's way.
    pub(crate) fn begin_search(&self) -> bool {
        // Relaxed: a few more or less may search.
        let word = self.word.load(Ordering::Relaxed);
        if 2 * searching(word) >= self.seats.max(2) as u64 {
            return false;
        }
        self.word.fetch_add(SEARCHING, Ordering::SeqCst);
        true
    }

    /// Ends a search; true if nobody else searches, and so nobody else will
    /// wake one of those who could for what is left.
    #[must_use]
    pub(crate) fn end_search(&self) -> bool {
        let word = self.word.fetch_sub(SEARCHING, Ordering::SeqCst);
        // With no seat vacant there is nobody to wake.
        let last = searching(word) == 1 && vacant(word) > 0;
        if last {
            // E2 of the proof: between the end of the search and the look. This
            // thread has a seat of its own.
            self.fence_before_look(vacant(word) + 1);
        }
        last
    }

    /// Gives the seat up, and the search with it.
    pub(crate) fn vacate(&self, seat: usize, search: bool) -> Vacated {
        let search = u64::from(search) * SEARCHING;
        self.set_free(seat);
        self.after_vacating(self.word.fetch_add(VACANT - search, Ordering::SeqCst) - search)
    }

    fn after_vacating(&self, word: u64) -> Vacated {
        if searching(word) > 0 {
            return Vacated::Rest;
        }
        // L2 of the proof: between the announcement and the look.
        self.fence_before_look(vacant(word) + 1);
        Vacated::LookAgain
    }

    /// `vacant` counts this thread's own seat. If any other is taken, its owner
    /// may just have pushed with a light fence; all others push with a full one.
    fn fence_before_look(&self, vacant: u64) {
        if vacant < self.seats as u64 {
            barrier::heavy();
        } else {
            fence(Ordering::SeqCst);
        }
    }

    /// Enters the list of sleepers. To be done before giving up the seat.
    ///
    /// Ordered by the list's lock alone, which `wake` and `has_sleepers` take too:
    /// there is no fence in it to rely on.
    pub(crate) fn listen(&self) -> Sleeper {
        Sleeper(self.sleepers.listen())
    }

    pub(crate) fn has_sleepers(&self) -> bool {
        self.sleepers.total_listeners() > 0
    }

    /// Whether somebody will look for work: who searches, or holds a promise, or
    /// sleeps and has a seat to take. If not, and a seat is vacant all the same, a
    /// promise was taken back, for whoever could sit there is in a hook of the user's, or
    /// the system gave no thread.
    pub(crate) fn somebody_comes(&self) -> bool {
        // Relaxed: a hint, for those who ask again.
        let word = self.word.load(Ordering::Relaxed);
        searching(word) > 0 || vacant(word) > 0 && self.has_sleepers()
    }

    pub(crate) fn vacant(&self) -> usize {
        // SeqCst: the watcher looks after it has written its state (see `watch`).
        vacant(self.word.load(Ordering::SeqCst)) as usize
    }

    fn step(&self, from: u64, to: u64) -> Result<(), u64> {
        self.word.compare_exchange_weak(from, to, Ordering::SeqCst, Ordering::Relaxed).map(drop)
    }

    fn set_free(&self, seat: usize) {
        // Release: meets the Acquire in `try_take`; the next owner of the
        // seat sees what this one did on it.
        self.free[seat / 64].fetch_or(1 << (seat % 64), Ordering::Release);
    }

    /// Clears a bit and returns its seat. The caller has been counted out of
    /// `vacant`, so a bit is there for it.
    fn take_free(&self, preferred: usize) -> usize {
        if self.try_take(preferred) {
            return preferred;
        }
        loop {
            for (index, bits) in self.free.iter().enumerate() {
                // Relaxed: `try_take` confirms it.
                let mut bits = bits.load(Ordering::Relaxed);
                while bits != 0 {
                    let seat = index * 64 + bits.trailing_zeros() as usize;
                    if self.try_take(seat) {
                        return seat;
                    }
                    bits &= bits - 1;
                }
            }
            spin_loop();
        }
    }

    fn try_take(&self, seat: usize) -> bool {
        let bit = 1 << (seat % 64);
        let Some(bits) = self.free.get(seat / 64) else {
            return false;
        };
        // Acquire: meets the Release in `set_free`.
        bits.load(Ordering::Relaxed) & bit != 0
            && bits.fetch_and(!bit, Ordering::Acquire) & bit != 0
    }
}

impl Sleeper {
    /// Ready with the promise once this one is woken.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Promise> {
        Pin::new(&mut self.0).poll(cx).map(Promise)
    }

    /// Leaves the list; the promise, if this one was woken.
    pub(crate) fn cancel(self) -> Option<Promise> {
        self.0.discard().then_some(Promise(()))
    }
}

impl Promise {
    /// The promise that was lost on the way to a thread that could not start.
    pub(crate) fn assume() -> Self {
        Promise(())
    }
}
