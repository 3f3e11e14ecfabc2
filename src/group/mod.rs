//! Groups: tasks that belong together, and end together.
//!
//! * [`TaskGroup`]: what users hold, and what ends with it.
//! * [`Spawner`]: spawns into a group from anywhere.
//! * [`BoundedGroup`]: so many at a time; [`BoundedTaskBuilder`] names them.
//! * [`wait`]: the futures that wait for children.
//! * [`inner`]: what group and children share.

mod bounded;
mod bounded_task;
mod inner;
mod spawner;
mod wait;
mod waiters;

pub use bounded::{BoundedGroup, GroupFull};
pub use bounded_task::BoundedTaskBuilder;
pub use spawner::{GroupTaskBuilder, Spawner};
pub use wait::{GroupReport, JoinNext};

use std::fmt;
use std::time::Duration;

use crate::shared::Shared;
use crate::sync_facade::Arc;
use crate::task::{JoinError, Kind, Site, TaskId, launch_aside};
use crate::{Coordinator, Handle, free};

use inner::Inner;

/// Tasks that belong together: their results are joined as they come, and those
/// that still run when the group is dropped are cancelled.
///
/// *A tree.* A group that a task holds is dropped with the task's future. So
/// cancelling the task also cancels its children, and theirs.
///
/// *Memory.* What the group keeps for a child is freed when the child ends; only its
/// result stays until it is [joined](Self::join_next) or the group is dropped. A
/// result without a size, such as `()`, takes no memory: a `TaskGroup<()>` need
/// not be joined.
///
/// Dropping it does not wait: a child in the middle of a poll finishes that poll, and
/// a closure that has begun runs to its end. To wait, [cancel](Self::cancel_all) and
/// [join](Self::join_all).
///
/// ```
/// let coord = oasync::Coordinator::new();
/// let sum = coord.block_on(async {
///     let group = oasync::TaskGroup::new();
///     for n in 1..=10 {
///         group.spawn(async move { n * n });
///     }
///     let mut sum = 0;
///     while let Some(square) = group.join_next().await {
///         sum += square?;
///     }
///     Ok::<i32, oasync::JoinError>(sum)
/// });
/// assert_eq!(sum.unwrap(), 385);
/// ```
pub struct TaskGroup<T> {
    spawner: Spawner<T>,
}

impl<T: Send + 'static> TaskGroup<T> {
    /// A group of tasks of the coordinator that this code runs in, or of the default
    /// one; see also [`Coordinator::group`].
    ///
    /// ```
    /// let group = oasync::TaskGroup::new();
    /// group.spawn(async { 1 });
    /// assert_eq!(oasync::block_on(group.join_next()).unwrap().unwrap(), 1);
    /// ```
    #[must_use = "a group that is dropped cancels its tasks"]
    pub fn new() -> Self {
        free::with_current(Self::on)
    }

    pub(crate) fn on(shared: &Arc<Shared>) -> Self {
        TaskGroup { spawner: Spawner::new(Inner::new(shared, None)) }
    }

    /// Spawns a child that is to run beside its spawner at once.
    pub(crate) fn spawn_aside<F>(&self, site: &'static Site, future: F)
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.spawner.inner().spawn(site, None, Kind::Future, future, launch_aside);
    }

    /// A group in which at most `limit` tasks are alive; see [`BoundedGroup::new`].
    ///
    /// ```
    /// let group = oasync::TaskGroup::bounded(2);
    /// oasync::block_on(async {
    ///     for n in 0..10 {
    ///         group.spawn(async move { n }).await;
    ///         assert!(group.num_running() <= 2);
    ///     }
    ///     assert_eq!(group.join_all().await.len(), 10);
    /// });
    /// ```
    pub fn bounded(limit: usize) -> BoundedGroup<T> {
        BoundedGroup::new(limit)
    }

    /// Spawns a task into the group, as [`Coordinator::spawn`] does. If the
    /// coordinator was shut down, its result is a cancelled error.
    ///
    /// ```
    /// let group = oasync::TaskGroup::new();
    /// let id = group.spawn(async { panic!("out of tea") });
    /// let error = oasync::block_on(group.join_next()).unwrap().map(|()| ()).unwrap_err();
    /// assert!(error.is_panic() && error.id() == id);
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> TaskId
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.spawner.spawn(future)
    }

    /// Sends a closure to the blocking pool, as a child of the group; see
    /// [`Coordinator::spawn_blocking`]. One that has begun runs to its end, even if it is
    /// cancelled.
    ///
    /// ```
    /// let group = oasync::TaskGroup::new();
    /// group.spawn_blocking(|| std::fs::metadata("Cargo.toml").unwrap().len());
    /// assert!(oasync::block_on(group.join_next()).unwrap().unwrap() > 0);
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F>(&self, f: F) -> TaskId
    where
        F: FnOnce() -> T + Send + 'static,
    {
        self.spawner.spawn_blocking(f)
    }

    /// Builds a child with a name.
    ///
    /// ```
    /// let group = oasync::TaskGroup::new();
    /// group.task().name("deep thought").spawn(async { 42 });
    /// assert_eq!(oasync::block_on(group.join_next()).unwrap().unwrap(), 42);
    /// ```
    pub fn task(&self) -> GroupTaskBuilder<'_, T> {
        self.spawner.task()
    }

    /// A handle to spawn into the group with, for others to have: the children
    /// themselves, for example.
    ///
    /// ```
    /// let group = oasync::TaskGroup::new();
    /// let spawner = group.spawner();
    /// group.spawn(async move {
    ///     spawner.spawn(async { "sibling" });
    ///     "child"
    /// });
    /// assert_eq!(oasync::block_on(group.join_all()).len(), 2);
    /// ```
    pub fn spawner(&self) -> Spawner<T> {
        self.spawner.clone()
    }
}

impl<T> TaskGroup<T> {
    /// The next result: an error if there is one, else the values in the order in
    /// which they came. `None` if no child is alive and nothing is left.
    ///
    /// # Errors
    ///
    /// A [`JoinError`] if the child panicked or was cancelled.
    ///
    /// # Cancel safety
    ///
    /// It may be dropped at any time: no result is lost. Several may wait at once;
    /// each result goes to one of them.
    ///
    /// ```
    /// let group = oasync::TaskGroup::new();
    /// group.spawn(async { 6 * 7 });
    /// oasync::block_on(async {
    ///     assert_eq!(group.join_next().await.unwrap().unwrap(), 42);
    ///     assert!(group.join_next().await.is_none());
    /// });
    /// ```
    pub fn join_next(&self) -> JoinNext<'_, T> {
        JoinNext::new(self.inner())
    }

    /// Takes a result that is already there; never waits.
    ///
    /// ```
    /// let group = oasync::TaskGroup::new();
    /// assert!(group.try_join_next().is_none());
    /// group.spawn(async {});
    /// while group.try_join_next().is_none() {
    ///     std::thread::yield_now();
    /// }
    /// ```
    #[must_use = "the result is given out once"]
    pub fn try_join_next(&self) -> Option<Result<T, JoinError>> {
        self.inner().with(|state| state.next_result()).flatten()
    }

    /// Waits until no child is alive, and gives all results: errors first, then
    /// the values in the order in which they came.
    ///
    /// # Cancel safety
    ///
    /// It may be dropped at any time: no result is lost.
    ///
    /// ```
    /// let group = oasync::TaskGroup::new();
    /// for n in 0..3 {
    ///     group.spawn(async move { n });
    /// }
    /// let mut all = oasync::block_on(group.join_all())
    ///     .into_iter()
    ///     .collect::<Result<Vec<_>, _>>()
    ///     .unwrap();
    /// all.sort();
    /// assert_eq!(all, [0, 1, 2]);
    /// ```
    pub async fn join_all(&self) -> Vec<Result<T, JoinError>> {
        wait::Ended::new(self.inner()).await;
        std::iter::from_fn(|| self.try_join_next()).collect()
    }

    /// The children that are alive, and the results that nobody has taken.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let group = coord.group();
    /// group.spawn(async {});
    /// assert_eq!(group.len(), 1); // it has not started yet
    /// coord.block_on(group.join_all());
    /// assert_eq!(group.len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.inner().with(|state| state.len())
    }

    /// Whether [`len`](Self::len) is 0: then `join_next` gives `None`.
    ///
    /// ```
    /// assert!(oasync::TaskGroup::<()>::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The children that are alive.
    ///
    /// ```
    /// let group = oasync::TaskGroup::new();
    /// group.spawn(std::future::pending::<()>());
    /// assert_eq!(group.num_running(), 1);
    /// group.cancel_all();
    /// oasync::block_on(group.drain_until(std::future::pending::<()>()));
    /// assert_eq!((group.num_running(), group.len()), (0, 1)); // its error
    /// ```
    pub fn num_running(&self) -> usize {
        self.inner().with(|state| state.running())
    }

    /// Cancels every child that is alive now. Each gives a result: a cancelled
    /// error, or what it returned if that came first.
    ///
    /// ```
    /// let group = oasync::TaskGroup::new();
    /// group.spawn(std::future::pending::<()>());
    /// group.cancel_all();
    /// let results = oasync::block_on(group.join_all()); // now its future is dropped
    /// assert!(results[0].as_ref().unwrap_err().is_cancelled());
    /// ```
    pub fn cancel_all(&self) {
        self.inner().cancel_all();
    }

    /// Lets every child that is alive now run on by itself: it no longer belongs to the
    /// group. Its result is dropped, and its panic goes to
    /// [`on_panic`](crate::Builder::on_panic). The results of children that have ended
    /// stay to be joined.
    ///
    /// ```
    /// let (tx, rx) = std::sync::mpsc::channel();
    /// let group = oasync::TaskGroup::new();
    /// group.spawn(async move { tx.send("still there").unwrap() });
    /// group.detach_all();
    /// assert_eq!(group.num_running(), 0);
    /// drop(group);
    /// assert_eq!(rx.recv().unwrap(), "still there");
    /// ```
    pub fn detach_all(&self) {
        self.inner().detach_all();
    }

    /// Blocks, working meanwhile as [`block_on`](Coordinator::block_on) does, until
    /// no child is alive or `limit` is over. Says which are left: they are neither
    /// cancelled nor detached. Results stay to be joined.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let coord = oasync::Coordinator::new();
    /// let group = coord.group();
    /// group.spawn(async { /* quick */ });
    /// group.task().name("listener").spawn(std::future::pending());
    /// let report = group.drain(Duration::from_secs(1));
    /// assert_eq!(report.still_running[0].name(), Some("listener"));
    /// println!("{report}"); // 1 left: task 2 `listener`, spawned at src/main.rs:6:31, waiting
    /// ```
    #[must_use = "it says which tasks are left"]
    pub fn drain(&self, limit: Duration) -> GroupReport {
        wait::drain(self.inner(), limit)
    }

    /// Waits until no child is alive or `end` is ready, whichever comes first, and
    /// says which are left, as [`drain`](Self::drain) does.
    ///
    /// # Cancel safety
    ///
    /// It may be dropped at any time: nothing happens to the children.
    ///
    /// ```
    /// oasync::block_on(async {
    ///     let group = oasync::TaskGroup::new();
    ///     group.spawn(async {});
    ///     let report = group.drain_until(std::future::pending::<()>()).await;
    ///     assert!(report.still_running.is_empty());
    /// });
    /// ```
    pub async fn drain_until<F: Future>(&self, end: F) -> GroupReport {
        wait::drain_until(self.inner(), end).await
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.inner().shared
    }

    fn inner(&self) -> &Inner<T> {
        self.spawner.inner()
    }
}

impl<T> Drop for TaskGroup<T> {
    fn drop(&mut self) {
        self.inner().close();
    }
}

impl<T: Send + 'static> Default for TaskGroup<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for TaskGroup<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner().debug(f.debug_struct("TaskGroup"))
    }
}

impl Coordinator {
    /// A group of tasks of this coordinator; see [`TaskGroup`].
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let group = coord.group();
    /// group.spawn(async { 1 });
    /// assert_eq!(coord.block_on(group.join_all()).len(), 1);
    /// ```
    pub fn group<T: Send + 'static>(&self) -> TaskGroup<T> {
        TaskGroup::on(self.shared())
    }

    /// A group of tasks of this coordinator, at most `limit` of them alive at a
    /// time; see [`BoundedGroup`].
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let group = coord.bounded_group(1);
    /// assert!(group.try_spawn(async {}).is_ok());
    /// assert!(group.try_spawn(async {}).is_err()); // the first has not even started
    /// ```
    pub fn bounded_group<T: Send + 'static>(&self, limit: usize) -> BoundedGroup<T> {
        BoundedGroup::on(self.shared(), limit)
    }
}

impl Handle {
    /// See [`Coordinator::group`].
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let group = coord.handle().group();
    /// group.spawn(async { 1 });
    /// assert_eq!(coord.block_on(group.join_all()).len(), 1);
    /// ```
    pub fn group<T: Send + 'static>(&self) -> TaskGroup<T> {
        TaskGroup::on(self.shared())
    }

    /// See [`Coordinator::bounded_group`].
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let group = coord.handle().bounded_group(8);
    /// assert!(group.try_spawn(async {}).is_ok());
    /// ```
    pub fn bounded_group<T: Send + 'static>(&self, limit: usize) -> BoundedGroup<T> {
        BoundedGroup::on(self.shared(), limit)
    }
}
