//! Promise: a task-local value is seen by the code it was set for, by nobody else,
//! and an inherited one by the tasks spawned there too.

mod common;

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures_lite::future::block_on;
use oasync::{Coordinator, NotInScope, task_local};

use common::{CountDrop, LONG, coordinator, eventually, started};

task_local! {
    /// Documented, and public as far as the test goes.
    pub static USER: String;
    static CELL: Cell<u32>;
    #[inherit]
    static TRACE: u64;
    /// Attributes may stand on either side.
    #[inherit]
    #[allow(dead_code)]
    pub(crate) static SPAN: &'static str;
    #[inherit]
    static HELD: Held
}

/// Shared by all that inherit it.
struct Held(#[allow(dead_code, reason = "it is dropped")] CountDrop);

fn trace() -> Option<u64> {
    TRACE.try_with(|id| *id).ok()
}

fn user() -> Option<String> {
    USER.try_with(String::clone).ok()
}

#[test]
fn outside_of_every_scope_there_is_no_value() {
    let _: NotInScope = USER.try_with(|_| ()).unwrap_err();
    assert!(TRACE.try_with(|_| ()).is_err());
    let coord = coordinator(1);
    assert_eq!(coord.block_on(async { (user(), trace()) }), (None, None));
    let panic = std::panic::catch_unwind(|| TRACE.get()).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("in scope") && text.contains("InheritedLocal<u64>"), "{text}");
}

#[test]
fn a_value_moves_with_its_task_from_thread_to_thread() {
    let coord = started(3);
    let tasks: Vec<_> = (0..50_u32)
        .map(|n| {
            coord.spawn(CELL.scope(Cell::new(n), async move {
                for i in 0..50 {
                    oasync::yield_now().await;
                    CELL.with(|cell| {
                        assert_eq!(cell.get(), n + i);
                        cell.set(n + i + 1);
                    });
                }
            }))
        })
        .collect();
    tasks.into_iter().for_each(|task| block_on(task).unwrap());
    assert!(CELL.try_with(|_| ()).is_err());
}

#[test]
fn nested_scopes_hide_and_show_again() {
    let future = USER.scope("a".into(), async {
        let inner = USER.scope("b".into(), async {
            oasync::yield_now().await;
            USER.sync_scope("c".into(), || assert_eq!(USER.get(), "c"));
            USER.get()
        });
        let before = USER.get();
        (before, inner.await, USER.get())
    });
    let seen = oasync::block_on(future);
    assert_eq!(seen, ("a".into(), "b".into(), "a".into()));
}

#[test]
fn after_a_panic_in_a_scope_the_value_is_gone() {
    let result = std::panic::catch_unwind(|| USER.sync_scope("x".into(), || panic!("planned")));
    assert!(result.is_err() && user().is_none());
    let coord = started(1);
    let task = coord.spawn(TRACE.scope(1, async { panic!("planned") }));
    assert!(block_on(task).unwrap_err().is_panic());
    assert_eq!(block_on(coord.spawn(async { (user(), trace()) })).unwrap(), (None, None));
}

#[test]
fn every_way_to_spawn_inherits() {
    let coord = started(2);
    let handle = coord.handle();
    let (tx, rx) = mpsc::channel();
    let sends = |way| {
        let tx = tx.clone();
        move || tx.send((way, trace())).unwrap()
    };
    TRACE.sync_scope(9, || {
        let (a, b, c, d) = (sends("spawn"), sends("go"), sends("blocking"), sends("gob"));
        drop(coord.spawn(async move { a() }));
        handle.go(async move { b() });
        drop(coord.spawn_blocking(c));
        handle.gob(d);
        let (a, b, c, d) = (sends("named"), sends("pinned"), sends("inside"), sends("all"));
        coord.task().name("named").go(async move { a() });
        drop(coord.spawn_pinned(|| async move { b() }));
        drop(
            coord.spawn(async { oasync::spawn_blocking(|| oasync::go(async move { c() })).await }),
        );
        drop(coord.broadcast(d));
    });
    let mut ways = Vec::new();
    for _ in 0..9 {
        let (way, seen) = rx.recv_timeout(LONG).unwrap();
        assert_eq!(seen, Some(9), "{way}");
        ways.push(way);
    }
    ways.sort_unstable();
    ways.dedup();
    assert_eq!(ways.len(), 8);
    assert_eq!(block_on(coord.spawn(async { trace() })).unwrap(), None, "outside of the scope");
}

#[test]
fn a_plain_value_is_not_inherited() {
    let seen =
        oasync::block_on(USER.scope("eve".into(), async {
            (oasync::spawn(async { user() }).await.unwrap(), user())
        }));
    assert_eq!(seen, (None, Some("eve".into())));
}

#[test]
fn what_is_inherited_is_settled_by_the_spawn() {
    let coord = coordinator(1);
    let (first, second) = TRACE.sync_scope(1, || {
        let first = coord.spawn(async { (trace(), SPAN.try_with(|s| *s).ok()) });
        let second = SPAN.sync_scope("inner", || {
            TRACE.sync_scope(2, || coord.spawn(async { (trace(), SPAN.try_with(|s| *s).ok()) }))
        });
        (first, second)
    });
    assert_eq!(coord.block_on(first).unwrap(), (Some(1), None));
    assert_eq!(coord.block_on(second).unwrap(), (Some(2), Some("inner")));
}

#[test]
fn a_caller_inside_a_scope_runs_tasks_without_its_values() {
    let coord = coordinator(1);
    let before = coord.spawn(async { (user(), trace()) });
    let seen = USER.sync_scope("caller".into(), || {
        TRACE.sync_scope(3, || {
            coord.block_on(async {
                // The main future is its own code, and sees them; the task was
                // spawned elsewhere, but runs on this thread.
                (before.await.unwrap(), (user(), trace()))
            })
        })
    });
    assert_eq!(seen, ((None, None), (Some("caller".into()), Some(3))));
}

#[test]
fn pinned_tasks_polled_in_a_nested_call_do_not_see_the_values_around_it() {
    let coord = started(1);
    let task = coord.spawn(USER.scope("outer".into(), async {
        let other = oasync::spawn_pinned(|| async {
            oasync::yield_now().await;
            user()
        });
        let nested = oasync::block_on(async { (user(), other.await.unwrap()) });
        (nested, user())
    }));
    let outer = Some("outer".to_string());
    assert_eq!(block_on(task).unwrap(), ((outer.clone(), None), outer));
}

#[test]
fn the_drop_of_a_future_sees_the_values_of_its_task() {
    struct Tell(mpsc::Sender<(Option<String>, Option<u64>)>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.send((user(), trace())).unwrap();
        }
    }
    let coord = started(1);
    let (tx, rx) = mpsc::channel();
    let tell = Tell(tx);
    let task = TRACE.sync_scope(5, || {
        coord.spawn(USER.scope("dropped".into(), async move {
            let _tell = tell;
            pending::<()>().await;
        }))
    });
    assert!(block_on(task.cancel()).unwrap_err().is_cancelled());
    assert_eq!(rx.recv_timeout(LONG).unwrap(), (Some("dropped".into()), Some(5)));
}

#[test]
fn an_inherited_value_is_dropped_when_the_last_task_has_ended_whoever_keeps_its_handle() {
    let coord = started(2);
    let dropped = Arc::new(AtomicUsize::new(0));
    let (tx, rx) = async_channel::bounded::<()>(1);
    let tasks = HELD.sync_scope(Held(CountDrop(dropped.clone())), || {
        [0; 3].map(|_| {
            let rx = rx.clone();
            coord.spawn(async move { assert!(rx.recv().await.is_err()) })
        })
    });
    assert_eq!(dropped.load(Ordering::SeqCst), 0, "three tasks have it");
    drop(tx);
    eventually("it is dropped", || dropped.load(Ordering::SeqCst) == 1);
    assert!(tasks.into_iter().all(|task| block_on(task).is_ok()));
}

#[test]
fn a_long_line_of_children_that_each_set_the_value_keeps_none_of_the_old_ones() {
    const GENERATIONS: usize = 1_000;
    fn next(n: usize, dropped: Arc<AtomicUsize>, tx: mpsc::Sender<usize>) {
        let held = Held(CountDrop(dropped.clone()));
        oasync::go(HELD.scope(held, async move {
            if n < GENERATIONS {
                return next(n + 1, dropped, tx);
            }
            oasync::yield_now().await;
            tx.send(n).unwrap();
            // Its own is left, and the one that it inherited, which that hides.
            eventually("few are left", || dropped.load(Ordering::SeqCst) >= n - 1);
            tx.send(n).unwrap();
        }));
    }
    let (tx, rx) = mpsc::channel();
    let coord = started(2);
    coord.block_on(async { next(0, Arc::default(), tx) });
    assert_eq!(rx.recv_timeout(LONG), Ok(GENERATIONS));
    assert_eq!(rx.recv_timeout(LONG), Ok(GENERATIONS));
}

#[test]
fn a_value_whose_drop_panics_harms_nobody() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("planned");
        }
    }
    task_local! { #[inherit] static BOMB: Bomb; }
    let (tx, rx) = mpsc::channel();
    let coord = Coordinator::builder()
        .workers(1)
        .on_panic(move |panic| tx.send(panic.to_string()).unwrap())
        .build()
        .unwrap();
    coord.start().unwrap();
    let (open, opened) = oasync::sync::oneshot::channel();
    let task = BOMB.sync_scope(Bomb, || {
        coord.spawn(async {
            opened.await.unwrap();
            BOMB.with(|_| 4)
        })
    });
    // Not before: else the last to hold the value would be this thread, and no task.
    open.send(()).unwrap();
    assert_eq!(block_on(task).unwrap(), 4);
    assert!(rx.recv_timeout(LONG).unwrap().ends_with("planned"));
    assert_eq!(coord.shutdown(Duration::from_secs(60)).cancelled, 0);
}

#[test]
fn values_need_not_be_send_where_the_future_need_not() {
    task_local! { static LOCAL: Rc<RefCell<Vec<u32>>>; }
    let log = Rc::new(RefCell::new(Vec::new()));
    oasync::block_on(LOCAL.scope(log.clone(), async {
        LOCAL.with(|log| log.borrow_mut().push(1));
        oasync::yield_now().await;
        LOCAL.with(|log| log.borrow_mut().push(2));
    }));
    assert_eq!(*log.borrow(), [1, 2]);
}
