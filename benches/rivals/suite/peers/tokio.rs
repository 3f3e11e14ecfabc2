//! tokio's multi-thread runtime: `n` workers besides the caller, which waits.

use std::future::Future;
use std::sync::OnceLock;

use tokio::runtime;
use tokio::task::JoinHandle;

use super::{Runtime, Unwrapped};

static RUNTIME: OnceLock<runtime::Runtime> = OnceLock::new();

pub(super) fn start(threads: usize) {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(threads).build();
    assert!(RUNTIME.set(runtime.expect("there are threads to be had")).is_ok(), "started once");
}

fn runtime() -> &'static runtime::Runtime {
    RUNTIME.get().expect("started")
}

/// `MAIN`: the root is the main future, which runs on the caller's thread and
/// not on a worker, instead of a task, as tokio's docs advise.
pub(crate) struct Tokio<const MAIN: bool>;

impl<const MAIN: bool> Runtime for Tokio<MAIN> {
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
        runtime().block_on(future)
    }

    fn block_on_spawned<F>(future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Self::block_on(Unwrapped(runtime().spawn(future)))
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
        drop(runtime().spawn(future));
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
