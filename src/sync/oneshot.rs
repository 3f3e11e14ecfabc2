//! A channel for one value.
//!
//! [`Sender::send`] gives the value away, once; the [`Receiver`] is a future of
//! it. If the sender is dropped instead, the receiver gets [`Closed`].
//!
//! *No wake-up is lost*: both sides look and leave their waker under one lock,
//! which guards all there is. *No lock is held while user code runs*: wakers are cloned
//! before it, and woken and dropped after it, as values are.
//!
//! ```
//! use oasync::sync::oneshot;
//!
//! oasync::block_on(async {
//!     let (sender, receiver) = oneshot::channel();
//!     oasync::go(async move { sender.send("done").unwrap() });
//!     assert_eq!(receiver.await, Ok("done"));
//! });
//! ```

use std::error;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::sync_facade::{Arc, Mutex, lock};

/// Makes a channel for one value.
///
/// ```
/// let (sender, receiver) = oasync::sync::oneshot::channel();
/// sender.send(5).unwrap();
/// assert_eq!(receiver.recv_blocking(), Ok(5));
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Mutex::new(State {
        value: None,
        sender: Side::Here(None),
        receiver: Side::Here(None),
    }));
    (Sender { shared: shared.clone() }, Receiver { shared })
}

struct State<T> {
    value: Option<T>,
    sender: Side,
    receiver: Side,
}

/// One end of the channel.
enum Side {
    /// It may still send, or receive, and waits by this waker, if it waits.
    Here(Option<Waker>),
    Gone,
}

impl Side {
    fn is_gone(&self) -> bool {
        matches!(self, Side::Gone)
    }

    /// Ends this side; its waker is for the caller to drop.
    fn leave(&mut self) -> Option<Waker> {
        match mem::replace(self, Side::Gone) {
            Side::Here(waker) => waker,
            Side::Gone => None,
        }
    }

    /// Takes the waker, to wake it.
    fn waker(&mut self) -> Option<Waker> {
        match self {
            Side::Here(waker) => waker.take(),
            Side::Gone => None,
        }
    }

    fn is_listed(&self, waker: &Waker) -> bool {
        matches!(self, Side::Here(Some(old)) if old.will_wake(waker))
    }

    /// Leaves `waker`; the one before is for the caller to drop.
    fn list(&mut self, waker: Waker) -> Option<Waker> {
        match self {
            Side::Here(old) => old.replace(waker),
            Side::Gone => Some(waker),
        }
    }
}

/// The end that sends. Dropping it closes the channel.
///
/// ```
/// use oasync::sync::oneshot::{self, Closed, Sender};
///
/// let (sender, receiver) = oneshot::channel::<i32>();
/// let sender: Sender<i32> = sender;
/// drop(sender);
/// assert_eq!(oasync::block_on(receiver), Err(Closed));
/// ```
pub struct Sender<T> {
    shared: Arc<Mutex<State<T>>>,
}

impl<T> Sender<T> {
    /// Sends the value. Never waits.
    ///
    /// `Ok` means that the receiver was there, not that it will look.
    ///
    /// # Errors
    ///
    /// The value, if the receiver was dropped or [closed](Receiver::close).
    ///
    /// ```
    /// let (sender, receiver) = oasync::sync::oneshot::channel();
    /// drop(receiver);
    /// assert_eq!(sender.send("back"), Err("back"));
    /// ```
    pub fn send(self, value: T) -> Result<(), T> {
        let mut state = lock(&self.shared);
        if state.receiver.is_gone() {
            return Err(value);
        }
        state.value = Some(value);
        drop(state);
        // The drop of this end wakes the receiver.
        Ok(())
    }

    /// Whether the receiver is gone, so that [`send`](Self::send) is in vain.
    ///
    /// ```
    /// let (sender, receiver) = oasync::sync::oneshot::channel::<i32>();
    /// assert!(!sender.is_closed());
    /// drop(receiver);
    /// assert!(sender.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        lock(&self.shared).receiver.is_gone()
    }

    /// Waits until the receiver is dropped or [closed](Receiver::close): to
    /// give up on an answer that nobody waits for.
    ///
    /// Cancel safe.
    ///
    /// ```
    /// let (mut sender, receiver) = oasync::sync::oneshot::channel::<i32>();
    /// oasync::block_on(async {
    ///     oasync::go(async move { drop(receiver) });
    ///     sender.closed().await;
    /// });
    /// ```
    pub async fn closed(&mut self) {
        std::future::poll_fn(|cx| self.poll_closed(cx)).await;
    }

    /// [`closed`](Self::closed), for futures written by hand.
    ///
    /// ```
    /// let (mut sender, receiver) = oasync::sync::oneshot::channel::<i32>();
    /// drop(receiver);
    /// oasync::block_on(std::future::poll_fn(|cx| sender.poll_closed(cx)));
    /// ```
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let look = |state: &mut State<T>| state.receiver.is_gone().then_some(());
        look_or_list(&self.shared, cx, look, |state| &mut state.sender)
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = lock(&self.shared);
        let _own = state.sender.leave();
        let receiver = state.receiver.waker();
        drop(state);
        if let Some(waker) = receiver {
            waker.wake();
        }
    }
}

/// The end that receives: a future of the value, or of [`Closed`].
///
/// Cancel safe: wait for it by `&mut`, and wait again. Once it has given the
/// value it says `Closed`. Dropping it drops a value that was sent.
///
/// ```
/// use oasync::sync::oneshot::{self, Receiver};
///
/// let (sender, mut receiver): (_, Receiver<i32>) = oneshot::channel();
/// oasync::block_on(async {
///     // Given up, and waited for again.
///     assert!(futures_lite::future::poll_once(&mut receiver).await.is_none());
///     oasync::go(async move { sender.send(5).unwrap() });
///     assert_eq!(receiver.await, Ok(5));
/// });
/// ```
#[must_use = "a future does nothing unless it is awaited"]
pub struct Receiver<T> {
    shared: Arc<Mutex<State<T>>>,
}

impl<T> Receiver<T> {
    /// The value, if it is there; `None` if it may still come.
    ///
    /// # Errors
    ///
    /// [`Closed`], if no value will come.
    ///
    /// ```
    /// use oasync::sync::oneshot::{self, Closed};
    ///
    /// let (sender, mut receiver) = oneshot::channel();
    /// assert_eq!(receiver.try_recv(), Ok(None));
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(Some(1)));
    /// assert_eq!(receiver.try_recv(), Err(Closed));
    /// ```
    pub fn try_recv(&mut self) -> Result<Option<T>, Closed> {
        look(&mut lock(&self.shared)).transpose()
    }

    /// Waits for the value on this thread, asleep. In a task, the worker's place is
    /// given to another thread meanwhile, as by
    /// [`block_in_place`](crate::block_in_place); there, `.await` is better.
    ///
    /// # Errors
    ///
    /// [`Closed`], if the sender is dropped without sending.
    ///
    /// ```
    /// let (sender, receiver) = oasync::sync::oneshot::channel();
    /// oasync::go(async move { sender.send("from a task").unwrap() });
    /// assert_eq!(receiver.recv_blocking(), Ok("from a task"));
    /// ```
    pub fn recv_blocking(mut self) -> Result<T, Closed> {
        match self.try_recv().transpose() {
            Some(result) => result,
            None => super::wait_blocking(self),
        }
    }

    /// Lets no more value come. One that has been sent can still be received.
    ///
    /// ```
    /// let (sender, mut receiver) = oasync::sync::oneshot::channel();
    /// receiver.close();
    /// assert_eq!(sender.send(1), Err(1));
    /// ```
    pub fn close(&mut self) {
        let mut state = lock(&self.shared);
        let _own = state.receiver.leave();
        let sender = state.sender.waker();
        drop(state);
        if let Some(waker) = sender {
            waker.wake();
        }
    }
}

/// What there is to receive, if that is settled.
fn look<T>(state: &mut State<T>) -> Option<Result<T, Closed>> {
    match state.value.take() {
        Some(value) => Some(Ok(value)),
        None => (state.sender.is_gone() || state.receiver.is_gone()).then_some(Err(Closed)),
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, Closed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        look_or_list(&self.shared, cx, look, |state| &mut state.receiver)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // A value goes with the last of the two ends, without the lock. A sender
        // that has sent is gone, or on its way out.
        self.close();
    }
}

/// Looks; leaves the waker at `side` if there is nothing to see yet.
fn look_or_list<T, R>(
    shared: &Mutex<State<T>>,
    cx: &Context<'_>,
    look: impl Fn(&mut State<T>) -> Option<R>,
    side: impl Fn(&mut State<T>) -> &mut Side,
) -> Poll<R> {
    let mut state = lock(shared);
    if let Some(seen) = look(&mut state) {
        return Poll::Ready(seen);
    }
    if side(&mut state).is_listed(cx.waker()) {
        return Poll::Pending;
    }
    drop(state);
    let waker = cx.waker().clone();
    let mut state = lock(shared);
    // The other side may have come meanwhile.
    let (unused, seen) = match look(&mut state) {
        Some(seen) => (Some(waker), Poll::Ready(seen)),
        None => (side(&mut state).list(waker), Poll::Pending),
    };
    drop(state);
    drop(unused);
    seen
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("is_closed", &self.is_closed()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// No value will come: the sender was dropped, or the receiver closed, or the
/// value taken before.
///
/// ```
/// let (sender, receiver) = oasync::sync::oneshot::channel::<i32>();
/// drop(sender);
/// assert_eq!(receiver.recv_blocking(), Err(oasync::sync::oneshot::Closed));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the channel is closed, and there is no value")
    }
}

impl error::Error for Closed {}
