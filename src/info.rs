//! What a thread is to its coordinator.

use crate::context;

/// What a thread is to the coordinator it works for; see
/// [`worker_info`](crate::worker_info()).
///
/// ```
/// use oasync::{Coordinator, WorkerKind};
///
/// let me = Coordinator::new().block_on(async { oasync::worker_info().unwrap() });
/// assert_eq!((me.kind(), me.index()), (WorkerKind::Caller, 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WorkerInfo {
    index: usize,
    kind: WorkerKind,
}

/// The kinds of threads that a coordinator knows.
///
/// ```
/// use oasync::{Coordinator, WorkerKind};
///
/// let coord = Coordinator::new();
/// let task = coord.spawn_blocking(|| oasync::worker_info().unwrap().kind());
/// assert_eq!(coord.block_on(task).unwrap(), WorkerKind::Blocking);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkerKind {
    /// A worker thread.
    Worker,
    /// A thread of the user's, inside `block_on`, `scope` or `shutdown`; or the
    /// coordinator's own that drops what is queued at the limit of a shutdown.
    Caller,
    /// A thread of the blocking pool.
    Blocking,
    /// The thread that watches over the workers, and those that call
    /// [`on_stall`](crate::Builder::on_stall) and others' wakers in its place. They run no
    /// tasks.
    Watcher,
}

impl WorkerInfo {
    pub(crate) fn new(index: usize, kind: WorkerKind) -> Self {
        WorkerInfo { index, kind }
    }

    /// The thread's number among those of its kind that live now, from 0. The
    /// lowest free number is used first.
    ///
    /// ```
    /// let task = oasync::spawn_blocking(|| oasync::worker_info().unwrap().index());
    /// assert!(oasync::block_on(task).unwrap() < 512); // `blocking_threads`
    /// ```
    pub fn index(&self) -> usize {
        self.index
    }

    /// What kind of thread it is.
    ///
    /// ```
    /// let here = oasync::block_on(async { oasync::worker_info().unwrap() });
    /// assert_eq!(here.kind(), oasync::WorkerKind::Caller);
    /// ```
    pub fn kind(&self) -> WorkerKind {
        self.kind
    }
}

/// What this thread is to the coordinator it is inside of; `None` outside of
/// every coordinator.
///
/// ```
/// use oasync::{Coordinator, WorkerKind};
///
/// assert!(oasync::worker_info().is_none());
/// let coord = Coordinator::new();
/// coord.block_on(async {
///     let here = oasync::worker_info().unwrap();
///     assert_eq!(here.kind(), WorkerKind::Caller);
///     let there = oasync::spawn_blocking(|| oasync::worker_info().unwrap());
///     assert_eq!(there.await.unwrap().kind(), WorkerKind::Blocking);
/// });
/// ```
pub fn worker_info() -> Option<WorkerInfo> {
    context::with_entry(|entry| entry.info())
}
