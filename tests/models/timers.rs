//! The timers: none is lost between those who add it, the holder that parks, and
//! those who fire.
//!
//! The real timers and the real loop of a worker, and nobody else who would fire: a
//! watcher that does nothing stands here (the real one is in the model `watcher`).
//! The models end when every timer that is due has been fired, which nobody but
//! a worker does that wakes in time: a timer that nobody waits for is a deadlock.
//! A timer that is *far* never comes: who sleeps until then has to be woken.
//!
//! Each thread has a clock of its own, which goes on when it waits. So the times at
//! which threads look are in every order.

use std::task::{Wake, Waker};
use std::time::Duration;

use loom::thread;
use oasync_models::explore_with;

#[allow(dead_code)]
#[path = "../../src/idle/mod.rs"]
mod idle;
#[allow(dead_code)]
#[path = "../../src/parker.rs"]
mod parker;
#[allow(dead_code)]
#[path = "../../src/seat.rs"]
mod seat;
#[allow(dead_code)]
#[path = "../../src/timers/mod.rs"]
mod timers;
#[allow(dead_code)]
#[path = "../../src/wake.rs"]
mod wake;
#[allow(dead_code, dropping_copy_types)]
#[path = "../../src/worker.rs"]
mod worker;

#[allow(dead_code)]
#[path = "../../src/queue"]
mod queue {
    pub(crate) mod injector;
    pub(crate) mod local;
    pub(crate) mod run_slot;
}

/// The words of the timers, and the idle word, are `SeqCst`, which loom does not know.
mod sync_facade {
    pub(crate) use oasync_models::sc::AtomicU64;
    pub(crate) use oasync_models::sync_facade::*;
}

#[path = "idle/crew.rs"]
mod crew;
#[path = "idle/stand_ins.rs"]
mod stand_ins;

pub(crate) use stand_ins::{WorkerKind, barrier, context, pinned, shared, task};

use context::Entry;
use parker::Parker;
use shared::Shared;
use sync_facade::{Arc, AtomicBool, Instant, Ordering};
use task::Runnable;
use timers::{Fate, Hold, Timer};
use worker::Main;

const SOON: Duration = Duration::from_millis(1);
/// Beyond the end of the models.
const FAR: Duration = Duration::MAX;

/// Ends the model when it is woken, if it is the last.
struct Finish(Arc<Shared>);

impl Wake for Finish {
    fn wake(self: Arc<Self>) {
        self.0.finish();
    }
}

fn add(shared: &Arc<Shared>, after: Duration) -> Option<Timer> {
    let waker = Waker::from(Arc::new(Finish(shared.clone())));
    let now = Instant::now();
    shared.add_timer(now + after, now, &waker)
}

fn inject(shared: &Shared, id: u64) {
    shared.injector.push(Runnable::new(id));
    shared.notify();
}

fn nothing(_: &Entry<'_>, _: u64) {}

#[test]
fn a_timer_added_without_a_seat_is_fired() {
    explore_with("timers, from outside", 3, || {
        let shared = Shared::new(1, 1, nothing);
        shared.idle.open();
        crew::run(&shared, 1, |shared| add(shared, SOON).unwrap());
    });
}

/// They are taken out one at a time, for the first may block; and one of them is due later.
#[test]
fn timers_whose_wakers_are_not_the_runtimes_are_all_fired() {
    explore_with("timers, foreign", 2, || {
        let shared = Shared::new(1, 3, nothing);
        shared.idle.open();
        crew::run(&shared, 1, |shared| {
            let own = add(shared, SOON);
            context::have_foreign_wakers();
            (own, [SOON, SOON * 2].map(|after| add(shared, after).unwrap()))
        });
    });
}

/// The holder, if there is one by then, would sleep to the end.
#[test]
fn who_holds_a_later_timer_is_woken_for_an_earlier_one() {
    explore_with("timers, earlier", 3, || {
        let shared = Shared::new(1, 1, nothing);
        let far = add(&shared, FAR).unwrap();
        shared.idle.open();
        crew::run(&shared, 1, |shared| add(shared, SOON).unwrap());
        drop(far);
    });
}

/// Who added it takes the role from the one who sleeps, or the other way round.
#[test]
fn a_timer_added_on_a_seat_is_fired() {
    let body = |entry: &Entry<'_>, _| entry.shared.keep(add(entry.shared, SOON));
    explore_with("timers, on a seat", 1, move || {
        let shared = Shared::new(2, 2, body);
        let far = add(&shared, FAR).unwrap();
        shared.idle.open();
        crew::run(&shared, 2, |shared| inject(shared, 0));
        drop(far);
    });
}

/// A caller in the loop, until it is told to leave.
struct Caller {
    told: AtomicBool,
    parker: Arc<Parker>,
}

impl Main for Caller {
    fn is_ready(&self) -> bool {
        self.told.load(Ordering::Acquire)
    }

    fn advance(&self) -> bool {
        true
    }

    fn parker(&self) -> Arc<Parker> {
        self.parker.clone()
    }
}

/// It may be the holder, be on its way to it, or be about to fire.
#[test]
fn who_leaves_sends_for_another_holder() {
    explore_with("timers, the holder leaves", 2, || {
        let shared = Shared::new(2, 1, nothing);
        let timer = add(&shared, SOON).unwrap();
        shared.idle.open();
        crew::run(&shared, 1, |shared| {
            let told = AtomicBool::new(false);
            let main = Arc::new(Caller { told, parker: Arc::new(Parker::new()) });
            let caller = {
                let (shared, main) = (shared.clone(), main.clone());
                thread::spawn(move || {
                    let entry = Entry::new(&shared, WorkerKind::Worker, Some(1));
                    let _left = worker::work(&entry, &*main);
                })
            };
            main.told.store(true, Ordering::Release);
            main.parker.unpark();
            caller.join().unwrap();
        });
        drop(timer);
    });
}

/// There is no watcher, and what the holder finds to do instead lasts until the timer
/// has fired. (Its other steps are those of `rest`, without the loop around.)
#[test]
fn a_holder_that_finds_other_work_is_replaced() {
    explore_with("timers, other work", 3, || {
        let shared = Shared::new(1, 1, nothing);
        shared.watcher.refuse();
        let timer = add(&shared, SOON).unwrap();
        let rests = {
            let shared = shared.clone();
            thread::spawn(move || {
                let parker = Arc::new(Parker::new());
                let _listed = shared.list_parked(parker.clone());
                loop {
                    parker.park(match shared.timers.hold(&parker) {
                        Hold::Free => None,
                        Hold::Until(at) => Some(at),
                        Hold::Due => return shared.fire_timers(),
                    });
                }
            })
        };
        let parker = Arc::new(Parker::new());
        {
            let _listed = shared.list_parked(parker.clone());
            let _hold = shared.timers.hold(&parker);
        }
        shared.resign_holder(&parker);
        shared.wait_until_done();
        rests.join().unwrap();
        drop(timer);
    });
}

/// There is no watcher, and who added it is in a long poll.
#[test]
fn who_adds_a_timer_and_gets_stuck_without_a_watcher_sends_for_a_holder() {
    explore_with("timers, stuck", 2, || {
        let shared = Shared::new(2, 1, nothing);
        shared.watcher.refuse();
        shared.idle.open();
        crew::run(&shared, 1, |shared| {
            let entry = Entry::new(shared, WorkerKind::Worker, Some(1));
            let seat = shared.idle.claim(false, 1).expect("one is vacant");
            entry.sit(seat);
            let fired = Arc::new(Parker::new());
            let now = Instant::now();
            let timer = shared.add_timer(now + SOON, now, &Waker::from(fired.clone()));
            fired.park(None);
            drop(timer);
            entry.stand();
            let _vacated = shared.vacate(seat, false);
            shared.finish();
        });
    });
}

/// The first lemma of the proof. Two add, each to a shard of its own, beside one who
/// fires what is due in one of them.
#[test]
fn what_is_added_beside_a_fire_is_fired_or_waited_for() {
    explore_with("timers, beside a fire", 3, || {
        let shared = Shared::new(1, 2, nothing);
        let entry = Entry::new(&shared, WorkerKind::Worker, Some(0));
        entry.sit(0);
        let due = add(&shared, SOON);
        let fires = {
            let shared = shared.clone();
            thread::spawn(move || {
                Parker::new().park(Some(Instant::now() + SOON * 2));
                shared.fire_timers();
            })
        };
        let adds = {
            let shared = shared.clone();
            thread::spawn(move || add(&shared, SOON))
        };
        let far = add(&shared, FAR);
        fires.join().unwrap();
        let soon = adds.join().unwrap().unwrap();
        let parker = Arc::new(Parker::new());
        let Hold::Until(at) = shared.timers.hold(&parker) else {
            panic!("nobody waits for the far one");
        };
        let waits = soon.poll(Waker::noop()) == Fate::Waits;
        assert!(!waits || at <= Instant::now() + SOON * 2, "nobody waits for the other one");
        let _held = shared.timers.resign(&parker);
        drop((due, far, soon));
        entry.stand();
    });
}

#[test]
fn a_timer_added_beside_the_end_is_refused_or_woken() {
    explore_with("timers, the end", 3, || {
        let shared = Shared::new(1, 1, nothing);
        let closes = {
            let shared = shared.clone();
            thread::spawn(move || assert!(shared.close_timers().is_empty()))
        };
        let woken = Arc::new(Parker::new());
        let waker = Waker::from(woken.clone());
        let now = Instant::now();
        if let Some(timer) = shared.add_timer(now + SOON, now, &waker) {
            woken.park(None);
            assert_eq!(timer.poll(&waker), Fate::Lost);
        }
        closes.join().unwrap();
    });
}
