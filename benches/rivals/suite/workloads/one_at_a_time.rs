//! `block_on(spawn(..))`, one after the other.

use std::hint::black_box;
use std::time::Instant;

use super::{Runtime, Sample, ns_per_op};

const TASKS: usize = 500;

pub(super) fn run<R: Runtime>() -> Sample {
    let start = Instant::now();
    for i in 0..TASKS {
        assert_eq!(R::block_on_spawned(async move { black_box(i) }), i);
    }
    ns_per_op(start.elapsed(), TASKS)
}
