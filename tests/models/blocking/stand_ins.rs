//! What the blocking pool needs of the rest of the crate.
#![allow(dead_code)]

#[derive(Clone, Copy)]
pub(crate) enum WorkerKind {
    Blocking,
}

pub(crate) type WorkerInfo = ();

pub(crate) mod context {
    use std::cell::Cell;

    use super::WorkerKind;
    use crate::shared::Shared;
    use crate::sync_facade::Arc;

    pub(crate) fn settle(_: &Shared) {}

    /// Nobody is inside a coordinator who cancels.
    pub(crate) fn with_shared<R>(_: impl FnOnce(&Arc<Shared>) -> R) -> Option<R> {
        None
    }

    pub(crate) struct Entry<'a> {
        pub(crate) shared: &'a Arc<Shared>,
        pub(crate) counted_out: Cell<bool>,
        pub(crate) away: Cell<bool>,
    }

    pub(crate) struct Entered;

    impl Drop for Entered {
        fn drop(&mut self) {}
    }

    impl<'a> Entry<'a> {
        pub(crate) fn new(shared: &'a Arc<Shared>, _: WorkerKind, _: Option<usize>) -> Self {
            Entry { shared, counted_out: Cell::new(false), away: Cell::new(false) }
        }

        pub(crate) fn enter(&self) -> Entered {
            Entered
        }

        pub(crate) fn info(&self) {}

        pub(crate) fn call_start_hook(&self, _: &()) {}
    }
}

pub(crate) mod task {
    use oasync_models::task;
    pub(crate) use oasync_models::task::{Site, TaskId};

    use crate::blocking::cancel::Stop;
    use crate::context::Entry;
    use crate::shared::Shared;
    use crate::sync_facade::Arc;

    pub(crate) struct Runnable(task::Runnable, Meta);

    pub(crate) struct Meta {
        id: TaskId,
        site: &'static Site,
    }

    pub(crate) struct Extra {
        pub(crate) stop: Option<Arc<Stop>>,
    }

    impl Runnable {
        #[track_caller]
        pub(crate) fn new(id: u64) -> Self {
            let runnable = task::Runnable::new(id);
            let meta = Meta { id: TaskId(id), site: runnable.metadata().site() };
            Runnable(runnable, meta)
        }

        pub(crate) fn run(self) -> u64 {
            self.0.run()
        }

        pub(crate) fn metadata(&self) -> &Meta {
            &self.1
        }
    }

    impl Meta {
        pub(crate) fn id(&self) -> TaskId {
            self.id
        }

        pub(crate) fn site(&self) -> &'static Site {
            self.site
        }

        pub(crate) fn name(&self) -> Option<&Arc<str>> {
            None
        }

        pub(crate) fn is_blocking(&self) -> bool {
            true
        }

        pub(crate) fn extra(&self) -> Option<&Extra> {
            None
        }

        pub(crate) fn belongs_to(&self, _: &Shared) -> bool {
            false
        }
    }

    pub(crate) fn run(entry: &Entry<'_>, runnable: Runnable) {
        let id = runnable.run();
        (entry.shared.body)(entry, id);
        entry.shared.finish();
    }
}

/// Nobody lends in these models: a seat is vacant.
pub(crate) mod thief {
    use std::marker::PhantomData;

    use crate::shared::Shared;
    use crate::task::Runnable;

    pub(crate) struct Thief<'a>(PhantomData<&'a Shared>);

    impl<'a> Thief<'a> {
        pub(crate) fn new(_: &'a Shared) -> Self {
            Thief(PhantomData)
        }

        pub(crate) fn take(&self) -> Option<Runnable> {
            None
        }
    }
}

pub(crate) mod threads {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::shared::Shared;
    use crate::sync_facade::{Mutex, lock};

    #[derive(Default)]
    pub(crate) struct Indices;

    impl Indices {
        pub(crate) fn take(&self) -> usize {
            0
        }

        pub(crate) fn give_back(&self, _: usize) {}
    }

    /// Loom's threads.
    pub(crate) struct Threads {
        list: Mutex<Vec<loom::thread::JoinHandle<()>>>,
        /// How many may start; not seen by loom.
        left: AtomicUsize,
        /// How many may after the first refusal.
        later: AtomicUsize,
    }

    impl Threads {
        pub(crate) fn new() -> Self {
            Threads {
                list: Mutex::default(),
                left: AtomicUsize::new(usize::MAX),
                later: AtomicUsize::new(0),
            }
        }

        /// The system gives `threads` threads and no more.
        pub(crate) fn refuse_from(&self, threads: usize) {
            self.left.store(threads, Ordering::SeqCst);
        }

        /// The system refuses one thread, after so many.
        pub(crate) fn refuse_one(&self, after: usize) {
            self.refuse_from(after);
            self.later.store(usize::MAX, Ordering::SeqCst);
        }

        pub(crate) fn spawn(
            &self,
            _: &Shared,
            _: String,
            f: impl FnOnce() + 'static,
        ) -> Result<(), ()> {
            let fewer = |left: usize| left.checked_sub(1);
            let mut list = lock(&self.list);
            if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_err() {
                self.left.store(self.later.load(Ordering::SeqCst), Ordering::SeqCst);
                return Err(());
            }
            list.push(loom::thread::spawn(f));
            Ok(())
        }

        pub(crate) fn join(&self) {
            let list = std::mem::take(&mut *lock(&self.list));
            list.into_iter().for_each(|thread| thread.join().unwrap());
        }
    }
}

pub(crate) mod shared {
    use std::collections::VecDeque;
    use std::time::Duration;

    use super::threads::Threads;
    use crate::blocking::BlockingPool;
    use crate::context::Entry;
    use crate::parker::Parker;
    use crate::sync_facade::{Arc, AtomicBool, AtomicUsize, Instant, Ordering, Weak};
    use crate::task::Runnable;

    pub(crate) struct Shared {
        me: Weak<Shared>,
        pub(crate) blocking: BlockingPool,
        pub(crate) threads: Threads,
        pub(crate) options: Options,
        pub(crate) hooks: Hooks,
        pub(crate) idle: Idle,
        pub(crate) watcher: Watcher,
        pub(crate) seats: [(); 1],
        pub(crate) body: fn(&Entry<'_>, u64),
        over: AtomicBool,
        left: AtomicUsize,
        done: Parker,
        met: [Parker; 2],
        /// Told when a closure ran without a thread of the pool.
        pub(crate) given_away: Parker,
    }

    impl Shared {
        pub(crate) fn new(
            max: usize,
            keep_alive: Duration,
            closures: usize,
            body: fn(&Entry<'_>, u64),
        ) -> Arc<Self> {
            Arc::new_cyclic(|me| Shared {
                me: me.clone(),
                blocking: BlockingPool::new(max, keep_alive),
                threads: Threads::new(),
                options: Options { thread_name: "model" },
                hooks: Hooks::default(),
                idle: Idle,
                watcher: Watcher::new(),
                seats: [()],
                body,
                over: AtomicBool::new(false),
                left: AtomicUsize::new(closures),
                done: Parker::new(),
                met: [Parker::new(), Parker::new()],
                given_away: Parker::new(),
            })
        }

        pub(crate) fn to_arc(&self) -> Arc<Shared> {
            self.me.upgrade().unwrap()
        }

        pub(crate) fn is_cancelling(&self) -> bool {
            false
        }

        pub(crate) fn is_over(&self) -> bool {
            self.over.load(Ordering::Acquire)
        }

        /// Called inside closures 0 and 1: returns when both run.
        pub(crate) fn meet(&self, id: u64) {
            self.met[1 - id as usize].unpark();
            self.met[id as usize].park(None);
        }

        pub(crate) fn finish(&self) {
            if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.done.unpark();
            }
        }

        pub(crate) fn has_work(&self) -> bool {
            false
        }

        /// The workers run what the pool could not.
        pub(crate) fn inject_block(&self, block: VecDeque<Runnable>) {
            for runnable in block {
                runnable.run();
                self.given_away.unpark();
                self.finish();
            }
        }

        /// Waits until every closure has run, and only then lets the threads go.
        pub(crate) fn end(&self) {
            self.done.park(None);
            assert_eq!(self.left.load(Ordering::Relaxed), 0);
            self.over.store(true, Ordering::Release);
            self.blocking.wake_all();
            self.threads.join();
            let census = self.blocking.census();
            assert_eq!((census.threads, census.idle, census.queued), (0, 0, 0));
        }
    }

    pub(crate) struct Options {
        pub(crate) thread_name: &'static str,
    }

    /// No start hook is set.
    #[derive(Default)]
    pub(crate) struct Hooks {
        pub(crate) thread_start: Option<()>,
    }

    impl Hooks {
        pub(crate) fn thread_started(&self, _: &()) {}

        pub(crate) fn thread_stops(&self, _: &()) {}
    }

    pub(crate) struct Watcher {
        pub(crate) told: Parker,
        /// Not seen by loom.
        refused: std::sync::atomic::AtomicBool,
    }

    impl Watcher {
        fn new() -> Self {
            Watcher { told: Parker::new(), refused: false.into() }
        }

        pub(crate) fn refuse(&self) {
            self.refused.store(true, Ordering::SeqCst);
        }

        pub(crate) fn try_again_later(&self, _: &Shared) -> bool {
            self.told.unpark();
            !self.is_refused()
        }

        pub(crate) fn is_refused(&self) -> bool {
            self.refused.load(Ordering::SeqCst)
        }

        pub(crate) fn is_missing(&self) -> bool {
            self.is_refused()
        }

        /// Nobody goes away in these models.
        pub(crate) fn poke(&self, _: &Shared) {}

        pub(crate) fn stand_in(&self, _: &Shared) {}

        pub(crate) fn next_look(&self, _: &Shared, _: Instant) -> Option<Instant> {
            None
        }
    }

    pub(crate) struct Idle;

    impl Idle {
        pub(crate) fn vacant(&self) -> usize {
            1
        }

        pub(crate) fn somebody_comes(&self) -> bool {
            true
        }
    }
}
