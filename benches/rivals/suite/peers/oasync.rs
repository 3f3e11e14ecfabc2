//! oasync: `n` workers; the caller of `block_on` is one of them meanwhile.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use oasync::{Coordinator, JoinHandle};

use super::{Runtime, Timed, Unwrapped};

static COORDINATOR: OnceLock<Coordinator> = OnceLock::new();

pub(super) fn start(threads: usize) {
    let coordinator =
        Coordinator::builder().workers(threads).build().expect("the options are valid");
    coordinator.start().expect("there are threads to be had");
    assert!(COORDINATOR.set(coordinator).is_ok(), "started once");
}

fn coordinator() -> &'static Coordinator {
    COORDINATOR.get().expect("started")
}

/// `MAIN`: the root is the main future instead of a task.
pub(crate) struct Oasync<const MAIN: bool>;

impl<const MAIN: bool> Runtime for Oasync<MAIN> {
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
        coordinator().block_on(future)
    }

    fn block_on_spawned<F>(future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Self::block_on(Unwrapped(coordinator().spawn(future)))
    }

    fn spawn<F>(future: F) -> Self::Join<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Unwrapped(oasync::spawn(future))
    }

    fn go<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        oasync::go(future);
    }

    fn go_from_outside<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        coordinator().go(future);
    }

    fn spawn_blocking<F, T>(f: F) -> Self::Blocking<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Unwrapped(oasync::spawn_blocking(f))
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        oasync::yield_now()
    }
}

impl<const MAIN: bool> Timed for Oasync<MAIN> {
    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send {
        oasync::sleep(duration)
    }

    fn timeout<F>(duration: Duration, future: F) -> impl Future<Output = Option<F::Output>> + Send
    where
        F: Future<Output: Send> + Send,
    {
        let limited = oasync::timeout(duration, future);
        async { limited.await.ok() }
    }
}
