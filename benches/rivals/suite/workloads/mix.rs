//! Tasks whose polls compute for about 100 us, two for each thread, beside tasks
//! that only answer messages: how long a message waits for its task.
//!
//! The message is sent in the middle of a poll, so whoever keeps the woken task
//! behind the sender's poll shows it.

use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender, unbounded};

use super::burn::burn;
use super::{Runtime, Sample, p50_and_p99_us};
use crate::suite::peers::threads;

const POLLS: usize = 100;
const HALF_POLL: u64 = 25_000;

async fn compute<R: Runtime>(sender: Sender<Instant>) {
    for i in 0..POLLS as u64 {
        burn(HALF_POLL, i);
        sender.try_send(Instant::now()).expect("it is not bounded");
        burn(HALF_POLL, i);
        R::yield_now().await;
    }
}

async fn answer(receiver: Receiver<Instant>) -> Vec<Duration> {
    let mut waits = Vec::with_capacity(POLLS);
    while let Ok(sent) = receiver.recv().await {
        waits.push(sent.elapsed());
    }
    waits
}

pub(super) fn run<R: Runtime>() -> Sample {
    let pairs = 2 * threads();
    let waits = R::root(async move {
        let mut answers = Vec::new();
        for _ in 0..pairs {
            let (sender, receiver) = unbounded();
            answers.push(R::spawn(answer(receiver)));
            R::go(compute::<R>(sender));
        }
        let mut waits = Vec::new();
        for answer in answers {
            waits.extend(answer.await);
        }
        waits
    });
    assert_eq!(waits.len(), pairs * POLLS);
    let mut nanos: Vec<f64> = waits.iter().map(|wait| wait.as_nanos() as f64).collect();
    p50_and_p99_us(&mut nanos)
}
