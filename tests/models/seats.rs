//! A seat goes from one thread to the next with all that is on it, and who was
//! counted in finds it at once: nobody spins.

use loom::cell::UnsafeCell;
use loom::thread;
use oasync_models::explore_with;

#[allow(dead_code)]
#[path = "../../src/idle/mod.rs"]
mod idle;

mod sync_facade {
    pub(crate) use oasync_models::sync_facade::*;

    /// As many seats as threads that were counted in: one is there for each.
    pub(crate) fn spin_loop() {
        panic!("counted in, and no seat is free");
    }
}

mod barrier {
    pub(crate) fn light() {}

    pub(crate) fn heavy() {}
}

use idle::Idle;
use sync_facade::Arc;

/// Threads sit down and stand up, at once, and all want the first seat.
fn come_and_go(name: &str, threads: usize, seats: usize) {
    explore_with(name, 3, move || {
        let idle = Arc::new(Idle::new(seats));
        let memory: Arc<[_]> = (0..seats).map(|_| UnsafeCell::new(0)).collect();
        idle.open();
        let sit_and_stand = |idle: &Idle, memory: &[UnsafeCell<u32>]| {
            let Some(seat) = idle.claim(false, 0) else { return };
            // SAFETY: loom stops the model if another access is not before this.
            memory[seat].with_mut(|memory| unsafe { *memory += 1 });
            let _vacated = idle.vacate(seat, false);
        };
        let start = |_| {
            let (idle, memory) = (idle.clone(), memory.clone());
            thread::spawn(move || sit_and_stand(&idle, &memory))
        };
        let others: Vec<_> = (1..threads).map(start).collect();
        sit_and_stand(&idle, &memory);
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

#[test]
fn a_seat_is_free_before_it_is_counted() {
    come_and_go("seats", 2, 1);
}

#[test]
fn all_who_sit_down_get_a_seat_each() {
    come_and_go("seats, three", 3, 3);
}
