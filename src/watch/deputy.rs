//! Threads that call users' code in place of those who must not block: the stall hook, and
//! wakers that are not the runtime's own.
//!
//! For each duty there is one such thread while something is due, and none otherwise; more, if
//! a waker blocks while others wait to be called. If the system gives none, the caller does it.

use std::collections::VecDeque;
use std::task::Waker;

use crate::WorkerKind;
use crate::context::{self, Entry};
use crate::shared::Shared;
use crate::stall::{self, Stall};
use crate::sync_facade::{AtomicUsize, Mutex, Ordering, lock};

/// So many stalls wait to be told; of what is more nobody hears, as long as a hook blocks.
const MOST_STALLS: usize = 1024;

/// So many wakers of timers that nobody will fire are called at once.
const MOST_WAKING: usize = 16;

#[derive(Clone, Copy)]
pub(crate) enum Duty {
    /// To tell of stalls.
    Stalls,
    /// To fire timers that are overdue, whose wakers are not the runtime's.
    Timers,
    /// To call such wakers, of timers that nobody will fire.
    Lost,
}

#[derive(Default)]
pub(crate) struct Deputies {
    /// For each duty, how many are at it; the last looks once more before it leaves.
    at_work: [AtomicUsize; 3],
    stalls: Mutex<VecDeque<Stall>>,
    lost: Mutex<Vec<Waker>>,
}

impl Deputies {
    pub(super) fn tell(&self, shared: &Shared, stall: Stall) {
        let mut stalls = lock(&self.stalls);
        if stalls.len() < MOST_STALLS {
            stalls.push_back(stall);
        }
        drop(stalls);
        self.send(shared, Duty::Stalls);
    }

    /// Calls wakers, of which each may block.
    pub(crate) fn wake(&self, shared: &Shared, wakers: Vec<Waker>) {
        if !wakers.is_empty() {
            let more = wakers.len().min(MOST_WAKING) - 1;
            lock(&self.lost).extend(wakers);
            self.send(shared, Duty::Lost);
            // Nobody watches any more whether they block.
            (0..more).for_each(|_| self.send_another(shared, Duty::Lost));
        }
    }

    /// Something is due: sees to it that it is done.
    pub(super) fn send(&self, shared: &Shared, duty: Duty) {
        if self.begins(duty) && !self.start(shared, duty) {
            self.work(shared, duty);
        }
    }

    /// Those who are at it may be stuck: sends one more.
    pub(super) fn send_another(&self, shared: &Shared, duty: Duty) {
        // SeqCst: as in `begins`.
        self.at_work[duty as usize].fetch_add(1, Ordering::SeqCst);
        if !self.start(shared, duty) {
            self.at_work[duty as usize].fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Starts a thread, which is counted; false if the system gives none.
    fn start(&self, shared: &Shared, duty: Duty) -> bool {
        let owned = shared.to_arc();
        let body = move || {
            context::settle(&owned);
            let entry = Entry::new(&owned, WorkerKind::Watcher, Some(1 + duty as usize));
            let _entered = entry.enter();
            owned.watcher.deputies.work(&owned, duty);
        };
        let name = format!("{}-{}", shared.options.thread_name, duty.name());
        shared.threads.spawn(shared, name, body).is_ok()
    }

    fn work(&self, shared: &Shared, duty: Duty) {
        loop {
            while self.is_due(shared, duty) {
                self.perform(shared, duty);
            }
            // SeqCst: whoever makes something due then looks whether anybody is at work; here
            // one stops, and then looks what is due. One of the two sees the other.
            self.at_work[duty as usize].fetch_sub(1, Ordering::SeqCst);
            if !self.is_due(shared, duty) || !self.begins(duty) {
                return;
            }
        }
    }

    /// Whether nobody was at it.
    fn begins(&self, duty: Duty) -> bool {
        // SeqCst: see `work`.
        let at_work = &self.at_work[duty as usize];
        at_work.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    fn is_due(&self, shared: &Shared, duty: Duty) -> bool {
        match duty {
            Duty::Stalls => !lock(&self.stalls).is_empty(),
            Duty::Timers => shared.timers.is_foreign_overdue(),
            Duty::Lost => !lock(&self.lost).is_empty(),
        }
    }

    fn perform(&self, shared: &Shared, duty: Duty) {
        match duty {
            Duty::Stalls => {
                let stall = lock(&self.stalls).pop_front();
                stall.iter().for_each(|stall| stall::tell(&shared.hooks, stall));
            }
            Duty::Timers => shared.fire_timers(),
            Duty::Lost => {
                let waker = lock(&self.lost).pop();
                let wake = || waker.into_iter().for_each(Waker::wake);
                context::call(|| shared.hooks.contain(wake));
            }
        }
    }
}

impl Duty {
    fn name(self) -> &'static str {
        match self {
            Duty::Stalls => "stall",
            Duty::Timers => "timer",
            Duty::Lost => "wake",
        }
    }
}
