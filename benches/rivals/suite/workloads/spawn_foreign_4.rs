//! Four threads that are none of the runtime's spawn 2,500 tasks each.
//!
//! The time is from the first spawn to the end of the last task.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use futures_lite::future;

use super::latch::Latch;
use super::{Runtime, Sample, ns_per_op};

const THREADS: usize = 4;
const TASKS_EACH: usize = 2_500;

pub(super) fn run<R: Runtime>() -> Sample {
    static DONE: Latch = Latch::new();
    let done = DONE.arm(THREADS * TASKS_EACH);
    let barrier = Barrier::new(THREADS);
    let spawn_all = || {
        barrier.wait();
        let start = Instant::now();
        for i in 0..TASKS_EACH {
            R::go_from_outside(async move {
                black_box(i);
                DONE.count_down();
            });
        }
        start
    };
    let start = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(spawn_all)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).min().unwrap()
    });
    ns_per_op(future::block_on(done) - start, THREADS * TASKS_EACH)
}
