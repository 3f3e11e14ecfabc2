//! fib(22) with a task for every call.

use std::hint::black_box;
use std::time::Instant;

use super::{Runtime, Sample, ns_per_op};
use crate::suite::peers::rayon::install;

const N: u64 = 22;
const FIB: u64 = 17_711;
/// `2 * fib(N + 1) - 1`
const CALLS: usize = 57_313;

fn fib<R: Runtime>(n: u64) -> R::Join<u64> {
    R::spawn(async move {
        if n < 2 {
            return n;
        }
        let left = fib::<R>(n - 1);
        let right = fib::<R>(n - 2);
        left.await + right.await
    })
}

pub(super) fn run<R: Runtime>() -> Sample {
    let (result, elapsed) = R::root(async {
        let start = Instant::now();
        (fib::<R>(black_box(N)).await, start.elapsed())
    });
    assert_eq!(result, FIB);
    ns_per_op(elapsed, CALLS)
}

fn joined(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (left, right) = rayon::join(|| joined(n - 1), || joined(n - 2));
    left + right
}

pub(super) fn rayon() -> Sample {
    let (result, elapsed) = install(|| {
        let start = Instant::now();
        (joined(black_box(N)), start.elapsed())
    });
    assert_eq!(result, FIB);
    ns_per_op(elapsed, CALLS)
}
