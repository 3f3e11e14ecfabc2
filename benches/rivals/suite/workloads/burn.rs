//! Work that the compiler cannot shorten.

use std::hint::black_box;

/// Computes `steps` steps, of about a nanosecond or two each.
pub(super) fn burn(steps: u64, seed: u64) -> u64 {
    let mut x = black_box(seed);
    for _ in 0..steps {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    }
    black_box(x)
}
