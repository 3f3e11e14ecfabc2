//! async-executor, both kinds, with `blocking` for closures that block.
//!
//! Its docs show two ways: `n` threads run it and the caller waits, or the
//! caller runs it too. Both are measured; the second has `n - 1` threads more.

use std::future::{Future, pending};
use std::thread;

use async_executor::{Executor, StaticExecutor, Task};
use futures_lite::future;

use super::Runtime;

/// One kind of executor, once for each way.
pub(crate) trait Kind: 'static {
    fn spawn<T: Send + 'static, const CALLER: bool>(
        future: impl Future<Output = T> + Send + 'static,
    ) -> Task<T>;

    fn run<T, const CALLER: bool>(future: impl Future<Output = T>) -> T;
}

pub(crate) struct Plain;
pub(crate) struct Static;

macro_rules! kind {
    ($kind:ident, $executor:ty) => {
        impl $kind {
            fn executor(caller: bool) -> &'static $executor {
                static THREADS: $executor = <$executor>::new();
                static CALLER: $executor = <$executor>::new();
                if caller { &CALLER } else { &THREADS }
            }
        }

        impl Kind for $kind {
            fn spawn<T: Send + 'static, const CALLER: bool>(
                future: impl Future<Output = T> + Send + 'static,
            ) -> Task<T> {
                Self::executor(CALLER).spawn(future)
            }

            fn run<T, const CALLER: bool>(future: impl Future<Output = T>) -> T {
                future::block_on(Self::executor(CALLER).run(future))
            }
        }
    };
}

kind!(Plain, Executor<'static>);
kind!(Static, StaticExecutor);

pub(super) fn start(threads: usize) {
    start_kind::<Plain>(threads);
    start_kind::<Static>(threads);
}

fn start_kind<K: Kind>(threads: usize) {
    for _ in 0..threads {
        thread::spawn(|| K::run::<(), false>(pending()));
    }
    for _ in 1..threads {
        thread::spawn(|| K::run::<(), true>(pending()));
    }
}

/// `CALLER`: the caller runs the executor too.
pub(crate) struct AsyncExecutor<K, const CALLER: bool>(K);

impl<K: Kind, const CALLER: bool> Runtime for AsyncExecutor<K, CALLER> {
    type Join<T: Send + 'static> = Task<T>;
    type Blocking<T: Send + 'static> = blocking::Task<T>;

    fn root<F>(future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Self::block_on_spawned(future)
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        if CALLER { K::run::<_, CALLER>(future) } else { future::block_on(future) }
    }

    fn block_on_spawned<F>(future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Self::block_on(K::spawn::<_, CALLER>(future))
    }

    fn spawn<F>(future: F) -> Self::Join<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        K::spawn::<_, CALLER>(future)
    }

    fn go<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        K::spawn::<_, CALLER>(future).detach();
    }

    fn go_from_outside<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        K::spawn::<_, CALLER>(future).detach();
    }

    fn spawn_blocking<F, T>(f: F) -> Self::Blocking<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        blocking::unblock(f)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        future::yield_now()
    }
}
