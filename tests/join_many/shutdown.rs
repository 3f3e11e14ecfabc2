//! While the coordinator is shut down.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oasync::{join, join_all, map_concurrent};

use crate::common::{CountDrop, eventually, started};
use crate::wait_for_ever;

#[test]
fn a_task_that_joins_is_cancelled_with_what_it_spawned() {
    let coord = started(2);
    let drops = Arc::new(AtomicUsize::new(0));
    for _ in 0..20 {
        let child = {
            let drops = drops.clone();
            move || wait_for_ever(CountDrop(drops.clone()))
        };
        coord.go(async move {
            join(child(), child()).await;
        });
        let child = {
            let drops = drops.clone();
            move |_| wait_for_ever(CountDrop(drops.clone()))
        };
        coord.go(async move {
            join_all((0..2).map(&child)).await;
        });
        let child = {
            let drops = drops.clone();
            move |_| wait_for_ever(CountDrop(drops.clone()))
        };
        coord.go(async move {
            map_concurrent(0..2, 2, child).await;
        });
    }
    eventually("all wait", || coord.metrics().num_alive_tasks() == 20 * 7);
    let report = coord.shutdown(Duration::from_millis(5));
    assert_eq!(report.cancelled, 20 * 7);
    assert!(report.still_running.is_empty());
    assert_eq!(drops.load(Ordering::SeqCst), 20 * 6);
    assert_eq!(coord.metrics().panics(), 0);
}

#[test]
fn a_main_future_that_joins_gets_a_panic_that_says_so() {
    let coord = started(2);
    coord.shutdown(Duration::ZERO);
    let refused =
        catch_unwind(AssertUnwindSafe(|| coord.block_on(join(pending::<()>(), async {}))));
    let text = *refused.unwrap_err().downcast::<&str>().unwrap();
    assert!(text.contains("shut down"), "{text}");
    let refused = catch_unwind(AssertUnwindSafe(|| {
        coord.block_on(map_concurrent(0..3, 1, |n| async move { n }))
    }));
    assert!(refused.is_err());
}

#[test]
fn a_nested_block_on_that_joins_does_not_hold_the_shutdown_up() {
    let coord = started(2);
    coord.go(async {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            oasync::block_on(join(async {}, pending::<()>()));
        }));
        assert!(caught.is_err());
    });
    eventually("it waits", || coord.metrics().num_alive_tasks() == 2);
    let report = coord.shutdown(Duration::from_millis(5));
    assert!(report.still_running.is_empty(), "{report:?}");
}
