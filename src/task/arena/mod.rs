//! A task's own memory. Why an [`Arena`] may be `Sync` is argued in `README.md`.

mod allocator;
mod error;
mod fallible;
mod pool;

use std::fmt;

use bumpalo::Bump;

use crate::context::{self, Scope};
use crate::sync_facade::{Arc, AtomicUsize, Ordering};

pub use error::ArenaError;
pub(crate) use pool::ArenaPool;

/// Memory that a task owns: allocating moves a pointer, and all of it is given
/// back at once, when the arena is dropped.
///
/// Made with [`arena`]. It can be held across `.await`, also in a task that
/// moves between threads, as can what is in it:
///
/// ```
/// let task = oasync::spawn(async {
///     let arena = oasync::arena();
///     let name = arena.alloc_str("oasync");
///     let squares = arena.alloc_slice_fill_with(4, |i| i * i);
///     oasync::yield_now().await; // perhaps on another thread from here on
///     name.make_ascii_uppercase();
///     squares[3] += 1;
///     format!("{name} {squares:?}")
/// });
/// assert_eq!(oasync::block_on(task).unwrap(), "OASYNC [0, 1, 4, 10]");
/// ```
///
/// # Whose it is
///
/// Only the task that made it can allocate from it: a task, a main future of
/// [`block_on`](fn@crate::block_on), or a closure of
/// [`spawn_blocking`](crate::spawn_blocking). A call from another task, from a
/// thread that the task started, or from the future of a nested `block_on`
/// panics with a sentence that says so. That is checked, so no use of an arena
/// is a data race. *References* into an arena follow the usual rules: a
/// `&mut T` may go to another thread if `T: Send`, for as long as the borrow
/// allows. Whoever has the arena may drop or [`reset`](Arena::reset) it.
///
/// # Drop
///
/// What the `alloc` functions made is never dropped: its memory is given back
/// and its destructor does not run. `Box` and `Vec` of the crate
/// [`allocator_api2`](https://docs.rs/allocator-api2/0.2) run them, and take an
/// arena by reference, as it is an `Allocator`:
///
/// ```
/// use allocator_api2::{boxed::Box, vec::Vec};
///
/// oasync::block_on(async {
///     let arena = oasync::arena();
///     let file = Box::new_in(String::from("dropped with the box"), &arena);
///     let mut lines = Vec::new_in(&arena);
///     for i in 0..100 {
///         lines.push(i);
///         oasync::yield_now().await;
///     }
///     assert_eq!((lines.len(), file.len()), (100, 20));
/// });
/// ```
///
/// Such a collection may be dropped on any thread. The memory that it gives back
/// is not used again before the arena is reset or dropped; one that grows, and
/// was the last to allocate, grows in place.
///
/// # Memory
///
/// An arena gets its memory in chunks, each about twice as large as the one
/// before. When it is dropped, the coordinator keeps the largest for the next
/// arena, if that has at most [`arena_keep`](crate::Builder::arena_keep) bytes
/// and no more than 256 are kept already. So tasks that allocate about as much
/// as those before them cause no call of the global allocator.
///
/// A panic of a closure, iterator or `clone` that makes a value leaves the arena
/// usable; what was made already is not dropped.
pub struct Arena {
    bump: Bump,
    /// The id of the task or main future that made it; 0 is nobody's.
    owner: u64,
    /// What `pool` counts for this arena. Written by the owner only.
    held: AtomicUsize,
    /// `None` if it was made by the drop of a future outside of a coordinator.
    pool: Option<Arc<ArenaPool>>,
}

// SAFETY: of the fields only `bump` is not `Sync`. Through `&self` it is reached
// by `Arena::bump` alone, which panics unless the calling thread is inside the
// poll or drop of the owner. That is so on one thread at a time, and one such
// poll or drop happens before the next; see README.md for both. What is
// allocated is not owned by the arena: references to it have auto traits of
// their own.
unsafe impl Sync for Arena {}

/// Makes an [`Arena`] for the task, main future or blocking closure that this
/// code is part of.
///
/// It is cheap: no memory is asked for before the first allocation, and none at
/// all if a task that ended left some.
///
/// # Panics
///
/// Outside any task, main future or blocking closure.
///
/// ```
/// let sum = oasync::block_on(async {
///     let arena = oasync::arena();
///     let numbers = arena.alloc_slice_copy(&[1, 2, 3]);
///     numbers.iter().sum::<i32>()
/// });
/// assert_eq!(sum, 6);
/// ```
#[track_caller]
pub fn arena() -> Arena {
    let owner = context::owner();
    assert!(
        owner != 0,
        "arena(): this thread is not inside a task; an arena belongs to the task, main future of \
         `block_on`, or blocking closure that makes it"
    );
    let task = context::scopes().next().and_then(Scope::task);
    let pool = match task {
        Some(task) => Some(task.shared().arenas.clone()),
        None => context::with_shared(|shared| shared.arenas.clone()),
    };
    let bump = pool.as_ref().map_or_else(Bump::new, |pool| pool.take());
    Arena { held: AtomicUsize::new(bump.allocated_bytes()), bump, owner, pool }
}

#[allow(clippy::mut_from_ref, reason = "each call hands out memory of its own")]
impl Arena {
    /// Moves `value` into the arena.
    ///
    /// # Panics
    ///
    /// This and every other function that allocates: outside of the task that
    /// made the arena; and, unless its name begins with `try`, if there is no
    /// memory.
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let arena = oasync::arena();
    ///     let n = arena.alloc(41);
    ///     *n += 1;
    ///     assert_eq!(*n, 42);
    /// });
    /// ```
    #[track_caller]
    #[inline]
    pub fn alloc<T>(&self, value: T) -> &mut T {
        self.using(|bump| bump.alloc(value))
    }

    /// Allocates what `f` returns, which may be made in place: for large values.
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let arena = oasync::arena();
    ///     let page = arena.alloc_with(|| [0_u8; 4096]);
    ///     assert_eq!(page.len(), 4096);
    /// });
    /// ```
    #[track_caller]
    #[inline]
    pub fn alloc_with<T>(&self, f: impl FnOnce() -> T) -> &mut T {
        self.using(|bump| bump.alloc_with(f))
    }

    /// Copies a string into the arena.
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let arena = oasync::arena();
    ///     let text = arena.alloc_str("loud");
    ///     text.make_ascii_uppercase();
    ///     assert_eq!(text, "LOUD");
    /// });
    /// ```
    #[track_caller]
    #[inline]
    pub fn alloc_str(&self, text: &str) -> &mut str {
        self.using(|bump| bump.alloc_str(text))
    }

    /// Copies a slice into the arena.
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let arena = oasync::arena();
    ///     assert_eq!(arena.alloc_slice_copy(&[1, 2, 3]), [1, 2, 3]);
    /// });
    /// ```
    #[track_caller]
    #[inline]
    pub fn alloc_slice_copy<T: Copy>(&self, slice: &[T]) -> &mut [T] {
        self.using(|bump| bump.alloc_slice_copy(slice))
    }

    /// Clones a slice into the arena.
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let arena = oasync::arena();
    ///     assert_eq!(arena.alloc_slice_clone(&[Some("a"), None]), [Some("a"), None]);
    /// });
    /// ```
    #[track_caller]
    #[inline]
    pub fn alloc_slice_clone<T: Clone>(&self, slice: &[T]) -> &mut [T] {
        self.using(|bump| bump.alloc_slice_clone(slice))
    }

    /// Allocates a slice of `len` elements, each made by `f` from its index.
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let arena = oasync::arena();
    ///     assert_eq!(arena.alloc_slice_fill_with(3, |i| i * i), [0, 1, 4]);
    /// });
    /// ```
    #[track_caller]
    #[inline]
    pub fn alloc_slice_fill_with<T>(&self, len: usize, f: impl FnMut(usize) -> T) -> &mut [T] {
        self.using(|bump| bump.alloc_slice_fill_with(len, f))
    }

    /// Allocates a slice of what `iter` yields, as many as its `len` says.
    ///
    /// # Panics
    ///
    /// Also if the iterator yields fewer.
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let arena = oasync::arena();
    ///     assert_eq!(arena.alloc_slice_fill_iter([1, 2].map(f64::from)), [1.0, 2.0]);
    /// });
    /// ```
    #[track_caller]
    #[inline]
    pub fn alloc_slice_fill_iter<T, I>(&self, iter: I) -> &mut [T]
    where
        I: IntoIterator<Item = T>,
        I::IntoIter: ExactSizeIterator,
    {
        self.using(|bump| bump.alloc_slice_fill_iter(iter))
    }

    /// Bytes of the chunks that the arena holds, used or not: 0 before the first
    /// allocation, unless it got the memory of an earlier arena. May be called by
    /// anyone.
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let arena = oasync::arena();
    ///     arena.alloc([0_u8; 1000]);
    ///     assert!(arena.allocated_bytes() >= 1000);
    /// });
    /// ```
    pub fn allocated_bytes(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Frees all that was allocated; the largest chunk stays for what comes
    /// next. Whoever has the arena exclusively may call it.
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let mut arena = oasync::arena();
    ///     arena.alloc(1);
    ///     let held = arena.allocated_bytes();
    ///     for _ in 0..10_000 {
    ///         arena.reset();
    ///         arena.alloc(1);
    ///     }
    ///     assert_eq!(arena.allocated_bytes(), held);
    /// });
    /// ```
    pub fn reset(&mut self) {
        self.bump.reset();
        let left = self.bump.allocated_bytes();
        let held = std::mem::replace(self.held.get_mut(), left);
        if let Some(pool) = &self.pool {
            // More, if a panic kept the newest chunk from being counted.
            match left.checked_sub(held) {
                Some(more) => pool.grown(more),
                None => pool.shrunk(held - left),
            }
        }
    }

    /// Calls `f` with the memory, which only the owner may touch.
    ///
    /// The check holds until `f` returns: whatever `f` runs, this thread stays
    /// inside the poll or drop that it is in now.
    #[track_caller]
    #[inline]
    fn using<'a, R>(&'a self, f: impl FnOnce(&'a Bump) -> R) -> R {
        let bump = self.bump();
        let result = f(bump);
        let now = bump.allocated_bytes();
        if now != self.held.load(Ordering::Relaxed) {
            self.count(now);
        }
        result
    }

    /// The memory, for the owner.
    #[track_caller]
    #[inline]
    fn bump(&self) -> &Bump {
        if context::owner() != self.owner {
            misuse();
        }
        &self.bump
    }

    #[cold]
    fn count(&self, now: usize) {
        let before = self.held.swap(now, Ordering::Relaxed);
        if let Some(pool) = &self.pool {
            pool.grown(now - before);
        }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.reset();
        if let Some(pool) = &self.pool {
            pool.give_back(std::mem::take(&mut self.bump));
        }
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena")
            .field("owner", &self.owner)
            .field("allocated_bytes", &self.allocated_bytes())
            .finish()
    }
}

/// Says who used an arena that is another's.
#[cold]
#[track_caller]
fn misuse() -> ! {
    let mut scopes = context::scopes();
    let rule = "only the task, main future or blocking closure that made an arena can allocate \
                from it";
    match (scopes.next().map(Scope::task), scopes.next()) {
        (None, _) => panic!("arena: this thread is not inside a task; {rule}"),
        (Some(None), Some(_)) => {
            panic!("arena: a nested `block_on` has a main future of its own; {rule}")
        }
        (Some(None), None) => panic!("arena: this main future did not make it; {rule}"),
        (Some(Some(task)), _) => panic!("arena: task {} did not make it; {rule}", task.id()),
    }
}
