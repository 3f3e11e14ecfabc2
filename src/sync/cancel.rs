//! Cancellation: one says stop, many see it.
//!
//! Tokens form a tree. A token holds its parent, so that the way from the root
//! to it stays; a parent knows its children weakly, and forgets each when its last
//! clone is dropped. A parent that lives long holds nothing of dead children.
//!
//! *Every descendant is reached.* [`Node::cancel`] opens the gate of a token first and takes
//! the list of its children second; [`CancelToken::child`] looks at the gate
//! under the lock of that list. So a child either is in the list that is seen, or
//! is made with its gate open.
//!
//! *When a `cancel` returns, or has woken anyone, the whole subtree is cancelled*: it opens
//! all gates before it wakes the first waiter. A second `cancel` of the same token goes
//! over the subtree too, rather than rely on one that may be half-way.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use slab::Slab;

use super::gate::{Gate, Wait, Waiting, wake_all};
use crate::sync_facade::{Arc, Mutex, Weak, lock};

/// Tells tasks to stop: whoever has a clone sees when it is cancelled.
///
/// Unlike [`JoinHandle::cancel`](crate::JoinHandle::cancel), which drops a task
/// where it waits, a token is a request, which the task answers in its own
/// time. Clones are the same token; [`child`](Self::child) makes one that is cancelled
/// with its parent, but not the reverse.
///
/// ```
/// use oasync::sync::CancelToken;
///
/// oasync::block_on(async {
///     let token = CancelToken::new();
///     let seen = token.clone();
///     let task = oasync::spawn(async move {
///         seen.cancelled().await;
///         "tidied up"
///     });
///     token.cancel();
///     assert_eq!(task.await.unwrap(), "tidied up");
/// });
/// ```
#[derive(Clone)]
pub struct CancelToken {
    node: Arc<Node>,
}

struct Node {
    gate: Gate,
    children: Mutex<Slab<Weak<Node>>>,
    /// The parent, and the place in its list.
    parent: Option<(Arc<Node>, usize)>,
}

impl Node {
    fn new(open: bool, parent: Option<(Arc<Node>, usize)>) -> Self {
        Node { gate: Gate::new(open), children: Mutex::new(Slab::new()), parent }
    }

    /// Cancels this node and all below it; a stack of nodes instead of a recursion,
    /// however deep the tree is.
    fn cancel(self: &Arc<Self>) -> Vec<Waiting> {
        let mut waiting = Vec::new();
        let mut nodes = vec![self.clone()];
        while let Some(node) = nodes.pop() {
            waiting.push(node.gate.open());
            // A child whose last clone is just being dropped may be the last we
            // hold, and takes this lock when we drop it: later, from `nodes`.
            nodes.extend(lock(&node.children).iter().filter_map(|(_, child)| child.upgrade()));
        }
        waiting
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A loop, not a recursion: a chain of tokens may be long.
        let mut parent = self.parent.take();
        while let Some((node, key)) = parent {
            let _child = lock(&node.children).try_remove(key);
            parent = Arc::into_inner(node).and_then(|mut node| node.parent.take());
        }
    }
}

impl CancelToken {
    /// A token without a parent. It lies on the heap, so this is not `const`; a `static`
    /// makes it on first use:
    ///
    /// ```
    /// use oasync::sync::CancelToken;
    /// use std::sync::LazyLock;
    ///
    /// static STOP: LazyLock<CancelToken> = LazyLock::new(CancelToken::new);
    ///
    /// assert!(!STOP.is_cancelled());
    /// let server = oasync::spawn(async { STOP.cancelled().await });
    /// STOP.cancel();
    /// oasync::block_on(server).unwrap();
    /// ```
    pub fn new() -> Self {
        CancelToken { node: Arc::new(Node::new(false, None)) }
    }

    /// A token that is cancelled when this one is, and can be cancelled alone. The
    /// child of a cancelled token is cancelled.
    ///
    /// ```
    /// use oasync::sync::CancelToken;
    ///
    /// let server = CancelToken::new();
    /// let (one, other) = (server.child(), server.child());
    /// one.cancel();
    /// assert!(!other.is_cancelled() && !server.is_cancelled());
    /// server.cancel();
    /// assert!(other.is_cancelled());
    /// ```
    pub fn child(&self) -> Self {
        let mut children = lock(&self.node.children);
        if self.is_cancelled() {
            return CancelToken { node: Arc::new(Node::new(true, None)) };
        }
        let place = children.vacant_entry();
        let parent = Some((self.node.clone(), place.key()));
        let node = Arc::new(Node::new(false, parent));
        place.insert(Arc::downgrade(&node));
        CancelToken { node }
    }

    /// Cancels this token and all its children, and theirs. When it returns, all
    /// of them are cancelled. Called again, it does nothing.
    ///
    /// # Panics
    ///
    /// With the panic of a waker of another executor, after all have been woken.
    ///
    /// ```
    /// let token = oasync::sync::CancelToken::new();
    /// let below = token.child().child();
    /// token.cancel();
    /// assert!(below.is_cancelled());
    /// ```
    pub fn cancel(&self) {
        wake_all(self.node.cancel());
    }

    /// Whether this token, or one above it, has been cancelled: for loops that do not
    /// wait.
    ///
    /// ```
    /// let token = oasync::sync::CancelToken::new();
    /// let seen = token.clone();
    /// let search = oasync::spawn_blocking(move || {
    ///     (0_u64..).take_while(|_| !seen.is_cancelled()).count()
    /// });
    /// token.cancel();
    /// oasync::block_on(search).unwrap();
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.node.gate.is_open()
    }

    /// Waits until the token is cancelled.
    ///
    /// Cancel safe.
    ///
    /// ```
    /// let token = oasync::sync::CancelToken::new();
    /// let stop = token.clone();
    /// oasync::block_on(async move {
    ///     oasync::go(async move { stop.cancel() });
    ///     token.cancelled().await;
    /// });
    /// ```
    pub fn cancelled(&self) -> Wait<'_> {
        self.node.gate.wait()
    }

    /// Runs `future` until it is ready or the token is cancelled, whichever comes
    /// first. `None` means that it was cancelled, and that `future` has been dropped. On a
    /// token that is cancelled already, `future` is not polled.
    ///
    /// Cancel safe if `future` is: dropping this drops it.
    ///
    /// ```
    /// use oasync::sync::CancelToken;
    ///
    /// oasync::block_on(async {
    ///     let token = CancelToken::new();
    ///     assert_eq!(token.run_until_cancelled(async { 1 }).await, Some(1));
    ///     token.cancel();
    ///     let never = std::future::pending::<i32>();
    ///     assert_eq!(token.run_until_cancelled(never).await, None);
    /// });
    /// ```
    pub async fn run_until_cancelled<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut cancelled = self.cancelled();
        let mut future = pin!(future);
        poll_fn(|cx| match Pin::new(&mut cancelled).poll(cx) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => future.as_mut().poll(cx).map(Some),
        })
        .await
    }

    /// A guard that cancels the token when it is dropped: when a function
    /// returns, by whichever way.
    ///
    /// ```
    /// use oasync::sync::CancelToken;
    ///
    /// let token = CancelToken::new();
    /// let guard = token.clone().drop_guard();
    /// assert!(!token.is_cancelled());
    /// drop(guard);
    /// assert!(token.is_cancelled());
    /// ```
    pub fn drop_guard(self) -> DropGuard {
        DropGuard { token: Some(self) }
    }
}

impl Default for CancelToken {
    fn default() -> Self {
        CancelToken::new()
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("CancelToken");
        f.field("is_cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

/// Cancels its token when it is dropped; from [`CancelToken::drop_guard`].
///
/// ```
/// let token = oasync::sync::CancelToken::new();
/// let watched = token.clone();
/// let task = oasync::spawn(async move {
///     let _guard: oasync::sync::DropGuard = token.drop_guard();
///     panic!("and so it ends");
/// });
/// oasync::block_on(watched.cancelled());
/// # assert!(oasync::block_on(task).map(|()| ()).is_err());
/// ```
#[derive(Debug)]
#[must_use = "dropping it cancels the token"]
pub struct DropGuard {
    /// There until it is disarmed.
    token: Option<CancelToken>,
}

impl DropGuard {
    /// Gives the token back; nothing is cancelled.
    ///
    /// ```
    /// let token = oasync::sync::CancelToken::new().drop_guard().disarm();
    /// assert!(!token.is_cancelled());
    /// ```
    pub fn disarm(mut self) -> CancelToken {
        self.token.take().expect("it is taken here only, and this consumes the guard")
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            token.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_forgets_children_that_are_dropped() {
        let root = CancelToken::new();
        let kept = root.child();
        for _ in 0..1_000 {
            let child = root.child();
            let grandchild = child.child();
            drop(child); // held by the grandchild
            assert_eq!(lock(&root.node.children).len(), 2);
            drop(grandchild);
            assert_eq!(lock(&root.node.children).len(), 1);
        }
        assert!(lock(&root.node.children).capacity() <= 4);
        assert_eq!(Arc::weak_count(&kept.node), 1);
        drop(kept);
        assert_eq!(Arc::strong_count(&root.node), 1);
    }

    #[test]
    fn a_waiter_that_is_dropped_leaves_the_list() {
        let token = CancelToken::new();
        for _ in 0..10 {
            let mut wait = token.cancelled();
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(Pin::new(&mut wait).poll(&mut cx).is_pending());
            assert_eq!(token.node.gate.waiters(), 1);
        }
        assert_eq!(token.node.gate.waiters(), 0);
    }
}
