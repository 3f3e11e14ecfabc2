//! The calls, and how bytes become calls.

use crate::model::Body;

/// One call. Numbers choose among the handles that are there.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    Start,
    Spawn(Body, From),
    SpawnNamed(Body),
    SpawnAfter(Body),
    SpawnPinned(Body),
    SpawnMany(u8),
    Go(Body),
    BlockOn(Body),
    Join(u8),
    JoinInside(u8),
    JoinOnAThread(u8),
    JoinInATask(u8),
    Cancel(u8),
    CancelOnAThread(u8),
    Detach(u8),
    DetachInATask(u8),
    /// A call on the group.
    Group(GroupOp),
    OpenGate,
    WakeAll,
    Look,
    Pause,
    Shutdown(u8),
    Drop,
}

/// Where a spawn is called.
#[derive(Clone, Copy, Debug)]
pub enum From {
    Here,
    AThread,
    AMainFuture,
    AClosure,
}

/// What is done with the group, of which there is one at a time.
#[derive(Clone, Copy, Debug)]
pub enum GroupOp {
    Spawn(Body),
    JoinNext,
    JoinAll,
    Cancel,
    Detach,
    Drain(u8),
    /// The next one is another.
    Drop,
}

impl GroupOp {
    fn decode(detail: u8) -> GroupOp {
        match detail % 16 {
            0..=5 => GroupOp::JoinNext,
            6..=8 => GroupOp::JoinAll,
            9 | 10 => GroupOp::Cancel,
            11 | 12 => GroupOp::Detach,
            13 => GroupOp::Drain(detail / 16),
            _ => GroupOp::Drop,
        }
    }
}

impl Op {
    pub fn decode([op, detail]: [u8; 2]) -> Op {
        let body = Body::decode(detail);
        let from = [From::Here, From::AThread, From::AMainFuture, From::AClosure];
        match op % 42 {
            0 | 1 => Op::Start,
            2..=9 => Op::Spawn(body, from[usize::from(op / 42) % 4]),
            10 | 11 => Op::SpawnNamed(body),
            12 | 13 => Op::Go(body),
            14 | 15 => Op::BlockOn(body),
            16 | 17 => Op::Join(detail),
            18 => Op::JoinInside(detail),
            19 => Op::JoinOnAThread(detail),
            20 => Op::JoinInATask(detail),
            21 | 22 => Op::Cancel(detail),
            23 => Op::CancelOnAThread(detail),
            24 => Op::Detach(detail),
            25 => Op::DetachInATask(detail),
            26 => Op::OpenGate,
            27 => Op::WakeAll,
            28 => Op::Look,
            29 => Op::Pause,
            // The end is rare, or nothing would come before it.
            30 if detail < 64 => Op::Shutdown(detail),
            31 if detail < 32 => Op::Drop,
            32..=35 => Op::Group(GroupOp::Spawn(body)),
            36 | 37 => Op::Group(GroupOp::decode(detail)),
            38 | 39 => Op::SpawnPinned(body),
            40 => Op::SpawnAfter(body),
            41 => Op::SpawnMany(detail % 8),
            _ => Op::Look,
        }
    }
}

impl Body {
    fn decode(byte: u8) -> Body {
        let few = byte / 32;
        match byte % 32 {
            0 | 13 => Body::Ready,
            1 | 14 => Body::Yields(few),
            2 => Body::Panics(few % 4),
            3 => Body::Gate,
            4 => Body::Forever,
            5 => Body::Arena(few),
            6 => Body::Child,
            7 => Body::Orphan,
            8 => Body::Nested,
            9 => Body::InPlace,
            10 => Body::WaitsForClosure,
            11 | 15 => Body::Closure,
            12 => Body::PanickingClosure,
            16 | 17 => Body::StoppableClosure(few),
            18 | 19 => Body::Sleeps(few),
            20 | 21 => Body::TimesOut(few),
            22 | 23 => Body::Scope,
            24..=26 => Body::Group(few),
            27 => Body::Bounded,
            28 => Body::Many,
            29 | 30 => Body::Inherits,
            _ => Body::Yields(few),
        }
    }
}

/// How the coordinator is built.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub workers: usize,
    pub blocking_threads: usize,
}

impl Setup {
    pub fn decode(byte: u8) -> Setup {
        let (workers, blocking_threads) = (usize::from(byte % 4), usize::from(byte / 4 % 4));
        Setup { workers: workers.max(1), blocking_threads: blocking_threads.max(1) }
    }
}
