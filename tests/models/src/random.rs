//! In the place of `fastrand`: a model must do the same each time.

pub fn usize(_: std::ops::RangeTo<usize>) -> usize {
    0
}
