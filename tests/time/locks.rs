//! Promise: no lock of the timers is held while a waker is woken or dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oasync::sleep;

use crate::common::wakers::{Call, OnDrop, poll};
use crate::common::{coordinator, in_time};
use crate::{FAR, SOON, ms, poll_once};

/// Takes the lock of this seat's timers: whoever holds it would wait for ever.
fn touch() {
    assert!(poll_once(&mut sleep(FAR)).is_pending());
}

#[test]
fn no_lock_is_held_while_a_waker_is_woken_or_dropped() {
    in_time(|| {
        // One seat, and so one lock.
        coordinator(1).block_on(async {
            let mut given_up = sleep(FAR);
            assert!(poll(&mut given_up, &OnDrop::waker(touch)).is_pending());
            drop(given_up);
            let mut replaced = sleep(FAR);
            assert!(poll(&mut replaced, &OnDrop::waker(touch)).is_pending());
            assert!(poll_once(&mut replaced).is_pending());
            let is_woken = Arc::new(AtomicBool::new(false));
            let wakes = is_woken.clone();
            let waker = Call::waker(move || {
                touch();
                wakes.store(true, Ordering::SeqCst);
            });
            let mut woken = sleep(SOON);
            assert!(poll(&mut woken, &waker).is_pending());
            while !is_woken.load(Ordering::SeqCst) {
                sleep(ms(1)).await;
            }
            assert!(poll_once(&mut woken).is_ready());
        });
    });
}
