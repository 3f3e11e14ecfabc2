//! The values in scope on this thread: a stack of nodes, linked through the call
//! stack, and a thread-local pointer to the top.
//!
//! It belongs to the code that is running. Whoever polls something else in the
//! middle of it (a caller its tasks, a nested call the main futures and pinned
//! tasks below it) enters an [`Entry`], which takes the whole
//! stack away, or puts another in its place, until that is done.
//!
//! What children inherit is one list, shared by all that have the same, in a node
//! of its own: made when an inherited value comes into scope, cloned by a spawn,
//! entered by each poll of the child.

use std::any::Any;
use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;

use crate::context::{self, Entry};
use crate::hooks::guard_by;
use crate::local::{InheritedLocal, TaskLocal};
use crate::sync_facade::{Arc, AtomicU8, thread_local};

/// Which key: the address of what a key is made of.
type Id = &'static AtomicU8;

/// What a task inherits; never changed.
pub(crate) type Inherited = Arc<[Held]>;

/// One inherited value.
#[derive(Clone)]
pub(crate) struct Held {
    key: Id,
    value: Arc<dyn Any + Send + Sync>,
}

/// Values that have come into scope together.
pub(crate) struct Node<'a> {
    content: Content<'a>,
    /// The top of the stack before this one came into scope.
    parent: Cell<*const Node<'static>>,
}

enum Content<'a> {
    /// A value of the type that belongs to the key; it is there for `'a`.
    Own(Id, *const ()),
    Inherited(&'a Inherited),
}

thread_local! {
    static TOP: Cell<*const Node<'static>> = const { Cell::new(ptr::null()) };
}

impl<'a> Node<'a> {
    pub(super) fn own<T>(key: &'static TaskLocal<T>, value: &'a T) -> Self {
        Self::new(Content::Own(&key.id, ptr::from_ref(value).cast()))
    }

    pub(crate) fn inherited(values: &'a Inherited) -> Self {
        Self::new(Content::Inherited(values))
    }

    fn new(content: Content<'a>) -> Self {
        Node { content, parent: Cell::new(ptr::null()) }
    }

    fn list(&self) -> Option<&'a Inherited> {
        match self.content {
            Content::Inherited(list) => Some(list),
            Content::Own(..) => None,
        }
    }

    /// This node and those below it.
    fn ancestors(&self) -> impl Iterator<Item = &Node<'_>> {
        // SAFETY: null, or the top when this one came into scope. That is below on this
        // thread's call stack, and so there as long as this one is.
        let parent = |node: &&Node<'_>| unsafe { node.parent.get().as_ref() };
        std::iter::successors(Some(self), parent)
    }

    /// Brings the values into scope until the guard is dropped.
    pub(crate) fn enter(&self) -> Inside<'_> {
        self.parent.set(exchange(ptr::from_ref(self).cast()));
        Inside { previous: self.parent.get(), node: PhantomData }
    }
}

/// Takes the values out of scope again.
pub(crate) struct Inside<'a> {
    previous: *const Node<'static>,
    node: PhantomData<&'a Node<'a>>,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        exchange(self.previous);
    }
}

/// Puts another stack in place of this thread's, which comes back.
#[inline]
pub(crate) fn exchange(top: *const Node<'static>) -> *const Node<'static> {
    TOP.with(|cell| cell.replace(top))
}

impl Entry<'_> {
    /// Calls `f`, code of the one who made this entry, with the values around it.
    pub(crate) fn with_locals<R>(&self, f: impl FnOnce() -> R) -> R {
        let _inside = Inside { previous: exchange(self.locals.get()), node: PhantomData };
        f()
    }

    /// The same code waits now: until the guard is dropped, its values are those around
    /// this entry, and out of scope.
    pub(crate) fn hide_locals(&self) -> Hidden<'_> {
        Hidden { locals: &self.locals, previous: self.locals.replace(exchange(ptr::null())) }
    }
}

/// Brings into scope again what was [hidden](Entry::hide_locals).
pub(crate) struct Hidden<'a> {
    locals: &'a Cell<*const Node<'static>>,
    previous: *const Node<'static>,
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        exchange(self.locals.replace(self.previous));
    }
}

/// Calls `f` with the innermost node in scope.
fn with_top<R>(f: impl FnOnce(&Node<'_>) -> R) -> Option<R> {
    let top = TOP.with(Cell::get);
    // SAFETY: null, or a node on this thread's call stack below this call, which its guard
    // unlinks before it dies.
    unsafe { top.as_ref() }.map(f)
}

/// Calls `f` with the innermost value of the key.
pub(super) fn with_own<T, R>(key: &'static TaskLocal<T>, f: impl FnOnce(&T) -> R) -> Option<R> {
    let own = |node: &Node<'_>| match node.content {
        Content::Own(id, value) if ptr::eq(id, &key.id) => Some(value.cast::<T>()),
        _ => None,
    };
    with_top(|top| {
        // SAFETY: made from a `&T` by `Node::own` with the same key, for no two have one
        // address, and a key is of one type. It lives as long as the node is in scope,
        // which is below this call.
        top.ancestors().find_map(own).map(|value| f(unsafe { &*value }))
    })?
}

/// Calls `f` with the value of an inherited key.
pub(super) fn with_inherited<T, R>(
    key: &'static InheritedLocal<T>,
    f: impl FnOnce(&T) -> R,
) -> Option<R> {
    with_list(|list| {
        let held = list.iter().find(|held| ptr::eq(held.key, &key.id))?;
        held.value.downcast_ref::<Contained<T>>()?.0.as_ref().map(f)
    })?
}

/// What a task that is spawned here inherits.
#[inline]
pub(crate) fn inherited() -> Option<Inherited> {
    if TOP.with(Cell::get).is_null() { None } else { with_list(Inherited::clone) }
}

/// Calls `f` with the list that is in scope.
#[cold]
fn with_list<R>(f: impl FnOnce(&Inherited) -> R) -> Option<R> {
    with_top(|top| top.ancestors().find_map(Node::list).map(f))?
}

/// What is inherited here, with `value` in place of the key's old one.
pub(super) fn extended<T: Send + Sync>(key: &'static InheritedLocal<T>, value: T) -> Inherited {
    let key = &key.id;
    let outer = inherited();
    let outer = outer.iter().flat_map(|values| values.iter());
    let others = outer.filter(|held| !ptr::eq(held.key, key)).cloned();
    let held = Held { key, value: Arc::new(Contained(Some(value))) };
    others.chain([held]).collect()
}

/// A value whose drop may panic wherever the last task that had it ends.
struct Contained<T>(Option<T>);

impl<T> Drop for Contained<T> {
    fn drop(&mut self) {
        let value = self.0.take();
        guard_by(|| context::with_shared(|shared| shared.hooks.clone()), || drop(value));
    }
}
