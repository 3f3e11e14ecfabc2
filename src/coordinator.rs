//! The coordinator: what users hold.

use std::fmt;
use std::io;
use std::panic::Location;
use std::time::Duration;

use crate::builder::{Builder, Options};
use crate::hooks::Hooks;
use crate::metrics::{Metrics, TaskInfo};
use crate::pinned::{self, Broadcast, NoSuchWorker};
use crate::shared::Shared;
use crate::shutdown::{self, ShutdownReport};
use crate::sync_facade::{Arc, OnceLock};
use crate::task::builder::TaskBuilder;
use crate::task::{JoinHandle, New};
use crate::{Handle, StopToken, context, free, task};

/// Runs tasks on several threads.
///
/// A coordinator has a fixed number of *workers*, and a pool of threads for
/// closures that block. Nothing runs until [`start`](Self::start) or
/// [`block_on`](Self::block_on); what is spawned before waits in a queue.
///
/// Dropping it cancels what still lives: every future is dropped and every
/// thread has ended when `drop` returns. That waits for polls and closures that
/// are under way, however long they take; a [`shutdown`](Self::shutdown) before
/// it bounds the wait. (The features `log` and `tracing` warn, after a second, of what it
/// waits for.) Dropped inside one of its own tasks, it cancels and does not wait.
///
/// ```
/// use oasync::Coordinator;
///
/// static COORD: Coordinator = Coordinator::new();
///
/// COORD.go(async { println!("queued before the start") });
/// let sum = COORD.block_on(async {
///     let a = oasync::spawn(async { 20 });
///     let b = oasync::spawn_blocking(|| 22);
///     a.await.unwrap() + b.await.unwrap()
/// });
/// assert_eq!(sum, 42);
/// ```
pub struct Coordinator {
    shared: OnceLock<Arc<Shared>>,
}

impl Coordinator {
    /// A coordinator with the default options: as many workers as the machine
    /// runs threads at once. Costs nothing until it is used, and may be a
    /// `static`, which is never dropped.
    ///
    /// ```
    /// static COORD: oasync::Coordinator = oasync::Coordinator::new();
    ///
    /// assert_eq!(COORD.block_on(async { 6 * 7 }), 42);
    /// ```
    pub const fn new() -> Self {
        Coordinator { shared: OnceLock::new() }
    }

    /// A coordinator with options.
    ///
    /// ```
    /// let coord = oasync::Coordinator::builder().workers(2).build()?;
    /// assert_eq!(coord.metrics().num_workers(), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn from_shared(shared: Arc<Shared>) -> Self {
        Coordinator { shared: OnceLock::from(shared) }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        self.shared.get_or_init(|| Shared::new(Options::default(), Hooks::default()))
    }

    /// A handle to the coordinator that this code runs in: the innermost one
    /// whose task, closure, thread hook or `block_on` it is inside of. Outside any
    /// coordinator, the process-wide default, which this does not start.
    ///
    /// ```
    /// let coord = oasync::Coordinator::builder().workers(3).build()?;
    /// let workers = coord.block_on(async {
    ///     oasync::Coordinator::current().metrics().num_workers()
    /// });
    /// assert_eq!(workers, 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn current() -> Handle {
        Self::try_current().unwrap_or_else(|| free::default().handle())
    }

    /// The same; `None` outside any coordinator.
    ///
    /// ```
    /// assert!(oasync::Coordinator::try_current().is_none());
    /// ```
    pub fn try_current() -> Option<Handle> {
        context::with_shared(|shared| Handle::new(shared.clone()))
    }

    /// A handle, to spawn from anywhere. It does not keep the coordinator from
    /// being dropped.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let handle = coord.handle();
    /// drop(coord);
    /// let refused = handle.spawn(async {});
    /// assert!(oasync::block_on(refused).unwrap_err().is_cancelled());
    /// ```
    pub fn handle(&self) -> Handle {
        Handle::new(self.shared().clone())
    }

    /// Starts running tasks on threads of its own and returns at once. More
    /// than one thread is started only when there is work for it. Once started,
    /// this does nothing.
    ///
    /// # Errors
    ///
    /// If the system gives no thread: tasks stay queued, and you may try again,
    /// or use [`block_on`](Self::block_on), which works without one. Also after a
    /// shutdown.
    ///
    /// ```
    /// let (tx, rx) = std::sync::mpsc::channel();
    /// let coord = oasync::Coordinator::new();
    /// coord.go(async move { tx.send("hello").unwrap() }); // queued
    /// coord.start()?;
    /// assert_eq!(rx.recv().unwrap(), "hello");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn start(&self) -> io::Result<()> {
        self.shared().start()
    }

    /// Spawns a task: `future` will run on any of the workers, and move from one
    /// to another as it goes.
    ///
    /// From a task of this coordinator this is the fast path. Tasks spawned from
    /// outside, or before the start, are taken up in the order they came (with
    /// several workers, by several at a time). After a shutdown the future is
    /// dropped and the handle gives a cancelled error.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let task = coord.spawn(async { 6 * 7 });
    /// assert_eq!(coord.block_on(task).unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        free::spawn_on(self.shared(), future)
    }

    /// [Spawns](Self::spawn) a task and detaches it: its result is dropped, and its
    /// panic goes to [`on_panic`](Builder::on_panic).
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let (tx, rx) = std::sync::mpsc::channel();
    /// coord.go(async move { tx.send(42).unwrap() });
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
        self.spawn(future).detach(&self.shared().hooks);
    }

    /// [Spawns](Self::spawn) a task that begins when `duration` from now has passed, or
    /// at the start, if that is later.
    ///
    /// It is a task that waits until then: it is counted, and can be cancelled.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let coord = oasync::Coordinator::new();
    /// let start = Instant::now();
    /// let task = coord.spawn_after(Duration::from_millis(5), async { Instant::now() });
    /// assert!(coord.block_on(task).unwrap() >= start + Duration::from_millis(5));
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

    /// Runs a closure that blocks on a thread of the blocking pool.
    ///
    /// The pool starts threads on demand, up to
    /// [`blocking_threads`](Builder::blocking_threads); more closures wait in a
    /// queue, in order. A closure that has begun cannot be cancelled. After a
    /// shutdown it is dropped and the handle gives a cancelled error.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let text = coord.spawn_blocking(|| std::fs::read_to_string("Cargo.toml"));
    /// assert!(coord.block_on(text).unwrap().unwrap().contains("oasync"));
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        free::spawn_blocking_on(self.shared(), f)
    }

    /// [Runs a closure that blocks](Self::spawn_blocking) and can be told to stop: it
    /// is given a [`StopToken`], to look at now and then.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let coord = oasync::Coordinator::new();
    /// coord.start()?;
    /// let task = coord.spawn_blocking_with(|stop| {
    ///     while !stop.is_cancelled() {
    ///         std::thread::sleep(Duration::from_millis(1)); // wait for something, in slices
    ///     }
    /// });
    /// let _ended = oasync::block_on(task.cancel()); // does not hang
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_blocking_with<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce(&StopToken) -> T + Send + 'static,
        T: Send + 'static,
    {
        task::spawn_blocking_with(New::unnamed(self.shared(), Location::caller()), f)
    }

    /// [Sends](Self::spawn_blocking) a closure to the blocking pool and detaches
    /// it, as [`go`](Self::go) does a task.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let (tx, rx) = std::sync::mpsc::channel();
    /// coord.gob(move || tx.send(std::fs::metadata("Cargo.toml").is_ok()).unwrap());
    /// coord.start()?;
    /// assert!(rx.recv().unwrap());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn gob<F, T>(&self, f: F)
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_blocking(f).detach(&self.shared().hooks);
    }

    /// Spawns a task whose future need not be `Send`: `make` is sent to one of the
    /// worker threads, and the future that it makes is polled and dropped there.
    ///
    /// The thread is the one with the fewest pinned tasks; it is started if need be.
    /// (It is never the caller of a `block_on`.) The task takes turns with the
    /// others there. It waits behind any task that blocks that thread, even in
    /// [`block_in_place`](crate::block_in_place), where other tasks would go on
    /// elsewhere; only a nested `block_on` polls pinned tasks while it waits, up to
    /// 16 deep. If the system gives no thread, `make` is dropped and the handle gives
    /// a cancelled error.
    ///
    /// ```
    /// use std::rc::Rc;
    ///
    /// let coord = oasync::Coordinator::new();
    /// let count = coord.spawn_pinned(|| async {
    ///     let shared = Rc::new(1); // held across an await
    ///     oasync::yield_now().await;
    ///     Rc::strong_count(&shared)
    /// });
    /// assert_eq!(coord.block_on(count).unwrap(), 1);
    /// ```
    #[track_caller]
    pub fn spawn_pinned<C, F>(&self, make: C) -> JoinHandle<F::Output>
    where
        C: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        pinned::spawn_pinned(New::unnamed(self.shared(), Location::caller()), make)
    }

    /// [Spawns a pinned task](Self::spawn_pinned) on the worker thread `index`, as in
    /// [`WorkerInfo::index`](crate::WorkerInfo::index).
    ///
    /// # Errors
    ///
    /// If there are no more than `index` workers; `make` is dropped.
    ///
    /// ```
    /// let coord = oasync::Coordinator::builder().workers(2).build()?;
    /// let on = |index| coord.spawn_pinned_on(index, || async { oasync::worker_info().unwrap() });
    /// assert_eq!(coord.block_on(on(1).unwrap()).unwrap().index(), 1);
    /// assert!(on(2).is_err());
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
        pinned::spawn_pinned_on(New::unnamed(self.shared(), Location::caller()), index, make)
    }

    /// Calls `f` once on each worker thread, and gives the results in their order:
    /// to fill or to collect their [worker states](Builder::worker_state). Threads
    /// that do not live yet are started.
    ///
    /// It takes effect now, as a [pinned task](Self::spawn_pinned) on each thread; await
    /// the results. Callers of `block_on`, threads of the blocking pool and those that
    /// stand in for a blocked worker thread are not called.
    ///
    /// ```
    /// use std::cell::Cell;
    ///
    /// let coord = oasync::Coordinator::builder()
    ///     .workers(2)
    ///     .worker_state(|info| Cell::new(10 * info.index()))
    ///     .build()?;
    /// let all = coord.broadcast(|| oasync::with_worker_state(Cell::<usize>::get));
    /// let states: Vec<usize> = coord.block_on(all).into_iter().flatten().collect();
    /// assert_eq!(states, [0, 10]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn broadcast<C, T>(&self, f: C) -> Broadcast<T>
    where
        C: Fn() -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        pinned::broadcast(&New::unnamed(self.shared(), Location::caller()), f)
    }

    /// Builds a task with a name, or one that begins later.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let answer = coord.task().name("deep thought").spawn(async { 42 });
    /// assert_eq!(coord.block_on(answer).unwrap(), 42);
    /// ```
    pub fn task(&self) -> TaskBuilder {
        TaskBuilder::new(self.shared())
    }

    /// Runs `future` on this thread until it is ready, and tasks in between:
    /// the caller is a worker meanwhile. Starts the coordinator if need be.
    ///
    /// The future need be neither `Send` nor `'static`. It is polled whenever it
    /// is woken, before any task. If all workers are busy the caller polls only
    /// its own future until a seat becomes free.
    ///
    /// Several threads may call it at once, and a task may: it then waits
    /// without running other tasks, while another thread takes its place. What
    /// cannot work is a nested call that waits for what the code *after* an
    /// outer `block_on` on the same thread would do.
    ///
    /// After a shutdown it polls `future` as before, but what that spawns is refused; see
    /// [`is_shutting_down`](Self::is_shutting_down).
    ///
    /// # Panics
    ///
    /// With the panic of `future`.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let mut lines = std::rc::Rc::new(Vec::new()); // neither Send nor 'static
    /// let words = &mut lines;
    /// coord.block_on(async { std::rc::Rc::get_mut(words).unwrap().push("borrowed") });
    /// assert_eq!(lines.len(), 1);
    /// ```
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        crate::block_on::block_on(self.shared(), future)
    }

    /// What it has done and holds; see [`Metrics`].
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// coord.go(async {});
    /// assert_eq!(coord.metrics().num_alive_tasks(), 1); // queued: nothing runs yet
    /// ```
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.shared().metrics()
    }

    /// The tasks alive, by id: those that have waited at least once, have a
    /// name, or are being polled, and the closures that run. What the blocking pool
    /// runs may be listed for a moment longer.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// coord.task().name("mail").go(async {});
    /// assert_eq!(coord.tasks()[0].name(), Some("mail"));
    /// ```
    #[must_use]
    pub fn tasks(&self) -> Vec<TaskInfo> {
        self.shared().tasks()
    }

    /// Ends the coordinator: refuses new tasks from outside (main futures of
    /// `block_on` included), lets those that are there run, and spawn others, for
    /// at most `limit`, then cancels the rest and reports.
    ///
    /// When it returns, no future of the coordinator is alive, and none of its
    /// threads, except for what the report names: a closure
    /// that still blocks, a poll or a destructor that did not return within a second
    /// after the limit; or, if all tasks have ended, threads that are still in user code, as in a
    /// hook or a waker, another second later (see [`ShutdownReport::threads`]). If the
    /// coordinator was never started, everything is cancelled.
    ///
    /// Inside one of its own tasks it waits for the others; that task goes on
    /// until it next waits, and is cancelled there. There it may also be late by one poll of
    /// what is bound to its thread: pinned tasks, main futures. Calling it again is allowed.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let coord = oasync::Coordinator::new();
    /// coord.start()?;
    /// let task = coord.spawn(async { "done" });
    /// let report = coord.shutdown(Duration::from_secs(5));
    /// assert_eq!(report.cancelled, 0); // there was time for it to end
    /// assert_eq!(coord.block_on(task).unwrap(), "done");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown(&self, limit: Duration) -> ShutdownReport {
        shutdown::shutdown(self.shared(), limit)
    }
}

impl Default for Coordinator {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Coordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shared.get() {
            Some(shared) => fmt::Debug::fmt(shared, f),
            None => f.write_str("Coordinator { unused }"),
        }
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.get() {
            shutdown::drop_coordinator(shared);
        }
    }
}
