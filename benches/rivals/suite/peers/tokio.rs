//! tokio's multi-thread runtime: `n` workers besides the caller, which waits.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime;
use tokio::task::JoinHandle;

use super::{Runtime, Timed, Unwrapped};

/// Without and with its timers, which its workers park in.
static RUNTIMES: [OnceLock<runtime::Runtime>; 2] = [const { OnceLock::new() }; 2];

pub(super) fn start(threads: usize) {
    for (timers, place) in [false, true].into_iter().zip(&RUNTIMES) {
        let mut builder = runtime::Builder::new_multi_thread();
        if timers {
            builder.enable_time();
        }
        let runtime = builder.worker_threads(threads).build();
        assert!(place.set(runtime.expect("there are threads to be had")).is_ok(), "started once");
    }
}

/// `MAIN`: the root is the main future, which runs on the caller's thread and
/// not on a worker, instead of a task, as tokio's docs advise.
pub(crate) struct Tokio<const MAIN: bool, const TIMERS: bool = false>;

fn runtime<const TIMERS: bool>() -> &'static runtime::Runtime {
    RUNTIMES[usize::from(TIMERS)].get().expect("started")
}

impl<const MAIN: bool, const TIMERS: bool> Runtime for Tokio<MAIN, TIMERS> {
    type Join<T: Send + 'static> = Unwrapped<JoinHandle<T>>;
    type Blocking<T: Send + 'static> = Unwrapped<JoinHandle<T>>;

    fn root<F>(future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        if MAIN { Self::block_on(future) } else { Self::block_on_spawned(future) }
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        runtime::<TIMERS>().block_on(future)
    }

    fn block_on_spawned<F>(future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Self::block_on(Unwrapped(runtime::<TIMERS>().spawn(future)))
    }

    fn spawn<F>(future: F) -> Self::Join<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Unwrapped(tokio::spawn(future))
    }

    fn go<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(tokio::spawn(future));
    }

    fn go_from_outside<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(runtime::<TIMERS>().spawn(future));
    }

    fn spawn_blocking<F, T>(f: F) -> Self::Blocking<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Unwrapped(tokio::task::spawn_blocking(f))
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        tokio::task::yield_now()
    }
}

impl<const MAIN: bool> Timed for Tokio<MAIN, true> {
    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(duration)
    }

    fn timeout<F>(duration: Duration, future: F) -> impl Future<Output = Option<F::Output>> + Send
    where
        F: Future<Output: Send> + Send,
    {
        let limited = tokio::time::timeout(duration, future);
        async { limited.await.ok() }
    }
}
