//! A gate at which user code waits until the test opens it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{LONG, eventually};

/// The side of those who wait.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    open: bool,
    arrivals: usize,
}

/// Opens the gate at the latest when it is dropped: a test that fails leaves nobody behind.
pub struct Opener(Gate);

pub fn gate() -> (Opener, Gate) {
    let gate = Gate::default();
    (Opener(gate.clone()), gate)
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks this thread until the gate is open; false if that took too long.
    pub fn pass(&self) -> bool {
        let mut state = self.state();
        state.arrivals += 1;
        self.0.1.notify_all();
        let waited = self.0.1.wait_timeout_while(state, 2 * LONG, |state| !state.open);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// How many have come so far.
    pub fn arrivals(&self) -> usize {
        self.state().arrivals
    }

    pub fn is_open(&self) -> bool {
        self.state().open
    }

    /// Waits until so many have come.
    #[track_caller]
    pub fn wait_for(&self, arrivals: usize) {
        eventually("they come to the gate", || self.arrivals() >= arrivals);
    }
}

impl Opener {
    pub fn open(&self) {
        self.0.state().open = true;
        self.0.0.1.notify_all();
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        self.open();
    }
}

/// Waits at its gate when it is dropped.
pub struct PassOnDrop(pub Gate);

impl Drop for PassOnDrop {
    fn drop(&mut self) {
        self.0.pass();
    }
}
