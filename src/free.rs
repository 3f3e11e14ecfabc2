//! The free functions: those of the coordinator that this code runs in, or of
//! the process-wide default one.

use std::any::type_name;
use std::panic::Location;

use crate::pinned::{self, Broadcast, NoSuchWorker};
use crate::shared::Shared;
use crate::sync_facade::Arc;
use crate::task::builder::TaskBuilder;
use crate::task::{self, JoinHandle, New};
use crate::{Coordinator, StopToken, context};

/// The process-wide coordinator, for code outside of every other.
pub(crate) fn default() -> &'static Coordinator {
    static DEFAULT: Coordinator = Coordinator::new();
    &DEFAULT
}

/// Calls `f` with the coordinator of this code; the default one is started.
pub(crate) fn with_current<R>(f: impl FnOnce(&Arc<Shared>) -> R) -> R {
    if !context::is_inside() {
        let shared = default().shared();
        // Without a thread the tasks wait; each spawn tries again.
        let _ = shared.start();
        return f(shared);
    }
    context::with_shared(f).expect("this thread is inside a coordinator")
}

/// Calls `f` with the coordinator of this code. If that has ended, as `f` tells by
/// `None`, with the default one; if that has ended, too, with one that nobody can shut
/// down. `None` at the end means that the system gives no thread.
#[cfg(feature = "time")]
pub(crate) fn with_timers<R>(f: impl Fn(&Arc<Shared>) -> Option<R>) -> Option<R> {
    static SPARE: Coordinator = Coordinator::new();
    let here = context::with_shared(&f).flatten();
    here.or_else(|| {
        [default(), &SPARE].into_iter().find_map(|coord| {
            coord.start().ok()?;
            f(coord.shared())
        })
    })
}

#[track_caller]
pub(crate) fn spawn_on<F>(shared: &Arc<Shared>, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    task::spawn(New::unnamed(shared, Location::caller()), future)
}

#[track_caller]
pub(crate) fn spawn_blocking_on<F, T>(shared: &Arc<Shared>, f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    task::spawn_blocking(New::unnamed(shared, Location::caller()), f)
}

/// Spawns a task on the coordinator that this code runs in, or on the default
/// one; see [`Coordinator::spawn`].
///
/// ```
/// let task = oasync::spawn(async { 6 * 7 });
/// assert_eq!(oasync::block_on(task).unwrap(), 42);
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let site = Location::caller();
    with_current(|shared| task::spawn(New::unnamed(shared, site), future))
}

/// [Spawns](spawn) a task and detaches it.
///
/// ```
/// let (tx, rx) = std::sync::mpsc::channel();
/// oasync::go(async move { tx.send("hello").unwrap() });
/// assert_eq!(rx.recv().unwrap(), "hello");
/// ```
#[track_caller]
pub fn go<F>(future: F)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let site = Location::caller();
    with_current(|shared| task::spawn(New::unnamed(shared, site), future).detach(&shared.hooks));
}

/// [Spawns](spawn) a task that begins when `duration` from now has passed; see
/// [`Coordinator::spawn_after`].
///
/// ```
/// use std::time::Duration;
///
/// let task = oasync::spawn_after(Duration::from_millis(5), async { 42 });
/// assert_eq!(oasync::block_on(task).unwrap(), 42);
/// ```
#[cfg(feature = "time")]
#[track_caller]
pub fn spawn_after<F>(duration: std::time::Duration, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn(crate::time::delayed(duration, future))
}

/// Runs a closure that blocks on a thread of the blocking pool; see
/// [`Coordinator::spawn_blocking`].
///
/// ```
/// let length = oasync::spawn_blocking(|| std::fs::metadata("Cargo.toml").unwrap().len());
/// assert!(oasync::block_on(length).unwrap() > 0);
/// ```
#[track_caller]
pub fn spawn_blocking<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let site = Location::caller();
    with_current(|shared| task::spawn_blocking(New::unnamed(shared, site), f))
}

/// [Runs a closure that blocks](spawn_blocking) and can be told to stop; see
/// [`Coordinator::spawn_blocking_with`].
///
/// ```
/// let task = oasync::spawn_blocking_with(|stop| {
///     while !stop.is_cancelled() {
///         std::thread::yield_now(); // a piece of work
///     }
/// });
/// let _ended = oasync::block_on(task.cancel()); // does not hang
/// ```
#[track_caller]
pub fn spawn_blocking_with<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce(&StopToken) -> T + Send + 'static,
    T: Send + 'static,
{
    let site = Location::caller();
    with_current(|shared| task::spawn_blocking_with(New::unnamed(shared, site), f))
}

/// "Go, blocking": [sends](spawn_blocking) a closure to the blocking pool and detaches it.
///
/// ```
/// let (tx, rx) = std::sync::mpsc::channel();
/// oasync::gob(move || tx.send("from a blocking thread").unwrap());
/// assert_eq!(rx.recv().unwrap(), "from a blocking thread");
/// ```
#[track_caller]
pub fn gob<F, T>(f: F)
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let site = Location::caller();
    with_current(|shared| {
        task::spawn_blocking(New::unnamed(shared, site), f).detach(&shared.hooks)
    });
}

/// Spawns a task whose future need not be `Send`, and stays on one worker thread;
/// see [`Coordinator::spawn_pinned`].
///
/// ```
/// use std::rc::Rc;
///
/// let count = oasync::spawn_pinned(|| async {
///     let shared = Rc::new(1); // held across an await
///     oasync::yield_now().await;
///     Rc::strong_count(&shared)
/// });
/// assert_eq!(oasync::block_on(count).unwrap(), 1);
/// ```
#[track_caller]
pub fn spawn_pinned<C, F>(make: C) -> JoinHandle<F::Output>
where
    C: FnOnce() -> F + Send + 'static,
    F: Future + 'static,
    F::Output: Send + 'static,
{
    let site = Location::caller();
    with_current(|shared| pinned::spawn_pinned(New::unnamed(shared, site), make))
}

/// [Spawns a pinned task](spawn_pinned) on the worker thread `index`; see [`Coordinator::spawn_pinned_on`].
///
/// # Errors
///
/// If there are no more than `index` workers; `make` is dropped.
///
/// ```
/// let task = oasync::spawn_pinned_on(0, || async { oasync::worker_info().unwrap().index() });
/// assert_eq!(oasync::block_on(task?).unwrap(), 0);
/// # Ok::<(), oasync::NoSuchWorker>(())
/// ```
#[track_caller]
pub fn spawn_pinned_on<C, F>(index: usize, make: C) -> Result<JoinHandle<F::Output>, NoSuchWorker>
where
    C: FnOnce() -> F + Send + 'static,
    F: Future + 'static,
    F::Output: Send + 'static,
{
    let site = Location::caller();
    with_current(|shared| pinned::spawn_pinned_on(New::unnamed(shared, site), index, make))
}

/// Calls `f` once on each worker thread; see [`Coordinator::broadcast`].
///
/// ```
/// let all = oasync::block_on(oasync::broadcast(|| std::thread::current().id()));
/// assert_eq!(all.len(), oasync::Coordinator::current().metrics().num_workers());
/// ```
#[track_caller]
pub fn broadcast<C, T>(f: C) -> Broadcast<T>
where
    C: Fn() -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    let site = Location::caller();
    with_current(|shared| pinned::broadcast(&New::unnamed(shared, site), f))
}

/// Builds a task with a name, or one that begins later, on the coordinator that this
/// code runs in, or on the default one.
///
/// ```
/// let answer = oasync::task().name("deep thought").spawn(async { 42 });
/// assert_eq!(oasync::block_on(answer).unwrap(), 42);
/// ```
pub fn task() -> TaskBuilder {
    with_current(TaskBuilder::new)
}

/// Runs `future` on this thread until it is ready; see
/// [`Coordinator::block_on`].
///
/// # Panics
///
/// With the panic of `future`.
///
/// ```
/// assert_eq!(oasync::block_on(async { 1 + 1 }), 2);
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    match context::with_shared(Arc::clone) {
        Some(shared) => crate::block_on::block_on(&shared, future),
        None => default().block_on(future),
    }
}

/// Calls `f` with this thread's own worker state, made with
/// [`Builder::worker_state`](crate::Builder::worker_state).
///
/// The state belongs to the *thread*, never to the task: a task may be on
/// another thread after each `.await`, which is why `f` cannot await. It is
/// made when the thread first asks for it, and dropped on the same thread when
/// that ends (a caller's: when its `block_on` returns). Blocking threads have
/// one too.
///
/// # Panics
///
/// Outside any coordinator; if the coordinator has no worker state; if it
/// is of another type than `S` (both are named); if the function that makes it
/// panics or asks for the state itself.
///
/// ```
/// use std::cell::Cell;
///
/// let coord = oasync::Coordinator::builder().worker_state(|_| Cell::new(0)).build()?;
/// let count = coord.block_on(async {
///     oasync::with_worker_state(|n: &Cell<i32>| n.set(n.get() + 1));
///     oasync::with_worker_state(Cell::<i32>::get)
/// });
/// assert_eq!(count, 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn with_worker_state<S: 'static, R>(f: impl FnOnce(&S) -> R) -> R {
    let outside = || Err("this thread is not inside a coordinator".to_owned());
    match context::with_entry(|entry| entry.with_state(f)).unwrap_or_else(outside) {
        Ok(result) => result,
        Err(why) => panic!("with_worker_state::<{}>: {why}", type_name::<S>()),
    }
}
