//! The run slot: its owner fills and takes, a lender and the watcher take.

use loom::thread;
use oasync_models::{explore_with, sync_facade, task};

#[allow(dead_code)]
#[path = "../../src/queue/run_slot.rs"]
mod run_slot;

use run_slot::RunSlot;
use sync_facade::{Arc, AtomicUsize, Ordering};
use task::Runnable;

/// Three runnables go through the slot, two threads steal: each is run once.
#[test]
fn a_runnable_leaves_the_slot_once() {
    explore_with("run slot", 3, || {
        let slot = Arc::new(RunSlot::new());
        let ran = Arc::new([(); 3].map(|()| AtomicUsize::new(0)));
        let run = |ran: &[AtomicUsize; 3], runnable: Option<Runnable>| {
            let Some(runnable) = runnable else { return };
            let count = ran[runnable.run() as usize].fetch_add(1, Ordering::Relaxed);
            assert_eq!(count, 0, "run twice");
        };
        let thieves = [(); 2].map(|()| {
            let (slot, ran) = (slot.clone(), ran.clone());
            thread::spawn(move || run(&ran, slot.take()))
        });
        for id in 0..3 {
            run(&ran, slot.replace(Runnable::new(id)));
        }
        run(&ran, slot.take());
        thieves.into_iter().for_each(|thief| thief.join().unwrap());
        for count in &*ran {
            assert_eq!(count.load(Ordering::Relaxed), 1, "lost");
        }
    });
}
