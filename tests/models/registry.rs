//! The registry: no live task escapes a close, and none is woken that has gone.

use std::sync::Mutex;
use std::task::{Wake, Waker};
use std::time::Duration;

use loom::thread;
use oasync_models::{explore_with, sync_facade};

#[allow(dead_code)]
#[path = "../../src/task/registry.rs"]
mod registry;
#[path = "../../src/task/slots.rs"]
mod slots;

mod task {
    pub(crate) use crate::slots;
    pub(crate) use oasync_models::task::TaskId;

    /// Of a task's metadata the registry needs its place; it has no name here.
    pub(crate) struct Meta {
        pub(crate) place: crate::registry::Place,
    }

    impl Meta {
        pub(crate) fn id(&self) -> TaskId {
            TaskId(0)
        }

        pub(crate) fn name(&self) -> Option<&crate::sync_facade::Arc<str>> {
            None
        }
    }
}

use registry::{Place, Registry};
use sync_facade::{Arc, AtomicBool, Ordering};
use task::Meta;

/// Stands for the task: woken or not, and gone or not.
#[derive(Default)]
struct Task {
    woken: AtomicBool,
    /// Not seen by loom.
    bound: Mutex<bool>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Relaxed);
    }
}

/// A task that waits for the first time, beside a close: it is refused, or woken.
#[test]
fn a_task_that_binds_beside_a_close_is_refused_or_woken() {
    explore_with("registry, bind and close", 3, || {
        let registry = Arc::new(Registry::new(2));
        let tasks = [0, 1].map(|shard| {
            let task = Arc::new(Task::default());
            let (registry, waiting) = (registry.clone(), task.clone());
            let poll = thread::spawn(move || {
                let meta = Meta { place: Place::nowhere() };
                let bound = registry
                    .bind(shard, &meta, &Waker::from(waiting.clone()), Duration::ZERO)
                    .is_ok();
                *waiting.bound.lock().unwrap() = bound;
                // It stays, until the executor comes across it.
                std::mem::forget(meta);
            });
            (task, poll)
        });
        registry.close();
        for (task, poll) in tasks {
            poll.join().unwrap();
            let woken = task.woken.load(Ordering::Relaxed);
            assert!(woken || !*task.bound.lock().unwrap(), "it would live for ever");
        }
    });
}

/// Tasks come and go beside a close and beside one who lists them. The registry is
/// empty afterwards.
#[test]
fn a_task_that_has_ended_is_in_no_list() {
    explore_with("registry, release", 3, || {
        let registry = Arc::new(Registry::new(1));
        let tasks = [(); 2].map(|()| {
            let registry = registry.clone();
            thread::spawn(move || {
                let meta = Meta { place: Place::nowhere() };
                let task = Arc::new(Task::default());
                if registry.bind(0, &meta, &Waker::from(task), Duration::ZERO).is_ok() {
                    assert!(!meta.place.is_nowhere());
                    registry.release(&meta);
                }
                assert!(meta.place.is_nowhere());
            })
        });
        // What is listed is still there to be read.
        registry.for_each(|meta, _| _ = meta.place.is_nowhere());
        registry.close();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        registry.for_each(|_, _| panic!("it has ended"));
    });
}
