//! Promise: children of a group that nobody joins do not pile up.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::coordinator;

/// Counts the bytes that are allocated.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: it passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn live() -> usize {
    LIVE.load(Ordering::Relaxed)
}

#[test]
fn a_million_children_that_nobody_joins_leave_nothing() {
    let coord = coordinator(2);
    coord.block_on(async {
        let group = oasync::TaskGroup::new();
        let round = async |children: usize| {
            for _ in 0..children {
                group.spawn(async {});
            }
            group.drain_until(std::future::pending::<()>()).await;
        };
        round(10_000).await; // threads, queues
        let before = live();
        for _ in 0..100 {
            round(10_000).await;
        }
        let grown = live().saturating_sub(before);
        assert!(grown < 1 << 20, "{grown} bytes more for 1e6 children");
        // They are counted all the same.
        assert_eq!(group.len(), 1_010_000);
        assert!(group.try_join_next().unwrap().is_ok());
    });
}
