//! Spawning into a group.

use std::fmt;
use std::panic::Location;

use crate::group::inner::Inner;
use crate::sync_facade::Arc;
use crate::task::{Kind, Site, TaskId, launch_created};

/// Spawns into a [`TaskGroup`](crate::TaskGroup), from anywhere; cheap to clone.
///
/// It does not keep the group from being dropped. After that, what is spawned with
/// it is dropped at once.
///
/// ```
/// // A crawler: who finds something new spawns a sibling for it.
/// fn visit(n: u32, spawner: oasync::Spawner<u32>) {
///     let siblings = spawner.clone();
///     spawner.spawn(async move {
///         for next in [2 * n, 2 * n + 1].into_iter().filter(|&next| next < 16) {
///             visit(next, siblings.clone());
///         }
///         n
///     });
/// }
///
/// let group = oasync::TaskGroup::new();
/// visit(1, group.spawner());
/// assert_eq!(oasync::block_on(group.join_all()).len(), 15);
/// ```
pub struct Spawner<T> {
    inner: Arc<Inner<T>>,
}

impl<T> Spawner<T> {
    pub(super) fn new(inner: Arc<Inner<T>>) -> Self {
        Spawner { inner }
    }

    pub(super) fn inner(&self) -> &Arc<Inner<T>> {
        &self.inner
    }
}

impl<T: Send + 'static> Spawner<T> {
    /// See [`TaskGroup::spawn`](crate::TaskGroup::spawn).
    ///
    /// ```
    /// let group = oasync::TaskGroup::new();
    /// let spawner = group.spawner();
    /// std::thread::spawn(move || spawner.spawn(async { 1 })).join().unwrap();
    /// assert_eq!(oasync::block_on(group.join_next()).unwrap().unwrap(), 1);
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> TaskId
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.task().spawn(future)
    }

    /// See [`TaskGroup::spawn_blocking`](crate::TaskGroup::spawn_blocking).
    ///
    /// ```
    /// let group = oasync::TaskGroup::new();
    /// group.spawner().spawn_blocking(|| 1);
    /// assert_eq!(oasync::block_on(group.join_next()).unwrap().unwrap(), 1);
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F>(&self, f: F) -> TaskId
    where
        F: FnOnce() -> T + Send + 'static,
    {
        self.task().spawn_blocking(f)
    }

    /// See [`TaskGroup::task`](crate::TaskGroup::task).
    ///
    /// ```
    /// let group = oasync::TaskGroup::new();
    /// group.spawner().task().name("sibling").spawn(async { 1 });
    /// assert_eq!(oasync::block_on(group.join_next()).unwrap().unwrap(), 1);
    /// ```
    pub fn task(&self) -> GroupTaskBuilder<'_, T> {
        GroupTaskBuilder {
            inner: &self.inner,
            name: None,
            #[cfg(feature = "time")]
            after: None,
        }
    }
}

impl<T> Clone for Spawner<T> {
    fn clone(&self) -> Self {
        Spawner { inner: self.inner.clone() }
    }
}

impl<T> fmt::Debug for Spawner<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.debug(f.debug_struct("Spawner"))
    }
}

/// Spawns a child of a group that has a name; made by
/// [`TaskGroup::task`](crate::TaskGroup::task).
///
/// ```
/// let coord = oasync::Coordinator::new();
/// let group = coord.group();
/// group.task().name("mail").spawn(async {});
/// assert_eq!(coord.tasks()[0].name(), Some("mail"));
/// ```
#[must_use = "a task builder does nothing until `spawn`"]
pub struct GroupTaskBuilder<'g, T> {
    inner: &'g Arc<Inner<T>>,
    name: Option<Arc<str>>,
    #[cfg(feature = "time")]
    after: Option<std::time::Duration>,
}

impl<T: Send + 'static> GroupTaskBuilder<'_, T> {
    /// Names the child, as [`TaskBuilder::name`](crate::TaskBuilder::name) does a
    /// task.
    ///
    /// ```
    /// let group = oasync::TaskGroup::new();
    /// group.task().name("mail").spawn(async {});
    /// ```
    pub fn name(mut self, name: impl AsRef<str>) -> Self {
        self.name = Some(Arc::from(name.as_ref()));
        self
    }

    /// Lets the task begin later; see [`TaskBuilder::after`](crate::TaskBuilder::after).
    /// It is a child of the group meanwhile.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let group = oasync::TaskGroup::new();
    /// let start = Instant::now();
    /// group.task().after(Duration::from_millis(5)).spawn(async { Instant::now() });
    /// let began = oasync::block_on(group.join_next()).unwrap().unwrap();
    /// assert!(began >= start + Duration::from_millis(5));
    /// ```
    #[cfg(feature = "time")]
    pub fn after(mut self, duration: std::time::Duration) -> Self {
        self.after = Some(duration);
        self
    }

    /// See [`TaskGroup::spawn`](crate::TaskGroup::spawn).
    ///
    /// ```
    /// let group = oasync::TaskGroup::new();
    /// group.task().name("sum").spawn(async { 1 + 2 });
    /// assert_eq!(oasync::block_on(group.join_next()).unwrap().unwrap(), 3);
    /// ```
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> TaskId
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.spawn_at(Location::caller(), Kind::Future, future)
    }

    /// See [`TaskGroup::spawn_blocking`](crate::TaskGroup::spawn_blocking).
    ///
    /// ```
    /// let group = oasync::TaskGroup::new();
    /// group.task().name("stat").spawn_blocking(|| std::fs::metadata("Cargo.toml").is_ok());
    /// assert!(oasync::block_on(group.join_next()).unwrap().unwrap());
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F>(self, f: F) -> TaskId
    where
        F: FnOnce() -> T + Send + 'static,
    {
        self.spawn_at(Location::caller(), Kind::Blocking, async move { f() })
    }

    fn spawn_at<F>(self, site: &'static Site, kind: Kind, future: F) -> TaskId
    where
        F: Future<Output = T> + Send + 'static,
    {
        #[cfg(feature = "time")]
        if let Some(duration) = self.after {
            let future = crate::time::delayed(duration, future);
            return self.inner.spawn(site, self.name, kind, future, launch_created);
        }
        self.inner.spawn(site, self.name, kind, future, launch_created)
    }
}

impl<T> fmt::Debug for GroupTaskBuilder<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupTaskBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}
