//! oneshot.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Poll, Waker};
use std::thread;

use oasync::sync::oneshot::{self, Closed};

use crate::common::wakers::{Call, Count, OnDrop, on_clone, poll};
use crate::common::{CountDrop, coordinator};

#[test]
fn the_value_arrives_whoever_comes_first() {
    let coord = coordinator(2);
    for round in 0..2_000 {
        let (sender, receiver) = oneshot::channel();
        let receiving = coord.spawn(receiver);
        coord.go(async move { sender.send(round).unwrap() });
        assert_eq!(coord.block_on(receiving).unwrap(), Ok(round));
    }
}

#[test]
fn a_blocked_thread_gets_the_value() {
    for round in 0..2_000 {
        let (sender, receiver) = oneshot::channel();
        let thread = thread::spawn(move || sender.send(round));
        assert_eq!(receiver.recv_blocking(), Ok(round));
        thread.join().unwrap().unwrap();
    }
}

#[test]
fn blocking_in_a_task_gives_its_worker_to_others() {
    let coord = coordinator(1);
    let task = coord.spawn(async {
        let (sender, receiver) = oneshot::channel();
        oasync::go(async move { sender.send("from the queue").unwrap() });
        receiver.recv_blocking()
    });
    assert_eq!(coord.block_on(task).unwrap(), Ok("from the queue"));
}

#[test]
fn a_dropped_sender_wakes_the_receiver_with_an_error() {
    let (sender, mut receiver) = oneshot::channel::<i32>();
    let count = Count::new();
    let waker = Waker::from(count.clone());
    assert!(poll(&mut receiver, &waker).is_pending());
    assert!(poll(&mut receiver, &waker).is_pending());
    drop(sender);
    assert_eq!(count.get(), 1);
    assert_eq!(poll(&mut receiver, &waker), Poll::Ready(Err(Closed)));
    assert_eq!(receiver.recv_blocking(), Err(Closed));
}

#[test]
fn a_value_is_received_once() {
    let (sender, mut receiver) = oneshot::channel();
    sender.send(1).unwrap();
    assert_eq!(poll(&mut receiver, Waker::noop()), Poll::Ready(Ok(1)));
    assert_eq!(poll(&mut receiver, Waker::noop()), Poll::Ready(Err(Closed)));
}

#[test]
fn a_value_sent_before_the_close_is_received() {
    let (sender, mut receiver) = oneshot::channel();
    sender.send(1).unwrap();
    receiver.close();
    assert_eq!(receiver.try_recv(), Ok(Some(1)));
    let (sender, mut receiver) = oneshot::channel();
    receiver.close();
    assert_eq!(receiver.try_recv(), Err(Closed));
    assert!(sender.is_closed());
    assert_eq!(sender.send(1), Err(1));
}

#[test]
fn closed_is_ready_when_the_receiver_is_gone() {
    let drop_it = |receiver: oneshot::Receiver<i32>| drop(receiver);
    let close_it = |mut receiver: oneshot::Receiver<i32>| {
        receiver.close();
        std::mem::forget(receiver);
    };
    for end in [drop_it as fn(_), close_it] {
        let (mut sender, receiver) = oneshot::channel();
        let count = Count::new();
        {
            let mut closed = Box::pin(sender.closed());
            assert!(poll(&mut closed, &Waker::from(count.clone())).is_pending());
            end(receiver);
            assert_eq!(count.get(), 1);
            assert!(poll(&mut closed, Waker::noop()).is_ready());
        }
        assert!(sender.is_closed());
    }
}

#[test]
fn the_waker_of_the_last_poll_is_woken_and_none_is_kept() {
    let (sender, mut receiver) = oneshot::channel();
    let (first, last) = (Count::new(), Count::new());
    assert!(poll(&mut receiver, &Waker::from(first.clone())).is_pending());
    assert!(poll(&mut receiver, &Waker::from(last.clone())).is_pending());
    assert_eq!(Arc::strong_count(&first), 1);
    drop(receiver);
    assert_eq!(Arc::strong_count(&last), 1, "a dropped receiver keeps no waker");
    assert_eq!(sender.send(()), Err(()));
    assert_eq!((first.get(), last.get()), (0, 0));
}

#[test]
fn what_happens_between_look_and_entry_is_seen() {
    let (sender, mut receiver) = oneshot::channel();
    let send = move || sender.send(1).unwrap();
    assert_eq!(poll(&mut receiver, &on_clone(send)), Poll::Ready(Ok(1)));

    let (sender, mut receiver) = oneshot::channel::<i32>();
    assert_eq!(poll(&mut receiver, &on_clone(|| drop(sender))), Poll::Ready(Err(Closed)));

    let (mut sender, receiver) = oneshot::channel::<i32>();
    assert!(poll(&mut Box::pin(sender.closed()), &on_clone(|| drop(receiver))).is_ready());
}

#[test]
fn each_value_is_dropped_once_in_every_order() {
    let drops = Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = oneshot::channel();
    assert!(sender.send(CountDrop(drops.clone())).is_ok());
    drop(receiver); // not received
    assert_eq!(drops.load(SeqCst), 1);

    let (sender, receiver) = oneshot::channel();
    drop(receiver);
    drop(sender.send(CountDrop(drops.clone()))); // given back
    assert_eq!(drops.load(SeqCst), 2);

    let (sender, mut receiver) = oneshot::channel();
    assert!(sender.send(CountDrop(drops.clone())).is_ok());
    drop(receiver.try_recv()); // received
    drop(receiver);
    assert_eq!(drops.load(SeqCst), 3);
}

#[test]
fn a_value_sent_while_the_receiver_goes_is_dropped_once() {
    const ROUNDS: usize = 2_000;
    let drops = Arc::new(AtomicUsize::new(0));
    for _ in 0..ROUNDS {
        let (sender, receiver) = oneshot::channel();
        let start = Arc::new(Barrier::new(2));
        let (there, value) = (start.clone(), CountDrop(drops.clone()));
        let thread = thread::spawn(move || {
            there.wait();
            drop(sender.send(value));
        });
        start.wait();
        drop(receiver);
        thread.join().unwrap();
    }
    assert_eq!(drops.load(SeqCst), ROUNDS);
}

#[test]
fn no_lock_is_held_while_a_waker_is_woken_or_dropped() {
    type Ends<T> = (oneshot::Sender<T>, oneshot::Receiver<T>);
    // Woken: the waker looks at the receiver that it wakes.
    let (sender, receiver): Ends<i32> = oneshot::channel();
    let shared = Arc::new(Mutex::new(receiver));
    let (there, seen) = (shared.clone(), Arc::new(AtomicUsize::new(0)));
    let told = seen.clone();
    let waker = Call::waker(move || {
        let received = there.lock().unwrap().try_recv().unwrap().unwrap();
        told.store(received as usize, SeqCst);
    });
    assert!(poll(&mut *shared.lock().unwrap(), &waker).is_pending());
    sender.send(7).unwrap();
    assert_eq!(seen.load(SeqCst), 7);

    // Replaced: the old waker's drop looks at the sender of the same channel.
    let (sender, mut receiver): Ends<i32> = oneshot::channel();
    let looked = Arc::new(AtomicUsize::new(0));
    let (sender, times) = (Arc::new(sender), looked.clone());
    let look = move || {
        times.fetch_add(1 + usize::from(sender.is_closed()), SeqCst);
    };
    assert!(poll(&mut receiver, &OnDrop::waker(look)).is_pending());
    assert!(poll(&mut receiver, Waker::noop()).is_pending());
    assert_eq!(looked.load(SeqCst), 1);
}
