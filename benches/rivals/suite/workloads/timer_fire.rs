//! 20,000 tasks sleep for 1 ms 5 times each. So many are due in each millisecond that to
//! fire them takes longer than to wait.

use std::time::{Duration, Instant};

use super::{Sample, Timed, ns_per_op};

const TASKS: usize = 20_000;
const SLEEPS: usize = 5;

pub(super) fn run<R: Timed>() -> Sample {
    let (sleeps, elapsed) = R::root(async {
        let mut tasks = Vec::with_capacity(TASKS);
        let start = Instant::now();
        for _ in 0..TASKS {
            tasks.push(R::spawn(async {
                for _ in 0..SLEEPS {
                    R::sleep(Duration::from_millis(1)).await;
                }
                SLEEPS
            }));
        }
        let mut sleeps = 0;
        for task in tasks {
            sleeps += task.await;
        }
        (sleeps, start.elapsed())
    });
    assert_eq!(sleeps, TASKS * SLEEPS);
    ns_per_op(elapsed, sleeps)
}
