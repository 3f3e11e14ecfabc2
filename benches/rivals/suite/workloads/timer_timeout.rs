//! 100,000 timeouts around a future that is ready at once, in 100 tasks.

use std::future::ready;
use std::time::{Duration, Instant};

use super::{Sample, Timed, ns_per_op};

const TASKS: usize = 100;
const TIMEOUTS: usize = 1_000;

pub(super) fn run<R: Timed>() -> Sample {
    let (done, elapsed) = R::root(async {
        let mut tasks = Vec::with_capacity(TASKS);
        let start = Instant::now();
        for _ in 0..TASKS {
            tasks.push(R::spawn(async {
                let mut done = 0;
                for _ in 0..TIMEOUTS {
                    let one = R::timeout(Duration::from_secs(30), ready(1)).await;
                    done += one.expect("it is ready");
                }
                done
            }));
        }
        let mut done = 0;
        for task in tasks {
            done += task.await;
        }
        (done, start.elapsed())
    });
    assert_eq!(done, TASKS * TIMEOUTS);
    ns_per_op(elapsed, done)
}
