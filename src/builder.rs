//! Every option of a coordinator, with its default and its check.

use std::any::{Any, type_name};
use std::fmt::{self, Display};
use std::io;
use std::thread::available_parallelism;
use std::time::Duration;

use crate::hooks::{Hooks, Stall, TaskPanic};
use crate::shared::Shared;
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
/// Every number that is not set, or set to 0, has its default.
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
    keep_alive: Duration,
    thread_name: Option<String>,
    stack_size: usize,
    worker_state: Option<StateMaker>,
    arena_keep: usize,
    stall_threshold: Duration,
    hooks: Hooks,
}

impl Builder {
    /// The number of workers: how many threads run tasks at the same time, the
    /// callers of [`block_on`](Coordinator::block_on) among them, and not
    /// counting blocking threads that lend themselves while all of these are
    /// busy. Default: what [`available_parallelism`] says; at most 1,024.
    pub fn workers(mut self, n: usize) -> Self {
        self.workers = n;
        self
    }

    /// The most threads that the blocking pool may have. Default: 512; at most
    /// 32,768.
    pub fn blocking_threads(mut self, n: usize) -> Self {
        self.blocking_threads = n;
        self
    }

    /// How long a blocking thread without work stays. Default: 10 seconds.
    pub fn keep_alive(mut self, time: Duration) -> Self {
        self.keep_alive = time;
        self
    }

    /// What the threads are called: `name-0`, `name-1`, …, and
    /// `name-blocking-0`, …. Default: `oasync`. Not empty, and without NUL.
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.thread_name = Some(name.into());
        self
    }

    /// The stack of each thread, in bytes. Default: that of
    /// [`std::thread`]; at least 16,384.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = bytes;
        self
    }

    /// Gives each thread a state of its own, for
    /// [`with_worker_state`](crate::with_worker_state): a connection, a buffer,
    /// a random generator. `make` runs on the thread when it first asks, and the
    /// state is dropped on the same thread, so it need not be `Send`.
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
    /// larger one is freed. Default: 65,536.
    pub fn arena_keep(mut self, bytes: usize) -> Self {
        self.arena_keep = bytes;
        self
    }

    /// How long a worker may stay in one poll before that counts as a stall:
    /// [`on_stall`](Self::on_stall) is told, and a blocking thread is sent to run
    /// what waits behind it, if all other workers are busy too. Default: 10
    /// milliseconds. It is looked at every half millisecond.
    pub fn stall_threshold(mut self, time: Duration) -> Self {
        self.stall_threshold = time;
        self
    }

    /// Called when a poll of a task stalls a worker, once for each such poll, on
    /// the thread that watches over the workers: it should return soon. A panic of
    /// it is caught and counted.
    pub fn on_stall(mut self, f: impl Fn(&Stall) + Send + Sync + 'static) -> Self {
        self.hooks.stall = Some(Box::new(f));
        self
    }

    /// Called on each worker and blocking thread before it does anything else.
    /// A panic of it is caught and counted.
    pub fn on_thread_start(mut self, f: impl Fn(&WorkerInfo) + Send + Sync + 'static) -> Self {
        self.hooks.thread_start = Some(Box::new(f));
        self
    }

    /// Called on each worker and blocking thread before it ends, while its
    /// worker state is still there. A panic of it is caught and counted.
    pub fn on_thread_stop(mut self, f: impl Fn(&WorkerInfo) + Send + Sync + 'static) -> Self {
        self.hooks.thread_stop = Some(Box::new(f));
        self
    }

    /// Called for each panic that no handle takes: of a detached task, of a
    /// future or a result that is dropped, of a waker that a handle was polled
    /// with inside a coordinator. On whatever thread that happens. A panic of the
    /// hook itself is caught and counted.
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
    pub fn build(self) -> io::Result<Coordinator> {
        let defaults = Options::default();
        let options = Options {
            workers: at_most("workers", or(self.workers, defaults.workers), MAX_WORKERS)?,
            blocking_threads: at_most(
                "blocking_threads",
                or(self.blocking_threads, defaults.blocking_threads),
                MAX_BLOCKING_THREADS,
            )?,
            keep_alive: or(self.keep_alive, defaults.keep_alive),
            thread_name: thread_name(self.thread_name.unwrap_or(defaults.thread_name))?,
            stack_size: stack_size(self.stack_size)?,
            worker_state: self.worker_state,
            arena_keep: or(self.arena_keep, defaults.arena_keep),
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
