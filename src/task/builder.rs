//! A task with options.

use std::future::Future;
use std::panic::Location;

use crate::StopToken;
use crate::free;
use crate::pinned::{self, NoSuchWorker};
use crate::shared::Shared;
use crate::sync_facade::Arc;
use crate::task::{self, JoinHandle, New};

/// Spawns a task that has a name, or begins later; made by [`task`](crate::task()),
/// [`Coordinator::task`](crate::Coordinator::task) and
/// [`Handle::task`](crate::Handle::task).
///
/// [`tasks`](crate::Coordinator::tasks), the report of a shutdown and the panic hook
/// call the task by its name.
///
/// ```
/// let coord = oasync::Coordinator::new();
/// let answer = coord.task().name("deep thought").spawn(async { 42 });
/// assert_eq!(coord.block_on(answer).unwrap(), 42);
/// ```
#[must_use = "a task builder does nothing until `spawn`"]
#[derive(Debug)]
pub struct TaskBuilder {
    shared: Arc<Shared>,
    name: Option<Arc<str>>,
    #[cfg(feature = "time")]
    after: Option<std::time::Duration>,
}

impl TaskBuilder {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        TaskBuilder {
            shared: shared.clone(),
            name: None,
            #[cfg(feature = "time")]
            after: None,
        }
    }

    /// Names the task.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// coord.task().name("mail").go(async {});
    /// assert_eq!(coord.tasks()[0].name(), Some("mail"));
    /// ```
    pub fn name(mut self, name: impl AsRef<str>) -> Self {
        self.name = Some(Arc::from(name.as_ref()));
        self
    }

    /// Lets the task begin when `duration` has passed since it was spawned, or at the
    /// start of the coordinator, if that is later. The same holds for a closure of the
    /// blocking pool or of a pinned task.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let coord = oasync::Coordinator::new();
    /// let start = Instant::now();
    /// let later = coord.task().after(Duration::from_millis(5));
    /// let closure = later.spawn_blocking(Instant::now);
    /// assert!(coord.block_on(closure).unwrap() >= start + Duration::from_millis(5));
    /// ```
    #[cfg(feature = "time")]
    pub fn after(mut self, duration: std::time::Duration) -> Self {
        self.after = Some(duration);
        self
    }

    /// Spawns a future; see [`Coordinator::spawn`](crate::Coordinator::spawn).
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let task = coord.task().name("sum").spawn(async { 1 + 2 });
    /// assert_eq!(coord.block_on(task).unwrap(), 3);
    /// ```
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        #[cfg(feature = "time")]
        if let Some(duration) = self.after {
            return task::spawn(self.new_task(), crate::time::delayed(duration, future));
        }
        task::spawn(self.new_task(), future)
    }

    /// Spawns a future and detaches it.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let (tx, rx) = std::sync::mpsc::channel();
    /// coord.task().name("sender").go(async move { tx.send(42).unwrap() });
    /// coord.start()?;
    /// assert_eq!(rx.recv().unwrap(), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn go<F>(self, future: F)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let shared = self.shared.clone();
        free::detach(&shared, self.spawn(future));
    }

    /// Sends a closure to the blocking pool; see
    /// [`Coordinator::spawn_blocking`](crate::Coordinator::spawn_blocking).
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let task = coord.task().name("stat").spawn_blocking(|| std::fs::metadata("Cargo.toml"));
    /// assert!(coord.block_on(task).unwrap().unwrap().is_file());
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, T>(self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        #[cfg(feature = "time")]
        if let Some(duration) = self.after {
            let future = crate::time::delayed(duration, async move { f() });
            return task::spawn_in_pool(self.new_task(), future);
        }
        task::spawn_blocking(self.new_task(), f)
    }

    /// Sends a closure that can be told to stop to the blocking pool; see
    /// [`Coordinator::spawn_blocking_with`](crate::Coordinator::spawn_blocking_with).
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let task = coord.task().name("scan").spawn_blocking_with(|stop| stop.is_cancelled());
    /// assert!(!coord.block_on(task).unwrap());
    /// ```
    #[track_caller]
    pub fn spawn_blocking_with<F, T>(self, f: F) -> JoinHandle<T>
    where
        F: FnOnce(&StopToken) -> T + Send + 'static,
        T: Send + 'static,
    {
        #[cfg(feature = "time")]
        if let Some(duration) = self.after {
            let closure = |token| crate::time::delayed(duration, async move { f(&token) });
            return task::spawn_in_pool_with(self.new_task(), closure);
        }
        task::spawn_blocking_with(self.new_task(), f)
    }

    /// Sends a closure to the blocking pool and detaches it.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let (tx, rx) = std::sync::mpsc::channel();
    /// coord.task().name("sender").gob(move || tx.send(42).unwrap());
    /// coord.start()?;
    /// assert_eq!(rx.recv().unwrap(), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn gob<F, T>(self, f: F)
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let shared = self.shared.clone();
        free::detach(&shared, self.spawn_blocking(f));
    }

    /// Spawns a task that stays on one worker thread; see
    /// [`Coordinator::spawn_pinned`](crate::Coordinator::spawn_pinned).
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let task = coord.task().name("ui").spawn_pinned(|| async { *std::rc::Rc::new(42) });
    /// assert_eq!(coord.block_on(task).unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn spawn_pinned<C, F>(self, make: C) -> JoinHandle<F::Output>
    where
        C: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        #[cfg(feature = "time")]
        if let Some(duration) = self.after {
            let sleep = crate::time::sleep(duration);
            let later = move || async move {
                sleep.await;
                make().await
            };
            return pinned::spawn_pinned(self.new_task(), later);
        }
        pinned::spawn_pinned(self.new_task(), make)
    }

    /// The same on the worker thread `index`; see
    /// [`Coordinator::spawn_pinned_on`](crate::Coordinator::spawn_pinned_on).
    ///
    /// # Errors
    ///
    /// If there are no more than `index` workers; `make` is dropped.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let task = coord.task().name("ui").spawn_pinned_on(0, || async { 42 })?;
    /// assert_eq!(coord.block_on(task).unwrap(), 42);
    /// # Ok::<(), oasync::NoSuchWorker>(())
    /// ```
    #[track_caller]
    pub fn spawn_pinned_on<C, F>(
        self,
        index: usize,
        make: C,
    ) -> Result<JoinHandle<F::Output>, NoSuchWorker>
    where
        C: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        #[cfg(feature = "time")]
        if let Some(duration) = self.after {
            let sleep = crate::time::sleep(duration);
            let later = move || async move {
                sleep.await;
                make().await
            };
            return pinned::spawn_pinned_on(self.new_task(), index, later);
        }
        pinned::spawn_pinned_on(self.new_task(), index, make)
    }

    #[track_caller]
    fn new_task(&self) -> New<'_> {
        New { shared: &self.shared, site: Location::caller(), name: self.name.clone() }
    }
}
