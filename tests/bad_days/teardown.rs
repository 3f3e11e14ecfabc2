//! Destructors that do too much.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use oasync::{Coordinator, Handle};

use crate::common::{CountDrop, LONG, eventually, started};
use crate::{in_time, wait};

/// Calls a function when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A task that has waited once, with `guard` in its future.
fn waiting(coord: &Coordinator, guard: impl Send + 'static) {
    let task = coord.spawn(async move {
        let _guard = guard;
        std::future::pending::<()>().await;
    });
    eventually("it waits", || coord.tasks().iter().any(|info| info.id() == task.id()));
}

#[test]
fn a_destructor_that_spawns_is_heard_while_running_and_refused_at_the_end() {
    in_time("destructors that spawn", || {
        let coord = started(2);
        let (ran, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let spawns = |generation: usize| {
            let (ran, dropped) = (ran.clone(), dropped.clone());
            OnDrop(move || {
                for _ in 0..generation {
                    let (ran, guard) = (ran.clone(), CountDrop(dropped.clone()));
                    oasync::go(async move {
                        ran.fetch_add(1, Ordering::SeqCst);
                        drop(guard);
                    });
                    let guard = CountDrop(dropped.clone());
                    oasync::gob(move || drop(guard));
                }
            })
        };
        // At the end of a task: its children run.
        let guard = spawns(10);
        wait(coord.spawn(async move { drop(guard) })).unwrap();
        eventually("they ran", || ran.load(Ordering::SeqCst) == 10);
        eventually("all ended", || dropped.load(Ordering::SeqCst) == 20);
        // In a task that the end cancels: they are refused, and dropped at once.
        waiting(&coord, spawns(10));
        let handle = coord.handle();
        drop(coord);
        assert_eq!(ran.load(Ordering::SeqCst), 10);
        assert_eq!(dropped.load(Ordering::SeqCst), 40);
        assert_eq!(handle.metrics().num_alive_tasks(), 0);
    });
}

#[test]
fn a_task_that_is_born_again_in_its_destructor_ends_with_the_coordinator() {
    /// Spawns its like when it is dropped, as long as that is not refused.
    struct Phoenix(Arc<AtomicUsize>);
    impl Drop for Phoenix {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            // Refused, it is dropped right here; without an end to it this would be a
            // recursion without end.
            let probe = oasync::spawn(std::future::pending::<()>());
            let refused = probe.is_finished();
            drop(probe.cancel());
            if !refused {
                let next = Phoenix(self.0.clone());
                oasync::go(async move {
                    let _next = next;
                    oasync::yield_now().await;
                });
            }
        }
    }
    in_time("a task that is born again", || {
        let coord = started(2);
        let lives = Arc::new(AtomicUsize::new(0));
        let first = Phoenix(lives.clone());
        coord.go(async move { drop(first) });
        eventually("it lives on", || lives.load(Ordering::SeqCst) > 1000);
        let report = coord.shutdown(Duration::from_millis(10));
        assert_eq!(report.still_running.len(), 0);
        assert_eq!(coord.metrics().num_alive_tasks(), 0);
    });
}

#[test]
fn a_destructor_that_blocks_on_the_coordinator_gets_an_answer() {
    in_time("destructors that block", || {
        let coord = started(1);
        let answers = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let asks = || {
            let answers = answers.clone();
            OnDrop(move || {
                let answer = oasync::block_on(oasync::spawn(async { 1 }));
                answers[usize::from(answer.is_err())].fetch_add(1, Ordering::SeqCst);
            })
        };
        let counts = || [0, 1].map(|i| answers[i].load(Ordering::SeqCst));
        let guard = asks();
        wait(coord.spawn(async move { drop(guard) })).unwrap();
        assert_eq!(counts(), [1, 0]);
        let guard = asks();
        let task = coord.spawn(async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        });
        assert!(wait(task.cancel()).unwrap_err().is_cancelled());
        assert_eq!(counts(), [2, 0]);
        for _ in 0..10 {
            waiting(&coord, asks());
        }
        // Cancelled by the end: the answer is no.
        drop(coord);
        assert_eq!(counts(), [2, 10]);
    });
}

#[test]
fn dropped_in_a_closure_of_its_own_it_ends_afterwards() {
    in_time("a coordinator dropped in its closure", || {
        for started in [false, true] {
            let coord = Arc::new(Coordinator::builder().workers(1).build().unwrap());
            let drops = Arc::new(AtomicUsize::new(0));
            for _ in 0..10 {
                let guard = CountDrop(drops.clone());
                coord.go(async move {
                    let _guard = guard;
                    std::future::pending::<()>().await;
                });
            }
            let handle = coord.handle();
            let (tell, told) = mpsc::channel();
            let own = coord.clone();
            let closure = coord.spawn_blocking(move || {
                let own = Arc::into_inner(own).is_none();
                tell.send(own).unwrap();
                5
            });
            if started {
                coord.start().unwrap();
                // Whoever is later drops it: mostly the closure.
                drop(coord);
                told.recv_timeout(LONG).unwrap();
                assert_eq!(wait(closure).unwrap(), 5);
            } else {
                drop(coord);
                drop(handle.shutdown(Duration::ZERO));
                assert!(wait(closure).unwrap_err().is_cancelled());
            }
            eventually("all were dropped", || drops.load(Ordering::SeqCst) == 10);
            eventually("none is alive", || handle.metrics().num_alive_tasks() == 0);
        }
    });
}

#[test]
fn dropped_for_sure_in_a_closure_of_its_own_it_ends_afterwards() {
    in_time("a coordinator dropped in its closure", || {
        let coord = started(1);
        let handle = coord.handle();
        let (give, given) = mpsc::channel::<Coordinator>();
        let closure = coord.spawn_blocking(move || drop(given.recv_timeout(LONG).unwrap()));
        let drops = Arc::new(AtomicUsize::new(0));
        waiting(&coord, CountDrop(drops.clone()));
        give.send(coord).unwrap();
        wait(closure).unwrap();
        eventually("all were dropped", || drops.load(Ordering::SeqCst) == 1);
        eventually("none is alive", || handle.metrics().num_alive_tasks() == 0);
        assert!(wait(handle.spawn(async {})).unwrap_err().is_cancelled());
    });
}

type Last = OnDrop<Box<dyn FnMut()>>;

thread_local! {
    static AT_THE_END: RefCell<Vec<Last>> = const { RefCell::new(Vec::new()) };
}

/// Does `f` in a destructor of this thread's thread-locals.
fn at_the_end(f: impl FnMut() + 'static) {
    AT_THE_END.with_borrow_mut(|list| list.push(OnDrop(Box::new(f))));
}

#[test]
fn thread_local_destructors_of_any_thread_may_spawn() {
    in_time("thread-local destructors", || {
        let coord = started(2);
        let (tell, told) = mpsc::channel();
        let uses = |handle: Handle, tell: mpsc::Sender<bool>| {
            move || {
                let (a, b, c) = (tell.clone(), tell.clone(), tell.clone());
                let task = handle.spawn(async move { a.send(true).unwrap() });
                handle.go(async move { b.send(true).unwrap() });
                handle.gob(move || c.send(true).unwrap());
                // Blocks on it, in a thread that has lost its thread-locals.
                tell.send(futures_lite::future::block_on(task).is_ok()).unwrap();
            }
        };
        let foreign = uses(coord.handle(), tell.clone());
        std::thread::spawn(move || at_the_end(foreign)).join().unwrap();
        for _ in 0..4 {
            assert!(told.recv_timeout(LONG).unwrap());
        }
        // On threads of its own: they end when everything has, and get a refusal.
        let (handle, refused) = (coord.handle(), Arc::new(AtomicUsize::new(0)));
        for blocking in [false, true] {
            let (handle, refused) = (handle.clone(), refused.clone());
            let late = move || {
                let task = handle.spawn(async {});
                let no = futures_lite::future::block_on(task).is_err();
                refused.fetch_add(usize::from(no), Ordering::SeqCst);
                handle.go(async {});
                handle.gob(|| ());
                drop(handle.metrics());
            };
            let done = if blocking {
                coord.spawn_blocking(move || at_the_end(late))
            } else {
                coord.spawn(async move { at_the_end(late) })
            };
            wait(done).unwrap();
        }
        drop(coord);
        assert_eq!(refused.load(Ordering::SeqCst), 2);
        assert_eq!(handle.metrics().num_alive_tasks(), 0);
    });
}
