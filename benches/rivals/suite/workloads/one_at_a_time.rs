//! `block_on(spawn(..))`, one after the other: spawned inside of `block_on`, or
//! from outside before it.

use std::hint::black_box;
use std::time::Instant;

use super::{Runtime, Sample, ns_per_op};

const TASKS: usize = 500;

pub(super) fn inside<R: Runtime>() -> Sample {
    let start = Instant::now();
    for i in 0..TASKS {
        assert_eq!(R::block_on(async { R::spawn(async move { black_box(i) }).await }), i);
    }
    ns_per_op(start.elapsed(), TASKS)
}

pub(super) fn outside<R: Runtime>() -> Sample {
    let start = Instant::now();
    for i in 0..TASKS {
        assert_eq!(R::block_on_spawned(async move { black_box(i) }), i);
    }
    ns_per_op(start.elapsed(), TASKS)
}
