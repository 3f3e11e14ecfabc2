//! What is told of a stall.

use std::iter;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use oasync::{Coordinator, Stall, TaskId, WorkerKind};

use crate::common::gate::gate;
use crate::common::{LONG, eventually, in_time, without_help};
use crate::stay_on_a_worker;

#[test]
fn a_stall_names_its_task() {
    let (tx, rx) = mpsc::channel::<Stall>();
    let coord = Coordinator::builder()
        .workers(1)
        .on_stall(move |stall| tx.send(stall.clone()).unwrap())
        .build()
        .unwrap();
    coord.start().unwrap();
    for (others, name) in [(0, Some("ledger")), (1000, Some("ledger")), (0, None)] {
        // Others with names are there, in the queue and waiting.
        for i in 0..others {
            coord.task().name(format!("other {i}")).go(std::future::pending::<()>());
        }
        let (release, released) = mpsc::channel::<()>();
        let stalls = async move {
            oasync::yield_now().await;
            stay_on_a_worker().await;
            released.recv_timeout(LONG).is_ok()
        };
        let task = match name {
            Some(name) => coord.task().name(name).spawn(stalls),
            None => coord.spawn(stalls),
        };
        // On a machine under load another poll may last as well.
        let mut stalls = iter::repeat_with(|| rx.recv_timeout(LONG).unwrap());
        let stall = stalls.find(|stall| stall.id == Some(task.id())).unwrap();
        assert_eq!(stall.name.as_deref(), name);
        assert_eq!(stall.to_string().contains("`ledger`"), name.is_some(), "{stall}");
        release.send(()).unwrap();
        assert!(block_on(task).unwrap());
    }
}

#[test]
fn a_stall_of_a_main_future_names_its_block_on() {
    let (tx, rx) = mpsc::channel::<Stall>();
    let builder = Coordinator::builder().workers(1);
    let coord = builder.on_stall(move |stall| tx.send(stall.clone()).unwrap()).build().unwrap();
    // Blocks until it is told that it does.
    let main = async { rx.recv_timeout(LONG).unwrap() };
    let (line, stall) = (line!(), coord.block_on(main));
    assert_eq!((stall.id, stall.name.as_deref(), stall.worker), (None, None, 0));
    assert_eq!((stall.location.file(), stall.location.line()), (file!(), line));
    let text = stall.to_string();
    assert!(text.starts_with(&format!("the main future of `block_on` at {}", file!())), "{text}");
    assert!(text.contains(" keeps worker 0 for "), "{text}");
    let metrics = coord.metrics();
    assert_eq!(metrics.stall_count(), 1);
    let worker = metrics.worker(0).unwrap();
    assert_eq!(worker.poll_count, 0, "it is no task");
    assert!(worker.longest_poll >= Duration::from_millis(10), "{worker:?}");
}

#[test]
fn a_hook_that_panics_is_told_of_the_next_stall() {
    let (tx, rx) = mpsc::channel::<Stall>();
    let builder = Coordinator::builder().workers(1);
    let hook = move |stall: &Stall| {
        tx.send(stall.clone()).unwrap();
        panic!("in the hook");
    };
    let coord = builder.on_stall(hook).build().unwrap();
    for stalls in 1..=3 {
        coord.block_on(async { rx.recv_timeout(LONG).unwrap() });
        eventually("the panic is counted", || coord.metrics().panics() == stalls);
        assert_eq!(coord.metrics().stall_count(), stalls);
    }
}

#[test]
fn the_hook_is_called_on_a_thread_that_is_not_the_watchers() {
    let (tx, rx) = mpsc::channel();
    let hook = move |_: &Stall| {
        let info = oasync::worker_info().unwrap();
        let name = thread::current().name().unwrap().to_owned();
        tx.send((info.kind(), info.index(), name)).unwrap();
    };
    let coord = Coordinator::builder().workers(1).on_stall(hook).build().unwrap();
    let (kind, index, name) = coord.block_on(async { rx.recv_timeout(LONG).unwrap() });
    assert_eq!((kind, &*name), (WorkerKind::Watcher, "oasync-stall"));
    assert_ne!(index, 0, "that is the watcher");
}

#[test]
fn many_short_polls_of_a_main_future_are_no_stall() {
    const THRESHOLD: Duration = Duration::from_millis(40);
    let stalls = || {
        let builder = Coordinator::builder().workers(1);
        let coord = builder.stall_threshold(THRESHOLD).build().unwrap();
        coord.block_on(async {
            let begun = Instant::now();
            while begun.elapsed() < 5 * THRESHOLD {
                let polled = Instant::now();
                while polled.elapsed() < THRESHOLD / 100 {
                    std::hint::spin_loop();
                }
                oasync::yield_now().await;
            }
        });
        coord.metrics().stall_count()
    };
    // A thread that is left without a processor for long looks stuck.
    assert!((0..10).any(|_| stalls() == 0), "no round of ten without a long poll");
}

#[test]
fn the_longest_poll_is_measured() {
    let coord = without_help(1);
    coord.start().unwrap();
    let longest = || coord.metrics().worker(0).unwrap().longest_poll;
    assert_eq!(longest(), Duration::ZERO);
    let watched = coord.handle();
    let begun = Instant::now();
    let poll = async move {
        let seen = || watched.metrics().worker(0).unwrap().longest_poll;
        eventually("it is seen", || seen() >= Duration::from_millis(20));
    };
    block_on(coord.spawn(poll)).unwrap();
    let measured = longest();
    assert!(measured <= begun.elapsed(), "{measured:?}");
    for _ in 0..100 {
        block_on(coord.spawn(async {})).unwrap();
    }
    assert!(longest() >= measured, "it is the longest, not the last");
}

/// Keeps a worker from its poll on, until the sender is gone.
fn keep_a_worker(coord: &Coordinator) -> (mpsc::Sender<()>, TaskId) {
    let (release, released) = mpsc::channel::<()>();
    let (enter, entered) = mpsc::channel();
    let task = coord.spawn(async move {
        stay_on_a_worker().await;
        oasync::go(async {}); // The watcher may sleep while a seat is vacant and no slot filled.
        enter.send(()).unwrap();
        let _ = released.recv_timeout(2 * LONG);
    });
    entered.recv_timeout(LONG).unwrap();
    (release, task.id())
}

#[test]
fn a_hook_that_blocks_holds_up_nothing_but_its_next_call() {
    let (tell, told) = mpsc::channel();
    let (open, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let hook = move |stall: &Stall| {
        tell.send(stall.id).unwrap();
        let _ = gate.lock().unwrap().recv_timeout(2 * LONG); // Until `open` is gone.
    };
    let coord = Coordinator::builder().workers(2).on_stall(hook).build().unwrap();
    coord.start().unwrap();
    let (_first, _) = keep_a_worker(&coord);
    told.recv_timeout(LONG).unwrap();
    // The hook blocks, and one worker is free: for tasks in its slot and in its queue, and
    // for those from outside; so are threads for closures.
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            coord.spawn(async {
                let children: Vec<_> = (0..10).map(|_| oasync::spawn(async {})).collect();
                for child in children {
                    child.await.unwrap();
                }
                oasync::spawn_blocking(|| ()).await.unwrap();
            })
        })
        .collect();
    in_time(|| tasks.into_iter().for_each(|task| block_on(task).unwrap()));
    // The next stall is noticed, and help comes; it is told when the hook has returned.
    let (_second, second) = keep_a_worker(&coord);
    let behind = coord.spawn(async {});
    in_time(|| block_on(behind).unwrap());
    assert!(!told.try_iter().any(|id| id == Some(second)), "one call at a time");
    drop(open);
    let mut told = iter::repeat_with(|| told.recv_timeout(LONG).unwrap());
    assert!(told.any(|id| id == Some(second)));
}

#[test]
fn a_stall_hook_gets_the_result_of_a_task_while_all_workers_are_stuck() {
    for workers in [1, 2] {
        let (open, gate) = gate();
        let (tell, told) = mpsc::channel();
        let stuck = gate.clone();
        let hook = move |_: &Stall| {
            stuck.wait_for(workers);
            tell.send(oasync::block_on(oasync::spawn(async { 7 })).ok()).unwrap();
        };
        let coord = Coordinator::builder().workers(workers).on_stall(hook).build().unwrap();
        let open = open; // Dropped before the coordinator.
        coord.start().unwrap();
        let tasks: Vec<_> = (0..workers)
            .map(|_| {
                let gate = gate.clone();
                coord.spawn(async move {
                    stay_on_a_worker().await;
                    gate.pass()
                })
            })
            .collect();
        let result = told.recv_timeout(Duration::from_secs(10));
        assert_eq!(result.expect("the hook returns"), Some(7));
        open.open();
        tasks.into_iter().for_each(|task| assert!(block_on(task).unwrap()));
    }
}
