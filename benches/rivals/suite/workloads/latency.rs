//! From a spawn by a foreign thread to the task's first poll, when all threads of
//! the runtime sleep.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Runtime, Sample, p50_and_p99_us};

const TASKS: usize = 200;
/// Long enough for the threads to fall asleep.
const PAUSE: Duration = Duration::from_micros(400);

pub(super) fn run<R: Runtime>() -> Sample {
    static TOOK: AtomicU64 = AtomicU64::new(0);
    let mut latencies = Vec::with_capacity(TASKS);
    for _ in 0..TASKS {
        TOOK.store(0, Ordering::Relaxed);
        thread::sleep(PAUSE);
        let start = Instant::now();
        R::go_from_outside(async move {
            let nanos = start.elapsed().as_nanos() as u64;
            TOOK.store(nanos.max(1), Ordering::Release);
        });
        // This thread sleeps too, so that it takes no core from the runtime.
        while TOOK.load(Ordering::Acquire) == 0 {
            thread::sleep(PAUSE);
        }
        latencies.push(TOOK.load(Ordering::Relaxed) as f64);
    }
    p50_and_p99_us(&mut latencies)
}
