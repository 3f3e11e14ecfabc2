//! Bounded groups: places are waited for before a task is made.

use std::future::{Future, pending};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_lite::future::poll_once;
use oasync::{BoundedGroup, Coordinator, TaskGroup};

use crate::common::{CountDrop, coordinator, eventually, started};

#[test]
fn never_more_than_the_limit_are_alive() {
    let coord = coordinator(2);
    let alive = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    coord.block_on(async {
        let group = TaskGroup::bounded(3);
        for _ in 0..500 {
            let (alive, most) = (alive.clone(), most.clone());
            group
                .spawn(async move {
                    most.fetch_max(alive.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    oasync::yield_now().await;
                    alive.fetch_sub(1, Ordering::SeqCst);
                })
                .await;
            assert!(group.num_running() <= 3);
        }
        assert_eq!(group.join_all().await.len(), 500);
    });
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
}

#[test]
fn nothing_is_spawned_while_there_is_no_place() {
    let coord = coordinator(1);
    let group = coord.bounded_group::<()>(1);
    group.try_spawn(pending()).unwrap();
    let mut waiting = Box::pin(group.spawn(pending()));
    assert!(futures_lite::future::block_on(poll_once(&mut waiting)).is_none());
    assert_eq!(coord.metrics().num_alive_tasks(), 1);
}

#[test]
fn places_are_given_in_the_order_they_were_asked_for() {
    let coord = coordinator(1);
    let order = Arc::new(Mutex::new(Vec::new()));
    coord.block_on(async {
        let group = BoundedGroup::new(1);
        let child = |n| {
            let order = order.clone();
            async move { order.lock().unwrap().push(n) }
        };
        group.spawn(child(0)).await;
        let mut waiting: Vec<_> = (1..=10).map(|n| Box::pin(group.spawn(child(n)))).collect();
        for spawn in &mut waiting {
            assert!(poll_once(spawn).await.is_none());
        }
        // Waiters come first, whoever asks now.
        while group.num_running() > 0 {
            oasync::yield_now().await;
        }
        let full = group.try_spawn(child(99)).unwrap_err();
        assert!(group.try_spawn(full.into_inner()).is_err());
        for spawn in waiting.into_iter().rev().collect::<Vec<_>>().into_iter().rev() {
            spawn.await;
        }
        group.join_all().await;
    });
    assert_eq!(*order.lock().unwrap(), (0..=10).collect::<Vec<_>>());
}

#[test]
fn a_spawn_dropped_while_it_waits_hands_its_place_on() {
    let coord = coordinator(1);
    coord.block_on(async {
        let drops = Arc::new(AtomicUsize::new(0));
        let group = BoundedGroup::new(1);
        group.spawn(async { 0 }).await;
        let guard = CountDrop(drops.clone());
        let mut first = Box::pin(group.spawn(async move {
            let _guard = guard;
            1
        }));
        let mut second = Box::pin(group.spawn(async { 2 }));
        let mut third = Box::pin(group.spawn(async { 3 }));
        assert!(poll_once(&mut first).await.is_none());
        assert!(poll_once(&mut second).await.is_none());
        assert!(poll_once(&mut third).await.is_none());
        drop(second); // in the middle of the queue
        while group.num_running() > 0 {
            oasync::yield_now().await;
        }
        drop(first); // has the place, without knowing
        assert_eq!(drops.load(Ordering::SeqCst), 1);
        third.await;
        let results = group.join_all().await;
        assert_eq!(results.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [0, 3]);
        group.try_spawn(async { 4 }).unwrap(); // the place is free again
    });
}

#[test]
fn cancelled_panicked_and_detached_children_give_their_places_back() {
    let coord = started(2);
    let group = coord.bounded_group::<()>(2);
    group.try_spawn(pending()).unwrap();
    group.try_spawn(async { panic!("planned: a child") }).unwrap();
    group.cancel_all();
    coord.block_on(group.drain_until(pending::<()>()));
    let (tx, rx) = async_channel::bounded::<()>(1);
    for _ in 0..2 {
        let rx = rx.clone();
        let child = async move { rx.recv().await.unwrap_or(()) };
        group.try_spawn(child).unwrap();
    }
    group.detach_all();
    assert!(group.try_spawn(async {}).is_err()); // they are alive
    drop(tx);
    eventually("a place falls free", || group.try_spawn(async {}).is_ok());
}

#[test]
fn a_blocking_child_takes_a_place_too() {
    let coord = coordinator(1);
    coord.block_on(async {
        let group = BoundedGroup::new(1);
        for n in 0..20 {
            group.spawn_blocking(move || n).await;
        }
        assert_eq!(group.join_all().await.len(), 20);
    });
}

#[test]
fn a_cancelled_closure_that_is_queued_gives_its_place_back() {
    let coord = Coordinator::builder().workers(1).blocking_threads(1).build().unwrap();
    coord.start().unwrap();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (begun, has_begun) = std::sync::mpsc::channel();
    // The only blocking thread there is.
    let held = coord.spawn_blocking(move || {
        begun.send(()).unwrap();
        let _ = released.recv();
    });
    has_begun.recv().unwrap();
    let group = coord.bounded_group(3);
    for _ in 0..3 {
        coord.block_on(group.spawn_blocking(|| unreachable!("it is cancelled")));
    }
    group.cancel_all();
    let results = coord.block_on(group.join_all());
    assert!(results.into_iter().all(|result| result.unwrap_err().is_cancelled()));
    assert!(group.try_spawn(async {}).is_ok());
    drop(group);
    coord.scope(|s| {
        let mut closure = s.spawn_blocking(|| unreachable!("it is cancelled"));
        closure.cancel();
        let error = closure.join().map(|(): ()| ()).unwrap_err();
        assert!(error.is_cancelled());
    });
    assert!(!held.is_finished());
    release.send(()).unwrap();
    coord.block_on(held).unwrap();
}

#[test]
fn limit_zero_is_the_default() {
    let coord = coordinator(2);
    assert_eq!(coord.bounded_group::<()>(0).limit(), 8);
}

fn is_send<F: Future + Send>(future: F) -> F {
    future
}

#[test]
fn a_spawn_that_waits_may_move_between_threads() {
    let coord = coordinator(2);
    coord.block_on(async {
        let group = Arc::new(BoundedGroup::new(1));
        let theirs = group.clone();
        let task = oasync::spawn(is_send(async move {
            for _ in 0..100 {
                theirs.spawn(oasync::yield_now()).await;
            }
        }));
        for _ in 0..100 {
            group.spawn(oasync::yield_now()).await;
        }
        task.await.unwrap();
        assert_eq!(group.join_all().await.len(), 200);
    });
}

#[test]
fn children_have_names_and_closures_come_back_if_there_is_no_place() {
    let coord = coordinator(1);
    let group = coord.bounded_group(2);
    let spawn = |name| group.task().name(name);
    let (release, released) = std::sync::mpsc::channel();
    coord.block_on(async {
        spawn("future").spawn(pending()).await;
        spawn("closure").spawn_blocking(move || released.recv().unwrap()).await;
    });
    assert!(spawn("third").try_spawn(async {}).is_err());
    spawn("third").try_spawn_blocking(|| ()).unwrap_err().into_inner()();
    group.try_spawn_blocking(|| ()).unwrap_err().into_inner()();
    release.send(()).unwrap();
    coord.block_on(group.join_next()).unwrap().unwrap();
    assert_eq!(coord.tasks()[0].name(), Some("future"));
    let line = line!() + 1;
    spawn("panics").try_spawn_blocking(|| panic!("planned: named")).unwrap();
    let error = coord.block_on(group.join_next()).unwrap().unwrap_err();
    assert_eq!((error.name(), error.location().line()), (Some("panics"), line));
    let report = group.drain(std::time::Duration::ZERO);
    assert_eq!(report.still_running[0].name(), Some("future"));
}
