//! Threads in the loop of a worker. For the models `idle` and `timers`.

use loom::thread;

use crate::WorkerKind;
use crate::context::Entry;
use crate::parker::Parker;
use crate::shared::Shared;
use crate::sync_facade::{Arc, Ordering};
use crate::worker::{self, Main};

/// What the loop is there for: until the model is done.
struct UntilOver {
    shared: Arc<Shared>,
    parker: Arc<Parker>,
}

impl Main for UntilOver {
    fn is_ready(&self) -> bool {
        self.shared.is_over()
    }

    fn advance(&self) -> bool {
        true
    }

    fn parker(&self) -> Arc<Parker> {
        self.parker.clone()
    }
}

/// Runs `push` on this thread beside `workers` threads in the loop; the model ends
/// when all is finished, and what came of `push` is dropped after it.
pub(crate) fn run<R>(shared: &Arc<Shared>, workers: usize, push: impl FnOnce(&Arc<Shared>) -> R) {
    let worker = |index| {
        let parker = Arc::new(Parker::new());
        let main = UntilOver { shared: shared.clone(), parker: parker.clone() };
        let worker = thread::spawn(move || {
            let entry = Entry::new(&main.shared, WorkerKind::Worker, Some(index));
            let _left = worker::work(&entry, &main);
        });
        (worker, parker)
    };
    let workers: Vec<_> = (0..workers).map(worker).collect();
    let _kept = push(shared);
    shared.wait_until_done();
    shared.over.store(true, Ordering::Relaxed);
    for (worker, parker) in workers {
        parker.unpark();
        worker.join().unwrap();
    }
}
