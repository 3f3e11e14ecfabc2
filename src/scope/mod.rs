//! Scopes: tasks that borrow from the stack of a caller who waits for them.
//!
//! # Why nothing borrowed is used after the end
//!
//! A scope counts its tasks. [`scope`] returns when its body has and the count is
//! zero; the count of a task is taken back in one place, at the end of
//! [`Finish::put`]. The argument is that at this moment nothing of the task that
//! borrows is left, or will ever be touched.
//!
//! * *The future* has been dropped: a [sink](crate::task::sink) is called after
//!   that, as the last step of the drop of what stands around it. There is no other
//!   way for the count to fall. If a task is never polled again, is leaked, or hangs,
//!   then the scope waits for ever, which is safe.
//! * *The output* never is the output of the `async-task` task, which would stay in
//!   its allocation for as long as a waker does. It goes into the [`Slot`], and the
//!   task lets go of that before it is counted out. Then the slot is gone, result
//!   included, or a [`ScopedJoinHandle`] has it. That lives within `'scope`: in the
//!   body, which has returned; or in a task of this scope, so it went with that
//!   one's future or result; or it was leaked, and then nobody will use or drop it.
//! * *Wakers* refer to the task's allocation. After the end they touch its header
//!   and free it. Neither the schedule function nor the output, `Outcome<()>`, nor
//!   the metadata borrows, and the future's bytes are not looked at again.
//! * *Panics* have payloads without borrows.
//! * *Lifetimes.* `'scope` is invariant, and longer than the body, which has to work
//!   for every one; so neither a reference to the [`Scope`] nor a handle can leave
//!   the body, and what tasks borrow was there before the call (`'env`).
//! * *The way out.* [`scope`] catches a panic of the body, and a panic while it waits
//!   would end the process.
//!
//! What the task wrote is seen by the caller: the count is under a lock.

mod handle;

pub use handle::ScopedJoinHandle;

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::task::{Context, Poll, Waker};

use crate::block_on::work_beside;
use crate::hooks::PanicReport;
use crate::shared::Shared;
use crate::sync_facade::{Arc, Mutex, lock};
use crate::task::sink::Sink;
use crate::task::{self, Kind, New, Outcome, Site};
use crate::{Coordinator, Handle, context, free};

use handle::Slot;

/// Where to spawn tasks that borrow; see [`scope`](crate::scope()).
///
/// ```
/// let words = ["tea", "milk"];
/// oasync::scope(|s: &oasync::Scope<'_, '_>| {
///     s.go(async { println!("{}", words[0]) });
///     s.go(async { println!("{}", words[1]) });
/// });
/// ```
pub struct Scope<'scope, 'env: 'scope> {
    inner: Arc<Inner>,
    /// Invariant in both, as in the standard library: a shorter `'scope` would let
    /// tasks borrow from the body, a shorter `'env` what lives less long.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// What a scope and its tasks share. Nothing in it borrows.
struct Inner {
    shared: Arc<Shared>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: usize,
    /// The first panic that no handle took.
    panic: Option<PanicReport>,
    waker: Option<Waker>,
}

impl<'scope> Scope<'scope, '_> {
    /// Spawns a task that may borrow what outlives the scope.
    ///
    /// Its panic is the result of the handle; if nobody takes that, the panic goes on
    /// in the caller of the scope. If the coordinator is shut down, the future is
    /// dropped and the handle gives a cancelled error.
    ///
    /// ```
    /// let numbers = vec![1, 2, 3];
    /// let (sum, max) = oasync::scope(|s| {
    ///     let sum = s.spawn(async { numbers.iter().sum::<i32>() });
    ///     let max = s.spawn(async { numbers.iter().max().copied() });
    ///     (sum.join().unwrap(), max.join().unwrap())
    /// });
    /// assert_eq!((sum, max), (6, Some(3)));
    /// ```
    #[track_caller]
    pub fn spawn<F>(&'scope self, future: F) -> ScopedJoinHandle<'scope, F::Output>
    where
        F: Future + Send + 'scope,
        F::Output: Send + 'scope,
    {
        self.spawn_at(Location::caller(), Kind::Future, future)
    }

    /// Sends a closure that may borrow to the blocking pool.
    ///
    /// ```
    /// let path = String::from("Cargo.toml");
    /// let there = oasync::scope(|s| {
    ///     s.spawn_blocking(|| std::fs::metadata(&path).is_ok()).join().unwrap()
    /// });
    /// assert!(there);
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.spawn_at(Location::caller(), Kind::Blocking, async move { f() })
    }

    /// Spawns a task without a handle: its result is dropped, and a panic goes on in
    /// the caller of the scope.
    ///
    /// ```
    /// let mut squares = [0; 10];
    /// oasync::scope(|s| {
    ///     for (n, square) in squares.iter_mut().enumerate() {
    ///         s.go(async move { *square = n * n });
    ///     }
    /// });
    /// assert_eq!(squares[9], 81);
    /// ```
    #[track_caller]
    pub fn go<F>(&'scope self, future: F)
    where
        F: Future + Send + 'scope,
        F::Output: Send + 'scope,
    {
        let sink = Finish { kept: None, inner: self.inner.clone() };
        self.launch(Location::caller(), Kind::Future, future, sink).detach();
    }

    fn spawn_at<F>(
        &'scope self,
        site: &'static Site,
        kind: Kind,
        future: F,
    ) -> ScopedJoinHandle<'scope, F::Output>
    where
        F: Future + Send + 'scope,
        F::Output: Send + 'scope,
    {
        let slot = Arc::new(Slot::new(&self.inner));
        let sink = Finish { kept: Some(slot.clone()), inner: self.inner.clone() };
        let leash = self.launch(site, kind, future, sink);
        ScopedJoinHandle::new(slot, leash)
    }

    fn launch<F>(
        &'scope self,
        site: &'static Site,
        kind: Kind,
        future: F,
        sink: Finish<F::Output>,
    ) -> task::sink::Leash
    where
        F: Future + Send + 'scope,
        F::Output: Send + 'scope,
    {
        let shared = &self.inner.shared;
        lock(&self.inner.state).running += 1;
        let new = New { shared, site, name: None };
        // SAFETY: all that is borrowed is there for `'scope`, which ends after
        // `scope` has returned; and that waits for the count just made, which falls
        // in `put`, after that has let go of the outcome and the slot: what it has left
        // is an `Arc<Inner>`, and nothing in that borrows. See the module.
        let (runnable, leash) = unsafe { task::create_unchecked(new, kind, future, sink) };
        task::launch_created(shared, runnable);
        leash
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running = lock(&self.inner.state).running;
        f.debug_struct("Scope").field("running", &running).finish_non_exhaustive()
    }
}

/// A task's end of the scope.
struct Finish<T> {
    /// Where its result goes, if it has a handle.
    kept: Option<Arc<Slot<T>>>,
    inner: Arc<Inner>,
}

impl<T> Sink<T> for Finish<T> {
    fn put(self, outcome: Outcome<T>) {
        let Finish { kept, inner } = self;
        let hooks = &inner.shared.hooks;
        match kept {
            Some(slot) => slot.fill(outcome),
            None => hooks.guard(|| inner.drop_outcome(outcome)),
        }
        // Last: from here on, what the task borrowed may be gone.
        inner.leave();
    }
}

impl Inner {
    /// A panic that no handle took.
    fn note(&self, report: PanicReport) {
        let mut state = lock(&self.state);
        let later = match &state.panic {
            None => state.panic.replace(report),
            Some(_) => Some(report),
        };
        drop(state);
        // Told to the hook, outside the lock.
        drop(later);
    }

    fn drop_outcome<T>(&self, outcome: Outcome<T>) {
        if let Err(report) = outcome.take().map(drop) {
            self.note(report);
        }
    }

    /// A task has ended.
    fn leave(&self) {
        let mut state = lock(&self.state);
        state.running -= 1;
        let waker = if state.running == 0 { state.waker.take() } else { None };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll_done(&self, cx: &mut Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut state = lock(&self.state);
        if state.running == 0 {
            return Poll::Ready(());
        }
        let old = state.waker.replace(waker);
        drop(state);
        drop(old);
        Poll::Pending
    }
}

/// Ends the process if it is dropped.
struct NoWayOut;

impl Drop for NoWayOut {
    fn drop(&mut self) {
        eprintln!("oasync: a scope cannot wait for its tasks");
        std::process::abort();
    }
}

/// Calls `body` with a scope, and waits for its tasks.
pub(crate) fn run<'env, F, R>(shared: &Arc<Shared>, body: F) -> R
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
{
    let state = Mutex::default();
    let inner = Arc::new(Inner { shared: shared.clone(), state });
    let scope = Scope { inner: inner.clone(), scope: PhantomData, env: PhantomData };
    let no_way_out = NoWayOut;
    let result = work_beside(
        shared,
        || catch_unwind(AssertUnwindSafe(|| body(&scope))),
        poll_fn(|cx| inner.poll_done(cx)),
    );
    std::mem::forget(no_way_out);
    let panic = lock(&inner.state).panic.take();
    match (result, panic) {
        (Ok(result), None) => result,
        (Ok(result), Some(mut report)) => {
            // Only one panic can go on.
            shared.hooks.guard(|| drop(result));
            resume_unwind(report.take())
        }
        (Err(payload), others) => {
            drop(others);
            resume_unwind(payload)
        }
    }
}

/// Runs tasks that borrow from the caller's stack; blocks until all of them, and the
/// tasks that they spawned in the scope, have ended. The coordinator is the one that
/// this code runs in, or the default one; see also [`Coordinator::scope`].
///
/// `body` runs on this thread, at once. Then the caller works as in
/// [`block_on`](crate::block_on()) until the last task has ended. Inside a task, another
/// thread takes its place; the task cannot be cancelled meanwhile.
///
/// When the coordinator is shut down, the tasks are cancelled: their futures have been
/// dropped when `scope` returns.
///
/// # Panics
///
/// With the panic of `body`, else with the first of a task that no handle took;
/// always after all tasks have ended. Other panics go to
/// [`on_panic`](crate::Builder::on_panic).
///
/// ```
/// let mut text = String::from("two words");
/// let lengths = oasync::scope(|s| {
///     let tasks: Vec<_> =
///         text.split(' ').map(|word| s.spawn(async move { word.len() })).collect();
///     tasks.into_iter().map(|task| task.join().unwrap()).collect::<Vec<_>>()
/// });
/// text.push('!'); // no task borrows it now
/// assert_eq!(lengths, [3, 5]);
/// ```
pub fn scope<'env, F, R>(body: F) -> R
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
{
    match context::with_shared(Arc::clone) {
        Some(shared) => run(&shared, body),
        None => free::default().scope(body),
    }
}

impl Coordinator {
    /// Runs tasks that borrow from the caller's stack, on this coordinator; see
    /// [`scope`](crate::scope()).
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let mut counts = [0; 4];
    /// coord.scope(|s| {
    ///     for count in &mut counts {
    ///         s.go(async { *count += 1 });
    ///     }
    /// });
    /// assert_eq!(counts, [1; 4]);
    /// ```
    pub fn scope<'env, F, R>(&self, body: F) -> R
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
    {
        run(self.shared(), body)
    }
}

impl Handle {
    /// See [`Coordinator::scope`].
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let text = String::from("borrowed");
    /// let length = coord.handle().scope(|s| s.spawn(async { text.len() }).join().unwrap());
    /// assert_eq!(length, 8);
    /// ```
    pub fn scope<'env, F, R>(&self, body: F) -> R
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
    {
        run(self.shared(), body)
    }
}
