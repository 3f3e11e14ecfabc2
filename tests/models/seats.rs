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

/// Two threads sit down and stand up, at once.
fn come_and_go(name: &str, seats: usize) {
    explore_with(name, 3, move || {
        let idle = Arc::new(Idle::new(seats));
        let memory: Arc<[_; 2]> = Arc::new([UnsafeCell::new(0), UnsafeCell::new(0)]);
        idle.open();
        let sit_and_stand = |idle: &Idle, memory: &[UnsafeCell<u32>; 2]| {
            let Some(seat) = idle.claim(false, 0) else { return };
            // SAFETY: loom stops the model if another access is not before this.
            memory[seat].with_mut(|memory| unsafe { *memory += 1 });
            let _vacated = idle.vacate(seat, false);
        };
        let other = {
            let (idle, memory) = (idle.clone(), memory.clone());
            thread::spawn(move || sit_and_stand(&idle, &memory))
        };
        sit_and_stand(&idle, &memory);
        other.join().unwrap();
    });
}

#[test]
fn a_seat_is_free_before_it_is_counted() {
    come_and_go("seats", 1);
}

/// Both want the same.
#[test]
fn two_who_sit_down_get_a_seat_each() {
    come_and_go("seats, two", 2);
}
