//! Spawning what an iterator gives, in chunks.
//!
//! The iterator is user code: it may panic, spawn, or block. So its futures are
//! collected first, and no task of a chunk is made before the iterator has given all of
//! it: while user code runs, every task that was made is queued, and announced. An
//! iterator that does not know its length (it may wait for each of its items) is given
//! chunks of one.

use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};

use crate::queue::local::CAPACITY;
use crate::task::spawn::spawn_chunk;
use crate::task::{JoinHandle, New};
use crate::{Coordinator, Handle, free};

/// What a worker takes out of the injector at a time.
const CHUNK: usize = CAPACITY / 2;

/// Spawns every future of an iterator; see [`Coordinator::spawn_many`].
///
/// ```
/// let tasks = oasync::spawn_many((0..100).map(|n| async move { 2 * n }));
/// let sum: i32 = oasync::block_on(async {
///     let mut sum = 0;
///     for task in tasks {
///         sum += task.await.unwrap();
///     }
///     sum
/// });
/// assert_eq!(sum, 9_900);
/// ```
#[track_caller]
pub fn spawn_many<I>(futures: I) -> Vec<JoinHandle<<I::Item as Future>::Output>>
where
    I: IntoIterator,
    I::Item: Future + Send + 'static,
    <I::Item as Future>::Output: Send + 'static,
{
    let site = Location::caller();
    free::with_current(|shared| many(&free::unnamed(shared, site), futures))
}

impl Coordinator {
    /// [Spawns](Self::spawn) every future of an iterator, at less cost than one by one:
    /// they are queued together, up to 128 at a time, and someone is woken once for
    /// all of them. The handles come in the order of the futures.
    ///
    /// Tasks that are queued together start in their order, but maybe before tasks that
    /// were spawned earlier. How many are queued together depends on the lower bound of the
    /// iterator's [`size_hint`](Iterator::size_hint). So the iterator over a `Vec` or a range
    /// must not wait for a task that it has just produced. One without a lower bound
    /// (a channel's, a filter's) may: each of its tasks is spawned by itself. After a
    /// shutdown the tasks are refused as by `spawn`.
    ///
    /// # Panics
    ///
    /// If the iterator panics. The futures that it gave before are spawned, and detached.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let tasks = coord.spawn_many(["tea", "milk"].map(|word| async move { word.len() }));
    /// let lengths = tasks.into_iter().map(|task| coord.block_on(task).unwrap());
    /// assert!(lengths.eq([3, 4]));
    /// ```
    #[track_caller]
    pub fn spawn_many<I>(&self, futures: I) -> Vec<JoinHandle<<I::Item as Future>::Output>>
    where
        I: IntoIterator,
        I::Item: Future + Send + 'static,
        <I::Item as Future>::Output: Send + 'static,
    {
        many(&free::unnamed(self.shared(), Location::caller()), futures)
    }
}

impl Handle {
    /// See [`Coordinator::spawn_many`].
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let mut tasks = coord.handle().spawn_many((0..3).map(|n| async move { n }));
    /// assert_eq!(coord.block_on(tasks.remove(2)).unwrap(), 2);
    /// ```
    #[track_caller]
    pub fn spawn_many<I>(&self, futures: I) -> Vec<JoinHandle<<I::Item as Future>::Output>>
    where
        I: IntoIterator,
        I::Item: Future + Send + 'static,
        <I::Item as Future>::Output: Send + 'static,
    {
        many(&free::unnamed(self.shared(), Location::caller()), futures)
    }
}

fn many<I>(new: &New<'_>, futures: I) -> Vec<JoinHandle<<I::Item as Future>::Output>>
where
    I: IntoIterator,
    I::Item: Future + Send + 'static,
    <I::Item as Future>::Output: Send + 'static,
{
    let (mut chunk, mut handles) = (Vec::new(), Vec::new());
    let mut futures = Some(futures.into_iter());
    while futures.is_some() {
        let given = catch_unwind(AssertUnwindSafe(|| fill(&mut chunk, &mut futures)));
        spawn_chunk(new, chunk.drain(..), &mut handles);
        if let Err(panic) = given {
            handles.into_iter().for_each(|handle| free::detach(new.shared, handle));
            resume_unwind(panic);
        }
    }
    handles
}

/// Collects a chunk; the iterator is dropped at its end.
fn fill<I: Iterator>(chunk: &mut Vec<I::Item>, futures: &mut Option<I>) {
    let Some(source) = futures else { return };
    let size = source.size_hint().0.clamp(1, CHUNK);
    while chunk.len() < size {
        match source.next() {
            Some(future) => chunk.push(future),
            None => return *futures = None,
        }
    }
}
