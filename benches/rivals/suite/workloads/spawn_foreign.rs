//! A thread that is none of the runtime's spawns 10,000 tasks.

use std::hint::black_box;
use std::time::Instant;

use futures_lite::future;

use super::latch::Latch;
use super::{Runtime, Sample, ns_per_op};

const TASKS: usize = 10_000;

pub(super) fn run<R: Runtime>() -> Sample {
    static DONE: Latch = Latch::new();
    let done = DONE.arm(TASKS);
    let start = Instant::now();
    for i in 0..TASKS {
        R::go_from_outside(async move {
            black_box(i);
            DONE.count_down();
        });
    }
    ns_per_op(future::block_on(done) - start, TASKS)
}
