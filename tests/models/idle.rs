//! The idle word, the queues and the real loop of a worker: a task in a queue is
//! run if any thread is free to run it.
//!
//! Two seats, two workers. The tasks of each model wait for each other inside
//! their polls, so *both* workers have to come: a lost wake-up is a deadlock,
//! which loom reports. Everything has to be done *before* the workers are told
//! to leave; that would wake whoever overslept.
//!
//! `heavy` and `light` are both full fences here. That is the pair which runs
//! where the system has no `membarrier`; the proof in `idle/README.md` has a case
//! of its own for the asymmetric one, which no model of the language can express.

use loom::thread;
use oasync_models::{explore_large, sync_facade};

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

// Nobody sleeps for a time in these models: the timers are a model of their own.
#[allow(dead_code)]
#[path = "../../src/timers/off.rs"]
mod timers;

#[path = "idle/crew.rs"]
mod crew;
#[path = "idle/stand_ins.rs"]
mod stand_ins;

pub(crate) use stand_ins::{WorkerKind, barrier, context, pinned, shared, task};

use context::Entry;
use shared::Shared;
use sync_facade::Arc;
use task::Runnable;

/// Beside a worker for each of `seats`; `tasks` tasks end the model, and `body` is
/// what each does.
fn run(seats: usize, tasks: usize, body: fn(&Entry<'_>, u64), push: fn(&Arc<Shared>)) {
    crew::run(&Shared::new(seats, tasks, body), seats, push);
}

fn inject(shared: &Shared, id: u64) {
    shared.injector.push(Runnable::new(id));
    shared.notify();
}

#[test]
fn two_injected_tasks_bring_two_workers() {
    let body = |entry: &Entry<'_>, id| entry.shared.meet(id);
    explore_large("idle, two injected", move || {
        run(2, 2, body, |shared| {
            shared.idle.open();
            inject(shared, 0);
            inject(shared, 1);
        });
    });
}

#[test]
fn a_push_to_the_own_queue_brings_another_worker() {
    let body = |entry: &Entry<'_>, id| {
        if let (0, Some(seat)) = (id, entry.seated()) {
            assert!(seat.push(Runnable::new(1)).is_ok());
            entry.shared.notify_seated();
        }
        entry.shared.meet(id);
    };
    explore_large("idle, own queue", move || {
        run(2, 2, body, |shared| {
            shared.idle.open();
            inject(shared, 0);
        });
    });
}

#[test]
fn what_is_left_on_a_seat_brings_another_worker() {
    let body = |entry: &Entry<'_>, id| {
        if let (0, Some(seat)) = (id, entry.seated()) {
            assert!(seat.push_slot(Runnable::new(1)).is_none());
            worker::leave(entry);
        }
        entry.shared.meet(id);
    };
    explore_large("idle, seat left", move || {
        run(2, 2, body, |shared| {
            shared.idle.open();
            inject(shared, 0);
        });
    });
}

#[test]
fn what_is_pushed_beside_the_start_is_run() {
    explore_large("idle, start", || {
        run(
            1,
            1,
            |_, _| (),
            |shared| {
                let pusher = {
                    let shared = shared.clone();
                    thread::spawn(move || inject(&shared, 0))
                };
                shared.idle.open();
                shared.notify_for_backlog();
                pusher.join().unwrap();
            },
        );
    });
}
