//! A task spawns 10,000 others and awaits each.

use std::hint::black_box;
use std::time::Instant;

use super::{Runtime, Sample, ns_per_op};

const TASKS: usize = 10_000;

pub(super) fn run<R: Runtime>() -> Sample {
    let (sum, elapsed) = R::root(async {
        let mut tasks = Vec::with_capacity(TASKS);
        let start = Instant::now();
        for i in 0..TASKS {
            tasks.push(R::spawn(async move { black_box(i) }));
        }
        let mut sum = 0;
        for task in tasks {
            sum += task.await;
        }
        (sum, start.elapsed())
    });
    assert_eq!(sum, TASKS * (TASKS - 1) / 2);
    ns_per_op(elapsed, TASKS)
}
