//! The local queue at capacity 4, with the real ring: nothing is lost, nothing
//! comes out twice, the owner gets what it pushed in order, and the length as
//! others see it is never too small.

use std::sync::Mutex;
use std::time::Instant;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

#[allow(dead_code)]
#[path = "../../../src/queue/local.rs"]
mod local;

#[allow(dead_code)]
#[path = "../src/atomic.rs"]
mod atomic;

mod sync_facade {
    pub(crate) use crate::atomic::{AtomicU64, Ordering};
    pub(crate) use st3::fifo as ring;

    pub(crate) const fn bound(_real: u32, model: u32) -> u32 {
        model
    }
}

mod task {
    pub(crate) type Runnable = Box<u64>;
}

use local::{CAPACITY, Owner, Shared};

/// What came out, and how often. Not seen by loom.
#[derive(Default)]
struct Out([Mutex<u32>; 2 * CAPACITY]);

impl Out {
    fn add(&self, item: Box<u64>) {
        *self.0[*item as usize].lock().unwrap() += 1;
    }

    fn assert_once(&self, items: u64) {
        for (item, count) in self.0.iter().enumerate() {
            let expected = u32::from((item as u64) < items);
            assert_eq!(*count.lock().unwrap(), expected, "item {item}");
        }
    }
}

fn explore(name: &str, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    let bound = builder.preemption_bound;
    let schedules = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (counter, start) = (schedules.clone(), Instant::now());
    builder.check(move || {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        model();
    });
    let schedules = schedules.load(std::sync::atomic::Ordering::Relaxed);
    println!("model {name}: {schedules} schedules, {bound:?} preemptions, {:.1?}", start.elapsed());
}

/// Takes everything out on the owner's thread; in order.
fn drain(owner: &Owner, shared: &Shared, out: &Out) {
    let mut last = None;
    while let Some(item) = owner.pop(shared) {
        assert!(last < Some(*item), "first in, first out");
        last = Some(*item);
        out.add(item);
    }
}

/// The owner pushes more than fits, and splits; a worker steals half into a queue
/// of its own.
#[test]
fn overflow_beside_a_thief() {
    explore("local queue, overflow", || {
        let (owner, shared) = local::new();
        let (shared, out) = (Arc::new(shared), Arc::new(Out::default()));
        let thief = {
            let (victim, out) = (shared.clone(), out.clone());
            thread::spawn(move || {
                let (own, shared) = local::new();
                if let Some(item) = own.steal_from(&shared, &victim) {
                    out.add(item);
                }
                drain(&own, &shared, &out);
                assert_eq!(shared.len(), 0);
            })
        };
        let items = CAPACITY as u64 + 1;
        for item in 0..items {
            if let Err(item) = owner.push(&shared, Box::new(item)) {
                owner.split(&shared).into_iter().for_each(|item| out.add(item));
                if let Err(item) = owner.push(&shared, item) {
                    out.add(item);
                }
            }
        }
        drain(&owner, &shared, &out);
        thief.join().unwrap();
        out.assert_once(items);
        assert_eq!(shared.len(), 0);
    });
}

/// A worker steals half, a lender steals one, the owner pops.
#[test]
fn two_thieves_and_the_owner() {
    explore("local queue, two thieves", || {
        let (owner, shared) = local::new();
        let (shared, out) = (Arc::new(shared), Arc::new(Out::default()));
        let items = 3;
        for item in 0..items {
            assert!(owner.push(&shared, Box::new(item)).is_ok());
        }
        let worker = {
            let (victim, out) = (shared.clone(), out.clone());
            thread::spawn(move || {
                let (own, shared) = local::new();
                if let Some(item) = own.steal_from(&shared, &victim) {
                    out.add(item);
                }
                drain(&own, &shared, &out);
            })
        };
        let lender = {
            let (victim, out) = (shared.clone(), out.clone());
            thread::spawn(move || {
                let spare = sync_facade::ring::Worker::new(1);
                if let Some(item) = victim.steal_one(&spare) {
                    out.add(item);
                }
            })
        };
        drain(&owner, &shared, &out);
        worker.join().unwrap();
        lender.join().unwrap();
        out.assert_once(items);
        assert_eq!(shared.len(), 0);
    });
}

/// One who looks at the length while the owner pops and a thief takes: what is
/// still in the queue at the end was there all the time, and is always counted.
#[test]
fn the_length_is_never_too_small() {
    explore("local queue, length", || {
        let (owner, shared) = local::new();
        let shared = Arc::new(shared);
        for item in 0..2 {
            assert!(owner.push(&shared, Box::new(item)).is_ok());
        }
        let looker = {
            let shared = shared.clone();
            thread::spawn(move || assert!(!shared.is_empty(), "one is always in it"))
        };
        // One more comes in before one goes out, so there are two or three.
        for item in 2..4 {
            assert!(owner.push(&shared, Box::new(item)).is_ok());
            assert!(owner.pop(&shared).is_some());
        }
        looker.join().unwrap();
    });
}

/// The same while a thief takes what he knows to be complete.
#[test]
fn the_length_counts_what_a_thief_left() {
    explore("local queue, length beside a thief", || {
        let (owner, shared) = local::new();
        let shared = Arc::new(shared);
        assert!(owner.push(&shared, Box::new(0)).is_ok());
        let complete = Arc::new(AtomicBool::new(false));
        let thief = {
            let (shared, complete) = (shared.clone(), complete.clone());
            thread::spawn(move || {
                let spare = sync_facade::ring::Worker::new(1);
                for _ in 0..2 * usize::from(complete.load(Ordering::Acquire)) {
                    assert!(shared.steal_one(&spare).is_some());
                }
            })
        };
        let looker = {
            let shared = shared.clone();
            thread::spawn(move || assert!(!shared.is_empty(), "one is always in it"))
        };
        for item in 1..3 {
            assert!(owner.push(&shared, Box::new(item)).is_ok());
        }
        complete.store(true, Ordering::Release);
        looker.join().unwrap();
        thief.join().unwrap();
    });
}
