//! A future with a value in scope.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::local::stack::{self, Inherited, Node};
use crate::local::{InheritedLocal, TaskLocal};

/// A future that is polled, and dropped, with a value in scope; from
/// [`TaskLocal::scope`](crate::TaskLocal::scope) and
/// [`InheritedLocal::scope`](crate::InheritedLocal::scope).
///
/// # Cancel safety
///
/// That of the future inside.
///
/// ```
/// oasync::task_local! { static USER: String; }
///
/// let future: oasync::Scoped<String, _> = USER.scope("eve".into(), async { USER.get() });
/// assert_eq!(oasync::block_on(future), "eve");
/// ```
#[must_use = "futures do nothing unless they are polled"]
pub struct Scoped<T: 'static, F> {
    value: Value<T>,
    /// Polled and dropped in place; `None` only after the drop.
    future: Option<F>,
}

enum Value<T: 'static> {
    Own(&'static TaskLocal<T>, T),
    /// Not in scope yet: it comes to what is inherited where it is first polled, by
    /// [`extended`](stack::extended). A pointer to that, since the drop has to call it
    /// too, and must not ask for `Send + Sync`.
    New(Option<(&'static InheritedLocal<T>, T)>, Extend<T>),
    Inherited(Inherited),
}

type Extend<T> = fn(&'static InheritedLocal<T>, T) -> Inherited;

impl<T, F> Scoped<T, F> {
    pub(super) fn own(key: &'static TaskLocal<T>, value: T, future: F) -> Self {
        Scoped { value: Value::Own(key, value), future: Some(future) }
    }

    pub(super) fn inherited(key: &'static InheritedLocal<T>, value: T, future: F) -> Self
    where
        T: Send + Sync,
    {
        let value = Value::New(Some((key, value)), stack::extended::<T>);
        Scoped { value, future: Some(future) }
    }

    /// Calls `f` with the future, and the value in scope.
    fn within<R>(self: Pin<&mut Self>, f: impl FnOnce(Pin<&mut Option<F>>) -> R) -> R {
        // SAFETY: of the fields only `future` is pinned: used in place, through the
        // pinned reference made here.
        let this = unsafe { self.get_unchecked_mut() };
        if let Value::New(new, extended) = &mut this.value {
            if let Some((key, value)) = new.take() {
                this.value = Value::Inherited(extended(key, value));
            }
        }
        // SAFETY: as above.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        let node = match &this.value {
            Value::Own(key, value) => Node::own(key, value),
            Value::Inherited(values) => Node::inherited(values),
            // Left here only by a panic in the step above, which took the value with it.
            Value::New(..) => return f(future),
        };
        let _inside = node.enter();
        f(future)
    }
}

impl<T, F: Future> Future for Scoped<T, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.within(|future| {
            let future = future.as_pin_mut().expect("it is there until the drop");
            future.poll(cx)
        })
    }
}

impl<T, F> Drop for Scoped<T, F> {
    fn drop(&mut self) {
        // SAFETY: a value that is being dropped is not moved any more.
        let this = unsafe { Pin::new_unchecked(self) };
        this.within(|mut future| future.set(None));
    }
}

impl<T, F> fmt::Debug for Scoped<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").finish_non_exhaustive()
    }
}
