//! The watcher's sleep, and its slow tick, which is endless here: no moment is missed in
//! which something may get stuck, or somebody is free for it, and no timer, though nobody
//! else fires any.
//!
//! The real `watch` loop runs as the watcher's thread. Its state and the idle word
//! are `SeqCst` in the sources, which loom does not know; see `oasync_models::sc`.

use loom::thread;
use oasync_models::{explore_with, task};

#[path = "../../src/blocking/away.rs"]
mod away;
#[allow(dead_code)]
#[path = "../../src/idle/mod.rs"]
mod idle;
#[allow(dead_code)]
#[path = "../../src/parker.rs"]
mod parker;
#[allow(dead_code)]
#[path = "../../src/seat.rs"]
mod seat;
#[allow(dead_code, unused_imports)]
#[path = "../../src/timers/mod.rs"]
mod timers;
#[allow(dead_code)]
#[path = "../../src/watch/mod.rs"]
mod watch;

#[allow(dead_code)]
#[path = "../../src/queue"]
mod queue {
    pub(crate) mod injector;
    pub(crate) mod local;
    pub(crate) mod run_slot;
}

mod sync_facade {
    pub(crate) use oasync_models::sc::{AtomicU8, AtomicU64, AtomicUsize};
    pub(crate) use oasync_models::sync_facade::*;
}

mod barrier {
    use crate::sync_facade::{Ordering, fence};

    pub(crate) fn light() {
        fence(Ordering::SeqCst);
    }

    pub(crate) fn heavy() {
        fence(Ordering::SeqCst);
    }
}

pub(crate) enum WorkerKind {
    Watcher,
}

mod context {
    use std::task::Waker;

    use super::WorkerKind;
    use crate::seat::Seated;
    use crate::shared::Shared;
    use crate::sync_facade::Arc;

    pub(crate) fn settle(_: &Shared) {}

    pub(crate) fn call(f: impl FnOnce()) {
        f();
    }

    /// The watcher would have another call them.
    pub(crate) fn is_own_waker(_: &Waker) -> bool {
        true
    }

    /// Timers are added from outside, and fired by the watcher.
    pub(crate) fn seat(_: &Shared) -> Option<Seated<'_>> {
        None
    }

    pub(crate) struct Entry;

    impl Entry {
        pub(crate) fn new(_: &Arc<Shared>, _: WorkerKind, _: Option<usize>) -> Self {
            Entry
        }

        pub(crate) fn enter(&self) {}
    }
}

mod stall {
    use std::time::Duration;

    use crate::shared::Hooks;
    use crate::task::{Site, TaskId};

    #[allow(dead_code)]
    pub(crate) struct Stall {
        pub(crate) id: Option<TaskId>,
        pub(crate) name: Option<()>,
        pub(crate) location: &'static Site,
        pub(crate) worker: usize,
        pub(crate) lasts: Duration,
    }

    #[derive(Default)]
    pub(crate) struct Listeners;

    impl Listeners {
        pub(crate) fn any(_: &Hooks) -> bool {
            false
        }

        pub(crate) fn want(&mut self, _: &Hooks, _: &Stall) -> bool {
            false
        }
    }

    pub(crate) fn tell(_: &Hooks, _: &Stall) {}
}

mod shared {
    use std::time::Duration;

    use crate::away::Away;
    use crate::idle::Idle;
    use crate::parker::Parker;
    use crate::queue::injector::Injector;
    use crate::seat::Seat;
    use crate::sync_facade::{Arc, AtomicBool, Instant, Mutex, Ordering, Weak, lock};
    use crate::task::Runnable;
    use crate::timers::Timers;
    use crate::watch::Watcher;

    pub(crate) struct Shared {
        pub(crate) me: Weak<Shared>,
        pub(crate) seats: Vec<Seat>,
        pub(crate) idle: Idle,
        pub(crate) injector: Injector,
        pub(crate) watcher: Watcher,
        pub(crate) timers: Timers,
        pub(crate) threads: Threads,
        pub(crate) options: Options,
        pub(crate) hooks: Hooks,
        pub(crate) blocking: Blocking,
        pub(crate) registry: Registry,
        /// Told when a runnable comes into the injector.
        pub(crate) rescued: Arc<Parker>,
        pub(crate) over: AtomicBool,
        parked: Mutex<Option<Arc<Parker>>>,
    }

    impl Shared {
        /// No poll is long enough to be a stall.
        pub(crate) fn new(seats: usize) -> Arc<Self> {
            Self::with(seats, Duration::MAX / 2)
        }

        pub(crate) fn with(seats: usize, stall_threshold: Duration) -> Arc<Self> {
            Arc::new_cyclic(|me| Shared {
                me: me.clone(),
                seats: (0..seats).map(Seat::new).collect(),
                idle: Idle::new(seats),
                injector: Injector::new(),
                watcher: Watcher::new(),
                timers: Timers::new(seats, Instant::now()),
                threads: Threads::default(),
                options: Options { thread_name: "model", stall_threshold },
                hooks: Hooks,
                blocking: Blocking::new(),
                registry: Registry,
                rescued: Arc::new(Parker::new()),
                over: AtomicBool::new(false),
                parked: Mutex::default(),
            })
        }

        pub(crate) fn to_arc(&self) -> Arc<Shared> {
            self.me.upgrade().unwrap()
        }

        pub(crate) fn is_over(&self) -> bool {
            self.over.load(Ordering::Acquire)
        }

        pub(crate) fn list_parked(&self, parker: Arc<Parker>) {
            *lock(&self.parked) = Some(parker);
        }

        pub(crate) fn wake_parked(&self) {
            let parker = lock(&self.parked).clone();
            if let Some(parker) = parker {
                parker.unpark();
            }
        }

        pub(crate) fn vacate(&self, seat: usize) {
            self.seats[seat].counters.stamp_vacant(0);
            let _vacated = self.idle.vacate(seat, false);
            self.watcher.vacated(self);
        }

        pub(crate) fn now(&self) -> u64 {
            0
        }

        pub(crate) fn has_work(&self) -> bool {
            false
        }

        pub(crate) fn is_forsaken(&self) -> bool {
            false
        }

        pub(crate) fn inject(&self, runnable: Runnable) {
            self.injector.push(runnable);
            self.notify();
        }

        /// If it is for a timer, nobody comes: every thread is stuck.
        pub(crate) fn notify(&self) {
            self.rescued.unpark();
        }
    }

    #[derive(Default)]
    pub(crate) struct Threads {
        watcher: Mutex<Option<loom::thread::JoinHandle<()>>>,
        /// How many are refused; not seen by loom.
        refused: std::sync::atomic::AtomicUsize,
    }

    impl Threads {
        /// The system refuses the next `threads` threads.
        pub(crate) fn refuse(&self, threads: usize) {
            self.refused.store(threads, Ordering::SeqCst);
        }

        pub(crate) fn spawn(
            &self,
            _: &Shared,
            _: String,
            f: impl FnOnce() + 'static,
        ) -> Result<(), ()> {
            let mut watcher = lock(&self.watcher);
            let fewer = |left: usize| left.checked_sub(1);
            if self.refused.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok() {
                return Err(());
            }
            let before = watcher.replace(loom::thread::spawn(f));
            assert!(before.is_none(), "one watcher");
            Ok(())
        }

        pub(crate) fn join(&self) {
            let thread = lock(&self.watcher).take();
            if let Some(thread) = thread {
                thread.join().unwrap();
            }
        }
    }

    pub(crate) struct Options {
        pub(crate) thread_name: &'static str,
        pub(crate) stall_threshold: Duration,
    }

    pub(crate) struct Hooks;

    impl Hooks {
        pub(crate) fn contain(&self, f: impl FnOnce()) {
            f();
        }
    }

    pub(crate) struct Registry;

    impl Registry {
        pub(crate) fn name_of(&self, _: crate::task::TaskId) -> Option<()> {
            None
        }
    }

    pub(crate) struct Blocking {
        /// Told when the watcher tries again to get a thread, or closures go to the workers.
        pub(crate) tried: Parker,
        away: Away,
        /// Told when a thread is sent for closures that wait for a lender.
        sent: Parker,
    }

    impl Blocking {
        fn new() -> Self {
            let (tried, sent) = (Parker::new(), Parker::new());
            Blocking { tried, away: Away::default(), sent }
        }

        pub(crate) fn away(&self) -> usize {
            self.away.count()
        }

        /// Closures wait as long as somebody lends.
        pub(crate) fn waits(&self) -> bool {
            self.away() > 0
        }

        pub(crate) fn send_for_closures(&self, _: &Shared) {
            self.sent.unpark();
        }

        pub(crate) fn send_for_lender(&self, _: &Shared) {}

        /// What a lender does whose poll waits for a closure.
        pub(crate) fn lend(&self, shared: &Shared) {
            assert!(self.away.enter(1));
            shared.watcher.poke(shared);
            self.sent.park(None);
            self.away.leave();
        }

        pub(crate) fn try_again(&self, _: &Shared) {
            self.tried.unpark();
        }

        pub(crate) fn send(&self, _: &Shared) {
            self.tried.unpark();
        }
    }
}

use std::task::Waker;
use std::time::Duration;

use parker::Parker;
use shared::Shared;
use sync_facade::{Arc, Instant, Ordering};
use task::Runnable;

/// What a worker does: takes the seat, and wakes a task inside a poll that does
/// not return until the watcher has brought that task to others.
fn stuck_worker(shared: &Arc<Shared>) {
    let seat = shared.idle.claim(false, 0).expect("it is vacant");
    // SAFETY: the idle word gave it to this thread.
    let seated = unsafe { shared.seats[seat].seated() };
    seated.counters.stamp_taken(0);
    assert!(seated.push_slot(Runnable::new(7)).is_none());
    shared.watcher.poke(shared);
    shared.rescued.park(None);
    shared.vacate(seat);
}

/// One that comes and goes.
fn free_worker(shared: &Shared) {
    let Some(seat) = shared.idle.claim(false, 0) else { return };
    shared.seats[seat].counters.stamp_taken(0);
    shared.watcher.poke(shared);
    shared.vacate(seat);
}

fn end(shared: &Arc<Shared>) {
    shared.over.store(true, Ordering::Release);
    shared.wake_parked();
    shared.threads.join();
}

#[test]
fn a_watcher_that_goes_to_sleep_sees_what_gets_stuck() {
    explore_with("watcher, sleep", 3, || {
        let shared = Shared::new(2);
        shared.idle.open();
        shared.watcher.poke(&shared);
        stuck_worker(&shared);
        end(&shared);
    });
}

/// It has not started, or looks at each tick, or is about to sleep, or sleeps.
#[test]
fn a_watcher_that_goes_to_sleep_tries_again_what_was_refused() {
    explore_with("watcher, refused", 3, || {
        let shared = Shared::with(1, Duration::ZERO);
        shared.idle.open();
        for _ in 0..2 {
            assert!(shared.watcher.try_again_later(&shared));
            shared.blocking.tried.park(None);
        }
        end(&shared);
    });
}

/// No seat need be taken meanwhile.
#[test]
fn a_watcher_that_goes_to_sleep_sees_who_lends() {
    explore_with("watcher, a lender", 3, || {
        let shared = Shared::with(1, Duration::ZERO);
        shared.idle.open();
        shared.watcher.poke(&shared);
        shared.blocking.lend(&shared);
        end(&shared);
    });
}

/// A thread for a closure is refused while the watcher's is: whoever leaves the closure
/// to the watcher, or takes it for refused, the closure is left to somebody.
#[test]
fn what_is_left_to_a_watcher_that_is_refused_goes_to_the_workers() {
    explore_with("watcher, refused for ever", 3, || {
        let shared = Shared::new(1);
        shared.idle.open();
        shared.threads.refuse(usize::MAX);
        let other = {
            let shared = shared.clone();
            thread::spawn(move || shared.watcher.poke(&shared))
        };
        if shared.watcher.try_again_later(&shared) {
            shared.blocking.tried.park(None);
        }
        other.join().unwrap();
        end(&shared);
    });
}

/// Who fills a slot while the watcher's thread is being refused, or after.
#[test]
fn what_gets_stuck_without_a_watcher_goes_to_the_others() {
    explore_with("watcher, a slot without one", 3, || {
        let shared = Shared::new(2);
        shared.idle.open();
        shared.threads.refuse(usize::MAX);
        let other = {
            let shared = shared.clone();
            thread::spawn(move || shared.watcher.poke(&shared))
        };
        stuck_worker(&shared);
        other.join().unwrap();
        end(&shared);
    });
}

/// The first to poke starts the thread, and there is one only.
#[test]
fn two_that_poke_start_one_watcher() {
    explore_with("watcher, start", 3, || {
        let shared = Shared::new(2);
        shared.idle.open();
        let other = {
            let shared = shared.clone();
            thread::spawn(move || shared.watcher.poke(&shared))
        };
        stuck_worker(&shared);
        other.join().unwrap();
        end(&shared);
    });
}

/// While both seats are taken it waits for one to be given up, and for nothing else.
#[test]
fn a_watcher_that_gets_slow_sees_who_is_free() {
    explore_with("watcher, slow", 2, || {
        let shared = Shared::new(2);
        shared.idle.open();
        let free = {
            let shared = shared.clone();
            thread::spawn(move || free_worker(&shared))
        };
        stuck_worker(&shared);
        free.join().unwrap();
        end(&shared);
    });
}

const SOON: Duration = Duration::from_millis(1);

/// Adds a timer, and returns when it has fired.
fn sleep(shared: &Shared) {
    let fired = Arc::new(Parker::new());
    let now = Instant::now();
    let timer = shared.add_timer(now + SOON, now, &Waker::from(fired.clone()));
    fired.park(None);
    drop(timer);
}

/// It has not started, or looks at each tick, or is about to sleep, or sleeps.
#[test]
fn a_watcher_that_goes_to_sleep_fires_the_timers() {
    explore_with("watcher, a timer", 3, || {
        let shared = Shared::new(2);
        shared.idle.open();
        sleep(&shared);
        sleep(&shared);
        end(&shared);
    });
}

#[test]
fn a_watcher_that_sleeps_for_a_later_timer_is_woken_for_an_earlier_one() {
    explore_with("watcher, an earlier timer", 3, || {
        let shared = Shared::new(2);
        shared.idle.open();
        let now = Instant::now();
        let far = shared.add_timer(now + Duration::MAX, now, Waker::noop());
        sleep(&shared);
        drop(far);
        end(&shared);
    });
}
