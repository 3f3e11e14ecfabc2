//! The threads of pinned tasks: started when needed, kept while needed.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use futures_lite::future::block_on;
use oasync::{Coordinator, TaskInfo, TaskState, block_in_place};

use crate::common::{CountDrop, LONG, coordinator, eventually, started};
use crate::index;

#[test]
fn only_the_threads_that_are_asked_for_are_started() {
    let coord = coordinator(8);
    let early = coord.spawn_pinned(|| async {});
    assert_eq!(coord.metrics().num_worker_threads(), 0, "nothing runs before the start");
    coord.block_on(early).unwrap();
    assert_eq!(coord.metrics().num_worker_threads(), 1);
    let late = coord.spawn_pinned_on(5, || async { index() }).unwrap();
    assert_eq!(coord.block_on(late).unwrap(), 5);
    assert_eq!(coord.metrics().num_worker_threads(), 2);
}

/// Lets the thread 0 of a coordinator with one worker block in place, and another
/// take its place meanwhile.
fn replace_thread_0(coord: &Coordinator) {
    let (tx, rx) = mpsc::channel();
    let (standing, stands) = mpsc::channel();
    let handle = coord.handle();
    let task = coord.spawn(async move {
        let blocks = handle.clone();
        handle.go(async move {
            standing.send(oasync::worker_info().unwrap().index()).unwrap();
            drop(blocks);
            tx.send(()).unwrap();
        });
        block_in_place(|| rx.recv_timeout(LONG).unwrap());
    });
    block_on(task).unwrap();
    let _index = stands.recv_timeout(LONG).unwrap();
}

#[test]
fn a_thread_that_has_ended_is_started_again_for_a_pinned_task() {
    let coord = started(1);
    for _ in 0..50 {
        replace_thread_0(&coord);
        let task = coord.spawn_pinned_on(0, || async {
            let first = thread::current().id();
            oasync::yield_now().await;
            (first == thread::current().id(), index())
        });
        assert_eq!(block_on(task.unwrap()).unwrap(), (true, 0));
    }
    // One that comes back counts until it sees that it is one too many.
    eventually("one seat, one home", || coord.metrics().num_worker_threads() <= 2);
}

#[test]
fn a_thread_with_pinned_tasks_does_not_end_when_another_took_its_place() {
    let coord = started(1);
    let (ask, asked) = async_channel::unbounded::<mpsc::Sender<thread::ThreadId>>();
    let task = coord.spawn_pinned(move || async move {
        while let Ok(reply) = asked.recv().await {
            reply.send(thread::current().id()).unwrap();
        }
    });
    let place = || {
        let (tx, rx) = mpsc::channel();
        ask.try_send(tx).unwrap();
        rx.recv_timeout(LONG).unwrap()
    };
    let first = place();
    for _ in 0..20 {
        replace_thread_0(&coord);
        assert_eq!(place(), first);
    }
    drop(ask);
    block_on(task).unwrap();
}

#[test]
fn if_the_system_gives_no_thread_the_handle_says_cancelled_and_the_closure_is_dropped() {
    // No address space is that large.
    let coord = Coordinator::builder().workers(2).stack_size(1 << 46).build().unwrap();
    let dropped = Arc::new(AtomicUsize::new(0));
    let spawn = || {
        let held = CountDrop(dropped.clone());
        coord.spawn_pinned(move || async move { drop(held) })
    };
    let queued = spawn();
    coord.block_on(async {
        assert!(queued.await.unwrap_err().is_cancelled(), "from before the start");
        assert!(spawn().await.unwrap_err().is_cancelled());
        for result in coord.broadcast(|| ()).await {
            assert!(result.unwrap_err().is_cancelled());
        }
        assert_eq!(oasync::spawn(async { 3 }).await.unwrap(), 3, "other tasks run");
    });
    assert_eq!(dropped.load(Ordering::SeqCst), 2);
    assert_eq!(coord.metrics().num_alive_tasks(), 0);
}

#[test]
fn pinned_tasks_from_many_threads_all_end_while_threads_come_and_go() {
    const EACH: usize = 400;
    let coord = started(2);
    let dropped = Arc::new(AtomicUsize::new(0));
    thread::scope(|s| {
        for spawner in 0..3 {
            let (coord, dropped) = (&coord, &dropped);
            s.spawn(move || {
                for n in 0..EACH {
                    let held = CountDrop(dropped.clone());
                    let task = coord.spawn_pinned_on((n + spawner) % 2, move || async move {
                        let _held = std::rc::Rc::new(held);
                        match n % 4 {
                            0 => oasync::yield_now().await,
                            1 => block_in_place(thread::yield_now),
                            2 => pending().await,
                            _ => {}
                        }
                    });
                    let task = task.unwrap();
                    match n % 4 {
                        2 => assert!(block_on(task.cancel()).unwrap_err().is_cancelled()),
                        1 => drop(task),
                        _ => block_on(task).unwrap(),
                    }
                }
            });
        }
        s.spawn(|| {
            for _ in 0..EACH {
                let task = coord.spawn(async { block_in_place(thread::yield_now) });
                block_on(task).unwrap();
            }
        });
    });
    eventually("all end", || dropped.load(Ordering::SeqCst) == 3 * EACH);
    eventually("none is counted", || coord.metrics().num_alive_tasks() == 0);
}

#[test]
fn what_is_polled_while_a_caller_has_the_only_seat_is_listed_as_running() {
    let coord = coordinator(1);
    let (tell, told) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    coord.block_on(async {
        let task = coord.spawn_pinned(|| async move {
            tell.send(()).unwrap();
            ended.recv_timeout(LONG).unwrap();
        });
        told.recv_timeout(LONG).unwrap();
        let states: Vec<_> = coord.tasks().iter().map(TaskInfo::state).collect();
        assert_eq!(states, [TaskState::Running]);
        end.send(()).unwrap();
        task.await.unwrap();
    });
}
