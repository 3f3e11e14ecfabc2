//! oasync: `n` workers; the caller of `block_on` is one of them meanwhile.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::{Arc, Barrier, OnceLock};
use std::thread;
use std::time::Duration;

use oasync::{Builder, Coordinator, JoinHandle};

use super::{Runtime, Timed, Unwrapped, threads};

const IDLE_THREADS: usize = 8;
const MANY_WORKERS: usize = 64;

/// Longer than any run of the benchmark.
const LONG: Duration = Duration::from_secs(24 * 3600);
const SHORT: Duration = Duration::from_millis(1);

static COORDINATOR: OnceLock<Coordinator> = OnceLock::new();

pub(super) fn start(threads: usize) {
    let coordinator = started(Coordinator::builder().workers(threads));
    assert!(COORDINATOR.set(coordinator).is_ok(), "started once");
}

fn started(builder: Builder) -> Coordinator {
    let coordinator = builder.build().expect("the options are valid");
    coordinator.start().expect("there are threads to be had");
    coordinator
}

/// Which coordinator runs the workload.
pub(crate) trait SetUp: 'static {
    fn coordinator() -> &'static Coordinator;
}

/// The one that is measured against the peers.
pub(crate) struct Usual;

impl SetUp for Usual {
    fn coordinator() -> &'static Coordinator {
        COORDINATOR.get().expect("started")
    }
}

/// Those that are measured against each other start when they are first used, so
/// that no peer is measured beside their threads.
macro_rules! set_up {
    ($(#[$doc:meta])* $name:ident, $start:expr) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl SetUp for $name {
            fn coordinator() -> &'static Coordinator {
                static COORDINATOR: OnceLock<Coordinator> = OnceLock::new();
                COORDINATOR.get_or_init($start)
            }
        }
    };
}

set_up!(
    /// Without blocking threads.
    Plain,
    without_blocking_threads
);
set_up!(
    /// The same: how much two coordinators differ that do not.
    Again,
    without_blocking_threads
);
set_up!(
    /// With blocking threads that have nothing to do.
    IdleThreads,
    with_idle_threads
);
set_up!(
    /// With far more workers than there are cores.
    ManyWorkers,
    || started(Coordinator::builder().workers(MANY_WORKERS).keep_alive(SHORT))
);

/// One that is started to help behind a slow poll does not stay.
fn without_blocking_threads() -> Coordinator {
    started(Coordinator::builder().workers(threads()).keep_alive(SHORT))
}

fn with_idle_threads() -> Coordinator {
    let coordinator = started(Coordinator::builder().workers(threads()).keep_alive(LONG));
    // None of the closures ends before all have a thread.
    let barrier = Arc::new(Barrier::new(IDLE_THREADS));
    for _ in 0..IDLE_THREADS {
        let barrier = barrier.clone();
        drop(coordinator.spawn_blocking(move || barrier.wait()));
    }
    while coordinator.metrics().num_idle_blocking_threads() < IDLE_THREADS {
        thread::yield_now();
    }
    coordinator
}

/// `MAIN`: the root is the main future instead of a task.
pub(crate) struct Oasync<const MAIN: bool, S = Usual>(PhantomData<S>);

impl<const MAIN: bool, S: SetUp> Runtime for Oasync<MAIN, S> {
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
        S::coordinator().block_on(future)
    }

    fn block_on_spawned<F>(future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Self::block_on(Unwrapped(S::coordinator().spawn(future)))
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
        S::coordinator().go(future);
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
