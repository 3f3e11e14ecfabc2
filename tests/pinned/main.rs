//! Promise: a pinned task stays on its worker thread, from the closure that makes
//! its future to the drop of that, and is otherwise a task like others.

#[path = "../common/mod.rs"]
mod common;

mod ending;
mod hooks;
mod nested;
mod sharing;
mod threads;

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread::{self, ThreadId};

use oasync::{WorkerKind, with_worker_state};

use common::{CountDrop, LONG, coordinator, eventually, started};

/// Not `Send`; says on which thread it was dropped.
pub struct Local {
    made_on: ThreadId,
    drops: Arc<Mutex<Vec<ThreadId>>>,
    here: Rc<Cell<u32>>,
}

impl Local {
    pub fn new(drops: &Arc<Mutex<Vec<ThreadId>>>) -> Self {
        Local { made_on: thread::current().id(), drops: drops.clone(), here: Rc::default() }
    }

    pub fn touch(&self) {
        assert_eq!(self.made_on, thread::current().id(), "polled where it was made");
        self.here.set(self.here.get() + 1);
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.drops.lock().unwrap().push(thread::current().id());
        // On a wrong thread this is what the hook and the counters would miss.
        if self.made_on != thread::current().id() {
            eprintln!("dropped on a foreign thread");
            std::process::abort();
        }
    }
}

pub fn index() -> usize {
    let info = oasync::worker_info().unwrap();
    assert_eq!(info.kind(), WorkerKind::Worker);
    info.index()
}

#[test]
fn a_future_is_made_polled_and_dropped_on_one_thread_whoever_wakes_it() {
    const WAKES: usize = 500;
    let coord = started(3);
    let drops = Arc::new(Mutex::new(Vec::new()));
    let (to_waker, wakers) = mpsc::channel::<Waker>();
    let foreign = thread::spawn(move || wakers.into_iter().for_each(Waker::wake));
    let all_spawned = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let (drops, to_waker) = (drops.clone(), to_waker.clone());
            let all_spawned = all_spawned.clone();
            coord.spawn_pinned(move || async move {
                let local = Local::new(&drops);
                // One that ends makes room on its thread.
                while !all_spawned.load(Ordering::SeqCst) {
                    oasync::yield_now().await;
                }
                let (index, mut polls) = (index(), 0);
                poll_fn(move |cx| {
                    local.touch();
                    assert_eq!(self::index(), index);
                    polls += 1;
                    if polls > WAKES {
                        return Poll::Ready(());
                    }
                    to_waker.send(cx.waker().clone()).unwrap();
                    Poll::Pending
                })
                .await;
                index
            })
        })
        .collect();
    all_spawned.store(true, Ordering::SeqCst);
    drop(to_waker);
    let mut indices: Vec<_> = tasks.into_iter().map(|task| coord.block_on(task).unwrap()).collect();
    indices.sort_unstable();
    assert_eq!(indices, [0, 0, 1, 1, 2, 2], "they are spread over the threads");
    assert_eq!(drops.lock().unwrap().len(), 6);
    foreign.join().unwrap();
}

#[test]
fn it_runs_on_the_thread_that_was_asked_for() {
    let coord = coordinator(3);
    // Asked for before the start, from outside, and from a task.
    let before: Vec<_> =
        (0..3).map(|i| coord.spawn_pinned_on(i, || async { index() }).unwrap()).collect();
    coord.block_on(async {
        for (i, task) in before.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), i);
        }
        for i in [2, 0, 1, 1] {
            let task = oasync::spawn(async move {
                oasync::spawn_pinned_on(i, || async { index() }).unwrap().await.unwrap()
            });
            assert_eq!(task.await.unwrap(), i);
        }
    });
}

#[test]
fn a_worker_that_does_not_exist_is_an_error_and_the_closure_is_dropped() {
    let coord = started(2);
    let dropped = Arc::new(AtomicUsize::new(0));
    for index in [2, 3, usize::MAX] {
        let held = CountDrop(dropped.clone());
        let error = coord
            .spawn_pinned_on(index, move || async move {
                drop(held);
            })
            .unwrap_err();
        let text = format!("there is no worker {index}: they are numbered 0 to 1");
        assert_eq!(error.to_string(), text);
    }
    assert_eq!(dropped.load(Ordering::SeqCst), 3);
    assert_eq!(coord.metrics().num_alive_tasks(), 0);
}

#[test]
fn a_broadcast_comes_to_every_worker_thread_once_and_gives_results_in_order() {
    let coord = oasync::Coordinator::builder()
        .workers(4)
        .worker_state(|_| Cell::new(0_u32))
        .build()
        .unwrap();
    coord.start().unwrap();
    for round in 1..=20 {
        let all = coord.block_on(coord.broadcast(|| {
            with_worker_state(|count: &Cell<u32>| count.set(count.get() + 1));
            (index(), with_worker_state(Cell::<u32>::get))
        }));
        let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
        assert_eq!(all, [(0, round), (1, round), (2, round), (3, round)]);
    }
}

#[test]
fn a_panic_in_a_broadcast_is_the_result_of_that_thread_alone() {
    let coord = started(3);
    let all = coord.broadcast(|| if index() == 1 { panic!("planned") } else { index() });
    let all = futures_lite::future::block_on(all);
    assert_eq!(*all[0].as_ref().unwrap(), 0);
    assert!(all[1].as_ref().unwrap_err().is_panic());
    assert_eq!(*all[2].as_ref().unwrap(), 2);
}

#[test]
fn a_dropped_broadcast_runs_everywhere_all_the_same() {
    let coord = started(3);
    let (tx, rx) = mpsc::channel();
    drop(coord.broadcast(move || tx.send(index()).unwrap()));
    let mut seen: Vec<_> = (0..3).map(|_| rx.recv_timeout(LONG).unwrap()).collect();
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2]);
}

#[test]
fn a_pinned_task_has_name_and_site_and_is_listed_from_the_start() {
    let coord = coordinator(1);
    let task = coord.task().name("ui").spawn_pinned(|| async { 7 });
    let unnamed = coord.spawn_pinned(|| async { 8 });
    let listed = coord.tasks();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().any(|info| info.id() == task.id() && info.name() == Some("ui")));
    assert!(listed.iter().all(|info| info.location().file().ends_with("main.rs")));
    assert_eq!(coord.block_on(async { task.await.unwrap() + unnamed.await.unwrap() }), 15);
    // Its thread may still be leaving the turn in which it ended.
    eventually("none is listed", || coord.tasks().is_empty());
}
