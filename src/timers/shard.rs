//! A part of a coordinator's timers, under a lock of its own.

use std::task::Waker;

use crossbeam_utils::CachePadded;

use super::wheel::{Key, NEVER, Wheel};
use crate::context;
use crate::sync_facade::{Arc, AtomicU64, Mutex, Ordering, lock};

/// So many steps of the wheel under the lock, at most.
const STEPS: usize = 64;

/// The timers that were made on one seat, or by threads without one; or those whose wakers are
/// not the runtime's.
pub(super) struct Shard {
    /// Whether its wakers are the runtime's, which do not block.
    own: bool,
    /// Nothing in the wheel is due before this tick. Written under the lock.
    earliest: AtomicU64,
    state: Mutex<State>,
}

struct State {
    /// The coordinator has ended.
    closed: bool,
    wheel: Wheel<Waker>,
}

/// A timer that is registered. Dropped, it is taken out.
pub(crate) struct Timer {
    shard: Arc<CachePadded<Shard>>,
    key: Key,
}

/// What has become of a timer.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Waits,
    /// It waits, but not where the new waker belongs: to be dropped, and registered anew.
    Misplaced,
    Fired,
    /// Its coordinator has ended, and nobody will fire it.
    Lost,
}

impl Shard {
    pub(super) fn new(own: bool) -> Self {
        let state = State { closed: false, wheel: Wheel::new() };
        Shard { own, earliest: AtomicU64::new(NEVER), state: Mutex::new(state) }
    }

    /// A lower bound.
    pub(super) fn earliest(&self) -> u64 {
        // SeqCst: pairs with the store in `add`; see the proof in `README.md`.
        self.earliest.load(Ordering::SeqCst)
    }

    /// Enters a timer, and says whether it is now the earliest of the shard.
    pub(super) fn add(
        this: &Arc<CachePadded<Self>>,
        when: u64,
        now: u64,
        waker: &Waker,
    ) -> Option<(Timer, bool)> {
        // To clone a waker is user code, and so is to drop it.
        let waker = waker.clone();
        let mut state = lock(&this.state);
        if state.closed {
            drop(state);
            return None;
        }
        let key = state.wheel.insert(when, waker, now);
        // Relaxed: only those who hold the lock write it.
        let first = when < this.earliest.load(Ordering::Relaxed);
        if first {
            // SeqCst: pairs with the load in `earliest`.
            this.earliest.store(when, Ordering::SeqCst);
        }
        drop(state);
        Some((Timer { shard: this.clone(), key }, first))
    }

    /// Moves at most `most` of what is due to `due`; returns the earliest tick of the rest.
    pub(super) fn take_due(&self, now: u64, most: usize, due: &mut Vec<(u64, Waker)>) -> u64 {
        let mut state = lock(&self.state);
        let mut steps = STEPS;
        let end = due.len() + most;
        while due.len() < end {
            let Some(next) = state.wheel.pop_due(now, &mut steps) else { break };
            due.push(next);
        }
        let earliest = state.wheel.earliest();
        // SeqCst, here and in `close`: as in `add`.
        self.earliest.store(earliest, Ordering::SeqCst);
        earliest
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.state).wheel.len()
    }

    /// Refuses new timers and takes out those that are there.
    pub(super) fn close(&self) -> impl Iterator<Item = Waker> + use<> {
        let mut state = lock(&self.state);
        state.closed = true;
        self.earliest.store(NEVER, Ordering::SeqCst);
        state.wheel.drain()
    }
}

impl Timer {
    /// What has become of it; if it waits, `waker` is woken when it fires.
    pub(crate) fn poll(&self, waker: &Waker) -> Fate {
        if let Some(fate) = self.look(waker) {
            return fate;
        }
        if self.shard.own != context::is_own_waker(waker) {
            return Fate::Misplaced;
        }
        // Cloned and dropped outside of the lock.
        let mut new = waker.clone();
        let mut state = lock(&self.shard.state);
        let fate = match state.wheel.get_mut(self.key) {
            Some(old) => {
                std::mem::swap(old, &mut new);
                Fate::Waits
            }
            None => state.gone(),
        };
        drop(state);
        fate
    }

    /// The same, but nothing if it waits with another waker.
    fn look(&self, waker: &Waker) -> Option<Fate> {
        let mut state = lock(&self.shard.state);
        match state.wheel.get_mut(self.key) {
            Some(old) => old.will_wake(waker).then_some(Fate::Waits),
            None => Some(state.gone()),
        }
    }
}

impl State {
    fn gone(&self) -> Fate {
        if self.closed { Fate::Lost } else { Fate::Fired }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let waker = lock(&self.shard.state).wheel.remove(self.key);
        // Outside of the lock.
        drop(waker);
    }
}
