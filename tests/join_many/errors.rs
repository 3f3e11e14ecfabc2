//! The `try_` forms end at the first error, when the others are gone.

use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_lite::future::poll_once;
use oasync::{
    Coordinator, join, try_for_each_concurrent, try_join, try_join_all, try_map_concurrent,
};

use crate::common::{CountDrop, coordinator, eventually, started};
use crate::panics::{logged, panic_of};
use crate::wait_for_ever;

type Unit = Result<(), &'static str>;

/// Waits for ever with its guard.
async fn never(guard: CountDrop) -> Unit {
    wait_for_ever(guard).await;
    Ok(())
}

async fn bad() -> Unit {
    oasync::yield_now().await;
    Err("planned")
}

#[test]
fn without_an_error_they_give_what_the_plain_ones_give() {
    let coord = coordinator(2);
    let good = |n: i32| async move {
        for _ in 0..n % 3 {
            oasync::yield_now().await;
        }
        Ok::<_, ()>(n)
    };
    let hundred = Ok((0..100).collect::<Vec<_>>());
    assert_eq!(coord.block_on(try_join(good(1), good(2))), Ok((1, 2)));
    assert_eq!(coord.block_on(try_join_all((0..100).map(good))), hundred);
    assert_eq!(coord.block_on(try_map_concurrent(0..100, 3, good)), hundred);
    let units = try_for_each_concurrent(0..100, 3, |n| async move { good(n).await.map(drop) });
    assert_eq!(coord.block_on(units), Ok(()));
    let none = Vec::<std::future::Ready<Unit>>::new();
    assert_eq!(coord.block_on(try_join_all(none)), Ok(vec![]));
}

#[test]
fn an_error_comes_when_the_others_are_gone() {
    let coord = started(2);
    let drops = Arc::new(AtomicUsize::new(0));
    let never = || never(CountDrop(drops.clone()));
    let mut gone = 0;
    let mut check = |more: usize, error: Result<(), &str>| {
        gone += more;
        assert_eq!((error, drops.load(Ordering::SeqCst)), (Err("planned"), gone));
    };
    check(1, coord.block_on(try_join(bad(), never())).map(drop));
    check(1, coord.block_on(try_join(never(), bad())).map(drop));
    for place in 0..5 {
        let child = |n| {
            let never = never();
            async move { if n == place { bad().await } else { never.await } }
        };
        // The one that fails has such a guard, too.
        check(5, coord.block_on(try_join_all((0..5).map(child))).map(drop));
        check(5, coord.block_on(try_map_concurrent(0..5, 5, child)).map(drop));
        check(5, coord.block_on(try_for_each_concurrent(0..5, 5, child)));
    }
    assert_eq!(coord.metrics().num_alive_tasks(), 0);
}

#[test]
fn after_an_error_no_more_items_are_taken() {
    let coord = coordinator(1);
    let taken = Arc::new(AtomicUsize::new(0));
    let items = || {
        let count = taken.clone();
        (0..).inspect(move |_| drop(CountDrop(count.clone())))
    };
    let fail = |n| async move { if n == 6 { Err(n) } else { Ok(()) } };
    assert_eq!(coord.block_on(try_for_each_concurrent(items(), 1, fail)), Err(6));
    assert_eq!(coord.block_on(try_map_concurrent(items(), 1, fail)), Err(6));
    assert_eq!(taken.load(Ordering::SeqCst), 7 + 7);
}

#[test]
fn a_panic_goes_on_in_the_caller_all_the_same() {
    let (coord, _) = logged();
    let drops = Arc::new(AtomicUsize::new(0));
    let never = || never(CountDrop(drops.clone()));
    let panics = || async {
        oasync::yield_now().await;
        panic!("planned: no error")
    };
    assert_eq!(panic_of(&coord, try_join(panics(), never())), "planned: no error");
    assert_eq!(panic_of(&coord, try_join(never(), panics())), "planned: no error");
    let child = |n| {
        let never = never();
        async move { if n == 1 { panics().await } else { never.await } }
    };
    assert_eq!(panic_of(&coord, try_join_all((0..3).map(child))), "planned: no error");
    assert_eq!(panic_of(&coord, try_map_concurrent(0..3, 3, child)), "planned: no error");
    assert_eq!(drops.load(Ordering::SeqCst), 2 + 3 + 3);
}

#[test]
fn dropping_them_drops_every_future() {
    let coord = started(2);
    let drops = Arc::new(AtomicUsize::new(0));
    let never = || never(CountDrop(drops.clone()));
    coord.block_on(async {
        assert!(poll_once(try_join(never(), never())).await.is_none());
        assert!(poll_once(try_join_all((0..10).map(|_| never()))).await.is_none());
        assert!(poll_once(try_for_each_concurrent(0..10, 5, |_| never())).await.is_none());
        assert!(poll_once(try_map_concurrent(0..10, 5, |_| never())).await.is_none());
    });
    eventually("each is dropped", || drops.load(Ordering::SeqCst) == 2 + 10 + 5 + 5);
    eventually("none is alive", || coord.metrics().num_alive_tasks() == 0);
}

#[test]
fn results_that_panic_in_their_drop_go_to_the_hook_and_the_error_is_given() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("planned: a drop");
        }
    }
    let (coord, told) = logged();
    let ready = Arc::new(AtomicUsize::new(0));
    // The last one fails when, with those of the calls before, so many others are ready.
    let child = |n, others| {
        let ready = ready.clone();
        async move {
            if n < 3 {
                ready.fetch_add(1, Ordering::SeqCst);
                return Ok(Bomb);
            }
            while ready.load(Ordering::SeqCst) < others {
                oasync::yield_now().await;
            }
            Err("planned")
        }
    };
    // The poll that makes one ready may still be under way, and drops it.
    let is_told = |n| eventually("each is told", || told.load(Ordering::SeqCst) == n);
    assert_eq!(coord.block_on(try_join(child(0, 1), child(3, 1))).err(), Some("planned"));
    is_told(1);
    let four = (0..4).map(|n| child(n, 4));
    assert_eq!(coord.block_on(try_join_all(four)).err(), Some("planned"));
    is_told(4);
    let four = try_map_concurrent(0..4, 4, |n| child(n, 7));
    assert_eq!(coord.block_on(four).err(), Some("planned"));
    is_told(7);
    drop(coord);
    assert_eq!(told.load(Ordering::SeqCst), 7);
}

#[test]
fn the_first_future_of_a_join_may_borrow_and_need_not_be_send() {
    let mut words = Vec::new();
    let coord = Coordinator::new();
    let local = std::rc::Rc::new(3);
    let both = coord.block_on(join(
        async {
            words.push("borrowed");
            *local
        },
        async { 4 },
    ));
    assert_eq!((both, words.len()), ((3, 4), 1));
    let both =
        coord.block_on(try_join(async { words.pop().ok_or(()) }, async { Ok(*Box::new(1)) }));
    assert_eq!(both, Ok(("borrowed", 1)));
}

#[test]
fn a_join_of_futures_that_are_send_can_be_spawned() {
    fn is_send<F: Future + Send + 'static>(_: F) {}
    is_send(join(async {}, pending::<()>()));
    is_send(try_join(bad(), bad()));
    is_send(try_join_all([bad()]));
    is_send(try_map_concurrent(0..2, 1, |_| bad()));
    is_send(try_for_each_concurrent(0..2, 1, |_| bad()));
}
