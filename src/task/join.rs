//! The handle to a task.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker, ready};

use crate::blocking::cancel;
use crate::context;
use crate::hooks::Hooks;
use crate::sync_facade::{Arc, Ordering};
use crate::task::{JoinError, Meta, Outcome, TaskId};

type Task<T> = async_task::Task<Outcome<T>, Meta>;

/// A handle to a spawned task or closure: a future of its result.
///
/// Dropping the handle *detaches* the task, which then runs on by itself.
///
/// # Errors
///
/// It gives a [`JoinError`] if the task panicked, was cancelled, or was refused
/// by a coordinator that was shut down.
///
/// # Cancel safety
///
/// Polling the handle changes nothing in the task: `select` on `&mut handle`
/// as you like. The result is given once; a poll after that gives a cancelled
/// error.
///
/// ```
/// let coord = oasync::Coordinator::new();
/// let sum = coord.block_on(async {
///     let parts: Vec<_> = (0..10).map(|i| oasync::spawn(async move { i * i })).collect();
///     let mut sum = 0;
///     for part in parts {
///         sum += part.await?;
///     }
///     Ok::<i32, oasync::JoinError>(sum)
/// });
/// assert_eq!(sum.unwrap(), 285);
/// ```
#[must_use = "dropping a handle detaches its task; `go` says so in one word"]
pub struct JoinHandle<T> {
    /// `None` only while it is being dropped or cancelled.
    task: Option<Task<T>>,
}

impl<T> JoinHandle<T> {
    pub(crate) fn new(task: Task<T>) -> Self {
        JoinHandle { task: Some(task) }
    }

    fn task(&self) -> &Task<T> {
        self.task.as_ref().expect("only `drop` and `cancel` take it")
    }

    /// Whether the task has ended: completed, panicked or been cancelled.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let task = coord.spawn(async {});
    /// assert!(!task.is_finished()); // not started yet
    /// coord.block_on(async {
    ///     while !task.is_finished() {
    ///         oasync::yield_now().await;
    ///     }
    /// });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.task().is_finished()
    }

    /// Cancels the task and forgets it. A result that is there is dropped here.
    pub(crate) fn abort(mut self) {
        drop(self.task.take());
    }

    /// The task's id.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let task = coord.task().name("mail").spawn(async {});
    /// assert_eq!(coord.tasks()[0].id(), task.id());
    /// ```
    pub fn id(&self) -> TaskId {
        self.task().metadata().id()
    }
}

impl<T: Send + 'static> JoinHandle<T> {
    /// Cancels the task: a worker drops its future as soon as it is not being
    /// polled. This takes effect now, not when the result is awaited.
    ///
    /// Awaiting the result waits until the future *has been dropped*, and gives
    /// what the task returned if that was ready first. A task in what turns out
    /// to be its last poll, or a closure that has begun, runs to its end, and its
    /// result is dropped; one of [`spawn_blocking_with`](crate::spawn_blocking_with())
    /// is told, and may end early.
    ///
    /// A closure that is still queued never runs. It leaves the queue at once, or,
    /// if the queue is long, together with other cancelled ones. If it has no token and
    /// this is called outside its coordinator, it leaves when its turn comes.
    ///
    /// # Errors
    ///
    /// [`JoinError::is_cancelled`] if it was cancelled,
    /// [`is_panic`](JoinError::is_panic) if it had panicked.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// coord.block_on(async {
    ///     let task = oasync::spawn(std::future::pending::<()>());
    ///     assert!(task.cancel().await.unwrap_err().is_cancelled());
    ///     let task = oasync::spawn(async { 7 });
    ///     while !task.is_finished() {
    ///         oasync::yield_now().await;
    ///     }
    ///     assert_eq!(task.cancel().await.unwrap(), 7);
    /// });
    /// ```
    pub fn cancel(mut self) -> Cancel<T> {
        let id = self.id();
        let task = self.task.take().expect("only `drop` and `cancel` take it");
        let pool_of = cancel::request(task.metadata());
        let mut ending: Ending<T> = Box::pin(task.cancel());
        let mut cx = Context::from_waker(Waker::noop());
        let (ending, ready) = match ending.as_mut().poll(&mut cx) {
            Poll::Ready(outcome) => (None, outcome),
            Poll::Pending => (Some(ending), None),
        };
        if let (Some(shared), Some(_)) = (pool_of, &ending) {
            shared.blocking.forget(&shared, &[id]);
        }
        Cancel { ending, ready, id }
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.detach();
        }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let task = self.task.as_mut().expect("only `drop` and `cancel` take it");
        let id = task.metadata().id();
        // Relaxed: only this handle has to do with the flag.
        if task.metadata().taken.load(Ordering::Relaxed) {
            return Poll::Ready(Err(JoinError::cancelled(id)));
        }
        let own = task.is_finished() || context::is_own_waker(cx.waker());
        // Ready in every case but a panic of ours: a task that is not polled to
        // its end is discarded, which leaves an outcome too.
        let outcome = ready!(guarded(own, cx, |cx| Pin::new(&mut *task).poll(cx)));
        task.metadata().taken.store(true, Ordering::Relaxed);
        Poll::Ready(outcome.into_result(id))
    }
}

// The output is never pinned: it is moved out when it is ready.
impl<T> Unpin for JoinHandle<T> {}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.id())
            .field("finished", &self.is_finished())
            .finish()
    }
}

fn finish<T>(outcome: Option<Outcome<T>>, id: TaskId) -> Result<T, JoinError> {
    match outcome {
        Some(outcome) => outcome.into_result(id),
        None => Err(JoinError::cancelled(id)),
    }
}

type Ending<T> = Pin<Box<dyn Future<Output = Option<Outcome<T>>> + Send>>;

/// The end of a cancelled task; see [`JoinHandle::cancel`].
///
/// # Cancel safety
///
/// It may be dropped: the task is cancelled all the same.
///
/// The result is given once; a poll after that gives a cancelled error.
///
/// ```
/// let task = oasync::spawn(std::future::pending::<()>());
/// let ending: oasync::Cancel<()> = task.cancel();
/// assert!(oasync::block_on(ending).unwrap_err().is_cancelled());
/// ```
#[must_use = "the task is being cancelled; await this to know when it has ended, or drop it"]
pub struct Cancel<T> {
    /// `None` once it has ended.
    ending: Option<Ending<T>>,
    /// How it ended, if that is not given out yet.
    ready: Option<Outcome<T>>,
    id: TaskId,
}

impl<T> Future for Cancel<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Some(ending) = &mut this.ending else {
            return Poll::Ready(finish(this.ready.take(), this.id));
        };
        let own = context::is_own_waker(cx.waker());
        let outcome = ready!(guarded(own, cx, |cx| ending.as_mut().poll(cx)));
        this.ending = None;
        Poll::Ready(finish(outcome, this.id))
    }
}

impl<T> Unpin for Cancel<T> {}

impl<T> fmt::Debug for Cancel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").field("id", &self.id).finish()
    }
}

/// A waker that is not ours, called so that no panic of it comes through:
/// `async-task` calls the waker of a handle where a panic aborts the process.
struct Guarded {
    /// `None` only while it is being dropped.
    waker: Option<Waker>,
    hooks: Option<Arc<Hooks>>,
}

/// Polls with `cx`'s waker if that is our `own`, else with a guarded one.
fn guarded<R>(own: bool, cx: &mut Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> R) -> R {
    if own {
        return poll(cx);
    }
    let waker = Waker::from(Arc::new(Guarded {
        waker: Some(cx.waker().clone()),
        hooks: context::with_shared(|shared| shared.hooks.clone()),
    }));
    poll(&mut Context::from_waker(&waker))
}

impl Guarded {
    fn contain(&self, call: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
            match &self.hooks {
                Some(hooks) => hooks.report(None, payload),
                None => crate::hooks::forget(payload),
            }
        }
    }
}

impl Wake for Guarded {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.contain(|| {
            if let Some(waker) = &self.waker {
                waker.wake_by_ref();
            }
        });
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let waker = self.waker.take();
        self.contain(|| drop(waker));
    }
}
