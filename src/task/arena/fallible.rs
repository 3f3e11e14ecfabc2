//! The functions that return an error where their namesakes panic: if there is no
//! memory.

use std::alloc::Layout;

use super::{Arena, ArenaError};

#[allow(clippy::mut_from_ref, reason = "each call hands out memory of its own")]
impl Arena {
    /// [`alloc`](Arena::alloc), unless there is no memory.
    ///
    /// # Errors
    ///
    /// This and the other `try` functions: if the global allocator has no memory
    /// for a chunk, or `T` times the length is more than any allocation can have.
    /// Nothing was allocated then, `value` is dropped, no closure or `clone` was
    /// called, and the arena is usable.
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let arena = oasync::arena();
    ///     assert_eq!(arena.try_alloc(42), Ok(&mut 42));
    /// });
    /// ```
    #[track_caller]
    #[inline]
    pub fn try_alloc<T>(&self, value: T) -> Result<&mut T, ArenaError> {
        self.using(|bump| bump.try_alloc(value)).map_err(refused::<T>(1))
    }

    /// [`alloc_with`](Arena::alloc_with), unless there is no memory.
    ///
    /// # Errors
    ///
    /// See [`try_alloc`](Arena::try_alloc).
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let arena = oasync::arena();
    ///     assert_eq!(arena.try_alloc_with(|| 42), Ok(&mut 42));
    /// });
    /// ```
    #[track_caller]
    #[inline]
    pub fn try_alloc_with<T>(&self, f: impl FnOnce() -> T) -> Result<&mut T, ArenaError> {
        self.using(|bump| bump.try_alloc_with(f)).map_err(refused::<T>(1))
    }

    /// [`alloc_str`](Arena::alloc_str), unless there is no memory.
    ///
    /// # Errors
    ///
    /// See [`try_alloc`](Arena::try_alloc).
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let arena = oasync::arena();
    ///     assert_eq!(arena.try_alloc_str("text").unwrap(), "text");
    /// });
    /// ```
    #[track_caller]
    #[inline]
    pub fn try_alloc_str(&self, text: &str) -> Result<&mut str, ArenaError> {
        self.using(|bump| bump.try_alloc_str(text)).map_err(refused::<u8>(text.len()))
    }

    /// [`alloc_slice_copy`](Arena::alloc_slice_copy), unless there is no memory.
    ///
    /// # Errors
    ///
    /// See [`try_alloc`](Arena::try_alloc).
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let arena = oasync::arena();
    ///     assert_eq!(arena.try_alloc_slice_copy(&[1, 2]).unwrap(), [1, 2]);
    /// });
    /// ```
    #[track_caller]
    #[inline]
    pub fn try_alloc_slice_copy<T: Copy>(&self, slice: &[T]) -> Result<&mut [T], ArenaError> {
        self.using(|bump| bump.try_alloc_slice_copy(slice)).map_err(refused::<T>(slice.len()))
    }

    /// [`alloc_slice_clone`](Arena::alloc_slice_clone), unless there is no memory.
    ///
    /// # Errors
    ///
    /// See [`try_alloc`](Arena::try_alloc).
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let arena = oasync::arena();
    ///     assert_eq!(arena.try_alloc_slice_clone(&[Some("a"), None]).unwrap(), [Some("a"), None]);
    /// });
    /// ```
    #[track_caller]
    #[inline]
    pub fn try_alloc_slice_clone<T: Clone>(&self, slice: &[T]) -> Result<&mut [T], ArenaError> {
        self.using(|bump| bump.try_alloc_slice_clone(slice)).map_err(refused::<T>(slice.len()))
    }

    /// [`alloc_slice_fill_with`](Arena::alloc_slice_fill_with), unless there is
    /// no memory.
    ///
    /// # Errors
    ///
    /// See [`try_alloc`](Arena::try_alloc).
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let arena = oasync::arena();
    ///     assert_eq!(arena.try_alloc_slice_fill_with(3, |i| i * i).unwrap(), [0, 1, 4]);
    ///     assert!(arena.try_alloc_slice_fill_with(usize::MAX, |i| i).is_err());
    /// });
    /// ```
    #[track_caller]
    #[inline]
    pub fn try_alloc_slice_fill_with<T>(
        &self,
        len: usize,
        f: impl FnMut(usize) -> T,
    ) -> Result<&mut [T], ArenaError> {
        self.using(|bump| bump.try_alloc_slice_fill_with(len, f)).map_err(refused::<T>(len))
    }

    /// [`alloc_slice_fill_iter`](Arena::alloc_slice_fill_iter), unless there is no
    /// memory.
    ///
    /// # Errors
    ///
    /// See [`try_alloc`](Arena::try_alloc). Nothing was taken from the iterator then.
    ///
    /// # Panics
    ///
    /// Also if the iterator yields fewer than its `len` says.
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let arena = oasync::arena();
    ///     let halves = arena.try_alloc_slice_fill_iter([1, 2].map(|n| f64::from(n) / 2.0));
    ///     assert_eq!(halves.unwrap(), [0.5, 1.0]);
    /// });
    /// ```
    #[track_caller]
    #[inline]
    pub fn try_alloc_slice_fill_iter<T, I>(&self, iter: I) -> Result<&mut [T], ArenaError>
    where
        I: IntoIterator<Item = T>,
        I::IntoIter: ExactSizeIterator,
    {
        let iter = iter.into_iter();
        let len = iter.len();
        self.using(|bump| bump.try_alloc_slice_fill_iter(iter)).map_err(refused::<T>(len))
    }
}

/// Makes the error for `len` values of type `T`.
fn refused<T>(len: usize) -> impl FnOnce(bumpalo::AllocErr) -> ArenaError {
    move |_| ArenaError { bytes: Layout::array::<T>(len).ok().map(|layout| layout.size()) }
}
