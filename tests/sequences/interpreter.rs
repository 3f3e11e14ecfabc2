//! Sequences of calls, and what happens in them.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use oasync::{Coordinator, Handle, JoinError, JoinHandle};

use crate::model::{Body, Entry, Guard, Ledger, VALUE};

/// One call. Numbers choose among the handles that are there.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    Start,
    Spawn(Body, From),
    SpawnNamed(Body),
    Go(Body),
    BlockOn(Body),
    Join(u8),
    JoinInside(u8),
    JoinOnAThread(u8),
    JoinInATask(u8),
    Cancel(u8),
    CancelOnAThread(u8),
    Detach(u8),
    DetachInATask(u8),
    OpenGate,
    WakeAll,
    Look,
    Pause,
    Shutdown(u8),
    Drop,
}

/// Where a spawn is called.
#[derive(Clone, Copy, Debug)]
pub enum From {
    Here,
    AThread,
    AMainFuture,
    AClosure,
}

impl Op {
    pub fn decode([op, detail]: [u8; 2]) -> Op {
        let body = Body::decode(detail);
        let from = [From::Here, From::AThread, From::AMainFuture, From::AClosure];
        match op % 32 {
            0 | 1 => Op::Start,
            2..=9 => Op::Spawn(body, from[usize::from(op / 32) % 4]),
            10 | 11 => Op::SpawnNamed(body),
            12 | 13 => Op::Go(body),
            14 | 15 => Op::BlockOn(body),
            16 | 17 => Op::Join(detail),
            18 => Op::JoinInside(detail),
            19 => Op::JoinOnAThread(detail),
            20 => Op::JoinInATask(detail),
            21 | 22 => Op::Cancel(detail),
            23 => Op::CancelOnAThread(detail),
            24 => Op::Detach(detail),
            25 => Op::DetachInATask(detail),
            26 => Op::OpenGate,
            27 => Op::WakeAll,
            28 => Op::Look,
            29 => Op::Pause,
            // The end is rare, or nothing would come before it.
            30 if detail < 64 => Op::Shutdown(detail),
            31 if detail < 32 => Op::Drop,
            _ => Op::Look,
        }
    }
}

impl Body {
    fn decode(byte: u8) -> Body {
        let few = byte / 16;
        match byte % 16 {
            0 | 13 => Body::Ready,
            1 | 14 => Body::Yields(few),
            2 => Body::Panics(few % 4),
            3 => Body::Gate,
            4 => Body::Forever,
            5 => Body::Arena(few),
            6 => Body::Child,
            7 => Body::Orphan,
            8 => Body::Nested,
            9 => Body::InPlace,
            10 => Body::WaitsForClosure,
            11 | 15 => Body::Closure,
            _ => Body::PanickingClosure,
        }
    }
}

/// How the coordinator is built.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    workers: usize,
    blocking_threads: usize,
}

impl Setup {
    pub fn decode(byte: u8) -> Setup {
        let (workers, blocking_threads) = (usize::from(byte % 4), usize::from(byte / 4 % 4));
        Setup { workers: workers.max(1), blocking_threads: blocking_threads.max(1) }
    }
}

/// What the bodies share.
#[derive(Clone, Default)]
struct World {
    ledger: Ledger,
    gate: Arc<Gate>,
    kept: Arc<Mutex<Vec<Waker>>>,
    /// Panics that were not planned, and that no handle takes.
    unplanned: Arc<Mutex<Vec<String>>>,
}

#[derive(Default)]
struct Gate {
    open: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Gate {
    async fn pass(&self) {
        poll_fn(|cx| {
            self.waiting.lock().unwrap().push(cx.waker().clone());
            if self.is_open() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::SeqCst)
    }

    fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap());
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl World {
    /// The body of a task; it notes its end, and is noted when it is dropped.
    fn future(&self, entry: &Arc<Entry>) -> impl Future<Output = u32> + Send + use<> {
        let (world, guard, body) = (self.clone(), entry.guard(), entry.body);
        async move {
            world.act(body, &guard).await;
            guard.complete();
            VALUE
        }
    }

    async fn act(&self, body: Body, guard: &Guard) {
        match body {
            // A closure's work, done by a task.
            Body::Ready | Body::Closure => {}
            Body::PanickingClosure => guard.panic(),
            Body::Yields(n) => yields(n).await,
            Body::Panics(n) => {
                yields(n).await;
                guard.panic();
            }
            Body::Gate => self.gate.pass().await,
            Body::Forever => {
                poll_fn(|cx| {
                    self.kept.lock().unwrap().push(cx.waker().clone());
                    Poll::<()>::Pending
                })
                .await;
            }
            Body::Arena(n) => {
                let arena = oasync::arena();
                let values: Vec<&mut u8> = (0..n).map(|i| arena.alloc(i)).collect();
                yields(3).await;
                assert!(values.into_iter().map(|value| *value).eq(0..n));
            }
            Body::Child => drop(oasync::spawn(self.cut_short(Body::Yields(1))).await),
            Body::Orphan => drop(oasync::spawn(self.cut_short(Body::Yields(2)))),
            Body::Nested => drop(oasync::block_on(oasync::spawn(self.cut_short(Body::Yields(1))))),
            Body::InPlace => oasync::block_in_place(thread::yield_now),
            Body::WaitsForClosure => {
                let entry = self.ledger.entry(Body::Closure);
                entry.cancel();
                drop(oasync::spawn_blocking(self.closure(&entry)).await);
            }
        }
    }

    /// A future that the end may cut short.
    fn cut_short(&self, body: Body) -> impl Future<Output = u32> + Send + use<> {
        let (world, guard) = (self.clone(), self.ledger.entry(body).guard());
        async move {
            if let Body::Yields(n) = body {
                yields(n).await;
            }
            guard.complete();
            drop(world);
            VALUE
        }
    }

    fn closure(&self, entry: &Arc<Entry>) -> impl FnOnce() -> u32 + Send + use<> {
        let (guard, panics) = (entry.guard(), entry.body.panics());
        move || {
            if panics {
                guard.panic();
            }
            guard.complete();
            VALUE
        }
    }

    fn wake_all(&self) {
        let kept = self.kept.lock().unwrap().clone();
        kept.into_iter().for_each(Waker::wake);
    }
}

async fn yields(n: u8) {
    for _ in 0..n {
        oasync::yield_now().await;
    }
}

/// A handle and what is known of its task.
type Held = (JoinHandle<u32>, Arc<Entry>);

/// The thread that makes the calls.
struct Director {
    /// `None` once it was dropped; the handle is still there.
    coord: Option<Coordinator>,
    handle: Handle,
    world: World,
    held: Vec<Held>,
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
    let (world, unplanned) = (World::default(), Arc::default());
    let log: Arc<Mutex<Vec<String>>> = Arc::clone(&unplanned);
    let builder = Coordinator::builder().workers(setup.workers);
    let builder = builder.blocking_threads(setup.blocking_threads).on_panic(move |panic| {
        if panic.payload().downcast_ref() != Some(&"planned") {
            log.lock().unwrap().push(panic.to_string());
        }
    });
    let coord = builder.build().unwrap();
    let mut director = Director {
        handle: coord.handle(),
        coord: Some(coord),
        world: World { unplanned, ..world },
        held: Vec::new(),
        elsewhere: Vec::new(),
        started: false,
        ended: false,
    };
    ops.iter().for_each(|&op| director.call(op));
    director.finish();
}

/// Waits without any coordinator.
fn wait<T>(future: impl Future<Output = T>) -> T {
    futures_lite::future::block_on(future)
}

fn check(entry: &Entry, result: &Result<u32, JoinError>) {
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
        let (in_there, closure) =
            (entry.clone(), matches!(body, Body::Closure | Body::PanickingClosure));
        let spawn = move || {
            if closure {
                handle.spawn_blocking(world.closure(&in_there))
            } else {
                handle.spawn(world.future(&in_there))
            }
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
