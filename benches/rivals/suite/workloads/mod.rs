//! The workloads: each with its loop in a file of its own, and its result
//! checked in every run.

mod blocking_burst;
mod blocking_one;
mod burn;
mod chain;
mod fib;
mod latch;
mod latency;
mod mix;
mod mpsc;
mod mutex;
mod one_at_a_time;
mod parked;
mod ping_pong;
mod queens;
mod ring;
mod skynet;
mod spawn_detached;
mod spawn_foreign;
mod spawn_foreign_4;
mod spawn_joined;
mod uneven;
mod wake_many;
mod yields;

use std::time::Duration;

use super::peers::async_executor::{AsyncExecutor, Plain, Static};
use super::peers::oasync::Oasync;
use super::peers::tokio::Tokio;
use super::peers::{self, Peer, Runtime};
use super::stats::quantile;

/// A value for each of a workload's rows.
pub(crate) type Sample = Vec<f64>;

/// What limits a workload; says where it goes in the summary.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Scheduling,
    /// `block_on(spawn(..))`: left out of the means, which it would flatter.
    OneAtATime,
    Compute,
    Blocking,
    Memory,
    Latency,
}

pub(crate) enum Rounds {
    Many,
    /// Once a process, and not warmed up.
    Once,
}

pub(crate) struct RowName {
    pub(crate) suffix: &'static str,
    pub(crate) unit: &'static str,
}

pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) rows: &'static [RowName],
    pub(crate) rounds: Rounds,
    pub(crate) runs: Vec<(Peer, fn() -> Sample)>,
}

/// On every runtime, each in every way to use it.
macro_rules! every_way {
    ($($run:ident)::+) => {
        vec![
            entry(Peer::Oasync, $($run)::+::<Oasync<false>>),
            entry(Peer::OasyncMain, $($run)::+::<Oasync<true>>),
            entry(Peer::Tokio, $($run)::+::<Tokio<false>>),
            entry(Peer::TokioMain, $($run)::+::<Tokio<true>>),
            entry(Peer::AsyncExecutor, $($run)::+::<AsyncExecutor<Plain, false>>),
            entry(Peer::AsyncExecutorCaller, $($run)::+::<AsyncExecutor<Plain, true>>),
            entry(Peer::Static, $($run)::+::<AsyncExecutor<Static, false>>),
            entry(Peer::StaticCaller, $($run)::+::<AsyncExecutor<Static, true>>),
        ]
    };
}

/// On every runtime, with all of its threads its own.
macro_rules! own_threads {
    ($($run:ident)::+) => {
        vec![
            entry(Peer::Oasync, $($run)::+::<Oasync<false>>),
            entry(Peer::Tokio, $($run)::+::<Tokio<false>>),
            entry(Peer::AsyncExecutor, $($run)::+::<AsyncExecutor<Plain, false>>),
            entry(Peer::Static, $($run)::+::<AsyncExecutor<Static, false>>),
        ]
    };
}

/// On those that have a blocking pool.
macro_rules! pools {
    ($($run:ident)::+) => {
        vec![
            entry(Peer::Oasync, $($run)::+::<Oasync<false>>),
            entry(Peer::OasyncMain, $($run)::+::<Oasync<true>>),
            entry(Peer::Tokio, $($run)::+::<Tokio<false>>),
            entry(Peer::TokioMain, $($run)::+::<Tokio<true>>),
            entry(Peer::Blocking, $($run)::+::<AsyncExecutor<Static, false>>),
        ]
    };
}

/// Every workload, in the order in which they run: those that leave threads or
/// much memory behind come last.
pub(crate) fn all() -> Vec<Workload> {
    use Kind::{Blocking, Compute, Latency, Memory, OneAtATime, Scheduling};
    vec![
        ns("spawn-detached", Scheduling, every_way!(spawn_detached::run)),
        ns("spawn-joined", Scheduling, every_way!(spawn_joined::run)),
        ns("spawn-foreign", Scheduling, own_threads!(spawn_foreign::run)),
        ns("spawn-foreign-4", Scheduling, own_threads!(spawn_foreign_4::run)),
        ns("one-at-a-time", OneAtATime, {
            let mut runs = every_way!(one_at_a_time::run);
            runs.retain(|(peer, _)| !matches!(peer, Peer::OasyncMain | Peer::TokioMain));
            runs
        }),
        ns("yield", Scheduling, every_way!(yields::run)),
        ns("ping-pong", Scheduling, every_way!(ping_pong::run)),
        ns("chain", Scheduling, every_way!(chain::run)),
        ns("skynet", Scheduling, every_way!(skynet::run)).and(Peer::Rayon, skynet::rayon),
        ns("fib", Scheduling, every_way!(fib::run)).and(Peer::Rayon, fib::rayon),
        ns("ring", Scheduling, every_way!(ring::run)),
        ns("mutex", Scheduling, every_way!(mutex::run)),
        ns("mpsc", Scheduling, every_way!(mpsc::run)),
        ns("wake-many", Scheduling, every_way!(wake_many::run)),
        ns("uneven", Compute, every_way!(uneven::run))
            .and(Peer::Rayon, uneven::rayon)
            .and(Peer::Ideal, || ideal(uneven::alone())),
        ns("queens", Compute, every_way!(queens::run))
            .and(Peer::Rayon, queens::rayon)
            .and(Peer::Ideal, || ideal(queens::alone())),
        latency("latency-idle", Latency, own_threads!(latency::run)),
        latency("latency-mix", Latency, every_way!(mix::run)),
        ns("blocking-burst", Blocking, pools!(blocking_burst::run)),
        ns("blocking-one", Blocking, pools!(blocking_one::run)),
        Workload {
            name: "parked",
            kind: Memory,
            rows: &[RowName { suffix: "", unit: "bytes" }],
            rounds: Rounds::Once,
            runs: own_threads!(parked::run),
        },
    ]
}

fn entry(peer: Peer, run: fn() -> Sample) -> (Peer, fn() -> Sample) {
    (peer, run)
}

fn ns(name: &'static str, kind: Kind, runs: Vec<(Peer, fn() -> Sample)>) -> Workload {
    Workload { name, kind, rows: &[RowName { suffix: "", unit: "ns" }], rounds: Rounds::Many, runs }
}

fn latency(name: &'static str, kind: Kind, runs: Vec<(Peer, fn() -> Sample)>) -> Workload {
    const ROWS: &[RowName] =
        &[RowName { suffix: " p50", unit: "us" }, RowName { suffix: " p99", unit: "us" }];
    Workload { name, kind, rows: ROWS, rounds: Rounds::Many, runs }
}

impl Workload {
    fn and(mut self, peer: Peer, run: fn() -> Sample) -> Self {
        self.runs.push((peer, run));
        self
    }
}

fn ns_per_op(elapsed: Duration, ops: usize) -> Sample {
    vec![elapsed.as_nanos() as f64 / ops as f64]
}

/// Of nanoseconds.
fn p50_and_p99_us(nanos: &mut [f64]) -> Sample {
    vec![quantile(nanos, 0.5) / 1_000.0, quantile(nanos, 0.99) / 1_000.0]
}

/// What one thread took, had all of them shared it evenly.
fn ideal(alone: Sample) -> Sample {
    alone.into_iter().map(|value| value / peers::threads() as f64).collect()
}
