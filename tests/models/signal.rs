//! The signal of a main future: a wake is seen by the poll after it, or asks for
//! another.

use std::task::Waker;

use loom::thread;
use oasync_models::{explore_with, sync_facade};

#[allow(dead_code)]
#[path = "../../src/parker.rs"]
mod parker;
#[allow(dead_code)]
#[path = "../../src/block_on/signal.rs"]
mod signal;

use parker::Parker;
use signal::Signal;
use sync_facade::{Arc, AtomicUsize, Ordering};

/// Two wakes, each after it wrote something; the main future is ready when it
/// has seen both.
#[test]
fn every_wake_is_followed_by_a_poll_that_sees_it() {
    explore_with("signal", 3, || {
        let parker = Arc::new(Parker::new());
        let signal = Arc::new(Signal::new(parker.clone()));
        let ready = Arc::new(AtomicUsize::new(0));
        let wakers = [(); 2].map(|()| {
            let (waker, ready) = (Waker::from(signal.clone()), ready.clone());
            thread::spawn(move || {
                ready.fetch_add(1, Ordering::Relaxed);
                waker.wake();
            })
        });
        loop {
            if signal.is_set() {
                signal.take();
                // The poll.
                if ready.load(Ordering::Relaxed) == 2 {
                    break;
                }
            } else {
                signal.parker().park(None);
            }
        }
        wakers.into_iter().for_each(|waker| waker.join().unwrap());
    });
}
