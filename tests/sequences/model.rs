//! The counting model: what was made, what was dropped, and what a handle may give.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use oasync::JoinError;

/// What a task or closure does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Is ready at once.
    Ready,
    /// Yields so many times.
    Yields(u8),
    /// Panics, after so many yields.
    Panics(u8),
    /// Waits for the gate.
    Gate,
    /// Never ends; its waker is kept.
    Forever,
    /// Holds so many values of an arena across yields.
    Arena(u8),
    /// Spawns a task, and waits for it.
    Child,
    /// Spawns a task that nobody waits for.
    Orphan,
    /// Blocks on a task of its own.
    Nested,
    /// Blocks in place.
    InPlace,
    /// Waits for a closure.
    WaitsForClosure,
    /// A closure of the blocking pool.
    Closure,
    /// One that panics.
    PanickingClosure,
    /// One that looks whether it is cancelled, for so long.
    StoppableClosure(u8),
    /// Sleeps for so long.
    Sleeps(u8),
    /// Gives up what never ends after so long.
    TimesOut(u8),
    /// Blocks on a scope of tasks.
    Scope,
    /// Spawns a group, which is detached, cancelled, joined or dropped.
    Group(u8),
    /// Spawns a bounded group, and waits for it.
    Bounded,
    /// Spawns some at once, and waits for them.
    Many,
    /// Spawns a task that inherits a value.
    Inherits,
}

impl Body {
    pub fn panics(self) -> bool {
        matches!(self, Body::Panics(_) | Body::PanickingClosure)
    }

    pub fn is_closure(self) -> bool {
        matches!(self, Body::Closure | Body::PanickingClosure | Body::StoppableClosure(_))
    }
}

/// What is known of one future or closure.
pub struct Entry {
    pub body: Body,
    dropped: AtomicUsize,
    completed: AtomicUsize,
    /// Somebody asked for its end: its handle, or the coordinator's.
    may_be_cancelled: AtomicBool,
}

/// Everything that was ever made.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<Vec<Arc<Entry>>>>);

/// In a future: notes that it is dropped.
pub struct Guard(Arc<Entry>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

impl Guard {
    /// Notes that the body came to its end.
    pub fn complete(&self) {
        self.0.completed.fetch_add(1, Ordering::SeqCst);
    }

    /// Comes to its end with a panic.
    pub fn panic(&self) -> ! {
        self.complete();
        panic!("planned");
    }
}

impl Ledger {
    pub fn entry(&self, body: Body) -> Arc<Entry> {
        let entry = Arc::new(Entry {
            body,
            dropped: AtomicUsize::new(0),
            completed: AtomicUsize::new(0),
            may_be_cancelled: AtomicBool::new(false),
        });
        self.0.lock().unwrap().push(entry.clone());
        entry
    }

    /// From now on everything may be cancelled, also what is made later.
    pub fn cancel_all(&self) {
        self.0.lock().unwrap().iter().for_each(|entry| entry.cancel());
    }

    /// The first that was not dropped exactly once, or completed twice.
    pub fn unbalanced(&self) -> Option<String> {
        let entries = self.0.lock().unwrap();
        entries.iter().enumerate().find_map(|(i, entry)| {
            let counts =
                [&entry.dropped, &entry.completed].map(|count| count.load(Ordering::SeqCst));
            let balanced = counts[0] == 1 && counts[1] <= 1;
            (!balanced).then(|| {
                let body = entry.body;
                format!("number {i}, {body:?}: dropped, completed {counts:?} times")
            })
        })
    }
}

impl Entry {
    pub fn guard(self: &Arc<Self>) -> Guard {
        Guard(self.clone())
    }

    pub fn cancel(&self) {
        self.may_be_cancelled.store(true, Ordering::SeqCst);
    }

    pub fn was_dropped(&self) -> bool {
        self.dropped.load(Ordering::SeqCst) == 1
    }

    pub fn allows_cancelled(&self) -> bool {
        self.may_be_cancelled.load(Ordering::SeqCst)
    }

    /// Whether the handle may give this, now.
    pub fn allows(&self, result: &Result<u32, JoinError>) -> bool {
        let completed = self.completed.load(Ordering::SeqCst);
        let panics = self.body.panics();
        match result {
            Ok(value) => completed == 1 && *value == VALUE && !panics && self.body != Body::Forever,
            Err(error) if error.is_panic() => panics && completed == 1,
            Err(_) => self.allows_cancelled(),
        }
    }

    /// Whether it ends by itself once it runs, the gate being open or not.
    pub fn ends(&self, gate_is_open: bool) -> bool {
        match self.body {
            Body::Gate => gate_is_open,
            Body::Forever => false,
            _ => true,
        }
    }
}

/// What every body that is not cut short gives.
pub const VALUE: u32 = 42;
