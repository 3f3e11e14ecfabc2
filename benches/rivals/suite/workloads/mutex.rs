//! 64 tasks take one async mutex 200 times each and yield while they hold it, so
//! that it is handed from task to task.

use std::sync::Arc;
use std::time::Instant;

use async_lock::Mutex;

use super::{Runtime, Sample, ns_per_op};

const TASKS: usize = 64;
const TURNS: usize = 200;

pub(super) fn run<R: Runtime>() -> Sample {
    let (count, elapsed) = R::root(async {
        let mutex = Arc::new(Mutex::new(0));
        let mut tasks = Vec::with_capacity(TASKS);
        let start = Instant::now();
        for _ in 0..TASKS {
            let mutex = mutex.clone();
            tasks.push(R::spawn(async move {
                for _ in 0..TURNS {
                    let mut count = mutex.lock().await;
                    R::yield_now().await;
                    *count += 1;
                }
            }));
        }
        for task in tasks {
            task.await;
        }
        let elapsed = start.elapsed();
        let count = *mutex.lock().await;
        (count, elapsed)
    });
    assert_eq!(count, TASKS * TURNS);
    ns_per_op(elapsed, count)
}
