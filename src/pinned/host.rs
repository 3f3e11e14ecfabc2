//! A worker thread as the host of its pinned tasks, from before its start hook until after
//! its stop hook: what runs in a hook that waits may wait for one of them.

use std::cell::Cell;

use crate::context::Entry;
use crate::parker;
use crate::pinned::Home;
use crate::task;
use crate::worker::Main;

/// So many pinned polls in a row, then other tasks have their turn.
const RUNS: u32 = 8;

/// So many polls of pinned tasks may be on top of each other in nested calls of
/// `block_on`: the stack is finite.
const DEPTH: u32 = 16;

/// A worker thread's [`Main`]: its pinned tasks, and it works until everything
/// has ended.
///
/// It is the lowest in the thread's list of main futures, so a nested `block_on`
/// on this thread polls the pinned tasks too: it may be waiting for one of them,
/// and nobody else can.
pub(crate) struct Host<'a> {
    entry: &'a Entry<'a>,
    home: Option<&'a Home>,
    depth: Cell<u32>,
}

/// The home of this worker thread. One that stands in for another has a number
/// beyond them.
fn home<'a>(entry: &Entry<'a>) -> Option<&'a Home> {
    entry.shared.homes.get(entry.preferred_seat()).map(|home| &**home)
}

/// Whether this worker thread has no pinned task, and `may_end` says that it ends.
pub(crate) fn ends_if(entry: &Entry<'_>, may_end: impl FnOnce() -> bool) -> bool {
    match home(entry) {
        Some(home) => home.is_free_and(may_end),
        None => may_end(),
    }
}

impl Main for Host<'_> {
    #[inline]
    fn is_ready(&self) -> bool {
        self.is_woken(false) || self.entry.shared.is_over()
    }

    #[inline]
    fn is_woken(&self, pressed: bool) -> bool {
        let drops = || self.entry.shared.is_cancelling();
        (!pressed || drops())
            && self.home.is_some_and(|home| home.is_filled() && self.depth.get() < DEPTH)
    }

    fn advance(&self) -> bool {
        if let Some(home) = self.home {
            self.depth.set(self.depth.get() + 1);
            self.run_pinned(home);
            self.depth.set(self.depth.get() - 1);
        }
        self.entry.shared.is_over()
    }
}

impl<'a> Host<'a> {
    /// The thread is there, and looks into its inbox from now on.
    pub(crate) fn arrive(entry: &'a Entry<'a>) -> Self {
        let home = home(entry);
        if let Some(home) = home {
            home.arrive(parker::current());
        }
        Host { entry, home, depth: Cell::new(0) }
    }

    /// The thread, which is counted out, is to end; but first the pinned tasks that came
    /// during its stop hook do.
    pub(crate) fn finish(&self) {
        self.serve_until(|home| home.is_free_and(|| true));
    }

    /// The same, and no more come to it.
    pub(crate) fn leave(&self) {
        self.serve_until(Home::leave);
    }

    fn serve_until(&self, is_over: impl Fn(&Home) -> bool) {
        let Some(home) = self.home else { return };
        while !is_over(home) {
            if home.is_filled() {
                self.advance();
            } else {
                parker::current().park(None);
            }
        }
    }

    /// Polls pinned tasks: several in the loop, or one inside a nested call, which
    /// has to look in between whether it is done. There the thread is counted out.
    fn run_pinned(&self, home: &Home) {
        let entry = self.entry;
        let _reentered = entry.reenter();
        let nested = entry.counted_out.get();
        if entry.seated().is_none() && !entry.counted_out.replace(true) {
            // Without a seat it is no use to the tasks that wait for one.
            entry.shared.threads.count_out();
        }
        let counted_out = entry.counted_out.get();
        for _ in 0..if nested { 1 } else { RUNS } {
            let Some(runnable) = home.pop() else { break };
            let seatless = entry.seated().is_none();
            let _listed = seatless.then(|| entry.shared.blocking.list(&runnable));
            task::run(entry, runnable);
            if entry.counted_out.get() != counted_out {
                break;
            }
        }
        if nested && home.is_filled() {
            // The nested call parks next, and would not look.
            parker::current().unpark();
        }
    }
}
