//! A handle to a coordinator, for those who do not own it.

use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use crate::free;
use crate::metrics::{Metrics, TaskInfo};
use crate::shared::{Phase, Shared};
use crate::shutdown::{self, ShutdownReport};
use crate::sync::{Arc, Ordering};
use crate::task::JoinHandle;
use crate::task::builder::TaskBuilder;

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

    /// See [`Coordinator::start`](crate::Coordinator::start).
    ///
    /// # Errors
    ///
    /// If the system gives no thread, and after a shutdown.
    pub fn start(&self) -> io::Result<()> {
        self.shared.start()
    }

    /// See [`Coordinator::spawn`](crate::Coordinator::spawn).
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        free::spawn_on(&self.shared, future)
    }

    /// See [`Coordinator::go`](crate::Coordinator::go).
    #[track_caller]
    pub fn go<F>(&self, future: F)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        free::detach(&self.shared, self.spawn(future));
    }

    /// See [`Coordinator::spawn_blocking`](crate::Coordinator::spawn_blocking).
    #[track_caller]
    pub fn spawn_blocking<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        free::spawn_blocking_on(&self.shared, f)
    }

    /// See [`Coordinator::gob`](crate::Coordinator::gob).
    #[track_caller]
    pub fn gob<F, T>(&self, f: F)
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        free::detach(&self.shared, self.spawn_blocking(f));
    }

    /// See [`Coordinator::task`](crate::Coordinator::task).
    pub fn task(&self) -> TaskBuilder {
        TaskBuilder::new(&self.shared)
    }

    /// See [`Coordinator::block_on`](crate::Coordinator::block_on).
    ///
    /// # Panics
    ///
    /// With the panic of `future`.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        crate::block_on::block_on(&self.shared, future)
    }

    /// See [`Coordinator::metrics`](crate::Coordinator::metrics).
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics()
    }

    /// See [`Coordinator::tasks`](crate::Coordinator::tasks).
    pub fn tasks(&self) -> Vec<TaskInfo> {
        self.shared.tasks()
    }

    /// See [`Coordinator::shutdown`](crate::Coordinator::shutdown).
    pub fn shutdown(&self, limit: Duration) -> ShutdownReport {
        shutdown::shutdown(&self.shared, limit)
    }
}

impl Shared {
    pub(crate) fn start(&self) -> io::Result<()> {
        if self.phase.load(Ordering::Acquire) >= Phase::Draining {
            return Err(io::Error::other("the coordinator was shut down and cannot start again"));
        }
        if self.run() {
            self.notify_for_backlog();
        }
        self.threads.ensure_one(self)
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
