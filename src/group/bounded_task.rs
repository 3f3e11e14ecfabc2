//! Children of a bounded group with names.

use std::fmt;
use std::future::Future;
use std::panic::Location;

use crate::group::bounded::{BoundedGroup, GroupFull};
use crate::sync_facade::Arc;
use crate::task::{Kind, TaskId};

/// Spawns a child of a bounded group that has a name; made by [`BoundedGroup::task`].
///
/// It cannot begin later, as [`GroupTaskBuilder::after`](crate::GroupTaskBuilder) lets others:
/// it would have its place meanwhile. Let the future sleep if you want that.
///
/// ```
/// let coord = oasync::Coordinator::new();
/// let group = coord.bounded_group(1);
/// group.task().name("mail").try_spawn(async {}).unwrap();
/// assert_eq!(coord.tasks()[0].name(), Some("mail"));
/// ```
#[must_use = "a task builder does nothing until `spawn`"]
pub struct BoundedTaskBuilder<'g, T> {
    group: &'g BoundedGroup<T>,
    name: Option<Arc<str>>,
}

impl<'g, T: Send + 'static> BoundedTaskBuilder<'g, T> {
    pub(super) fn new(group: &'g BoundedGroup<T>) -> Self {
        BoundedTaskBuilder { group, name: None }
    }

    /// Names the child, as [`TaskBuilder::name`](crate::TaskBuilder::name) does a task.
    ///
    /// ```
    /// let group = oasync::BoundedGroup::new(1);
    /// group.task().name("mail").try_spawn(async {}).unwrap();
    /// ```
    pub fn name(mut self, name: impl AsRef<str>) -> Self {
        self.name = Some(Arc::from(name.as_ref()));
        self
    }

    /// See [`BoundedGroup::spawn`].
    ///
    /// # Cancel safety
    ///
    /// As for that.
    ///
    /// ```
    /// let group = oasync::BoundedGroup::new(1);
    /// oasync::block_on(async {
    ///     group.task().name("sum").spawn(async { 1 + 2 }).await;
    ///     assert_eq!(group.join_next().await.unwrap().unwrap(), 3);
    /// });
    /// ```
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> impl Future<Output = TaskId> + Send + use<'g, T, F>
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.group.spawn_at(Location::caller(), self.name, Kind::Future, future)
    }

    /// See [`BoundedGroup::spawn_blocking`].
    ///
    /// # Cancel safety
    ///
    /// As for that.
    ///
    /// ```
    /// let group = oasync::BoundedGroup::new(1);
    /// oasync::block_on(async {
    ///     group.task().name("stat").spawn_blocking(|| std::fs::metadata("Cargo.toml").is_ok()).await;
    ///     assert!(group.join_next().await.unwrap().unwrap());
    /// });
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F>(self, f: F) -> impl Future<Output = TaskId> + Send + use<'g, T, F>
    where
        F: FnOnce() -> T + Send + 'static,
    {
        self.group.spawn_at(Location::caller(), self.name, Kind::Blocking, async move { f() })
    }

    /// See [`BoundedGroup::try_spawn`].
    ///
    /// # Errors
    ///
    /// Gives the future back if there is no place.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let group = coord.bounded_group(1);
    /// group.task().name("first").try_spawn(async {}).unwrap();
    /// assert!(group.task().name("second").try_spawn(async {}).is_err());
    /// ```
    #[track_caller]
    pub fn try_spawn<F>(self, future: F) -> Result<TaskId, GroupFull<F>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let site = Location::caller();
        self.group.try_spawn_at(site, self.name, Kind::Future, future, |future| future)
    }

    /// See [`BoundedGroup::try_spawn_blocking`].
    ///
    /// # Errors
    ///
    /// Gives the closure back if there is no place.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let group = coord.bounded_group(1);
    /// group.task().name("first").try_spawn_blocking(|| ()).unwrap();
    /// assert!(group.task().name("second").try_spawn_blocking(|| ()).is_err());
    /// ```
    #[track_caller]
    pub fn try_spawn_blocking<F>(self, f: F) -> Result<TaskId, GroupFull<F>>
    where
        F: FnOnce() -> T + Send + 'static,
    {
        let run = |f: F| async move { f() };
        self.group.try_spawn_at(Location::caller(), self.name, Kind::Blocking, f, run)
    }
}

impl<T> fmt::Debug for BoundedTaskBuilder<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedTaskBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}
