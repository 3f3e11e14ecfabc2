//! Groups with room for so many children at a time.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::free;
use crate::group::inner::{Inner, Places, State};
use crate::group::wait::{self, GroupReport, JoinNext};
use crate::shared::Shared;
use crate::sync_facade::Arc;
use crate::task::{JoinError, Kind, Site, TaskId, launch_created};

/// A [`TaskGroup`](crate::TaskGroup) in which at most N children are alive at a
/// time. Whoever spawns more waits for a place *before* the task is made, so a fast
/// producer is slowed down, and its memory bounded.
///
/// Places are given in the order in which they were asked for. A place is free again
/// when the child's future has been dropped, or the closure has returned, also if
/// the child was cancelled or detached.
///
/// A child that waits for a place in its own group holds one meanwhile: if all do,
/// none goes on.
///
/// ```
/// let group = oasync::BoundedGroup::new(4);
/// let sum = oasync::block_on(async {
///     let mut sum = 0;
///     for n in 1..=100 {
///         group.spawn(async move { n }).await; // at most 4 at a time
///         while let Some(done) = group.try_join_next() {
///             sum += done?;
///         }
///     }
///     while let Some(done) = group.join_next().await {
///         sum += done?;
///     }
///     Ok::<i32, oasync::JoinError>(sum)
/// });
/// assert_eq!(sum.unwrap(), 5_050);
/// ```
pub struct BoundedGroup<T> {
    inner: Arc<Inner<T>>,
    limit: usize,
}

impl<T: Send + 'static> BoundedGroup<T> {
    /// A group of tasks of the coordinator that this code runs in, or of the default
    /// one; see also [`Coordinator::bounded_group`](crate::Coordinator::bounded_group).
    ///
    /// A `limit` of 0 means the default: 4 for each worker.
    ///
    /// ```
    /// let group = oasync::BoundedGroup::<()>::new(8);
    /// assert_eq!(group.limit(), 8);
    /// ```
    pub fn new(limit: usize) -> Self {
        free::with_current(|shared| Self::on(shared, limit))
    }

    pub(crate) fn on(shared: &Arc<Shared>, limit: usize) -> Self {
        let limit = if limit == 0 { shared.default_limit() } else { limit };
        BoundedGroup { inner: Inner::new(shared, Some(limit)), limit }
    }

    /// Waits for a place, then spawns the task.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped while it waits, `future` is dropped without being spawned, and
    /// the next in line gets the place.
    ///
    /// ```
    /// let group = oasync::BoundedGroup::new(1);
    /// oasync::block_on(async {
    ///     group.spawn(async { "first" }).await;
    ///     group.spawn(async { "when the first has ended" }).await;
    /// });
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> impl Future<Output = TaskId> + Send + use<'_, T, F>
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.spawn_at(Location::caller(), Kind::Future, future)
    }

    /// Waits for a place, then sends the closure to the blocking pool.
    ///
    /// # Cancel safety
    ///
    /// As for [`spawn`](Self::spawn).
    ///
    /// ```
    /// let group = oasync::BoundedGroup::new(1);
    /// oasync::block_on(async {
    ///     group.spawn_blocking(|| std::fs::metadata("Cargo.toml").is_ok()).await;
    ///     assert!(group.join_next().await.unwrap().unwrap());
    /// });
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F>(&self, f: F) -> impl Future<Output = TaskId> + Send + use<'_, T, F>
    where
        F: FnOnce() -> T + Send + 'static,
    {
        self.spawn_at(Location::caller(), Kind::Blocking, async move { f() })
    }

    async fn spawn_at<F>(&self, site: &'static Site, kind: Kind, future: F) -> TaskId
    where
        F: Future<Output = T> + Send + 'static,
    {
        Place { group: &self.inner, ticket: None }.await;
        // No await from here on: the place is the child's now.
        self.inner.spawn(site, None, kind, future, launch_created)
    }

    /// Spawns the task if there is a place for it and nobody waits for one.
    ///
    /// # Errors
    ///
    /// The future itself, if there is no place.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let group = coord.bounded_group(1);
    /// group.try_spawn(async { 1 }).unwrap();
    /// let full = group.try_spawn(async { 2 }).unwrap_err();
    /// assert_eq!(coord.block_on(full.into_inner()), 2);
    /// ```
    #[track_caller]
    pub fn try_spawn<F>(&self, future: F) -> Result<TaskId, GroupFull<F>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        if !self.inner.with(|state| places(state).take()) {
            return Err(GroupFull(future));
        }
        Ok(self.inner.spawn(Location::caller(), None, Kind::Future, future, launch_created))
    }
}

impl<T> BoundedGroup<T> {
    /// How many children may be alive at a time.
    ///
    /// ```
    /// let coord = oasync::Coordinator::builder().workers(2).build()?;
    /// assert_eq!(coord.bounded_group::<()>(0).limit(), 8);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// See [`TaskGroup::join_next`](crate::TaskGroup::join_next).
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let group = oasync::BoundedGroup::new(1);
    ///     group.spawn(async { 1 }).await;
    ///     assert_eq!(group.join_next().await.unwrap().unwrap(), 1);
    /// });
    /// ```
    pub fn join_next(&self) -> JoinNext<'_, T> {
        JoinNext::new(&self.inner)
    }

    /// See [`TaskGroup::try_join_next`](crate::TaskGroup::try_join_next).
    ///
    /// ```
    /// assert!(oasync::BoundedGroup::<()>::new(1).try_join_next().is_none());
    /// ```
    pub fn try_join_next(&self) -> Option<Result<T, JoinError>> {
        self.inner.with(|state| state.next_result()).flatten()
    }

    /// See [`TaskGroup::join_all`](crate::TaskGroup::join_all).
    ///
    /// ```
    /// let group = oasync::BoundedGroup::new(1);
    /// group.try_spawn(async { 1 }).unwrap();
    /// assert_eq!(oasync::block_on(group.join_all()).len(), 1);
    /// ```
    pub async fn join_all(&self) -> Vec<Result<T, JoinError>> {
        wait::Ended::new(&self.inner).await;
        std::iter::from_fn(|| self.try_join_next()).collect()
    }

    /// See [`TaskGroup::len`](crate::TaskGroup::len).
    ///
    /// ```
    /// let group = oasync::BoundedGroup::new(1);
    /// group.try_spawn(async {}).unwrap();
    /// assert_eq!(group.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.inner.with(|state| state.len())
    }

    /// See [`TaskGroup::is_empty`](crate::TaskGroup::is_empty).
    ///
    /// ```
    /// assert!(oasync::BoundedGroup::<()>::new(1).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// See [`TaskGroup::num_running`](crate::TaskGroup::num_running).
    ///
    /// ```
    /// let group = oasync::BoundedGroup::new(1);
    /// group.try_spawn(std::future::pending::<()>()).unwrap();
    /// assert_eq!(group.num_running(), 1);
    /// ```
    pub fn num_running(&self) -> usize {
        self.inner.with(|state| state.running())
    }

    /// See [`TaskGroup::cancel_all`](crate::TaskGroup::cancel_all).
    ///
    /// ```
    /// let group = oasync::BoundedGroup::new(1);
    /// group.try_spawn(std::future::pending::<()>()).unwrap();
    /// group.cancel_all();
    /// assert!(oasync::block_on(group.join_next()).unwrap().unwrap_err().is_cancelled());
    /// ```
    pub fn cancel_all(&self) {
        self.inner.cancel_all();
    }

    /// See [`TaskGroup::detach_all`](crate::TaskGroup::detach_all). The children keep
    /// their places until they end.
    ///
    /// ```
    /// let group = oasync::BoundedGroup::new(1);
    /// group.try_spawn(std::future::pending::<()>()).unwrap();
    /// group.detach_all();
    /// assert!(group.is_empty() && group.try_spawn(async {}).is_err());
    /// ```
    pub fn detach_all(&self) {
        self.inner.detach_all();
    }

    /// See [`TaskGroup::drain`](crate::TaskGroup::drain).
    ///
    /// ```
    /// let group = oasync::BoundedGroup::new(1);
    /// group.try_spawn(async {}).unwrap();
    /// let report = group.drain(std::time::Duration::from_secs(5));
    /// assert!(report.still_running.is_empty());
    /// ```
    pub fn drain(&self, limit: Duration) -> GroupReport {
        wait::drain(&self.inner, limit)
    }

    /// See [`TaskGroup::drain_until`](crate::TaskGroup::drain_until).
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let group = oasync::BoundedGroup::new(1);
    ///     group.spawn(async {}).await;
    ///     let report = group.drain_until(std::future::pending::<()>()).await;
    ///     assert!(report.still_running.is_empty());
    /// });
    /// ```
    pub async fn drain_until<F: Future>(&self, end: F) -> GroupReport {
        wait::drain_until(&self.inner, end).await
    }
}

impl<T> Drop for BoundedGroup<T> {
    fn drop(&mut self) {
        self.inner.close();
    }
}

impl<T> fmt::Debug for BoundedGroup<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.debug(f.debug_struct("BoundedGroup"))
    }
}

/// A [`BoundedGroup`] had no place for this future.
///
/// ```
/// let coord = oasync::Coordinator::new();
/// let group = coord.bounded_group(1);
/// group.try_spawn(async {}).unwrap();
/// let full: oasync::GroupFull<_> = group.try_spawn(async {}).unwrap_err();
/// assert_eq!(full.to_string(), "the group has no place free");
/// let _future = full.into_inner();
/// ```
pub struct GroupFull<F>(F);

impl<F> GroupFull<F> {
    /// The future that was not spawned.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let group = coord.bounded_group(1);
    /// group.try_spawn(async { 1 }).unwrap();
    /// let full = group.try_spawn(async { 2 }).unwrap_err();
    /// assert_eq!(coord.block_on(full.into_inner()), 2);
    /// ```
    pub fn into_inner(self) -> F {
        self.0
    }
}

impl<F> fmt::Debug for GroupFull<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupFull(..)")
    }
}

impl<F> fmt::Display for GroupFull<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the group has no place free")
    }
}

impl<F> Error for GroupFull<F> {}

/// Ready when it has a place; dropped before, it hands on a place that it got.
struct Place<'g, T> {
    group: &'g Inner<T>,
    ticket: Option<u64>,
}

impl<T> Future for Place<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let group = this.group;
        group.wait(
            &mut this.ticket,
            |state| &mut places(state).queue,
            cx,
            |state, ticket| {
                let places = places(state);
                let got = match ticket {
                    // Called: the place of a child that ended went to this ticket.
                    Some(ticket) => !places.queue.holds(ticket),
                    None => places.take(),
                };
                got.then_some(())
            },
        )
    }
}

impl<T> Drop for Place<'_, T> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let (unused, next) = self.group.with(|state| {
            let places = places(state);
            match places.queue.leave(ticket) {
                Some(waker) => (Some(waker), None),
                None => (None, places.give_back()),
            }
        });
        drop(unused);
        self.group.wake(next);
    }
}

fn places<T>(state: &mut State<T>) -> &mut Places {
    state.places.as_mut().unwrap_or_else(|| unreachable!("the group is bounded"))
}
