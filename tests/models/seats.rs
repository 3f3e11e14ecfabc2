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

    /// One seat, and one thread that wants it: it is there.
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

#[test]
fn a_seat_is_free_before_it_is_counted() {
    explore_with("seats", 3, || {
        let idle = Arc::new(Idle::new(1));
        let memory = Arc::new(UnsafeCell::new(0));
        idle.open();
        let sit_and_stand = |idle: &Idle, memory: &UnsafeCell<u32>| {
            let Some(seat) = idle.claim(false, 0) else { return };
            // SAFETY: loom stops the model if another access is not before this.
            memory.with_mut(|memory| unsafe { *memory += 1 });
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
