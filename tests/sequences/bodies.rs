//! What tasks and closures do.

use std::future::{Future, pending, poll_fn};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use oasync::{BoundedGroup, StopToken, TaskGroup};

use crate::model::{Body, Entry, Guard, Ledger, VALUE};

oasync::task_local! {
    #[inherit]
    static INHERITED: u8;
}

/// What the bodies share.
#[derive(Clone, Default)]
pub struct World {
    pub ledger: Ledger,
    pub gate: Arc<Gate>,
    kept: Arc<Mutex<Vec<Waker>>>,
    /// Panics that were not planned, and that no handle takes.
    pub unplanned: Arc<Mutex<Vec<String>>>,
}

#[derive(Default)]
pub struct Gate {
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

    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::SeqCst)
    }

    pub fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap());
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl World {
    /// The body of a task; it notes its end, and is noted when it is dropped.
    pub fn future(&self, entry: &Arc<Entry>) -> impl Future<Output = u32> + Send + use<> {
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
            Body::Ready | Body::Closure | Body::StoppableClosure(_) => {}
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
            Body::Child => drop(oasync::spawn(self.cut_short(1)).await),
            Body::Orphan => drop(oasync::spawn(self.cut_short(2))),
            Body::Nested => drop(oasync::block_on(oasync::spawn(self.cut_short(1)))),
            Body::InPlace => oasync::block_in_place(thread::yield_now),
            Body::WaitsForClosure => {
                let entry = self.ledger.entry(Body::Closure);
                entry.cancel();
                drop(oasync::spawn_blocking(self.closure(&entry)).await);
            }
            Body::Sleeps(n) => oasync::sleep(instants(n)).await,
            Body::TimesOut(n) => {
                oasync::timeout(instants(n), pending::<()>()).await.unwrap_err();
                let _either = oasync::timeout(instants(n), yields(n)).await;
            }
            Body::Scope | Body::Group(_) | Body::Bounded | Body::Many | Body::Inherits => {
                self.act_with_children(body).await;
            }
        }
    }

    /// Children end as they should, or were cancelled by the end.
    async fn act_with_children(&self, body: Body) {
        match body {
            Body::Scope => {
                let borrowed = AtomicBool::new(false);
                oasync::scope(|scope| {
                    let child = scope.spawn(self.cut_short(1));
                    scope.go(async {
                        self.cut_short(1).await;
                        borrowed.store(true, Ordering::SeqCst);
                    });
                    let _seen = scope.spawn_blocking(|| borrowed.load(Ordering::SeqCst));
                    assert!(child.join().is_ok_or_cancelled());
                });
            }
            Body::Group(n) => {
                let group = TaskGroup::new();
                for i in 0..3 {
                    group.spawn(self.cut_short(i));
                }
                match n % 4 {
                    0 => group.detach_all(),
                    1 => group.cancel_all(),
                    2 => assert!(group.join_all().await.iter().all(Fair::is_ok_or_cancelled)),
                    // It is dropped, and cancels them.
                    _ => drop(group.join_next().await),
                }
            }
            Body::Bounded => {
                let group = BoundedGroup::new(2);
                for i in 0..4 {
                    group.spawn(self.cut_short(i)).await;
                }
                assert_eq!(group.join_all().await.len(), 4);
            }
            Body::Many => {
                let children: Vec<_> = (0..5).map(|i| self.cut_short(i)).collect();
                for child in oasync::spawn_many(children) {
                    assert!(child.await.is_ok_or_cancelled());
                }
            }
            _ => {
                let child = self.cut_short(1);
                let spawn = async {
                    oasync::go(async { assert_eq!(INHERITED.get(), 7) });
                    let child = oasync::spawn(async move {
                        let done = child.await;
                        assert_eq!(INHERITED.get(), 7);
                        done
                    });
                    assert!(child.await.is_ok_or_cancelled());
                };
                INHERITED.scope(7, spawn).await;
                assert!(INHERITED.try_with(|_| ()).is_err());
            }
        }
    }

    /// A future that the end may cut short, after so many yields.
    fn cut_short(&self, n: u8) -> impl Future<Output = u32> + Send + use<> {
        let entry = self.ledger.entry(Body::Yields(n));
        entry.cancel();
        let (world, guard) = (self.clone(), entry.guard());
        async move {
            yields(n).await;
            guard.complete();
            drop(world);
            VALUE
        }
    }

    pub fn closure(&self, entry: &Arc<Entry>) -> impl FnOnce() -> u32 + Send + use<> {
        let (guard, panics) = (entry.guard(), entry.body.panics());
        move || {
            if panics {
                guard.panic();
            }
            guard.complete();
            VALUE
        }
    }

    /// One that ends soon; sooner, if it is told to.
    pub fn stoppable(
        &self,
        entry: &Arc<Entry>,
        n: u8,
    ) -> impl FnOnce(&StopToken) -> u32 + Send + use<> {
        let guard = entry.guard();
        move |stop: &StopToken| {
            let start = Instant::now();
            while !stop.is_cancelled() && start.elapsed() < instants(n) {
                thread::yield_now();
            }
            guard.complete();
            VALUE
        }
    }

    pub fn wake_all(&self) {
        let kept = self.kept.lock().unwrap().clone();
        kept.into_iter().for_each(Waker::wake);
    }
}

async fn yields(n: u8) {
    for _ in 0..n {
        oasync::yield_now().await;
    }
}

/// Tiny times, or none.
pub fn instants(n: u8) -> Duration {
    Duration::from_micros(50 * u64::from(n))
}

/// Whether a child ended as it should.
trait Fair {
    fn is_ok_or_cancelled(&self) -> bool;
}

impl Fair for Result<u32, oasync::JoinError> {
    fn is_ok_or_cancelled(&self) -> bool {
        match self {
            Ok(value) => *value == VALUE,
            Err(error) => error.is_cancelled(),
        }
    }
}
