//! Tasks that sleep for 1 ms, beside tasks whose polls compute for about 20 us and that
//! keep every thread busy: how late the sleepers run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::burn::burn;
use super::{Sample, Timed, p50_and_p99_us};
use crate::suite::peers::threads;

const SLEEPERS: usize = 50;
const SLEEPS: usize = 20;
const POLL: u64 = 10_000;
const SLEEP: Duration = Duration::from_millis(1);

async fn compute<R: Timed>(stop: Arc<AtomicBool>) {
    let mut seed = 1;
    while !stop.load(Ordering::Relaxed) {
        seed = burn(POLL, seed);
        R::yield_now().await;
    }
}

async fn sleep<R: Timed>() -> Vec<Duration> {
    let mut late = Vec::with_capacity(SLEEPS);
    for _ in 0..SLEEPS {
        let deadline = Instant::now() + SLEEP;
        R::sleep(SLEEP).await;
        late.push(Instant::now() - deadline);
    }
    late
}

pub(super) fn run<R: Timed>() -> Sample {
    let late = R::root(async {
        let stop = Arc::new(AtomicBool::new(false));
        let busy: Vec<_> =
            (0..2 * threads()).map(|_| R::spawn(compute::<R>(stop.clone()))).collect();
        let sleepers: Vec<_> = (0..SLEEPERS).map(|_| R::spawn(sleep::<R>())).collect();
        let mut late = Vec::new();
        for sleeper in sleepers {
            late.extend(sleeper.await);
        }
        stop.store(true, Ordering::Relaxed);
        for task in busy {
            task.await;
        }
        late
    });
    assert_eq!(late.len(), SLEEPERS * SLEEPS);
    let mut nanos: Vec<f64> = late.iter().map(|late| late.as_nanos() as f64).collect();
    p50_and_p99_us(&mut nanos)
}
