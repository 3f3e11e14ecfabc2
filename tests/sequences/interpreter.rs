//! Makes the calls, one after the other, and compares with the model.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Once};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use oasync::{Coordinator, Handle, JoinError, JoinHandle};

use crate::bodies::{World, instants};
use crate::group::Group;
use crate::model::{Body, Entry};
use crate::ops::{From, GroupOp, Op, Setup};

/// A handle and what is known of its task.
type Held = (JoinHandle<u32>, Arc<Entry>);

/// The thread that makes the calls.
struct Director {
    /// `None` once it was dropped; the handle is still there.
    coord: Option<Coordinator>,
    handle: Handle,
    world: World,
    held: Vec<Held>,
    group: Group,
    elsewhere: Vec<thread::JoinHandle<()>>,
    started: bool,
    ended: bool,
}

/// Silences the planned panics.
fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.payload().downcast_ref::<&str>() != Some(&"planned") {
                default(info);
            }
        }));
    });
}

/// Makes the calls, then drops the coordinator, and compares with the model.
pub fn run(setup: Setup, ops: &[Op]) {
    quiet();
    let world = World::default();
    let log = world.unplanned.clone();
    let builder = Coordinator::builder().workers(setup.workers);
    let builder = builder.blocking_threads(setup.blocking_threads).on_panic(move |panic| {
        if panic.payload().downcast_ref() != Some(&"planned") {
            log.lock().unwrap().push(panic.to_string());
        }
    });
    let coord = builder.build().unwrap();
    let mut director = Director {
        handle: coord.handle(),
        group: Group::new(&coord.handle()),
        coord: Some(coord),
        world,
        held: Vec::new(),
        elsewhere: Vec::new(),
        started: false,
        ended: false,
    };
    ops.iter().for_each(|&op| director.call(op));
    director.finish();
}

/// Waits without any coordinator.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    futures_lite::future::block_on(future)
}

pub fn check(entry: &Entry, result: &Result<u32, JoinError>) {
    assert!(entry.allows(result), "{:?} gives {result:?}", entry.body);
    assert!(entry.was_dropped(), "{:?} has a result before it is dropped", entry.body);
}

impl Director {
    fn call(&mut self, op: Op) {
        match op {
            Op::Start => self.start(),
            Op::Spawn(body, from) => self.spawn(body, from),
            Op::SpawnNamed(body) => {
                let entry = self.entry(body);
                let future = self.world.future(&entry);
                let task = self.handle.task().name("named").spawn(future);
                self.hold(task, entry);
            }
            Op::SpawnAfter(body) => {
                let entry = self.entry(body);
                let future = self.world.future(&entry);
                let task = self.handle.spawn_after(instants(3), future);
                self.hold(task, entry);
            }
            Op::SpawnPinned(body) => self.spawn_pinned(body),
            Op::SpawnMany(n) => {
                let entries: Vec<_> = (0..n).map(|i| self.entry(Body::Yields(i))).collect();
                let futures = entries.iter().map(|entry| self.world.future(entry));
                let tasks = self.handle.spawn_many(futures);
                assert_eq!(tasks.len(), entries.len());
                tasks.into_iter().zip(entries).for_each(|(task, entry)| self.hold(task, entry));
            }
            Op::Group(op) => self.call_group(op),
            Op::Go(body) => {
                let entry = self.entry(body);
                self.handle.go(self.world.future(&entry));
            }
            Op::BlockOn(body) => self.block_on(body),
            Op::OpenGate => self.world.gate.open(),
            Op::WakeAll => self.world.wake_all(),
            Op::Look => self.look(),
            Op::Pause => thread::sleep(Duration::from_micros(200)),
            Op::Shutdown(limit) => self.shutdown(Duration::from_millis(u64::from(limit % 4))),
            Op::Drop => self.drop_coordinator(),
            with_a_handle => self.use_handle(with_a_handle),
        }
    }

    fn entry(&self, body: Body) -> Arc<Entry> {
        let entry = self.world.ledger.entry(body);
        if self.ended {
            entry.cancel();
        }
        entry
    }

    fn hold(&mut self, task: JoinHandle<u32>, entry: Arc<Entry>) {
        if self.ended {
            assert!(task.is_finished() && entry.was_dropped(), "it is refused at once");
        }
        self.held.push((task, entry));
    }

    fn start(&mut self) {
        let begins = self.handle.start();
        assert_eq!(begins.is_err(), self.ended);
        self.started = true;
    }

    fn spawn(&mut self, body: Body, from: From) {
        let entry = self.entry(body);
        let (handle, world) = (self.handle.clone(), self.world.clone());
        let in_there = entry.clone();
        let spawn = move || match body {
            Body::StoppableClosure(n) => handle.spawn_blocking_with(world.stoppable(&in_there, n)),
            body if body.is_closure() => handle.spawn_blocking(world.closure(&in_there)),
            _ => handle.spawn(world.future(&in_there)),
        };
        let task = match from {
            From::Here => spawn(),
            From::AThread => thread::spawn(spawn).join().unwrap(),
            From::AMainFuture => {
                self.started = true;
                let mut spawn = Some(spawn);
                let spawns = poll_fn(|_| Poll::Ready(spawn.take().expect("polled once")()));
                self.handle.block_on(spawns)
            }
            From::AClosure if self.started && !self.ended => {
                wait(self.handle.spawn_blocking(spawn)).unwrap()
            }
            From::AClosure => spawn(),
        };
        self.hold(task, entry);
    }

    fn spawn_pinned(&mut self, body: Body) {
        let entry = self.entry(body);
        let future = self.world.future(&entry);
        let task = self.handle.spawn_pinned(move || {
            let not_send = Rc::new(());
            async move {
                let value = future.await;
                drop(not_send);
                value
            }
        });
        self.hold(task, entry);
    }

    fn call_group(&mut self, op: GroupOp) {
        match op {
            GroupOp::Spawn(body) => {
                let entry = self.entry(body);
                self.group.spawn(entry, &self.world);
            }
            GroupOp::Drop => {
                self.group.may_be_cancelled();
                self.group = Group::new(&self.handle);
            }
            op => self.group.call(op, &self.world, self.started, self.ended),
        }
    }

    fn block_on(&mut self, body: Body) {
        let body = match body {
            // It would wait for ever.
            Body::Forever => Body::Ready,
            Body::Gate if !self.world.gate.is_open() => Body::Yields(1),
            body => body,
        };
        self.started = true;
        let entry = self.entry(body);
        let future = self.world.future(&entry);
        let result = catch_unwind(AssertUnwindSafe(|| self.handle.block_on(future)));
        assert_eq!(result.is_err(), body.panics());
        assert!(entry.was_dropped());
    }

    /// Takes out a handle; one that is sure to be ready some time, if so asked.
    fn take(&mut self, which: u8, ready: bool) -> Option<Held> {
        let open = self.world.gate.is_open();
        let sure = |entry: &Entry| self.ended || self.started && entry.ends(open);
        let fits: Vec<_> =
            (0..self.held.len()).filter(|&at| !ready || sure(&self.held[at].1)).collect();
        let at = *fits.get(usize::from(which) % fits.len().max(1))?;
        Some(self.held.swap_remove(at))
    }

    fn use_handle(&mut self, op: Op) {
        let (which, ready) = match op {
            Op::Join(which) | Op::JoinInside(which) => (which, true),
            Op::JoinOnAThread(which)
            | Op::JoinInATask(which)
            | Op::Cancel(which)
            | Op::CancelOnAThread(which)
            | Op::Detach(which)
            | Op::DetachInATask(which) => (which, false),
            _ => return,
        };
        let Some((task, entry)) = self.take(which, ready) else { return };
        match op {
            Op::Join(_) => check(&entry, &wait(task)),
            Op::JoinInside(_) => check(&entry, &self.handle.block_on(task)),
            Op::JoinOnAThread(_) => {
                self.elsewhere.push(thread::spawn(move || check(&entry, &wait(task))));
            }
            Op::JoinInATask(_) => self.handle.go(async move { check(&entry, &task.await) }),
            Op::Cancel(_) => {
                entry.cancel();
                let ending = task.cancel();
                if self.started || self.ended {
                    check(&entry, &wait(ending));
                }
            }
            Op::CancelOnAThread(_) => {
                entry.cancel();
                let ending = move || check(&entry, &wait(task.cancel()));
                self.elsewhere.push(thread::spawn(ending));
            }
            Op::DetachInATask(_) => self.handle.go(async move { drop(task) }),
            _ => drop(task),
        }
    }

    fn look(&self) {
        let metrics = self.handle.metrics();
        assert!(!self.ended || metrics.num_alive_tasks() == 0);
        for task in self.handle.tasks() {
            assert!(!self.ended, "{task} is listed after the end");
        }
    }

    fn shutdown(&mut self, limit: Duration) {
        self.world.ledger.cancel_all();
        let report = self.handle.shutdown(limit);
        assert!(report.still_running.is_empty(), "{report:?}");
        self.end();
    }

    fn drop_coordinator(&mut self) {
        self.world.ledger.cancel_all();
        drop(self.coord.take());
        self.end();
    }

    /// The coordinator has ended, and so has all that it had.
    fn end(&mut self) {
        self.ended = true;
        assert_eq!(self.world.ledger.unbalanced(), None);
        assert_eq!(self.handle.metrics().num_alive_tasks(), 0);
    }

    fn finish(mut self) {
        self.drop_coordinator();
        self.group.join_all();
        for (task, entry) in self.held {
            assert!(task.is_finished());
            check(&entry, &wait(task));
        }
        for thread in self.elsewhere {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
        self.world.wake_all();
        assert_eq!(self.world.ledger.unbalanced(), None);
        assert_eq!(*self.world.unplanned.lock().unwrap(), [""; 0]);
    }
}
