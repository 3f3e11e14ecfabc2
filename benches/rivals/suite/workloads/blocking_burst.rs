//! 10,000 short closures for the blocking pool at once, each awaited.

use std::hint::black_box;
use std::time::Instant;

use super::{Runtime, Sample, ns_per_op};

const CLOSURES: usize = 10_000;

pub(super) fn run<R: Runtime>() -> Sample {
    let (sum, elapsed) = R::root(async {
        let mut closures = Vec::with_capacity(CLOSURES);
        let start = Instant::now();
        for i in 0..CLOSURES {
            closures.push(R::spawn_blocking(move || black_box(i)));
        }
        let mut sum = 0;
        for closure in closures {
            sum += closure.await;
        }
        (sum, start.elapsed())
    });
    assert_eq!(sum, CLOSURES * (CLOSURES - 1) / 2);
    ns_per_op(elapsed, CLOSURES)
}
