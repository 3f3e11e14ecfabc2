//! What is told of a stall.

use std::iter;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use oasync::{Coordinator, Stall};

use crate::common::{LONG, eventually, without_help};
use crate::stay_on_a_worker;

#[test]
fn a_stall_names_its_task() {
    let (tx, rx) = mpsc::channel::<Stall>();
    let coord = Coordinator::builder()
        .workers(1)
        .on_stall(move |stall| tx.send(stall.clone()).unwrap())
        .build()
        .unwrap();
    coord.start().unwrap();
    for (others, name) in [(0, Some("ledger")), (1000, Some("ledger")), (0, None)] {
        // Others with names are there, in the queue and waiting.
        for i in 0..others {
            coord.task().name(format!("other {i}")).go(std::future::pending::<()>());
        }
        let (release, released) = mpsc::channel::<()>();
        let stalls = async move {
            oasync::yield_now().await;
            stay_on_a_worker().await;
            released.recv_timeout(LONG).is_ok()
        };
        let task = match name {
            Some(name) => coord.task().name(name).spawn(stalls),
            None => coord.spawn(stalls),
        };
        // On a machine under load another poll may last as well.
        let mut stalls = iter::repeat_with(|| rx.recv_timeout(LONG).unwrap());
        let stall = stalls.find(|stall| stall.id == task.id()).unwrap();
        assert_eq!((stall.id, stall.name.as_deref()), (task.id(), name));
        assert_eq!(stall.to_string().contains("`ledger`"), name.is_some(), "{stall}");
        release.send(()).unwrap();
        assert!(block_on(task).unwrap());
    }
}

#[test]
fn the_longest_poll_is_measured() {
    let coord = without_help(1);
    coord.start().unwrap();
    let longest = || coord.metrics().worker(0).unwrap().longest_poll;
    assert_eq!(longest(), Duration::ZERO);
    let watched = coord.handle();
    let begun = Instant::now();
    let poll = async move {
        let seen = || watched.metrics().worker(0).unwrap().longest_poll;
        eventually("it is seen", || seen() >= Duration::from_millis(20));
    };
    block_on(coord.spawn(poll)).unwrap();
    let measured = longest();
    assert!(measured <= begun.elapsed(), "{measured:?}");
    for _ in 0..100 {
        block_on(coord.spawn(async {})).unwrap();
    }
    assert!(longest() >= measured, "it is the longest, not the last");
}
