//! A handle to a coordinator, for those who do not own it.

use std::fmt;
use std::io;
use std::panic::Location;
use std::time::Duration;

use crate::StopToken;
use crate::free;
use crate::metrics::{Metrics, TaskInfo};
use crate::pinned::{self, Broadcast, NoSuchWorker};
use crate::shared::Shared;
use crate::shutdown::{self, ShutdownReport};
use crate::sync_facade::{Arc, Ordering};
use crate::task::builder::TaskBuilder;
use crate::task::{self, JoinHandle, New};

/// Refers to a [`Coordinator`](crate::Coordinator): cheap to clone, to be sent to
/// any thread, and with all of its methods.
///
/// It does not keep the coordinator from being dropped; after that, what is
/// spawned through it is cancelled.
///
/// ```
/// let coord = oasync::Coordinator::new();
/// let handle = coord.handle();
/// let task = std::thread::spawn(move || handle.spawn(async { 1 })).join().unwrap();
/// assert_eq!(coord.block_on(task).unwrap(), 1);
/// ```
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Handle { shared }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// See [`Coordinator::start`](crate::Coordinator::start).
    ///
    /// # Errors
    ///
    /// If the system gives no thread, and after a shutdown.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// coord.handle().start()?;
    /// assert_eq!(coord.metrics().num_worker_threads(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn start(&self) -> io::Result<()> {
        self.shared.start()
    }

    /// See [`Coordinator::spawn`](crate::Coordinator::spawn).
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let task = coord.handle().spawn(async { 6 * 7 });
    /// assert_eq!(coord.block_on(task).unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        free::spawn_on(&self.shared, future)
    }

    /// See [`Coordinator::go`](crate::Coordinator::go).
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let (tx, rx) = std::sync::mpsc::channel();
    /// coord.handle().go(async move { tx.send(42).unwrap() });
    /// coord.start()?;
    /// assert_eq!(rx.recv().unwrap(), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn go<F>(&self, future: F)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn(future).detach(&self.shared.hooks);
    }

    /// See [`Coordinator::spawn_after`](crate::Coordinator::spawn_after).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let coord = oasync::Coordinator::new();
    /// let task = coord.handle().spawn_after(Duration::from_millis(5), async { 42 });
    /// assert_eq!(coord.block_on(task).unwrap(), 42);
    /// ```
    #[cfg(feature = "time")]
    #[track_caller]
    pub fn spawn_after<F>(&self, duration: Duration, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn(crate::time::delayed(duration, future))
    }

    /// See [`Coordinator::spawn_blocking`](crate::Coordinator::spawn_blocking).
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let there = coord.handle().spawn_blocking(|| std::fs::metadata("Cargo.toml").is_ok());
    /// assert!(coord.block_on(there).unwrap());
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        free::spawn_blocking_on(&self.shared, f)
    }

    /// See [`Coordinator::spawn_blocking_with`](crate::Coordinator::spawn_blocking_with).
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let task = coord.handle().spawn_blocking_with(|stop| stop.is_cancelled());
    /// assert!(!coord.block_on(task).unwrap());
    /// ```
    #[track_caller]
    pub fn spawn_blocking_with<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce(&StopToken) -> T + Send + 'static,
        T: Send + 'static,
    {
        task::spawn_blocking_with(New::unnamed(&self.shared, Location::caller()), f)
    }

    /// See [`Coordinator::gob`](crate::Coordinator::gob).
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let (tx, rx) = std::sync::mpsc::channel();
    /// coord.handle().gob(move || tx.send(42).unwrap());
    /// coord.start()?;
    /// assert_eq!(rx.recv().unwrap(), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn gob<F, T>(&self, f: F)
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_blocking(f).detach(&self.shared.hooks);
    }

    /// See [`Coordinator::spawn_pinned`](crate::Coordinator::spawn_pinned).
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let task = coord.handle().spawn_pinned(|| async { *std::rc::Rc::new(42) });
    /// assert_eq!(coord.block_on(task).unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn spawn_pinned<C, F>(&self, make: C) -> JoinHandle<F::Output>
    where
        C: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        pinned::spawn_pinned(New::unnamed(&self.shared, Location::caller()), make)
    }

    /// See [`Coordinator::spawn_pinned_on`](crate::Coordinator::spawn_pinned_on).
    ///
    /// # Errors
    ///
    /// If there are no more than `index` workers; `make` is dropped.
    ///
    /// ```
    /// let coord = oasync::Coordinator::builder().workers(2).build()?;
    /// let here = || async { oasync::worker_info().unwrap().index() };
    /// let task = coord.handle().spawn_pinned_on(1, here).unwrap();
    /// assert_eq!(coord.block_on(task).unwrap(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_pinned_on<C, F>(
        &self,
        index: usize,
        make: C,
    ) -> Result<JoinHandle<F::Output>, NoSuchWorker>
    where
        C: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        pinned::spawn_pinned_on(New::unnamed(&self.shared, Location::caller()), index, make)
    }

    /// See [`Coordinator::broadcast`](crate::Coordinator::broadcast).
    ///
    /// ```
    /// let coord = oasync::Coordinator::builder().workers(2).build()?;
    /// let all = coord.handle().broadcast(|| oasync::worker_info().unwrap().index());
    /// let indices: Vec<usize> = coord.block_on(all).into_iter().flatten().collect();
    /// assert_eq!(indices, [0, 1]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn broadcast<C, T>(&self, f: C) -> Broadcast<T>
    where
        C: Fn() -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        pinned::broadcast(&New::unnamed(&self.shared, Location::caller()), f)
    }

    /// See [`Coordinator::task`](crate::Coordinator::task).
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// coord.handle().task().name("mail").go(async {});
    /// assert_eq!(coord.tasks()[0].name(), Some("mail"));
    /// ```
    pub fn task(&self) -> TaskBuilder {
        TaskBuilder::new(&self.shared)
    }

    /// See [`Coordinator::block_on`](crate::Coordinator::block_on).
    ///
    /// # Panics
    ///
    /// With the panic of `future`.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// assert_eq!(coord.handle().block_on(async { 6 * 7 }), 42);
    /// ```
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        crate::block_on::block_on(&self.shared, future)
    }

    /// See [`Coordinator::metrics`](crate::Coordinator::metrics).
    ///
    /// ```
    /// let coord = oasync::Coordinator::builder().workers(2).build()?;
    /// assert_eq!(coord.handle().metrics().num_workers(), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics()
    }

    /// See [`Coordinator::tasks`](crate::Coordinator::tasks).
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// assert!(coord.handle().tasks().is_empty());
    /// ```
    #[must_use]
    pub fn tasks(&self) -> Vec<TaskInfo> {
        self.shared.tasks()
    }

    /// See [`Coordinator::shutdown`](crate::Coordinator::shutdown).
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// coord.go(async {});
    /// let report = coord.handle().shutdown(std::time::Duration::ZERO);
    /// assert_eq!(report.cancelled, 1); // it was never started
    /// ```
    pub fn shutdown(&self, limit: Duration) -> ShutdownReport {
        shutdown::shutdown(&self.shared, limit)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.shared, f)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coordinator")
            .field("phase", &self.phase.load(Ordering::Relaxed))
            .field("workers", &self.seats.len())
            .field("alive", &self.alive())
            .finish_non_exhaustive()
    }
}
