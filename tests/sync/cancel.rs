//! CancelToken.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::task::{Context, Waker};
use std::thread;

use oasync::sync::{CancelToken, Latch};

use crate::common::wakers::{Call, Count, poll};
use crate::common::{CountDrop, coordinator};

#[test]
fn a_parent_cancels_its_descendants_and_nobody_else() {
    let root = CancelToken::new();
    let (left, right) = (root.child(), root.child());
    let (leaf, other_leaf) = (left.child(), right.child());
    let all = [&root, &left, &right, &leaf, &other_leaf];
    let cancelled = || all.map(CancelToken::is_cancelled);
    assert_eq!(cancelled(), [false; 5]);
    leaf.cancel();
    assert_eq!(cancelled(), [false, false, false, true, false]);
    right.clone().cancel();
    assert_eq!(cancelled(), [false, false, true, true, true]);
    root.cancel();
    assert_eq!(cancelled(), [true; 5]);
    root.cancel();
    assert!(root.child().is_cancelled(), "a child of a cancelled token");
}

#[test]
fn a_grandchild_is_reached_though_its_parent_is_dropped() {
    let root = CancelToken::new();
    let leaf = root.child().child().child();
    root.cancel();
    assert!(leaf.is_cancelled());
}

#[test]
fn a_child_outlives_its_root() {
    let child = CancelToken::new().child();
    assert!(!child.is_cancelled());
    child.cancel();
    assert!(child.is_cancelled());
}

#[test]
fn all_waiters_of_the_whole_tree_are_woken_once() {
    let root = CancelToken::new();
    let tokens: Vec<_> =
        (0..10).map(|n| if n % 2 == 0 { root.clone() } else { root.child() }).collect();
    let count = Count::new();
    let waker = Waker::from(count.clone());
    let mut waits: Vec<_> = tokens.iter().map(CancelToken::cancelled).collect();
    assert!(waits.iter_mut().all(|wait| poll(wait, &waker).is_pending()));
    root.cancel();
    root.cancel();
    assert_eq!(count.get(), 10);
    assert!(waits.iter_mut().all(|wait| poll(wait, &waker).is_ready()));
    drop(waits);
    drop(waker);
    assert_eq!(Arc::strong_count(&count), 1);
}

#[test]
fn who_is_woken_finds_the_whole_subtree_cancelled() {
    let root = CancelToken::new();
    let leaves: Vec<_> = (0..10).map(|_| root.child().child()).collect();
    let all_cancelled = Arc::new(AtomicBool::new(false));
    let (seen, there) = (all_cancelled.clone(), leaves.clone());
    let look = move || seen.store(there.iter().all(CancelToken::is_cancelled), SeqCst);
    let mut wait = root.cancelled();
    assert!(poll(&mut wait, &Call::waker(look)).is_pending());
    root.cancel();
    assert!(all_cancelled.load(SeqCst));
}

#[test]
fn a_waker_may_use_the_tree() {
    let root = CancelToken::new();
    let child = root.child();
    let mut wait = child.cancelled();
    let (there, last) = (root.clone(), std::sync::Mutex::new(Some(root.child())));
    let waker = Call::waker(move || {
        there.cancel();
        assert!(there.child().is_cancelled());
        drop(last.lock().unwrap().take()); // a child leaves the list
    });
    assert!(poll(&mut wait, &waker).is_pending());
    root.cancel();
    assert!(poll(&mut wait, &waker).is_ready());
}

#[test]
fn no_child_escapes_a_cancel_that_runs_beside_it() {
    for _ in 0..1_000 {
        let root = CancelToken::new();
        let middle = root.child();
        let start = Arc::new(Barrier::new(2));
        let makers = {
            let start = start.clone();
            thread::spawn(move || {
                start.wait();
                (0..20).map(|_| middle.child()).collect::<Vec<_>>()
            })
        };
        start.wait();
        root.cancel();
        let children = makers.join().unwrap();
        assert!(children.iter().all(CancelToken::is_cancelled));
    }
}

#[test]
fn children_may_die_while_they_are_cancelled() {
    for _ in 0..1_000 {
        let root = CancelToken::new();
        let children: Vec<_> = (0..20).map(|_| root.child().child()).collect();
        let start = Arc::new(Barrier::new(2));
        let dropper = {
            let start = start.clone();
            thread::spawn(move || {
                start.wait();
                drop(children);
            })
        };
        start.wait();
        root.cancel();
        dropper.join().unwrap();
    }
}

#[test]
fn a_long_chain_needs_no_deep_stack() {
    let on_a_small_stack = thread::Builder::new().stack_size(64 * 1024).spawn(|| {
        let root = CancelToken::new();
        let mut leaf = root.clone();
        for _ in 0..100_000 {
            leaf = leaf.child();
        }
        root.cancel();
        assert!(leaf.is_cancelled());
        drop(root);
        drop(leaf);
    });
    on_a_small_stack.unwrap().join().unwrap();
}

#[test]
fn run_until_cancelled_has_dropped_what_it_stops() {
    let coord = coordinator(2);
    let token = CancelToken::new();
    let waiting = Arc::new(Latch::new(100));
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (token, waiting) = (token.child(), waiting.clone());
            coord.spawn(async move {
                let drops = Arc::new(AtomicUsize::new(0));
                let held = CountDrop(drops.clone());
                let never = async move {
                    let _held = held;
                    waiting.count_down();
                    pending::<()>().await;
                };
                assert!(token.run_until_cancelled(never).await.is_none());
                drops.load(SeqCst)
            })
        })
        .collect();
    coord.block_on(async {
        waiting.wait().await;
        token.cancel();
        for task in tasks {
            assert_eq!(task.await.unwrap(), 1);
        }
    });
}

#[test]
fn run_until_cancelled_gives_what_comes_first() {
    let mut cx = Context::from_waker(Waker::noop());
    let token = CancelToken::new();
    assert_eq!(
        pin!(token.run_until_cancelled(async { 1 })).poll(&mut cx),
        std::task::Poll::Ready(Some(1))
    );
    token.cancel();
    let polled = AtomicBool::new(false);
    let run = token.run_until_cancelled(async { polled.store(true, SeqCst) });
    assert!(pin!(run).poll(&mut cx).is_ready());
    assert!(!polled.load(SeqCst), "a cancelled token runs nothing");
}

#[test]
fn a_guard_cancels_however_its_scope_is_left() {
    let token = CancelToken::new();
    let left_by_a_panic = catch_unwind(AssertUnwindSafe(|| {
        let _guard = token.child().drop_guard();
        let _outer = token.clone().drop_guard();
        panic!("on the way");
    }));
    assert!(left_by_a_panic.is_err() && token.is_cancelled());
    let kept = CancelToken::new().drop_guard().disarm();
    assert!(!kept.is_cancelled());
}
