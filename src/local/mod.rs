//! Task-local values: keys that code deep inside a task can read without being
//! handed the value.
//!
//! A [`TaskLocal`] stays with the future (or closure) it was set for. An
//! [`InheritedLocal`] is also seen by the tasks that are spawned in its scope. The
//! machinery is in `stack`.

mod scoped;
pub(crate) mod stack;

pub use scoped::Scoped;

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;

use crate::sync_facade::AtomicU8;

use stack::Node;

/// Why a key could not be read: no value of it is in scope.
///
/// ```
/// static USER: oasync::TaskLocal<String> = oasync::TaskLocal::new();
///
/// let error: oasync::NotInScope = USER.try_with(String::len).unwrap_err();
/// assert_eq!(error.to_string(), "no value of this key is in scope");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotInScope;

impl fmt::Display for NotInScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no value of this key is in scope")
    }
}

impl Error for NotInScope {}

/// A key to a value that is there while one future is polled.
///
/// The value moves with the future from thread to thread. Tasks that the future
/// spawns do not see it (see [`InheritedLocal`]), nor do other tasks that happen to be
/// polled on the same thread. A nested scope hides the outer value. The key has to be
/// a `static`; [`task_local!`](crate::task_local) writes that in fewer words.
///
/// ```
/// static DEPTH: oasync::TaskLocal<u32> = oasync::TaskLocal::new();
///
/// let task = oasync::spawn(DEPTH.scope(1, async {
///     oasync::yield_now().await;
///     let inner = DEPTH.sync_scope(2, || DEPTH.get());
///     (DEPTH.get(), inner)
/// }));
/// assert_eq!(oasync::block_on(task).unwrap(), (1, 2));
/// assert!(DEPTH.try_with(|_| ()).is_err());
/// ```
pub struct TaskLocal<T> {
    /// Only its address is used, which no two keys share. For that it is an atomic: what
    /// may change in place is neither merged with another `static` nor promoted to one.
    id: AtomicU8,
    /// Invariant: what one type put into scope, the same type takes out.
    value: PhantomData<fn(T) -> T>,
}

/// A key to a value that is there while one future is polled, and in all tasks and
/// blocking closures that are spawned meanwhile, and so on: a request's id, a
/// tracing context.
///
/// Which values a task inherits is settled when it is spawned; the value itself is
/// shared, and dropped when the last task that has it has ended. A scope in the
/// child hides it there. Otherwise it is like a [`TaskLocal`].
///
/// ```
/// static REQUEST: oasync::InheritedLocal<u64> = oasync::InheritedLocal::new();
///
/// let seen = oasync::block_on(REQUEST.scope(7, async {
///     let task = oasync::spawn(async { oasync::spawn(async { REQUEST.get() }).await });
///     let closure = oasync::spawn_blocking(|| REQUEST.get());
///     (task.await.unwrap().unwrap(), closure.await.unwrap())
/// }));
/// assert_eq!(seen, (7, 7));
/// ```
pub struct InheritedLocal<T> {
    /// As in [`TaskLocal`].
    id: AtomicU8,
    value: PhantomData<fn(T) -> T>,
}

macro_rules! common_to_both {
    ($with:path) => {
        /// Calls `f` with the innermost value in scope.
        ///
        /// # Panics
        ///
        /// If none is; see [`try_with`](Self::try_with).
        ///
        /// ```
        /// oasync::task_local! { static USER: String; }
        ///
        /// assert_eq!(USER.sync_scope("eve".into(), || USER.with(String::len)), 3);
        /// ```
        #[track_caller]
        pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
            match self.try_with(f) {
                Ok(result) => result,
                Err(error) => panic!("{error}: {}", std::any::type_name::<Self>()),
            }
        }

        /// Calls `f` with the innermost value in scope, if there is one.
        ///
        /// # Errors
        ///
        /// If no value is in scope.
        ///
        /// ```
        /// oasync::task_local! { static USER: String; }
        ///
        /// assert!(USER.try_with(String::len).is_err());
        /// ```
        pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, NotInScope> {
            $with(self, f).ok_or(NotInScope)
        }

        /// A clone of the innermost value in scope.
        ///
        /// # Panics
        ///
        /// If none is; see [`try_with`](Self::try_with).
        ///
        /// ```
        /// oasync::task_local! { static USER: String; }
        ///
        /// assert_eq!(USER.sync_scope("eve".into(), || USER.get()), "eve");
        /// ```
        #[track_caller]
        pub fn get(&'static self) -> T
        where
            T: Clone,
        {
            self.with(T::clone)
        }
    };
}

impl<T: 'static> TaskLocal<T> {
    /// A key, to be kept in a `static`.
    ///
    /// ```
    /// static USER: oasync::TaskLocal<String> = oasync::TaskLocal::new();
    ///
    /// assert!(USER.try_with(|_| ()).is_err());
    /// ```
    #[allow(clippy::new_without_default, reason = "a key is a static")]
    pub const fn new() -> Self {
        TaskLocal { id: AtomicU8::new(0), value: PhantomData }
    }

    /// A future that polls, and drops, `future` with `value` in scope.
    ///
    /// # Cancel safety
    ///
    /// That of `future`.
    ///
    /// ```
    /// oasync::task_local! { static USER: String; }
    ///
    /// let name = oasync::block_on(USER.scope("eve".into(), async { USER.get() }));
    /// assert_eq!(name, "eve");
    /// ```
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> Scoped<T, F> {
        Scoped::own(self, value, future)
    }

    /// Calls `f` with `value` in scope, and drops the value.
    ///
    /// ```
    /// oasync::task_local! { static USER: String; }
    ///
    /// assert_eq!(USER.sync_scope("eve".into(), || USER.with(String::len)), 3);
    /// ```
    pub fn sync_scope<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        let node = Node::own(self, &value);
        let _inside = node.enter();
        f()
    }

    common_to_both!(stack::with_own);
}

impl<T: Send + Sync + 'static> InheritedLocal<T> {
    /// A key, to be kept in a `static`.
    ///
    /// ```
    /// static REQUEST: oasync::InheritedLocal<u64> = oasync::InheritedLocal::new();
    ///
    /// assert!(REQUEST.try_with(|_| ()).is_err());
    /// ```
    #[allow(clippy::new_without_default, reason = "a key is a static")]
    pub const fn new() -> Self {
        InheritedLocal { id: AtomicU8::new(0), value: PhantomData }
    }

    /// A future that polls, and drops, `future` with `value` in scope; the tasks
    /// that it spawns inherit it.
    ///
    /// # Cancel safety
    ///
    /// That of `future`.
    ///
    /// ```
    /// oasync::task_local! { #[inherit] static REQUEST: u64; }
    ///
    /// let id = oasync::block_on(REQUEST.scope(7, async {
    ///     oasync::spawn(async { REQUEST.get() }).await.unwrap()
    /// }));
    /// assert_eq!(id, 7);
    /// ```
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> Scoped<T, F> {
        Scoped::inherited(self, value, future)
    }

    /// Calls `f` with `value` in scope; the tasks that it spawns inherit it.
    ///
    /// ```
    /// oasync::task_local! { #[inherit] static REQUEST: u64; }
    ///
    /// let task = REQUEST.sync_scope(7, || oasync::spawn(async { REQUEST.get() }));
    /// assert_eq!(oasync::block_on(task).unwrap(), 7);
    /// ```
    pub fn sync_scope<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        let values = stack::extended(self, value);
        let node = Node::inherited(&values);
        let _inside = node.enter();
        f()
    }

    common_to_both!(stack::with_inherited);
}

impl<T> fmt::Debug for TaskLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<Self>())
    }
}

impl<T> fmt::Debug for InheritedLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<Self>())
    }
}

/// Declares task-local keys: a [`TaskLocal`] each, or, with `#[inherit]` before it,
/// an [`InheritedLocal`].
///
/// ```
/// oasync::task_local! {
///     /// Whom the task works for.
///     pub static USER: String;
///     /// Which request it and all that it spawns belong to.
///     #[inherit]
///     static REQUEST: u64;
/// }
///
/// let task = REQUEST.sync_scope(7, || oasync::spawn(USER.scope("eve".into(), async {
///     let child = oasync::spawn(async { (USER.try_with(|_| ()).is_ok(), REQUEST.get()) });
///     (USER.get(), child.await.unwrap())
/// })));
/// assert_eq!(oasync::block_on(task).unwrap(), ("eve".into(), (false, 7)));
/// ```
#[macro_export]
macro_rules! task_local {
    () => {};
    (@ $kind:ident [$($attrs:tt)*] #[inherit] $($rest:tt)*) => {
        $crate::task_local!(@ InheritedLocal [$($attrs)*] $($rest)*);
    };
    (@ $kind:ident [$($attrs:tt)*] #[$attr:meta] $($rest:tt)*) => {
        $crate::task_local!(@ $kind [$($attrs)* #[$attr]] $($rest)*);
    };
    (@ $kind:ident [$($attrs:tt)*] $vis:vis static $name:ident: $t:ty $(; $($rest:tt)*)?) => {
        $($attrs)*
        $vis static $name: $crate::$kind<$t> = $crate::$kind::new();
        $crate::task_local!($($($rest)*)?);
    };
    (@ $kind:ident [$($attrs:tt)*] $vis:vis static $name:ident: $t:ty = $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "a task-local key has no value of its own: write `static ", ::core::stringify!($name),
            ": ", ::core::stringify!($t), ";`, and give it one with `scope` or `sync_scope`"
        ));
    };
    (@ $($rest:tt)*) => {
        ::core::compile_error!("`task_local!` takes lines of the form `static NAME: Type;`");
    };
    ($($item:tt)+) => { $crate::task_local!(@ TaskLocal [] $($item)+); };
}
