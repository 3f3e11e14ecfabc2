//! What a task carries besides its future: whose it is, and what to call it.

use std::fmt;
use std::ptr::NonNull;
use std::task::Waker;

use crate::context;
use crate::shared::Shared;
use crate::sync_facade::{Arc, AtomicBool};
use crate::task::TaskId;
use crate::task::origin::{Extra, Origin};
use crate::task::registry::{Closed, Place};

/// Where a task was spawned.
pub(crate) type Site = std::panic::Location<'static>;

/// What to call a task.
#[derive(Clone)]
pub(crate) struct Label {
    pub(crate) id: TaskId,
    pub(crate) site: &'static Site,
    pub(crate) name: Option<Arc<str>>,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Label { id, site, name } = self;
        match name {
            Some(name) => write!(f, "task {id} `{name}`, spawned at {site},"),
            None => write!(f, "task {id}, spawned at {site},"),
        }
    }
}

/// Which threads poll the task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A future, polled on a seat, or by a thread that lends itself.
    Future,
    /// A closure, run by the blocking pool.
    Blocking,
}

/// The metadata in the header of every task.
///
/// `shared` is a plain pointer, so that spawning, waking and ending a task
/// count no references. *It is valid as long as the task's future is not
/// dropped*: from the first spawn until the phase `Stopped`, which is reached
/// only when no future is alive, the coordinator or [`Shared::keep`] holds a
/// reference. `async-task` schedules and polls only tasks whose future is not
/// dropped; and the thread that drops a future, after which the count may be
/// zero, holds a reference of its own (its [`Entry`](context::Entry); or, if the
/// task was refused, the spawner's).
pub(crate) struct Meta {
    shared: NonNull<Shared>,
    origin: Origin,
    pub(crate) id: u64,
    pub(crate) place: Place,
    /// `None` if the task was refused.
    kind: Option<Kind>,
    /// The handle gave the outcome out. Only the handle's owner has to do with it.
    pub(crate) taken: AtomicBool,
}

// Four words and `async-task`'s own four are all that a task costs beyond its future.
// (A model's atomics are larger.)
const _: () = assert!(cfg!(shuttle) || size_of::<Meta>() <= 4 * size_of::<u64>());

// SAFETY: `shared` points to a value that is `Send + Sync`; the other fields
// are so by themselves.
unsafe impl Send for Meta {}
// SAFETY: as above.
unsafe impl Sync for Meta {}

impl Meta {
    pub(crate) fn new(
        shared: &Shared,
        id: u64,
        origin: Origin,
        kind: Kind,
        admitted: bool,
    ) -> Self {
        Meta {
            shared: NonNull::from(shared),
            origin,
            id,
            place: Place::nowhere(),
            kind: admitted.then_some(kind),
            taken: AtomicBool::new(false),
        }
    }

    /// The coordinator. Who has a [`Runnable`](super::Runnable) or a
    /// [`TaskFuture`](super::TaskFuture) asks that.
    ///
    /// # Safety
    ///
    /// The coordinator outlives `'a`; see the type.
    #[inline]
    pub(crate) unsafe fn shared<'a>(&self) -> &'a Shared {
        // SAFETY: the caller's promise.
        unsafe { self.shared.as_ref() }
    }

    pub(crate) fn belongs_to(&self, shared: &Shared) -> bool {
        std::ptr::eq(self.shared.as_ptr(), shared)
    }

    /// Whether the coordinator took the task in. A refused one is dropped by its
    /// spawner, and counted nowhere.
    pub(crate) fn is_admitted(&self) -> bool {
        self.kind.is_some()
    }

    pub(crate) fn id(&self) -> TaskId {
        TaskId(self.id)
    }

    #[inline]
    pub(crate) fn site(&self) -> &'static Site {
        self.origin.site()
    }

    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.origin.extra().and_then(|extra| extra.name.as_ref())
    }

    /// Also after the future has been dropped.
    pub(crate) fn label(&self) -> Label {
        Label { id: self.id(), site: self.site(), name: self.name().cloned() }
    }

    /// What few tasks have.
    #[inline]
    pub(crate) fn extra(&self) -> Option<&Extra> {
        self.origin.extra()
    }

    /// How often the task was polled, if that is counted.
    pub(crate) fn polls(&self) -> Option<u64> {
        self.extra().map(Extra::polls)
    }

    /// Whether this is a closure for the blocking pool. Nobody polls a refused
    /// task, so it is none.
    pub(crate) fn is_blocking(&self) -> bool {
        self.kind == Some(Kind::Blocking)
    }

    /// Enters the task, which is being polled or is new, in the registry of its
    /// coordinator.
    #[inline]
    pub(crate) fn bind(&self, shared: &Shared, waker: &Waker) -> Result<(), Closed> {
        if self.place.is_nowhere() { self.bind_first(shared, waker) } else { Ok(()) }
    }

    #[cold]
    fn bind_first(&self, shared: &Shared, waker: &Waker) -> Result<(), Closed> {
        debug_assert!(self.belongs_to(shared));
        shared.registry.bind(shard(shared), self, waker, shared.epoch.elapsed())
    }

    /// Enters the task, which blocks in its poll, or, without a waker, while its future is
    /// dropped, in the registry of its coordinator, to be listed.
    pub(crate) fn list(&self, shared: &Shared, waker: Option<&Waker>) {
        if self.is_admitted() && self.place.is_nowhere() {
            shared.registry.list(shard(shared), self, waker, shared.epoch.elapsed());
        }
    }

    /// The task's future is gone.
    pub(crate) fn finish(&self, shared: &Shared, cancelled: bool) {
        if self.is_admitted() {
            shared.registry.release(self);
            // Until now its destructors might not have returned, and it was listed.
            if let Some(seat) = context::seat(shared) {
                seat.end_poll_of(self.id);
            }
            shared.count_finished(cancelled);
        }
    }
}

/// The shard of the registry for a task that this thread has.
fn shard(shared: &Shared) -> usize {
    context::seat(shared).map_or(shared.seats.len(), |seat| seat.index)
}
