//! Promise: after `shutdown` or `Drop` no future is alive and no thread runs,
//! except for what the report names.

mod bound;
mod cancelling;
#[path = "../common/mod.rs"]
mod common;
mod inside;
mod left;
mod many;
mod nested;
mod races;
mod stuck;
mod unwatched;
mod waits;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oasync::Coordinator;

use common::{LONG, eventually};

/// Counts guards made and guards dropped.
#[derive(Clone, Default)]
struct Count(Arc<(AtomicUsize, AtomicUsize)>);

struct Guard(Count);

impl Count {
    fn guard(&self) -> Guard {
        self.0.0.fetch_add(1, Ordering::SeqCst);
        Guard(self.clone())
    }

    fn made(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }

    fn dropped(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.1.fetch_add(1, Ordering::SeqCst);
    }
}

/// The threads of the coordinator whose threads are called so.
fn threads(name: &str) -> Vec<String> {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let names = tasks.flatten().flat_map(|task| std::fs::read_to_string(task.path().join("comm")));
    let prefix = format!("{name}-");
    names.map(|name| name.trim_end().to_owned()).filter(|name| name.starts_with(&prefix)).collect()
}

#[track_caller]
fn no_threads(name: &str) {
    // A thread that was joined may be listed for another moment.
    eventually("the threads are gone", || threads(name).is_empty());
}

fn coordinator(name: &str, workers: usize) -> Coordinator {
    Coordinator::builder().workers(workers).thread_name(name).build().unwrap()
}

/// A task that never ends by itself, and never stops asking for its turn.
async fn yield_for_ever(guard: Guard) {
    let _guard = guard;
    loop {
        oasync::yield_now().await;
    }
}

async fn wait_for_ever(guard: Guard) {
    let _guard = guard;
    pending::<()>().await;
}
