//! Short closures for the blocking pool, each awaited before the next.

use std::hint::black_box;
use std::time::Instant;

use super::{Runtime, Sample, ns_per_op};

const CLOSURES: usize = 500;

pub(super) fn run<R: Runtime>() -> Sample {
    let elapsed = R::root(async {
        let start = Instant::now();
        for i in 0..CLOSURES {
            assert_eq!(R::spawn_blocking(move || black_box(i)).await, i);
        }
        start.elapsed()
    });
    ns_per_op(elapsed, CLOSURES)
}
