//! The handle to a scoped task, and the slot that its result goes through.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::block_on::block_on;
use crate::scope::Inner;
use crate::sync_facade::{Arc, Mutex, lock};
use crate::task::sink::Leash;
use crate::task::{JoinError, Label, Outcome, TaskId};

/// Holds the result between the end of the task and the handle's taking it.
pub(super) struct Slot<T> {
    state: Mutex<SlotState<T>>,
    scope: Arc<Inner>,
}

enum SlotState<T> {
    Empty(Option<Waker>),
    Full(Outcome<T>),
    Taken,
}

impl<T> Slot<T> {
    pub(super) fn new(scope: &Arc<Inner>) -> Self {
        Slot { state: Mutex::new(SlotState::Empty(None)), scope: scope.clone() }
    }

    /// Leaves the result here and lets go of the slot. If the handle did before, the
    /// result is dropped.
    pub(super) fn fill(self: Arc<Self>, outcome: Outcome<T>) {
        let scope = self.scope.clone();
        let before = std::mem::replace(&mut *lock(&self.state), SlotState::Full(outcome));
        scope.shared.hooks.guard(|| {
            if let SlotState::Empty(Some(waker)) = before {
                waker.wake();
            }
        });
        scope.shared.hooks.guard(|| drop(self));
    }

    /// The result, if it is there; else it is told to `waker`.
    fn poll(
        &self,
        cx: &mut Context<'_>,
        label: impl FnOnce() -> Label,
    ) -> Poll<Result<T, JoinError>> {
        let waker = cx.waker().clone();
        let mut state = lock(&self.state);
        let unused = match &mut *state {
            SlotState::Empty(old) => old.replace(waker),
            SlotState::Full(_) | SlotState::Taken => {
                let full = std::mem::replace(&mut *state, SlotState::Taken);
                drop(state);
                return Poll::Ready(match full {
                    SlotState::Full(outcome) => outcome.into_result(label),
                    _ => Err(JoinError::cancelled(label())),
                });
            }
        };
        drop(state);
        drop(unused);
        Poll::Pending
    }

    fn is_full(&self) -> bool {
        !matches!(*lock(&self.state), SlotState::Empty(_))
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let SlotState::Full(outcome) = std::mem::replace(state, SlotState::Taken) {
            self.scope.drop_outcome(outcome);
        }
    }
}

/// A handle to a task of a [`Scope`](crate::Scope): a future of its result.
///
/// Dropping it detaches the task from the handle, not from the scope, which waits for
/// it all the same.
///
/// # Errors
///
/// It gives a [`JoinError`] if the task panicked or was cancelled.
///
/// # Cancel safety
///
/// Polling it changes nothing in the task. The result is given once; a poll after
/// that gives a cancelled error.
///
/// ```
/// let text = String::from("borrowed");
/// oasync::scope(|s| {
///     let length: oasync::ScopedJoinHandle<'_, usize> = s.spawn(async { text.len() });
///     s.go(async move { assert_eq!(length.await.unwrap(), 8) });
/// });
/// ```
#[must_use = "dropping a handle drops the task's result; `go` says so in one word"]
pub struct ScopedJoinHandle<'scope, T> {
    slot: Arc<Slot<T>>,
    /// `None` once it is cancelled; then there is the label.
    leash: Option<Leash>,
    label: Option<Box<Label>>,
    scope: PhantomData<&'scope ()>,
}

impl<T> ScopedJoinHandle<'_, T> {
    pub(super) fn new(slot: Arc<Slot<T>>, leash: Leash) -> Self {
        ScopedJoinHandle { slot, leash: Some(leash), label: None, scope: PhantomData }
    }

    fn label(&self) -> Label {
        match (&self.leash, &self.label) {
            (Some(leash), _) => leash.label(),
            (None, Some(label)) => (**label).clone(),
            (None, None) => unreachable!("`cancel` leaves a label"),
        }
    }

    /// Blocks until the task has ended, working meanwhile as
    /// [`block_on`](crate::block_on()) does. In a task, `.await` the handle.
    ///
    /// # Errors
    ///
    /// A [`JoinError`] if the task panicked or was cancelled.
    ///
    /// ```
    /// let n = oasync::scope(|s| s.spawn(async { 42 }).join());
    /// assert_eq!(n.unwrap(), 42);
    /// ```
    pub fn join(self) -> Result<T, JoinError> {
        let shared = self.slot.scope.shared.clone();
        block_on(&shared, self)
    }

    /// Cancels the task. The handle then gives a cancelled error, or what the task
    /// returned if that came first, when its future has been dropped.
    ///
    /// ```
    /// oasync::scope(|s| {
    ///     let mut task = s.spawn(std::future::pending::<()>());
    ///     task.cancel();
    ///     assert!(task.join().unwrap_err().is_cancelled());
    /// });
    /// ```
    pub fn cancel(&mut self) {
        if let Some(leash) = self.leash.take() {
            self.label = Some(Box::new(leash.label()));
            Leash::cancel(&self.slot.scope.shared, vec![leash]);
        }
    }

    /// Whether the task has ended.
    ///
    /// ```
    /// oasync::scope(|s| {
    ///     let task = s.spawn(async {});
    ///     while !task.is_finished() {
    ///         oasync::block_on(oasync::yield_now());
    ///     }
    /// });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.slot.is_full()
    }

    /// The task's id.
    ///
    /// ```
    /// oasync::scope(|s| {
    ///     let task = s.spawn(async { panic!("out of tea") });
    ///     let id = task.id();
    ///     assert_eq!(task.join().map(|()| ()).unwrap_err().id(), id);
    /// });
    /// ```
    pub fn id(&self) -> TaskId {
        self.label().id
    }
}

impl<T> Future for ScopedJoinHandle<'_, T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.slot.poll(cx, || self.label())
    }
}

impl<T> Drop for ScopedJoinHandle<'_, T> {
    fn drop(&mut self) {
        if let Some(leash) = self.leash.take() {
            leash.detach();
        }
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle")
            .field("id", &self.id())
            .field("finished", &self.is_finished())
            .finish()
    }
}
