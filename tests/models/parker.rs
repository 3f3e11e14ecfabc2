//! The parker: no wake-up is lost, with and without a deadline.

use std::time::Duration;

use loom::thread;
use oasync_models::{explore, explore_with, sync_facade};

#[allow(dead_code)]
#[path = "../../src/parker.rs"]
mod parker;

use parker::Parker;
use sync_facade::{Arc, AtomicUsize, Instant, Ordering};

/// `unpark` by one thread, `park` by another that looks at a flag.
#[test]
fn what_was_written_before_an_unpark_is_seen_after_the_park() {
    explore_with("parker", 4, || {
        let parker = Arc::new(Parker::new());
        let flag = Arc::new(AtomicUsize::new(0));
        let waker = {
            let (parker, flag) = (parker.clone(), flag.clone());
            thread::spawn(move || {
                flag.store(1, Ordering::Relaxed);
                parker.unpark();
            })
        };
        while flag.load(Ordering::Relaxed) == 0 {
            parker.park(None);
        }
        waker.join().unwrap();
    });
}

/// Two threads wake a third one, which counts on each.
#[test]
fn two_unparks_may_be_one_token_but_never_none() {
    explore("parker, two wakers", || {
        let parker = Arc::new(Parker::new());
        let count = Arc::new(AtomicUsize::new(0));
        let wakers = [(); 2].map(|()| {
            let (parker, count) = (parker.clone(), count.clone());
            thread::spawn(move || {
                count.fetch_add(1, Ordering::Relaxed);
                parker.unpark();
            })
        });
        while count.load(Ordering::Relaxed) < 2 {
            parker.park(None);
        }
        wakers.into_iter().for_each(|waker| waker.join().unwrap());
    });
}

/// A park that times out may take the token, but then it has seen what came
/// with it.
#[test]
fn a_deadline_loses_no_token() {
    explore_with("parker, deadline", 4, || {
        let parker = Arc::new(Parker::new());
        let flag = Arc::new(AtomicUsize::new(0));
        let waker = {
            let (parker, flag) = (parker.clone(), flag.clone());
            thread::spawn(move || {
                flag.store(1, Ordering::Relaxed);
                parker.unpark();
            })
        };
        parker.park(Some(Instant::now() + Duration::from_millis(1)));
        while flag.load(Ordering::Relaxed) == 0 {
            parker.park(None);
        }
        waker.join().unwrap();
    });
}
