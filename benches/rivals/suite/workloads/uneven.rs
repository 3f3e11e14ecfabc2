//! 1,000 tasks that compute, of sizes over two decades: about 1 to 100 us.

use std::sync::OnceLock;
use std::time::Instant;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::burn::burn;
use super::{Runtime, Sample, ns_per_op};
use crate::suite::peers::rayon::install;

const TASKS: usize = 1_000;
const LEAST: f64 = 500.0;
const DECADES: f64 = 2.0;

struct Work {
    steps: Vec<u64>,
    sum: u64,
}

/// The same for every peer and in every run.
fn work() -> &'static Work {
    static WORK: OnceLock<Work> = OnceLock::new();
    WORK.get_or_init(|| {
        let mut random = fastrand::Rng::with_seed(1);
        let step = |_| (LEAST * 10f64.powf(DECADES * random.f64())) as u64;
        let steps: Vec<u64> = (0..TASKS).map(step).collect();
        let sum = one_by_one(&steps);
        Work { steps, sum }
    })
}

fn one_by_one(steps: &[u64]) -> u64 {
    steps.iter().fold(0, |sum, &steps| sum.wrapping_add(burn(steps, steps)))
}

pub(super) fn run<R: Runtime>() -> Sample {
    let work = work();
    let (sum, elapsed) = R::root(async {
        let mut tasks = Vec::with_capacity(TASKS);
        let start = Instant::now();
        for &steps in &work.steps {
            tasks.push(R::spawn(async move { burn(steps, steps) }));
        }
        let mut sum = 0u64;
        for task in tasks {
            sum = sum.wrapping_add(task.await);
        }
        (sum, start.elapsed())
    });
    assert_eq!(sum, work.sum);
    ns_per_op(elapsed, TASKS)
}

pub(super) fn rayon() -> Sample {
    let work = work();
    let (sum, elapsed) = install(|| {
        let start = Instant::now();
        let results = work.steps.par_iter().map(|&steps| burn(steps, steps));
        (results.reduce(|| 0, u64::wrapping_add), start.elapsed())
    });
    assert_eq!(sum, work.sum);
    ns_per_op(elapsed, TASKS)
}

pub(super) fn alone() -> Sample {
    let work = work();
    let start = Instant::now();
    assert_eq!(one_by_one(&work.steps), work.sum);
    ns_per_op(start.elapsed(), TASKS)
}
