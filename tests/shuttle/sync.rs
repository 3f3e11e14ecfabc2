//! Latches, tokens and channels for one value: those who wait are cancelled beside what
//! they wait for. (What `oasync::sync` takes from other crates has its own tests.)

use std::sync::Arc;
use std::task::{Context, Waker};

use oasync::sync::{CancelToken, Latch, oneshot};

use crate::support::{Ledger, check, outside, started, wait};

#[test]
fn a_latch_waiter_that_is_cancelled_takes_no_wake_up_along() {
    check(|| {
        let latch = Arc::new(Latch::new(2));
        let waits = |cancelled: bool| {
            let latch = latch.clone();
            outside(move || {
                let mut waits = latch.wait();
                if cancelled {
                    let _ = std::pin::Pin::new(&mut waits)
                        .poll(&mut Context::from_waker(Waker::noop()));
                } else {
                    wait(waits);
                }
            })
        };
        let counts = outside({
            let latch = latch.clone();
            move || latch.count_down()
        });
        let threads = [waits(true), waits(false), counts];
        latch.count_down();
        wait(latch.wait());
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_token_cancelled_beside_its_children_is_seen_by_all() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let token = CancelToken::new();
        let tasks = [(); 2].map(|()| {
            let (counted, parent) = (ledger.counted(), token.clone());
            coord.spawn(async move {
                let _counted = counted;
                let child = parent.child();
                child.cancelled().await;
                assert!(child.is_cancelled());
            })
        });
        token.cancel();
        tasks.into_iter().for_each(|task| wait(task).unwrap());
        ledger.end(coord);
    });
}

#[test]
fn a_value_sent_beside_a_cancelled_receiver_is_dropped_once() {
    check(|| {
        let (coord, ledger) = (started(2), Ledger::default());
        let (sender, receiver) = oneshot::channel();
        let task = coord.spawn(async move { receiver.await.is_ok() });
        let counted = ledger.counted();
        let sends = outside(move || drop(sender.send(counted)));
        let _ = wait(task.cancel());
        sends.join().unwrap();
        let (sender, receiver) = oneshot::channel();
        let task = coord.spawn(async move { receiver.await.is_ok() });
        let counted = ledger.counted();
        let sends = outside(move || sender.send(counted).is_ok());
        assert!(wait(task).unwrap() && sends.join().unwrap());
        wait(ledger.settled());
        ledger.close(coord);
    });
}
