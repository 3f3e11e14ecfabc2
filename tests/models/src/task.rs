//! A runnable that is a number and some memory. Loom sees each access to the
//! memory, so it finds a queue that hands a runnable on without its contents.

use std::panic::Location;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use loom::cell::UnsafeCell;

pub type Site = Location<'static>;

/// What the sources read of a task's metadata.
pub struct Meta {
    site: &'static Site,
    pub id: u64,
    /// Written by who made it and by who runs it: the two must be ordered.
    memory: UnsafeCell<u64>,
    in_raw: AtomicBool,
}

// SAFETY: loom checks the accesses to `memory`, which is the point.
unsafe impl Sync for Meta {}
// SAFETY: as above.
unsafe impl Send for Meta {}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TaskId(pub u64);

/// At most one of each number, as of a task.
pub struct Runnable(Arc<Meta>);

impl Runnable {
    #[track_caller]
    pub fn new(id: u64) -> Self {
        let memory = UnsafeCell::new(0);
        // SAFETY: nobody else has it yet.
        memory.with_mut(|memory| unsafe { *memory = id });
        let in_raw = AtomicBool::new(false);
        Runnable(Arc::new(Meta { site: Location::caller(), id, memory, in_raw }))
    }

    /// Touches its memory and returns its number.
    pub fn run(self) -> u64 {
        // SAFETY: loom stops the model if another access is not before this one.
        self.0.memory.with_mut(|memory| unsafe {
            assert_eq!(*memory, self.0.id, "a task runs once, with what it was made with");
            *memory = u64::MAX;
        });
        self.0.id
    }

    pub fn metadata(&self) -> &Meta {
        &self.0
    }

    pub fn into_raw(self) -> NonNull<()> {
        self.0.in_raw.store(true, Ordering::Relaxed);
        // One more reference stays behind, so that what is taken out twice is
        // still there to be noticed.
        std::mem::forget(self.0.clone());
        NonNull::new(Arc::into_raw(self.0).cast_mut().cast()).unwrap()
    }

    /// # Safety
    ///
    /// `raw` came from `into_raw`.
    pub unsafe fn from_raw(raw: NonNull<()>) -> Self {
        // SAFETY: `into_raw` keeps a reference for ever.
        let meta = unsafe { &*raw.as_ptr().cast::<Meta>() };
        assert!(meta.in_raw.swap(false, Ordering::Relaxed), "task {} was taken twice", meta.id);
        // SAFETY: the caller's promise.
        Runnable(unsafe { Arc::from_raw(raw.as_ptr().cast()) })
    }
}

impl Meta {
    pub fn id(&self) -> TaskId {
        TaskId(self.id)
    }

    pub fn site(&self) -> &'static Site {
        self.site
    }

    pub fn name(&self) -> Option<&Arc<str>> {
        None
    }
}

pub mod id {
    /// Ids are not part of any model.
    pub struct IdBlock;

    impl IdBlock {
        pub fn new() -> Self {
            IdBlock
        }

        pub fn next(&self) -> u64 {
            0
        }
    }
}
