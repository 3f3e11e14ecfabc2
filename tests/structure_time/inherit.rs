//! Children of groups and scopes inherit as spawned tasks do; a scope's body sees what is
//! around it.

use oasync::{BoundedGroup, Handle, TaskGroup, task_local};

use crate::common::{coordinator, started};

task_local! {
    static OWN: u32;
    #[inherit]
    static TRACE: u32;
}

fn own() -> Option<u32> {
    OWN.try_with(|n| *n).ok()
}

fn trace() -> Option<u32> {
    TRACE.try_with(|n| *n).ok()
}

#[test]
fn children_of_a_group_inherit() {
    let coord = coordinator(2);
    let seen = coord.block_on(TRACE.scope(7, async {
        let group = TaskGroup::new();
        group.spawn(async { trace() });
        group.task().name("named").spawn(async { trace() });
        group.spawner().spawn(async { trace() });
        group.spawn_blocking(trace);
        let inner = group.spawner();
        group.spawn(async move {
            inner.spawn(async { trace() }); // a grandchild
            trace()
        });
        group.join_all().await
    }));
    let seen: Vec<_> = seen.into_iter().map(Result::unwrap).collect();
    assert_eq!(seen, [Some(7); 6]);
}

#[test]
fn a_child_of_a_bounded_group_inherits_from_who_waits_for_its_place() {
    let coord = coordinator(2);
    let seen = coord.block_on(async {
        let group = BoundedGroup::new(1);
        for n in 0..3 {
            TRACE.scope(n, group.spawn(async { trace() })).await;
        }
        group.join_all().await
    });
    let mut seen: Vec<_> = seen.into_iter().map(Result::unwrap).collect();
    seen.sort_unstable();
    assert_eq!(seen, [Some(0), Some(1), Some(2)]);
}

#[test]
fn futures_in_parallel_inherit() {
    let coord = coordinator(2);
    coord.block_on(TRACE.scope(7, async {
        assert_eq!(oasync::join(async { trace() }, async { trace() }).await, (Some(7), Some(7)));
        let many = oasync::join_all((0..5).map(|_| async { trace() })).await;
        assert_eq!(many, [Some(7); 5]);
        let some = oasync::map_concurrent(0..5, 2, |_| async { trace() }).await;
        assert_eq!(some, [Some(7); 5]);
    }));
}

#[test]
fn the_body_of_a_scope_sees_what_is_around_it_and_its_tasks_inherit() {
    fn check(coord: &Handle) {
        let see = || {
            coord.scope(|s| {
                assert_eq!((own(), trace()), (Some(1), Some(2)));
                let task = s.spawn(async { (own(), trace()) });
                let closure = s.spawn_blocking(|| (own(), trace()));
                assert_eq!(task.join().unwrap(), (None, Some(2)));
                assert_eq!(closure.join().unwrap(), (None, Some(2)));
                // Nor are they lost after the wait.
                assert_eq!((own(), trace()), (Some(1), Some(2)));
                TRACE.sync_scope(3, || {
                    let task = s.spawn(async { trace() });
                    assert_eq!(task.join().unwrap(), Some(3));
                    // A scope in the body of a scope, and a main future in it.
                    let inner = coord.scope(|s| s.spawn(async { trace() }).join().unwrap());
                    assert_eq!((inner, own(), trace()), (Some(3), Some(1), Some(3)));
                    assert_eq!(coord.block_on(async { (own(), trace()) }), (Some(1), Some(3)));
                });
                assert_eq!(trace(), Some(2));
            });
            assert_eq!((own(), trace()), (Some(1), Some(2)));
        };
        OWN.sync_scope(1, || TRACE.sync_scope(2, see));
        assert_eq!((own(), trace()), (None, None));
    }
    let coord = started(2);
    let handle = coord.handle();
    check(&handle);
    // In a task of its own coordinator, and of another.
    let inside = handle.clone();
    coord.block_on(coord.spawn(async move { check(&inside) })).unwrap();
    coordinator(1).block_on(async move { check(&handle) });
}

#[test]
fn what_a_scope_runs_meanwhile_sees_nothing_of_its_body() {
    // One worker: the caller itself polls the tasks.
    let coord = coordinator(1);
    OWN.sync_scope(1, || {
        TRACE.sync_scope(2, || {
            let before = coord.spawn(async { own() });
            coord.scope(|s| {
                let mut waits = s.spawn(async { oasync::yield_now().await });
                coord.block_on(&mut waits).unwrap();
                assert_eq!(coord.block_on(before).unwrap(), None);
                assert_eq!(own(), Some(1));
            });
        });
    });
    let other = coord.spawn(async { (own(), trace()) });
    assert_eq!(coord.block_on(other).unwrap(), (None, None));
}

#[test]
fn a_panic_of_a_body_leaves_the_values_around_it_in_scope() {
    let coord = coordinator(1);
    OWN.sync_scope(1, || {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            coord.scope(|s| {
                OWN.sync_scope(2, || s.spawn(async { panic!("of a task") }).join().unwrap())
            })
        }));
        assert!(caught.is_err());
        assert_eq!(own(), Some(1));
    });
    assert_eq!(own(), None);
}

#[test]
fn a_pinned_task_inherits_and_its_group_does() {
    let coord = started(1);
    let task = TRACE.sync_scope(7, || {
        coord.spawn_pinned(|| async {
            let group = TaskGroup::new();
            group.spawn(async { trace() });
            let here = trace();
            (here, group.join_next().await.unwrap().unwrap())
        })
    });
    assert_eq!(coord.block_on(task).unwrap(), (Some(7), Some(7)));
}

#[test]
fn tasks_spawned_together_inherit() {
    let coord = coordinator(2);
    let tasks = TRACE.sync_scope(7, || coord.spawn_many((0..300).map(|_| async { trace() })));
    for task in tasks {
        assert_eq!(coord.block_on(task).unwrap(), Some(7));
    }
}
