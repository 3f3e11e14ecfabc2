//! Promise: no lock of a group is held while a waker, or the drop of a result, runs.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::task::Waker;

use oasync::TaskGroup;

use crate::common::wakers::{Call, OnDrop, poll};
use crate::common::{LONG, eventually, in_time, started};

/// A result that takes its group's lock in its drop, and counts that.
struct Loud(Weak<TaskGroup<Loud>>, Arc<AtomicUsize>);

impl Drop for Loud {
    fn drop(&mut self) {
        touch(&self.0);
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

/// Takes the lock: whoever holds it would wait for ever.
fn touch(group: &Weak<TaskGroup<Loud>>) {
    if let Some(group) = group.upgrade() {
        let _ = poll(&mut pin!(group.join_next()), Waker::noop());
        let _ = group.len();
    }
}

#[test]
fn no_lock_is_held_while_a_waker_is_woken_or_dropped_or_a_result_is() {
    in_time(|| {
        let coord = started(1);
        let group = Arc::new(coord.group::<Loud>());
        let (weak, drops) = (Arc::downgrade(&group), Arc::new(AtomicUsize::new(0)));
        let touches = || {
            let weak = weak.clone();
            move || touch(&weak)
        };
        let spawn = || {
            let (release, held) = mpsc::channel::<()>();
            let loud = Loud(weak.clone(), drops.clone());
            group.spawn(async move {
                let _ = held.recv_timeout(LONG);
                loud
            });
            release
        };
        // Woken, by the end of the child; one replaced and one given up before.
        let release = spawn();
        let mut given_up = Box::pin(group.join_next());
        assert!(poll(&mut given_up, &OnDrop::waker(touches())).is_pending());
        drop(given_up);
        let mut woken = Box::pin(group.join_next());
        assert!(poll(&mut woken, &OnDrop::waker(touches())).is_pending());
        assert!(poll(&mut woken, &Call::waker(touches())).is_pending());
        drop(release);
        // The waker's own look may have taken the result.
        let joined = coord.block_on(woken);
        assert!(joined.is_none_or(|result| result.is_ok()));
        assert_eq!(drops.load(Ordering::SeqCst), 1);
        // Dropped by the worker, for nobody wants it.
        let release = spawn();
        group.detach_all();
        drop(release);
        eventually("it is dropped", || drops.load(Ordering::SeqCst) == 2);
        // Dropped with the group.
        drop(spawn());
        drop(group);
        drop(coord);
        assert_eq!(drops.load(Ordering::SeqCst), 3);
    });
}
