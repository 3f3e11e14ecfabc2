//! Work that the compiler cannot shorten.

use std::hint::black_box;

/// Goes `steps` steps, of about two nanoseconds each. Each needs the one before
/// and, unlike those of a linear congruence, no formula joins several.
pub(super) fn burn(steps: u64, seed: u64) -> u64 {
    let mut x = black_box(seed) | 1;
    for _ in 0..steps {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    black_box(x)
}
