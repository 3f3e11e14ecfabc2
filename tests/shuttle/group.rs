//! Groups of tasks.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use oasync::TaskGroup;

use crate::support::{Gate, Ledger, check, outside, started, wait};

/// It never comes.
const LATER: Duration = Duration::from_secs(60);

#[test]
fn joiners_beside_ends_get_each_result_once() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let group = Arc::new(coord.group());
        for n in [1, 2, 4] {
            let counted = ledger.counted();
            group.spawn(async move {
                let _counted = counted;
                n
            });
        }
        let take = |group: &TaskGroup<usize>| {
            let mut sum = 0;
            while let Some(result) = wait(group.join_next()) {
                sum += result.unwrap();
            }
            sum
        };
        let other = outside({
            let group = group.clone();
            move || take(&group)
        });
        assert_eq!(take(&group) + other.join().unwrap(), 7);
        drop(group);
        wait(ledger.settled());
        ledger.end(coord);
    });
}

/// One that was called, and goes away, passes the call on: another child is alive, so
/// nobody else calls.
#[test]
fn a_joiner_that_is_cancelled_loses_no_result() {
    check(|| {
        let (coord, ledger) = (started(1), Ledger::default());
        let (group, gate) = (Arc::new(coord.group()), Gate::default());
        let (counted, waits) = (ledger.counted(), gate.clone());
        group.spawn(async move {
            waits.passed().await;
            drop(counted);
        });
        let counted = ledger.counted();
        group.spawn(async move { drop(counted) });
        let cancelled = outside({
            let (group, gate) = (group.clone(), gate.clone());
            move || {
                let mut next = group.join_next();
                let polled =
                    std::pin::Pin::new(&mut next).poll(&mut Context::from_waker(Waker::noop()));
                let got = matches!(polled, Poll::Ready(Some(_)));
                if got {
                    gate.open();
                }
                got
            }
        });
        assert!(wait(group.join_next()).is_some());
        gate.open();
        let got = cancelled.join().unwrap();
        assert_ne!(got, wait(group.join_next()).is_some());
        drop(group);
        wait(ledger.settled());
        ledger.end(coord);
    });
}

#[test]
fn a_group_dropped_beside_its_childrens_spawns_ends_them_all() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let group: TaskGroup<()> = coord.group();
        for _ in 0..2 {
            let (counted, spawner) = (ledger.counted(), group.spawner());
            group.spawn(async move {
                let child = counted.again();
                spawner.spawn(async move {
                    let _child = child;
                    std::future::pending::<()>().await;
                });
                let _counted = counted;
                std::future::pending::<()>().await;
            });
        }
        drop(group);
        wait(ledger.settled());
        ledger.end(coord);
    });
}

#[test]
fn a_drain_waits_for_what_the_children_spawn() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let group: TaskGroup<()> = coord.group();
        let (counted, spawner) = (ledger.counted(), group.spawner());
        group.spawn(async move {
            let child = counted.again();
            spawner.spawn(async move { drop(child) });
            drop(counted);
        });
        let counted = ledger.counted();
        group.spawn_blocking(move || drop(counted));
        let report = group.drain(LATER);
        assert!(report.still_running.is_empty());
        assert_eq!(std::iter::from_fn(|| group.try_join_next()).flatten().count(), 3);
        wait(ledger.settled());
        drop(group);
        ledger.end(coord);
    });
}

#[test]
fn a_drain_says_who_is_left_and_ends_beside_a_cancel() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let group = Arc::new(coord.group::<()>());
        for _ in 0..2 {
            let counted = ledger.counted();
            group.spawn(async move {
                let _counted = counted;
                std::future::pending::<()>().await;
            });
        }
        assert_eq!(group.drain(Duration::ZERO).still_running.len(), 2);
        let canceller = outside({
            let group = group.clone();
            move || group.cancel_all()
        });
        assert!(group.drain(LATER).still_running.is_empty());
        canceller.join().unwrap();
        drop(group);
        ledger.end(coord);
    });
}

/// Who waits for a place is cancelled beside a child's end, which may give it to him.
#[test]
fn no_place_of_a_bounded_group_is_lost() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let group = Arc::new(coord.bounded_group::<()>(1));
        let spawns = |cancelled: bool| {
            let (group, counted) = (group.clone(), ledger.counted());
            outside(move || {
                let mut spawn = Box::pin(group.spawn(async move { drop(counted) }));
                if cancelled {
                    let _ = spawn.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                } else {
                    wait(spawn);
                }
            })
        };
        let threads = [spawns(false), spawns(true), spawns(false)];
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        wait(group.join_all());
        let gate = Gate::default();
        let passed = gate.clone();
        wait(group.spawn(async move { passed.passed().await }));
        assert!(group.try_spawn(async {}).is_err(), "one place");
        gate.open();
        assert!(wait(group.join_next()).unwrap().is_ok());
        drop(group);
        wait(ledger.settled());
        ledger.end(coord);
    });
}
