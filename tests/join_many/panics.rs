//! A panic of one goes on in the caller, when the others are gone.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oasync::{Coordinator, for_each_concurrent, join, join_all, map_concurrent};

use crate::common::{CountDrop, eventually};
use crate::wait_for_ever;

pub fn logged() -> (Coordinator, Arc<AtomicUsize>) {
    let told = Arc::new(AtomicUsize::new(0));
    let count = told.clone();
    let coord = Coordinator::builder()
        .workers(2)
        .on_panic(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .build()
        .unwrap();
    (coord, told)
}

/// Runs `future`, and gives the text of its panic.
pub fn panic_of<F: Future>(coord: &Coordinator, future: F) -> String {
    let result = catch_unwind(AssertUnwindSafe(|| coord.block_on(future)));
    let Err(payload) = result else { panic!("no panic") };
    (*payload.downcast::<&str>().unwrap()).to_string()
}

#[test]
fn of_either_side_of_a_join() {
    let (coord, told) = logged();
    let drops = Arc::new(AtomicUsize::new(0));
    let other = || wait_for_ever(CountDrop(drops.clone()));
    let bad = || async {
        oasync::yield_now().await;
        panic!("planned: one");
    };
    assert_eq!(panic_of(&coord, join(bad(), other())), "planned: one");
    assert_eq!(drops.load(Ordering::SeqCst), 1);
    assert_eq!(panic_of(&coord, join(other(), bad())), "planned: one");
    assert_eq!(drops.load(Ordering::SeqCst), 2);
    assert_eq!(panic_of(&coord, join(bad(), bad())), "planned: one");
    assert_eq!(coord.metrics().num_alive_tasks(), 0);
    // The second panic of the last one went to the hook, if it came to that.
    assert!(told.load(Ordering::SeqCst) <= 1);
}

#[test]
fn of_any_one_of_many() {
    let (coord, _) = logged();
    for bad in 0..5 {
        let drops = Arc::new(AtomicUsize::new(0));
        let guards = || CountDrop(drops.clone());
        let child = |n| {
            let guard = guards();
            async move {
                if n == bad {
                    drop(guard);
                    oasync::yield_now().await;
                    panic!("planned: one of many");
                }
                wait_for_ever(guard).await;
            }
        };
        assert_eq!(panic_of(&coord, join_all((0..5).map(child))), "planned: one of many");
        assert_eq!(drops.load(Ordering::SeqCst), 5);
        assert_eq!(panic_of(&coord, for_each_concurrent(0..5, 5, child)), "planned: one of many");
        assert_eq!(drops.load(Ordering::SeqCst), 10);
        assert_eq!(panic_of(&coord, map_concurrent(0..9, 5, child)), "planned: one of many");
        assert_eq!(drops.load(Ordering::SeqCst), 15);
    }
    eventually("none is alive", || coord.metrics().num_alive_tasks() == 0);
}

#[test]
fn of_the_closure_and_of_the_iterator() {
    let (coord, _) = logged();
    let drops = Arc::new(AtomicUsize::new(0));
    let closure = for_each_concurrent(0..5, 5, |n| {
        assert!(n < 3);
        wait_for_ever(CountDrop(drops.clone()))
    });
    assert_eq!(panic_of(&coord, closure), "assertion failed: n < 3");
    assert_eq!(drops.load(Ordering::SeqCst), 3);
    let items = (0..5).inspect(|&n| assert!(n < 2));
    let iterator = map_concurrent(items, 5, |_| wait_for_ever(CountDrop(drops.clone())));
    assert_eq!(panic_of(&coord, iterator), "assertion failed: n < 2");
    assert_eq!(drops.load(Ordering::SeqCst), 5);
}

#[test]
fn results_and_futures_that_panic_in_their_drop_go_to_the_hook() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("planned: a drop");
        }
    }
    let (coord, told) = logged();
    // The other is polled first.
    let bad = || async { panic!("planned: late") };
    assert_eq!(panic_of(&coord, join(async { Bomb }, bad())), "planned: late");
    assert_eq!(told.load(Ordering::SeqCst), 1);
    let pending_bomb = async {
        let _bomb = Bomb;
        std::future::pending::<()>().await;
    };
    assert_eq!(panic_of(&coord, join(pending_bomb, bad())), "planned: late");
    assert_eq!(told.load(Ordering::SeqCst), 2);
    let ready = Arc::new(AtomicUsize::new(0));
    let children = (0..4).map(|n| {
        let ready = ready.clone();
        async move {
            if n < 3 {
                ready.fetch_add(1, Ordering::SeqCst);
                return Bomb;
            }
            while ready.load(Ordering::SeqCst) < 3 {
                oasync::yield_now().await;
            }
            panic!("planned: late");
        }
    });
    assert_eq!(panic_of(&coord, join_all(children)), "planned: late");
    // The poll that makes one ready may still be under way, and drops it.
    eventually("each is told", || told.load(Ordering::SeqCst) == 5);
    drop(coord);
    assert_eq!(told.load(Ordering::SeqCst), 5);
}
