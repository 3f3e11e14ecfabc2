//! The queues, one step after the other, against a `VecDeque`: nothing is lost,
//! nothing comes out twice, and the order is kept where it is promised. What threads
//! do to them side by side is in `tests/models`.
//!
//! A number stands for a runnable, and a local queue holds eight.

use std::collections::VecDeque;

use proptest::prelude::*;

#[allow(dead_code)]
#[path = "../src/queue/injector.rs"]
mod injector;
#[allow(dead_code)]
#[path = "../src/queue/local.rs"]
mod local;

mod sync_facade {
    pub(crate) use concurrent_queue::ConcurrentQueue;
    pub(crate) use st3::fifo as ring;
    pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    pub(crate) const fn bound(_real: u32, _model: u32) -> u32 {
        8
    }
}

mod task {
    pub(crate) type Runnable = u32;
}

use injector::{Batch, Injector};
use local::CAPACITY;

#[derive(Clone, Debug)]
enum Step {
    Push,
    Pop,
    /// A worker takes half into a queue of its own.
    Steal,
    /// A lender takes one.
    StealOne,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Push),
        2 => Just(Step::Pop),
        1 => Just(Step::Steal),
        1 => Just(Step::StealOne),
    ]
}

/// The first `n` of what the queue should hold.
fn front(model: &mut VecDeque<u32>, n: usize) -> Vec<u32> {
    model.drain(..n).collect()
}

proptest! {
    /// Push, overflow and split, pop, steal: the oldest come out first, whoever
    /// takes them, and the length is exact.
    #[test]
    fn a_local_queue_is_first_in_first_out(steps in prop::collection::vec(step(), 0..200)) {
        let (owner, shared) = local::new();
        let mut model = VecDeque::new();
        for (item, step) in (0..).zip(steps) {
            match step {
                Step::Push => match owner.push(&shared, item) {
                    Ok(()) => model.push_back(item),
                    Err(refused) => {
                        prop_assert_eq!((refused, model.len()), (item, CAPACITY));
                        prop_assert_eq!(owner.split(&shared), front(&mut model, CAPACITY / 2));
                        prop_assert!(owner.push(&shared, refused).is_ok());
                        model.push_back(refused);
                    }
                },
                Step::Pop => prop_assert_eq!(owner.pop(&shared), model.pop_front()),
                Step::Steal => {
                    let (thief, own) = local::new();
                    let expected = front(&mut model, shared.len().div_ceil(2));
                    let mut stolen = Vec::new();
                    if let Some(first) = thief.steal_from(&own, &shared) {
                        prop_assert_eq!(own.len() + 1, expected.len());
                        while let Some(next) = thief.pop(&own) {
                            stolen.push(next);
                        }
                        // The one to run at once is the last of them.
                        stolen.push(first);
                    }
                    prop_assert_eq!(stolen, expected);
                }
                Step::StealOne => {
                    let stolen = shared.steal_one(&sync_facade::ring::Worker::new(1));
                    prop_assert_eq!(stolen, model.pop_front());
                }
            }
            prop_assert_eq!(shared.len(), model.len());
            prop_assert_eq!(owner.is_empty(), model.is_empty());
            prop_assert_eq!(owner.room(), CAPACITY - model.len());
        }
    }
}

#[derive(Clone, Debug)]
enum Lane {
    Push,
    PushBlock(usize),
    TakeOne { turn: bool },
    Take { turn: bool, takers: usize, room: usize },
}

fn lane() -> impl Strategy<Value = Lane> {
    let take = (any::<bool>(), 1..4_usize, 0..12_usize)
        .prop_map(|(turn, takers, room)| Lane::Take { turn, takers, room });
    prop_oneof![
        3 => Just(Lane::Push),
        1 => (0..10_usize).prop_map(Lane::PushBlock),
        1 => any::<bool>().prop_map(|turn| Lane::TakeOne { turn }),
        3 => take,
    ]
}

/// Both lanes, as they should be.
#[derive(Default)]
struct Lanes {
    singles: VecDeque<u32>,
    blocks: VecDeque<VecDeque<u32>>,
}

impl Lanes {
    fn take_singles(&mut self, takers: usize, room: usize) -> Option<Vec<u32>> {
        let first = self.singles.pop_front()?;
        let share = (self.singles.len() / takers).min(room);
        Some([first].into_iter().chain(front(&mut self.singles, share)).collect())
    }

    /// What has no room goes to the back of the lane, in one piece.
    fn take_block(&mut self, room: usize) -> Option<Vec<u32>> {
        let mut block = self.blocks.pop_front()?;
        let left = block.split_off(block.len().min(room + 1));
        if !left.is_empty() {
            self.blocks.push_back(left);
        }
        Some(block.into())
    }

    fn take(&mut self, turn: bool, takers: usize, room: usize) -> Option<Vec<u32>> {
        if turn {
            self.take_block(room).or_else(|| self.take_singles(takers, room))
        } else {
            self.take_singles(takers, room).or_else(|| self.take_block(room))
        }
    }

    fn len(&self) -> usize {
        self.singles.len() + self.blocks.iter().map(VecDeque::len).sum::<usize>()
    }
}

proptest! {
    /// Each lane is first in, first out, a block that is too long is cut, and all
    /// that is counted can be taken.
    #[test]
    fn an_injector_keeps_the_order_of_each_lane(steps in prop::collection::vec(lane(), 0..200)) {
        let injector = Injector::new();
        let mut model = Lanes::default();
        let mut items = 0_u32..;
        for step in steps {
            match step {
                Lane::Push => {
                    let item = items.next().unwrap();
                    injector.push(item);
                    model.singles.push_back(item);
                }
                Lane::PushBlock(len) => {
                    let block: VecDeque<_> = items.by_ref().take(len).collect();
                    injector.push_block(block.clone());
                    model.blocks.extend((len > 0).then_some(block));
                }
                Lane::TakeOne { turn } => {
                    let expected = model.take(turn, 1, 0).map(|taken| taken[0]);
                    prop_assert_eq!(injector.take_one(turn), expected);
                }
                Lane::Take { turn, takers, room } => {
                    let taken = injector.take(turn, takers, room);
                    let taken = taken.map(|Batch { first, rest }| {
                        [first].into_iter().chain(rest).collect::<Vec<_>>()
                    });
                    prop_assert_eq!(taken, model.take(turn, takers, room));
                }
            }
            prop_assert_eq!(injector.len(), model.len());
            prop_assert_eq!(injector.is_empty(), model.len() == 0);
        }
    }
}
