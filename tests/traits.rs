//! Promise: what users hold can be sent, shared, printed, and used after a caught panic.

mod common;

use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe, catch_unwind};
use std::time::Duration;

use oasync::*;

use common::coordinator;

fn shared_and_safe<T: Send + Sync + Debug + UnwindSafe + RefUnwindSafe>() {}

/// Stands for a result that can be sent, and no more than that.
type SendOnly = Box<dyn std::any::Any + Send>;

#[test]
fn everything_can_be_sent_shared_printed_and_used_after_a_panic() {
    shared_and_safe::<Coordinator>();
    shared_and_safe::<Handle>();
    shared_and_safe::<StopToken>();
    shared_and_safe::<TaskBuilder>();
    shared_and_safe::<JoinHandle<SendOnly>>();
    shared_and_safe::<Cancel<SendOnly>>();
    shared_and_safe::<JoinError>();
    shared_and_safe::<TaskGroup<SendOnly>>();
    shared_and_safe::<BoundedGroup<SendOnly>>();
    shared_and_safe::<Spawner<SendOnly>>();
    shared_and_safe::<GroupTaskBuilder<'_, SendOnly>>();
    shared_and_safe::<BoundedTaskBuilder<'_, SendOnly>>();
    shared_and_safe::<JoinNext<'_, SendOnly>>();
    shared_and_safe::<GroupFull<()>>();
    shared_and_safe::<GroupReport>();
    shared_and_safe::<Scope<'_, '_>>();
    shared_and_safe::<ScopedJoinHandle<'_, SendOnly>>();
    shared_and_safe::<TaskLocal<u8>>();
    shared_and_safe::<InheritedLocal<u8>>();
    shared_and_safe::<Scoped<u8, std::future::Ready<()>>>();
    shared_and_safe::<Arena>();
    shared_and_safe::<ArenaError>();
    shared_and_safe::<ShutdownReport>();
    shared_and_safe::<Metrics>();
    shared_and_safe::<WorkerMetrics>();
    shared_and_safe::<TaskInfo>();
    shared_and_safe::<Stall>();
    shared_and_safe::<WorkerInfo>();
    shared_and_safe::<NoSuchWorker>();
}

#[cfg(feature = "time")]
#[test]
fn timers_can_be_sent_shared_printed_and_used_after_a_panic() {
    shared_and_safe::<time::Sleep>();
    shared_and_safe::<time::Interval>();
    shared_and_safe::<time::Timeout<std::future::Ready<()>>>();
    shared_and_safe::<time::Elapsed>();
}

#[cfg(feature = "sync")]
#[test]
fn what_tasks_wait_at_can_be_sent_shared_printed_and_used_after_a_panic() {
    shared_and_safe::<sync::Latch>();
    shared_and_safe::<sync::CancelToken>();
    shared_and_safe::<sync::DropGuard>();
    shared_and_safe::<sync::Wait<'_>>();
    shared_and_safe::<sync::oneshot::Sender<SendOnly>>();
    shared_and_safe::<sync::oneshot::Receiver<SendOnly>>();
}

#[test]
fn a_builder_can_be_sent_and_used_after_a_panic() {
    fn safe<T: Send + Debug + UnwindSafe + RefUnwindSafe>() {}
    safe::<Builder>();
    safe::<Broadcast<SendOnly>>();
}

#[test]
fn a_handle_works_after_a_panic_beside_it() {
    let coord = coordinator(1);
    let handle = coord.handle();
    let payload = catch_unwind(|| {
        handle.block_on(async {
            handle.spawn(async { 1 }).await.unwrap();
            panic!("in the main future")
        })
    });
    assert_eq!(payload.unwrap_err().downcast_ref(), Some(&"in the main future"));
    assert_eq!(coord.block_on(handle.spawn(async { 2 })).unwrap(), 2);
    let report = handle.shutdown(Duration::from_secs(60));
    assert_eq!((report.cancelled, report.still_running.len()), (0, 0));
}
