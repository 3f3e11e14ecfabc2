//! A task spawns 10,000 others and detaches them; the last to end wakes it.

use std::hint::black_box;
use std::time::Instant;

use super::latch::Latch;
use super::{Runtime, Sample, ns_per_op};

const TASKS: usize = 10_000;

pub(super) fn run<R: Runtime>() -> Sample {
    static DONE: Latch = Latch::new();
    let elapsed = R::root(async {
        let done = DONE.arm(TASKS);
        let start = Instant::now();
        for i in 0..TASKS {
            R::go(async move {
                black_box(i);
                DONE.count_down();
            });
        }
        done.await - start
    });
    ns_per_op(elapsed, TASKS)
}
