//! What a task carries besides its future: whose it is, and what to call it.

use std::ptr::NonNull;
use std::task::Waker;

use crate::context;
use crate::shared::Shared;
use crate::sync_facade::Arc;
use crate::task::TaskId;
use crate::task::registry::{Closed, Place};

/// Where a task was spawned.
pub(crate) type Site = std::panic::Location<'static>;

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
    pub(crate) site: &'static Site,
    pub(crate) id: u64,
    pub(crate) place: Place,
    name: Option<Box<Arc<str>>>,
    pub(crate) kind: Kind,
    admitted: bool,
}

// SAFETY: `shared` points to a value that is `Send + Sync`; the other fields
// are so by themselves.
unsafe impl Send for Meta {}
// SAFETY: as above.
unsafe impl Sync for Meta {}

impl Meta {
    pub(crate) fn new(
        shared: &Shared,
        site: &'static Site,
        id: u64,
        name: Option<Arc<str>>,
        kind: Kind,
        admitted: bool,
    ) -> Self {
        Meta {
            shared: NonNull::from(shared),
            site,
            id,
            place: Place::nowhere(),
            name: name.map(Box::new),
            kind,
            admitted,
        }
    }

    /// Only while the task's future is not dropped.
    pub(crate) fn shared(&self) -> &Shared {
        // SAFETY: the future is not dropped yet; see the type.
        unsafe { self.shared.as_ref() }
    }

    /// The same for as long as the caller says.
    ///
    /// # Safety
    ///
    /// The coordinator outlives `'a`.
    pub(crate) unsafe fn shared_unbound<'a>(&self) -> &'a Shared {
        // SAFETY: the caller's promise.
        unsafe { self.shared.as_ref() }
    }

    pub(crate) fn belongs_to(&self, shared: &Shared) -> bool {
        std::ptr::eq(self.shared.as_ptr(), shared)
    }

    /// Whether the coordinator took the task in. A refused one is dropped by its
    /// spawner, and counted nowhere.
    pub(crate) fn is_admitted(&self) -> bool {
        self.admitted
    }

    pub(crate) fn id(&self) -> TaskId {
        TaskId(self.id)
    }

    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.name.as_deref()
    }

    /// Enters the task, which is being polled, in the registry.
    #[inline]
    pub(crate) fn bind(&self, waker: &Waker) -> Result<(), Closed> {
        if self.place.is_nowhere() { self.bind_first(waker) } else { Ok(()) }
    }

    #[cold]
    fn bind_first(&self, waker: &Waker) -> Result<(), Closed> {
        let shared = self.shared();
        let shard = context::seat(shared).map_or(shared.seats.len(), |seat| seat.index);
        shared.registry.bind(shard, self, waker)
    }

    /// The task's future is gone.
    pub(crate) fn finish(&self, cancelled: bool) {
        if self.admitted {
            let shared = self.shared();
            shared.registry.release(self);
            shared.count_finished(cancelled);
        }
    }
}
