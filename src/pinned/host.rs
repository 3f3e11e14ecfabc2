//! A worker thread as the host of its pinned tasks.

use std::cell::Cell;

use crate::block_on::Link;
use crate::context::Entry;
use crate::parker;
use crate::pinned::Home;
use crate::task;
use crate::worker::{self, Left, Main};

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
struct Host<'a> {
    entry: &'a Entry<'a>,
    home: Option<&'a Home>,
    depth: Cell<u32>,
}

/// The home of this worker thread. One that stands in for another has a number
/// beyond them.
fn home<'a>(entry: &Entry<'a>) -> Option<&'a Home> {
    entry.shared.homes.get(entry.preferred_seat()).map(|home| &**home)
}

/// Whether this worker thread, which `may_leave` says is one too many, ends.
pub(crate) fn leave_if(entry: &Entry<'_>, may_leave: impl FnOnce() -> bool) -> bool {
    match home(entry) {
        Some(home) => home.leave_if(may_leave),
        None => may_leave(),
    }
}

/// The loop of a worker thread.
pub(crate) fn work_to_the_end(entry: &Entry<'_>) -> Left {
    let home = home(entry);
    if let Some(home) = home {
        home.arrive(parker::current());
    }
    let host = Host { entry, home, depth: Cell::new(0) };
    let link = Link::new(&host);
    let _linked = link.push();
    let left = worker::work(entry, &host);
    if left == Left::Done {
        // Nothing is alive, so nothing is at home.
        leave_if(entry, || true);
    }
    left
}

impl Main for Host<'_> {
    #[inline]
    fn is_ready(&self) -> bool {
        self.is_woken() || self.entry.shared.is_over()
    }

    #[inline]
    fn is_woken(&self) -> bool {
        self.home.is_some_and(|home| home.is_filled() && self.depth.get() < DEPTH)
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

impl Host<'_> {
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
