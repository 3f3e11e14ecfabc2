//! Lending: a blocking thread that is out of blocking work polls async tasks,
//! one at a time, while every seat is taken and work waits all the same; or a seat is
//! vacant, and no worker comes.
//!
//! At most twice as many threads lend as there are seats: enough to stand in for
//! workers that are stuck, and no crowd if they are only busy. One that blocks in a
//! lent poll steps aside: until it is back it counts neither as a thread of the
//! pool nor as one that is away.

use crate::context::Entry;
use crate::shared::Shared;
use crate::sync_facade::Ordering;
use crate::task;
use crate::thief::Thief;

/// How many threads lend at most.
pub(super) fn most(shared: &Shared) -> usize {
    2 * shared.seats.len()
}

pub(super) struct Lender<'a> {
    entry: &'a Entry<'a>,
    thief: Thief<'a>,
}

impl<'a> Lender<'a> {
    pub(super) fn new(entry: &'a Entry<'a>) -> Self {
        Lender { entry, thief: Thief::new(entry.shared) }
    }

    /// Polls one task, if one waits and no worker comes for it.
    pub(super) fn lend(&self) -> bool {
        let shared = self.entry.shared;
        let pool = &shared.blocking;
        // A vacant seat is for a worker, unless none comes.
        if shared.idle.vacant() > 0 && (!shared.has_work() || shared.idle.somebody_comes()) {
            return false;
        }
        if !pool.go_away(self.entry, most(shared)) {
            return false;
        }
        let stays = pool.has_job_unwatched(shared);
        let runnable = (!stays).then(|| self.thief.take()).flatten();
        let lent = runnable.is_some();
        if let Some(runnable) = runnable {
            pool.lends.fetch_add(1, Ordering::Relaxed);
            // From now on closures may wait behind a poll that does not return; and that no
            // seat is vacant need not mean that anybody sat on the last one.
            shared.watcher.poke(shared);
            // No seat tells what is polled here, and it may be stuck.
            let _listed = pool.list(&runnable);
            task::run(self.entry, runnable);
        }
        pool.return_from(self.entry);
        lent && !self.entry.counted_out.get()
    }
}
