//! Every option of a coordinator, with its default and its check.

use std::any::{Any, type_name};
use std::fmt::{self, Display};
use std::io;
use std::thread::available_parallelism;
use std::time::Duration;

use crate::hooks::{Hooks, TaskPanic};
use crate::shared::Shared;
use crate::stall::Stall;
use crate::{Coordinator, WorkerInfo};

const MAX_WORKERS: usize = 1024;
const MAX_BLOCKING_THREADS: usize = 32_768;
const DEFAULT_BLOCKING_THREADS: usize = 512;
const DEFAULT_KEEP_ALIVE: Duration = Duration::from_secs(10);
const MIN_STACK_SIZE: usize = 16 * 1024;
const DEFAULT_STALL_THRESHOLD: Duration = Duration::from_millis(10);
const DEFAULT_ARENA_KEEP: usize = 64 * 1024;

/// The options that the threads read.
pub(crate) struct Options {
    pub(crate) workers: usize,
    pub(crate) blocking_threads: usize,
    pub(crate) keep_alive: Duration,
    pub(crate) thread_name: String,
    pub(crate) stack_size: Option<usize>,
    pub(crate) worker_state: Option<StateMaker>,
    pub(crate) arena_keep: usize,
    pub(crate) stall_threshold: Duration,
}

type MakeState = Box<dyn Fn(&WorkerInfo) -> Box<dyn Any> + Send + Sync>;

/// How a thread gets its worker state.
pub(crate) struct StateMaker {
    pub(crate) make: MakeState,
    pub(crate) type_name: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            workers: available_parallelism().map_or(1, usize::from).min(MAX_WORKERS),
            blocking_threads: DEFAULT_BLOCKING_THREADS,
            keep_alive: DEFAULT_KEEP_ALIVE,
            thread_name: "oasync".to_owned(),
            stack_size: None,
            worker_state: None,
            arena_keep: DEFAULT_ARENA_KEEP,
            stall_threshold: DEFAULT_STALL_THRESHOLD,
        }
    }
}

/// Builds a [`Coordinator`] with options.
///
/// What is not set has its default; so has what is set to 0 where none would make no sense:
/// the workers, the blocking threads, the stack, the stall threshold.
///
/// ```
/// use std::time::Duration;
///
/// let coord = oasync::Coordinator::builder()
///     .workers(4)
///     .blocking_threads(32)
///     .keep_alive(Duration::from_secs(2))
///     .thread_name("crawler")
///     .build()?;
/// assert_eq!(coord.metrics().num_workers(), 4);
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a builder does nothing until `build`"]
#[derive(Default)]
pub struct Builder {
    workers: usize,
    blocking_threads: usize,
    keep_alive: Option<Duration>,
    thread_name: Option<String>,
    stack_size: usize,
    worker_state: Option<StateMaker>,
    arena_keep: Option<usize>,
    stall_threshold: Duration,
    hooks: Hooks,
}

impl Builder {
    /// The number of workers: how many threads run tasks at the same time, the
    /// callers of [`block_on`](Coordinator::block_on) among them, and not
    /// counting blocking threads that lend themselves while all of these are
    /// busy. Default, also for 0: what [`available_parallelism`] says; at most 1,024.
    ///
    /// ```
    /// let coord = oasync::Coordinator::builder().workers(3).build()?;
    /// assert_eq!(coord.metrics().num_workers(), 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn workers(mut self, n: usize) -> Self {
        self.workers = n;
        self
    }

    /// The most closures that the blocking pool runs at once, and the most threads
    /// that it has for them; closures beyond wait in a queue. While workers are
    /// stuck and all these threads are busy, there may be a few more, which run
    /// waiting tasks, or closures in place of a thread that is stuck in a task: at most
    /// two for each worker, and one. Default, also for 0: 512; at most 32,768.
    ///
    /// A closure that waits in [`block_in_place`](crate::block_in_place) or a nested `block_on`
    /// may let another one begin; when it comes back, there may be one too many for a while.
    ///
    /// A closure that waits for another one runs all the while. If there are no more
    /// threads than closures that do so, the others never start.
    ///
    /// ```
    /// let coord = oasync::Coordinator::builder().blocking_threads(1).build()?;
    /// coord.block_on(async {
    ///     let first = oasync::spawn_blocking(|| std::thread::current().id());
    ///     let second = oasync::spawn_blocking(|| std::thread::current().id());
    ///     assert_eq!(first.await.unwrap(), second.await.unwrap());
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn blocking_threads(mut self, n: usize) -> Self {
        self.blocking_threads = n;
        self
    }

    /// How long a blocking thread without work stays; with zero it ends at once. Default: 10
    /// seconds.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let coord = oasync::Coordinator::builder().keep_alive(Duration::from_millis(1)).build()?;
    /// let done = coord.spawn_blocking(|| "done");
    /// assert_eq!(coord.block_on(done).unwrap(), "done");
    /// while coord.metrics().num_blocking_threads() > 0 {
    ///     std::thread::yield_now(); // the thread ends after a millisecond
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn keep_alive(mut self, time: Duration) -> Self {
        self.keep_alive = Some(time);
        self
    }

    /// What the threads are called: workers `name-0`, `name-1`, …; those of the blocking pool
    /// `name-pool-0`, …; `name-watch`, which looks after stuck workers, and, for a short time,
    /// `name-stall`, `name-timer` and `name-wake`, which call hooks and wakers for it. At the
    /// end `name-sweep` drops what is queued, and `name-reap` waits for the others. Default:
    /// `oasync`. It must not be empty or contain NUL.
    ///
    /// Linux shows the first 15 bytes of a thread's name (`ps -L`, `top -H`, debuggers): with
    /// a name of at most 7 bytes, the numbers up to 99 can be seen.
    ///
    /// ```
    /// let coord = oasync::Coordinator::builder().thread_name("db").build()?;
    /// let name = coord.spawn_blocking(|| std::thread::current().name().map(str::to_owned));
    /// assert_eq!(coord.block_on(name).unwrap().as_deref(), Some("db-pool-0"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.thread_name = Some(name.into());
        self
    }

    /// The stack of each thread, in bytes. Default, also for 0: that of
    /// [`std::thread`]; at least 16,384. A caller of
    /// [`block_on`](Coordinator::block_on) keeps the stack that it has.
    ///
    /// ```
    /// let coord = oasync::Coordinator::builder().stack_size(16 << 20).build()?;
    /// let deep = coord.spawn_blocking(|| {
    ///     let large = [0_u8; 4 << 20];
    ///     std::hint::black_box(&large).len()
    /// });
    /// assert_eq!(coord.block_on(deep).unwrap(), 4 << 20);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = bytes;
        self
    }

    /// Gives each thread a state of its own, for
    /// [`with_worker_state`](crate::with_worker_state): a connection, a buffer,
    /// a random generator. `make` runs on the thread when it first asks, and the
    /// state is dropped on the same thread, so it need not be `Send`.
    ///
    /// ```
    /// let coord = oasync::Coordinator::builder()
    ///     .worker_state(|info| format!("{:?} {}", info.kind(), info.index()))
    ///     .build()?;
    /// let state = coord.block_on(async { oasync::with_worker_state(String::clone) });
    /// assert_eq!(state, "Caller 0");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn worker_state<S, F>(mut self, make: F) -> Self
    where
        S: 'static,
        F: Fn(&WorkerInfo) -> S + Send + Sync + 'static,
    {
        self.worker_state = Some(StateMaker {
            make: Box::new(move |info| Box::new(make(info))),
            type_name: type_name::<S>(),
        });
        self
    }

    /// The most bytes that an arena keeps when it goes back to the pool: a
    /// larger one is freed, and with 0 every one. Default: 65,536.
    ///
    /// ```
    /// let coord = oasync::Coordinator::builder().arena_keep(1 << 20).build()?;
    /// coord.block_on(async {
    ///     oasync::arena().alloc_slice_copy(&[0_u8; 100_000]);
    /// });
    /// assert!(coord.metrics().arena_bytes() >= 100_000); // kept for the next arena
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn arena_keep(mut self, bytes: usize) -> Self {
        self.arena_keep = Some(bytes);
        self
    }

    /// How long a worker may stay in one poll before that counts as a stall:
    /// [`on_stall`](Self::on_stall) is told; and if all other workers are busy too, a
    /// blocking thread is sent to run what waits behind the poll. Default, also for zero: 10
    /// milliseconds. A thread of the coordinator looks at the workers every 0.4 milliseconds;
    /// while all are busy, every 5 milliseconds, or every half of this time if that is less.
    ///
    /// Work that waits for another reason, such as a thread that the system refused, gets
    /// help after this time too, but after 10 milliseconds at the latest.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let builder = oasync::Coordinator::builder().workers(1);
    /// let coord = builder.stall_threshold(Duration::from_millis(1)).build()?;
    /// coord.start()?;
    /// let watched = coord.handle();
    /// let slow = coord.spawn(async move { while watched.metrics().stall_count() == 0 {} });
    /// coord.block_on(slow).unwrap(); // it ended, so it was noticed
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stall_threshold(mut self, time: Duration) -> Self {
        self.stall_threshold = time;
        self
    }

    /// Called once for each poll, of a task or of a main future, that stalls a worker. It is
    /// called on a thread of its own, one call after the other, and may block or use the
    /// coordinator. While it blocks, up to 1,024 stalls wait to be told; of what is more, only
    /// the [count](crate::Metrics::stall_count) tells. If it panics, that is caught and counted.
    ///
    /// Not everything that blocks is reported. A poll that keeps one worker while the others
    /// have nothing to do delays nobody, and may be missed. A poll on a thread of the blocking
    /// pool keeps no worker, nor does the poll of a main future that has no seat, because
    /// all are taken: neither is reported, and neither is the body of a scope.
    ///
    /// Without this hook, the features `log` and `tracing` of this crate write a
    /// warning with target `oasync`: one for each place that spawns such tasks, or calls
    /// `block_on`, the first 64 of them.
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// let (tx, rx) = mpsc::channel();
    /// let coord = oasync::Coordinator::builder()
    ///     .workers(1)
    ///     .on_stall(move |stall| tx.send(stall.id).unwrap())
    ///     .build()?;
    /// let (release, released) = mpsc::channel::<()>();
    /// let task = coord.spawn(async move { released.recv() }); // blocks its worker
    /// coord.start()?;
    /// assert_eq!(rx.recv().unwrap(), Some(task.id()));
    /// release.send(()).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn on_stall(mut self, f: impl Fn(&Stall) + Send + Sync + 'static) -> Self {
        self.hooks.stall = Some(Box::new(f));
        self
    }

    /// Called on each worker and blocking thread before it does anything else.
    /// If it panics, that is caught and counted.
    ///
    /// It may use the coordinator. If it waits in `block_on`, the thread works meanwhile, and
    /// its pinned tasks are polled.
    ///
    /// ```
    /// use oasync::{Coordinator, WorkerKind};
    ///
    /// let (tx, rx) = std::sync::mpsc::channel();
    /// let coord = Coordinator::builder()
    ///     .on_thread_start(move |info| tx.send(info.kind()).unwrap())
    ///     .build()?;
    /// let done = coord.spawn_blocking(|| ());
    /// coord.block_on(done).unwrap();
    /// assert_eq!(rx.recv().unwrap(), WorkerKind::Blocking);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn on_thread_start(mut self, f: impl Fn(&WorkerInfo) + Send + Sync + 'static) -> Self {
        self.hooks.thread_start = Some(Box::new(f));
        self
    }

    /// Called on each worker and blocking thread before it ends, while its
    /// worker state is still there. If it panics, that is caught and counted.
    ///
    /// What is pinned to the thread meanwhile is polled while the hook waits in `block_on`, and
    /// after it.
    ///
    /// ```
    /// use oasync::{Coordinator, WorkerKind};
    ///
    /// let (tx, rx) = std::sync::mpsc::channel();
    /// let coord = Coordinator::builder()
    ///     .on_thread_stop(move |info| tx.send(info.kind()).unwrap())
    ///     .build()?;
    /// let done = coord.spawn_blocking(|| ());
    /// coord.block_on(done).unwrap();
    /// drop(coord); // ends its threads
    /// assert!(rx.try_iter().any(|kind| kind == WorkerKind::Blocking));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn on_thread_stop(mut self, f: impl Fn(&WorkerInfo) + Send + Sync + 'static) -> Self {
        self.hooks.thread_stop = Some(Box::new(f));
        self
    }

    /// Called for each panic that no handle takes: of a detached task, of a
    /// future or a result that is dropped, of a waker that a handle was polled
    /// with inside a coordinator. It is called on the thread where that happens. A panic
    /// of the hook itself is caught and counted.
    ///
    /// ```
    /// let (tx, rx) = std::sync::mpsc::channel();
    /// let coord = oasync::Coordinator::builder()
    ///     .on_panic(move |panic| tx.send(panic.to_string()).unwrap())
    ///     .build()?;
    /// coord.task().name("mail").go(async { panic!("no such host") });
    /// coord.start()?;
    /// assert!(rx.recv().unwrap().ends_with("panicked: no such host"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn on_panic(mut self, f: impl Fn(&TaskPanic<'_>) + Send + Sync + 'static) -> Self {
        self.hooks.panic = Some(Box::new(f));
        self
    }

    /// Makes the coordinator. Nothing runs yet: see
    /// [`start`](Coordinator::start) and [`block_on`](Coordinator::block_on).
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput), with a sentence that names
    /// the option and its value, if one makes no sense.
    ///
    /// ```
    /// let error = oasync::Coordinator::builder().workers(5_000).build().unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    /// assert_eq!(error.to_string(), "workers is 5000, but at most 1024 are allowed");
    /// ```
    pub fn build(self) -> io::Result<Coordinator> {
        let defaults = Options::default();
        let options = Options {
            workers: at_most("workers", or(self.workers, defaults.workers), MAX_WORKERS)?,
            blocking_threads: at_most(
                "blocking_threads",
                or(self.blocking_threads, defaults.blocking_threads),
                MAX_BLOCKING_THREADS,
            )?,
            keep_alive: self.keep_alive.unwrap_or(defaults.keep_alive),
            thread_name: thread_name(self.thread_name.unwrap_or(defaults.thread_name))?,
            stack_size: stack_size(self.stack_size)?,
            worker_state: self.worker_state,
            arena_keep: self.arena_keep.unwrap_or(defaults.arena_keep),
            stall_threshold: or(self.stall_threshold, defaults.stall_threshold),
        };
        Ok(Coordinator::from_shared(Shared::new(options, self.hooks)))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("workers", &self.workers)
            .field("blocking_threads", &self.blocking_threads)
            .field("keep_alive", &self.keep_alive)
            .field("thread_name", &self.thread_name)
            .field("stack_size", &self.stack_size)
            .field("arena_keep", &self.arena_keep)
            .field("stall_threshold", &self.stall_threshold)
            .finish_non_exhaustive()
    }
}

/// `value`, or the default if it is 0.
fn or<T: Default + PartialEq>(value: T, default: T) -> T {
    if value == T::default() { default } else { value }
}

fn invalid(sentence: impl Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, sentence.to_string())
}

fn at_most(option: &str, value: usize, max: usize) -> io::Result<usize> {
    if value > max {
        return Err(invalid(format_args!("{option} is {value}, but at most {max} are allowed")));
    }
    Ok(value)
}

fn thread_name(name: String) -> io::Result<String> {
    if name.is_empty() {
        return Err(invalid("thread_name is empty; leave it unset for the default"));
    }
    if name.contains('\0') {
        return Err(invalid(format_args!("thread_name {name:?} contains a NUL character")));
    }
    Ok(name)
}

fn stack_size(bytes: usize) -> io::Result<Option<usize>> {
    match bytes {
        0 => Ok(None),
        MIN_STACK_SIZE.. => Ok(Some(bytes)),
        _ => Err(invalid(format_args!(
            "stack_size is {bytes} bytes, but at least {MIN_STACK_SIZE} are needed"
        ))),
    }
}
