//! What a task carries besides its future: whose it is, and what to call it.

use std::cell::UnsafeCell;
use std::ptr::NonNull;
use std::task::Waker;

use crate::context;
use crate::local::stack::{Inherited, Node};
use crate::shared::Shared;
use crate::sync::{Arc, AtomicU64, Ordering};
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
    extra: Option<Box<Extra>>,
    pub(crate) kind: Kind,
    admitted: bool,
}

/// What few tasks have.
pub(crate) struct Extra {
    name: Option<Arc<str>>,
    /// The values in scope where the task was spawned, until its future is
    /// dropped. Touched only by who polls or drops that.
    inherited: UnsafeCell<Option<Inherited>>,
    polls: AtomicU64,
}

// SAFETY: `shared` points to a value that is `Send + Sync`; the other fields
// are so by themselves, but for the cell in `Extra`, whose content is, and which
// is touched by one thread at a time.
unsafe impl Send for Meta {}
// SAFETY: as above.
unsafe impl Sync for Meta {}

impl Meta {
    pub(crate) fn new(
        shared: &Shared,
        site: &'static Site,
        id: u64,
        extra: Option<Box<Extra>>,
        kind: Kind,
        admitted: bool,
    ) -> Self {
        Meta {
            shared: NonNull::from(shared),
            site,
            id,
            place: Place::nowhere(),
            extra,
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
        self.extra.as_ref()?.name.as_ref()
    }

    /// How often the task was polled, if that is counted.
    pub(crate) fn polls(&self) -> Option<u64> {
        let extra = self.extra.as_ref()?;
        // Relaxed: a count, read for a list.
        Some(extra.polls.load(Ordering::Relaxed))
    }

    /// Counts a poll, where polls are counted.
    #[inline]
    pub(crate) fn count_poll(&self) {
        if let Some(extra) = &self.extra {
            let polls = extra.polls.load(Ordering::Relaxed) + 1;
            extra.polls.store(polls, Ordering::Relaxed);
        }
    }

    /// What the task inherits, to be entered.
    ///
    /// # Safety
    ///
    /// The caller polls or drops the task's future, and does not let the node
    /// outlive that.
    #[inline]
    pub(crate) unsafe fn inherited<'a>(&self) -> Option<Node<'a>> {
        let extra = self.extra.as_ref()?;
        // SAFETY: there is one caller at a time, and `release` is called after the
        // last, by the same.
        unsafe { &*extra.inherited.get() }.as_ref().map(Node::inherited)
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
    ///
    /// # Safety
    ///
    /// The caller dropped it, and this is the last that it does.
    pub(crate) unsafe fn finish(&self, cancelled: bool) {
        if let Some(extra) = &self.extra {
            // SAFETY: only who polls or drops the future touches it, and that is
            // over. What the drop of a value does is contained.
            drop(unsafe { &mut *extra.inherited.get() }.take());
        }
        if self.admitted {
            let shared = self.shared();
            shared.registry.release(self);
            shared.count_finished(cancelled);
        }
    }
}

impl Extra {
    /// `None` for a task that has nothing special.
    #[inline]
    pub(crate) fn of(name: Option<Arc<str>>, inherited: Option<Inherited>) -> Option<Box<Self>> {
        if name.is_none() && inherited.is_none() {
            return None;
        }
        let inherited = UnsafeCell::new(inherited);
        Some(Box::new(Extra { name, inherited, polls: AtomicU64::new(0) }))
    }
}
