//! Promise: a blocking closure is told when it is cancelled, and one that is still
//! queued then never runs and makes room.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use oasync::{Coordinator, JoinHandle, StopToken};

use common::{CountDrop, LONG, coordinator, eventually};

/// Works until it is told to stop; false if it never is.
fn until_told(stop: &StopToken) -> bool {
    let start = Instant::now();
    while !stop.is_cancelled() && start.elapsed() < LONG {
        thread::yield_now();
    }
    stop.is_cancelled()
}

/// Sends what `until_told` says, after having sent that it runs.
fn told(coord: &Coordinator) -> (JoinHandle<()>, mpsc::Receiver<bool>) {
    let (tx, rx) = mpsc::channel();
    let task = coord.spawn_blocking_with(move |stop| {
        tx.send(true).unwrap();
        tx.send(until_told(stop)).unwrap();
    });
    assert_eq!(rx.recv_timeout(LONG), Ok(true), "it runs");
    (task, rx)
}

/// One blocking thread, which is busy until the sender is dropped or used.
fn busy() -> (Coordinator, mpsc::Sender<()>) {
    let coord = Coordinator::builder().workers(1).blocking_threads(1).build().unwrap();
    coord.start().unwrap();
    let (release, released) = mpsc::channel();
    let (inside, entered) = mpsc::channel();
    coord.gob(move || {
        inside.send(()).unwrap();
        let _released = released.recv_timeout(LONG);
    });
    entered.recv_timeout(LONG).unwrap();
    (coord, release)
}

#[test]
fn a_closure_that_runs_is_told_by_the_cancel_of_its_handle() {
    let coord = coordinator(1);
    coord.start().unwrap();
    let (task, rx) = told(&coord);
    let _ended = block_on(task.cancel());
    assert_eq!(rx.try_recv(), Ok(true), "`cancel` waits for its end");
}

#[test]
fn it_is_told_also_if_nobody_awaits_the_cancel() {
    let coord = coordinator(1);
    coord.start().unwrap();
    let (task, rx) = told(&coord);
    drop(task.cancel());
    assert_eq!(rx.recv_timeout(LONG), Ok(true));
}

#[test]
fn a_shutdown_tells_it_after_the_limit_and_not_before() {
    let coord = coordinator(1);
    coord.start().unwrap();
    let (task, rx) = told(&coord);
    let before = Instant::now();
    let report = coord.shutdown(Duration::from_millis(50));
    assert!(before.elapsed() >= Duration::from_millis(50));
    assert_eq!(rx.try_recv(), Ok(true));
    assert!(report.still_running.is_empty());
    block_on(task).unwrap();
}

#[test]
fn dropping_the_coordinator_tells_it() {
    let coord = coordinator(1);
    coord.start().unwrap();
    let (task, rx) = told(&coord);
    drop(coord);
    assert_eq!(rx.try_recv(), Ok(true));
    assert!(block_on(task).is_ok());
}

#[test]
fn detached_or_finished_it_is_not_told() {
    let coord = coordinator(1);
    coord.start().unwrap();
    let kept = Arc::new(Mutex::new(None));
    let keep = kept.clone();
    let task = coord.spawn_blocking_with(move |stop| {
        *keep.lock().unwrap() = Some(stop.clone());
        stop.is_cancelled()
    });
    assert!(!block_on(task).unwrap());
    let (task, rx) = told(&coord);
    drop(task);
    let token = kept.lock().unwrap().take().unwrap();
    assert!(!token.is_cancelled());
    assert_eq!(rx.try_recv(), Err(mpsc::TryRecvError::Empty));
    drop(coord);
    assert!(token.is_cancelled(), "a token may outlive its coordinator");
    assert_eq!(rx.try_recv(), Ok(true));
}

#[test]
fn every_way_to_spawn_gives_a_token() {
    let coord = coordinator(1);
    let ended = coord.block_on(async {
        let tasks = [
            oasync::spawn_blocking_with(until_told),
            coord.handle().spawn_blocking_with(until_told),
            coord.task().name("told").spawn_blocking_with(until_told),
        ];
        let mut ended = 0;
        for task in tasks {
            let _ended = task.cancel().await;
            ended += 1;
        }
        ended
    });
    assert_eq!(ended, 3);
}

#[test]
fn cancelled_in_the_queue_a_closure_with_a_token_never_runs_and_ends_at_once() {
    let (coord, release) = busy();
    let (runs, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for round in 1..=10 {
        let (count, held) = (runs.clone(), CountDrop(dropped.clone()));
        let task = coord.spawn_blocking_with(move |_| {
            let _held = held;
            count.fetch_add(1, Ordering::SeqCst);
        });
        // From outside, while the only thread of the pool is busy.
        assert!(block_on(task.cancel()).unwrap_err().is_cancelled());
        assert_eq!(dropped.load(Ordering::SeqCst), round);
    }
    assert_eq!(coord.metrics().blocking_queue_depth(), 0);
    drop(release);
    assert_eq!(block_on(coord.spawn_blocking(|| 1)).unwrap(), 1);
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}

#[test]
fn cancelled_in_the_queue_a_plain_closure_never_runs() {
    let (coord, release) = busy();
    let runs = Arc::new(AtomicUsize::new(0));
    let spawn = || {
        let count = runs.clone();
        coord.spawn_blocking(move || count.fetch_add(1, Ordering::SeqCst))
    };
    let (inside, outside, last) = (spawn(), spawn(), spawn());
    // Inside the coordinator it ends at once, though the pool is busy.
    let task = coord.spawn(async { inside.cancel().await.unwrap_err().is_cancelled() });
    assert!(block_on(task).unwrap());
    let outside = outside.cancel();
    drop(release);
    assert!(block_on(outside).unwrap_err().is_cancelled());
    assert_eq!(block_on(last).unwrap(), 0, "the first that ran");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[test]
fn a_long_queue_of_cancelled_closures_is_emptied_and_the_others_run_in_order() {
    const CLOSURES: usize = 10_000;
    let (coord, release) = busy();
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut kept = Vec::new();
    let mut cancelled = Vec::new();
    for n in 0..CLOSURES {
        let order = order.clone();
        let task = coord.spawn_blocking_with(move |_| order.lock().unwrap().push(n));
        if n % 100 == 0 {
            kept.push(task);
        } else {
            cancelled.push(task.cancel());
        }
    }
    eventually("most have gone", || coord.metrics().blocking_queue_depth() < 500);
    drop(release);
    assert!(cancelled.into_iter().all(|ending| block_on(ending).unwrap_err().is_cancelled()));
    kept.into_iter().for_each(|task| block_on(task).unwrap());
    let order = order.lock().unwrap();
    assert_eq!(*order, (0..CLOSURES).step_by(100).collect::<Vec<_>>());
}

#[test]
fn cancelling_after_the_coordinator_is_gone_does_no_harm() {
    let coord = coordinator(1);
    let tasks = [coord.spawn_blocking_with(until_told), coord.spawn_blocking(|| true)];
    drop(coord);
    for task in tasks {
        assert!(block_on(task.cancel()).unwrap_err().is_cancelled());
    }
}

#[test]
fn told_to_stop_a_closure_still_gives_its_result() {
    let coord = coordinator(1);
    coord.start().unwrap();
    let (inside, entered) = mpsc::channel();
    let task = coord.spawn_blocking_with(move |stop| {
        inside.send(()).unwrap();
        (until_told(stop), "the result")
    });
    entered.recv_timeout(LONG).unwrap();
    task.stop();
    task.stop();
    assert_eq!(block_on(task).unwrap(), (true, "the result"));
}

#[test]
fn told_to_stop_while_it_is_queued_a_closure_runs_and_sees_it() {
    let (coord, release) = busy();
    let task = coord.spawn_blocking_with(StopToken::is_cancelled);
    task.stop();
    assert_eq!(coord.metrics().blocking_queue_depth(), 1);
    drop(release);
    assert!(block_on(task).unwrap());
}

#[test]
fn what_has_no_token_goes_on_when_it_is_told_to_stop() {
    let (coord, release) = busy();
    let (task, closure) = (coord.spawn(async { 1 }), coord.spawn_blocking(|| 2));
    task.stop();
    closure.stop();
    drop(release);
    assert_eq!(block_on(async { (task.await.unwrap(), closure.await.unwrap()) }), (1, 2));
    let late = coord.spawn_blocking_with(|_| 3);
    let handle = coord.handle();
    drop(coord);
    late.stop();
    let refused = handle.spawn_blocking_with(|_| 4);
    refused.stop();
    assert!(block_on(refused).unwrap_err().is_cancelled());
}

#[test]
fn an_aborted_closure_that_is_queued_makes_room_and_one_that_runs_is_told() {
    let (coord, release) = busy();
    let drops = Arc::new(AtomicUsize::new(0));
    let guard = CountDrop(drops.clone());
    let task = coord.spawn_blocking_with(move |_| drop(guard));
    task.abort();
    eventually("it left the queue", || drops.load(Ordering::SeqCst) == 1);
    assert_eq!(coord.metrics().blocking_queue_depth(), 0);
    drop(release);
    let (task, rx) = told(&coord);
    task.abort();
    assert_eq!(rx.recv_timeout(LONG), Ok(true), "it was told");
}
