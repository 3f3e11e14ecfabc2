//! A chain of 5,000 tasks: each spawns the next and ends.

use std::time::Instant;

use futures_channel::oneshot;

use super::{Runtime, Sample, ns_per_op};

const LENGTH: usize = 5_000;

fn link<R: Runtime>(left: usize, count: usize, done: oneshot::Sender<usize>) {
    R::go(async move {
        if left == 0 {
            done.send(count).expect("the root waits");
        } else {
            link::<R>(left - 1, count + 1, done);
        }
    });
}

pub(super) fn run<R: Runtime>() -> Sample {
    let (count, elapsed) = R::root(async {
        let (sender, done) = oneshot::channel();
        let start = Instant::now();
        link::<R>(LENGTH, 0, sender);
        (done.await.unwrap(), start.elapsed())
    });
    assert_eq!(count, LENGTH);
    ns_per_op(elapsed, LENGTH)
}
