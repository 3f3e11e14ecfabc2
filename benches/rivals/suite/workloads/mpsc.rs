//! 100 tasks send 200 messages each through one bounded channel.

use std::time::Instant;

use async_channel::bounded;

use super::{Runtime, Sample, ns_per_op};

const SENDERS: usize = 100;
const MESSAGES: usize = 200;

pub(super) fn run<R: Runtime>() -> Sample {
    let (count, elapsed) = R::root(async {
        let (sender, receiver) = bounded(100);
        let start = Instant::now();
        for _ in 0..SENDERS {
            let sender = sender.clone();
            R::go(async move {
                for _ in 0..MESSAGES {
                    sender.send(1).await.unwrap();
                }
            });
        }
        drop(sender);
        let mut count = 0;
        while let Ok(one) = receiver.recv().await {
            count += one;
        }
        (count, start.elapsed())
    });
    assert_eq!(count, SENDERS * MESSAGES);
    ns_per_op(elapsed, count)
}
