//! 200 tasks yield 1,000 times each.

use std::time::Instant;

use super::{Runtime, Sample, ns_per_op};

const TASKS: usize = 200;
const YIELDS: usize = 1_000;

pub(super) fn run<R: Runtime>() -> Sample {
    let (yields, elapsed) = R::root(async {
        let mut tasks = Vec::with_capacity(TASKS);
        let start = Instant::now();
        for _ in 0..TASKS {
            tasks.push(R::spawn(async {
                let mut yields = 0;
                for _ in 0..YIELDS {
                    R::yield_now().await;
                    yields += 1;
                }
                yields
            }));
        }
        let mut yields = 0;
        for task in tasks {
            yields += task.await;
        }
        (yields, start.elapsed())
    });
    assert_eq!(yields, TASKS * YIELDS);
    ns_per_op(elapsed, yields)
}
