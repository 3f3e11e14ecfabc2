//! The runtimes, each behind the same small trait and used as its docs advise.
//!
//! All of them are started before the first workload and sleep while another
//! one is measured. Each runs tasks on the same number of threads.

pub(crate) mod async_executor;
pub(crate) mod oasync;
pub(crate) mod rayon;
pub(crate) mod tokio;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::Duration;

/// Who runs a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// oasync; the workload's root is a task.
    Oasync,
    /// The root is the main future of `block_on`.
    OasyncMain,
    /// oasync in a second coordinator, as the first; compared with itself only.
    OasyncAgain,
    /// oasync with idle blocking threads; the same.
    OasyncIdleThreads,
    /// oasync with far more workers than there are cores; the same.
    OasyncManyWorkers,
    Tokio,
    TokioMain,
    /// async-executor; the threads run it, the caller waits.
    AsyncExecutor,
    /// The caller is one of the threads that run it.
    AsyncExecutorCaller,
    Static,
    StaticCaller,
    Blocking,
    Rayon,
    /// The same work without tasks on one thread, divided by the threads.
    Ideal,
}

impl Peer {
    pub(crate) const ALL: [Peer; 14] = [
        Peer::Oasync,
        Peer::OasyncMain,
        Peer::OasyncAgain,
        Peer::OasyncIdleThreads,
        Peer::OasyncManyWorkers,
        Peer::Tokio,
        Peer::TokioMain,
        Peer::AsyncExecutor,
        Peer::AsyncExecutorCaller,
        Peer::Static,
        Peer::StaticCaller,
        Peer::Blocking,
        Peer::Rayon,
        Peer::Ideal,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Peer::Oasync => "oasync",
            Peer::OasyncMain => "oasync (main)",
            Peer::OasyncAgain => "the same again",
            Peer::OasyncIdleThreads => "8 idle threads",
            Peer::OasyncManyWorkers => "64 workers",
            Peer::Tokio => "tokio",
            Peer::TokioMain => "tokio (main)",
            Peer::AsyncExecutor => "async-ex",
            Peer::AsyncExecutorCaller => "async-ex (caller)",
            Peer::Static => "static",
            Peer::StaticCaller => "static (caller)",
            Peer::Blocking => "blocking",
            Peer::Rayon => "rayon",
            Peer::Ideal => "ideal",
        }
    }

    pub(crate) fn is_tokio(self) -> bool {
        matches!(self, Peer::Tokio | Peer::TokioMain)
    }

    /// Whether it is oasync, in any way.
    pub(crate) fn is_ours(self) -> bool {
        use Peer::{Oasync, OasyncAgain, OasyncIdleThreads, OasyncMain, OasyncManyWorkers};
        matches!(self, Oasync | OasyncMain | OasyncAgain | OasyncIdleThreads | OasyncManyWorkers)
    }

    /// Whether it is a peer at all.
    pub(crate) fn is_rival(self) -> bool {
        !self.is_ours() && self != Peer::Ideal
    }
}

/// What the workloads need of a runtime.
pub(crate) trait Runtime: 'static {
    /// A handle that is a future of the task's result.
    type Join<T: Send + 'static>: Future<Output = T> + Send + Unpin + 'static;

    /// The same for a closure that blocks.
    type Blocking<T: Send + 'static>: Future<Output = T> + Send + 'static;

    /// Runs the root of a workload and waits for it.
    fn root<F>(future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Waits for a future on a thread outside.
    fn block_on<F: Future>(future: F) -> F::Output;

    /// Spawns from a thread outside and waits for it.
    fn block_on_spawned<F>(future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Spawns from a task.
    fn spawn<F>(future: F) -> Self::Join<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Spawns from a task and detaches.
    fn go<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static;

    /// Spawns from a thread outside and detaches.
    fn go_from_outside<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static;

    fn spawn_blocking<F, T>(f: F) -> Self::Blocking<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static;

    fn yield_now() -> impl Future<Output = ()> + Send;
}

/// What the workloads need of a runtime with timers.
pub(crate) trait Timed: Runtime {
    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send;

    /// `None` if the time was over first.
    fn timeout<F>(duration: Duration, future: F) -> impl Future<Output = Option<F::Output>> + Send
    where
        F: Future<Output: Send> + Send;
}

static THREADS: OnceLock<usize> = OnceLock::new();

/// Starts every runtime.
pub(crate) fn start(threads: usize) {
    THREADS.set(threads).expect("started once");
    oasync::start(threads);
    tokio::start(threads);
    async_executor::start(threads);
    rayon::start(threads);
}

/// On how many threads each of them runs tasks.
pub(crate) fn threads() -> usize {
    *THREADS.get().expect("started")
}

/// A join handle whose error is a bug of the benchmark.
pub(crate) struct Unwrapped<H>(H);

impl<T, E, H> Future for Unwrapped<H>
where
    E: Debug,
    H: Future<Output = Result<T, E>> + Unpin,
{
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0).poll(cx).map(|result| result.expect("no task panics"))
    }
}
