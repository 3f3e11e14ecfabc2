use std::fmt;

/// An arena got no memory.
///
/// The only reason is that the global allocator refused a chunk, or that the
/// size asked for is more than any allocation can have. To use an arena outside
/// of its task is a mistake in the program, and panics in every method.
///
/// ```
/// oasync::block_on(async {
///     let arena = oasync::arena();
///     let refused = arena.try_alloc_slice_fill_with(usize::MAX, |i| i).unwrap_err();
///     assert_eq!(refused.to_string(), "no memory for an arena: more was asked for than can exist");
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArenaError {
    /// `None`: too many to count.
    pub(super) bytes: Option<usize>,
}

impl fmt::Display for ArenaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes {
            Some(bytes) => write!(f, "no memory for an arena: {bytes} bytes were refused"),
            None => f.write_str("no memory for an arena: more was asked for than can exist"),
        }
    }
}

impl std::error::Error for ArenaError {}
