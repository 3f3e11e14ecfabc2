//! rayon, where the workload is plain fork and join.

use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

static POOL: OnceLock<ThreadPool> = OnceLock::new();

pub(super) fn start(threads: usize) {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    assert!(POOL.set(pool.expect("there are threads to be had")).is_ok(), "started once");
}

/// Runs `f` in the pool and waits for it.
pub(crate) fn install<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    POOL.get().expect("started").install(f)
}
