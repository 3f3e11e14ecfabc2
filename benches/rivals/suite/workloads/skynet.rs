//! Skynet: a tree in which every task spawns ten and adds up what they return;
//! 111,111 tasks.

use std::time::Instant;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::{Runtime, Sample, ns_per_op};
use crate::suite::peers::rayon::install;

const LEAVES: u64 = 100_000;
const TASKS: usize = 111_111;
const SUM: u64 = LEAVES * (LEAVES - 1) / 2;

fn node<R: Runtime>(first: u64, leaves: u64) -> R::Join<u64> {
    R::spawn(async move {
        if leaves == 1 {
            return first;
        }
        let part = leaves / 10;
        let mut children = Vec::with_capacity(10);
        for i in 0..10 {
            children.push(node::<R>(first + i * part, part));
        }
        let mut sum = 0;
        for child in children {
            sum += child.await;
        }
        sum
    })
}

pub(super) fn run<R: Runtime>() -> Sample {
    let (sum, elapsed) = R::root(async {
        let start = Instant::now();
        (node::<R>(0, LEAVES).await, start.elapsed())
    });
    assert_eq!(sum, SUM);
    ns_per_op(elapsed, TASKS)
}

fn parallel(first: u64, leaves: u64) -> u64 {
    if leaves == 1 {
        return first;
    }
    let part = leaves / 10;
    (0..10).into_par_iter().map(|i| parallel(first + i * part, part)).sum()
}

pub(super) fn rayon() -> Sample {
    let (sum, elapsed) = install(|| {
        let start = Instant::now();
        (parallel(0, LEAVES), start.elapsed())
    });
    assert_eq!(sum, SUM);
    ns_per_op(elapsed, TASKS)
}
