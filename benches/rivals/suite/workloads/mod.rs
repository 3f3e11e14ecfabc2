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
mod timer_cancel;
mod timer_fire;
mod timer_late;
mod timer_timeout;
mod uneven;
mod wake_many;
mod yields;

use std::time::Duration;

use super::peers::async_executor::{AsyncExecutor, Plain, Static};
use super::peers::oasync::{Again, IdleThreads, ManyWorkers, Oasync, Plain as First};
use super::peers::tokio::Tokio;
use super::peers::{self, Peer, Runtime, Timed};
use super::stats::quantile;

/// A value for each of a workload's rows.
pub(crate) type Sample = Vec<f64>;

type Entry = (Peer, fn() -> Sample);

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
    /// oasync in one set-up against oasync in another.
    Itself,
    Timers,
}

pub(crate) struct RowName {
    pub(crate) suffix: &'static str,
    pub(crate) unit: &'static str,
}

pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) rows: &'static [RowName],
    /// Each run is the first and only one of a process.
    pub(crate) own_process: bool,
    pub(crate) runs: Vec<Entry>,
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

/// On oasync in each of the set-ups that are to cost nothing, and without.
macro_rules! itself {
    ($($run:ident)::+) => {
        vec![
            entry(Peer::Oasync, $($run)::+::<Oasync<false, First>>),
            entry(Peer::OasyncAgain, $($run)::+::<Oasync<false, Again>>),
            entry(Peer::OasyncIdleThreads, $($run)::+::<Oasync<false, IdleThreads>>),
            entry(Peer::OasyncManyWorkers, $($run)::+::<Oasync<false, ManyWorkers>>),
        ]
    };
}

/// On the runtimes that have timers of their own.
macro_rules! with_timers {
    ($($run:ident)::+) => {
        vec![
            entry(Peer::Oasync, $($run)::+::<Oasync<false>>),
            entry(Peer::OasyncMain, $($run)::+::<Oasync<true>>),
            entry(Peer::Tokio, $($run)::+::<Tokio<false, true>>),
            entry(Peer::TokioMain, $($run)::+::<Tokio<true, true>>),
        ]
    };
}

/// Every workload, in the order in which they run: those that leave threads
/// behind come last.
pub(crate) fn all() -> Vec<Workload> {
    use Kind::{Blocking, Compute, Itself, Latency, Memory, OneAtATime, Scheduling, Timers};
    const NS: &[RowName] = &[row("", "ns")];
    const US: &[RowName] = &[row(", p50", "us"), row(", p99", "us")];
    const BYTES: &[RowName] = &[row(", asked", "bytes"), row(", resident", "bytes")];
    vec![
        workload("spawn-detached", Scheduling, NS, every_way!(spawn_detached::run)),
        workload("spawn-joined", Scheduling, NS, every_way!(spawn_joined::run)),
        workload("spawn-foreign", Scheduling, NS, own_threads(every_way!(spawn_foreign::run))),
        workload("spawn-foreign-4", Scheduling, NS, own_threads(every_way!(spawn_foreign_4::run))),
        workload("one-at-a-time", OneAtATime, NS, either_caller(every_way!(one_at_a_time::inside))),
        workload(
            "one-from-outside",
            OneAtATime,
            NS,
            either_caller(every_way!(one_at_a_time::outside)),
        ),
        workload("yield", Scheduling, NS, every_way!(yields::run)),
        workload("ping-pong", Scheduling, NS, every_way!(ping_pong::run)),
        workload("chain", Scheduling, NS, every_way!(chain::run)),
        workload("skynet", Scheduling, NS, every_way!(skynet::run)).and(Peer::Rayon, skynet::rayon),
        workload("fib", Scheduling, NS, every_way!(fib::run)).and(Peer::Rayon, fib::rayon),
        workload("ring", Scheduling, NS, every_way!(ring::run)),
        workload("mutex", Scheduling, NS, every_way!(mutex::run)),
        workload("mpsc", Scheduling, NS, every_way!(mpsc::run)),
        workload("wake-many", Scheduling, NS, every_way!(wake_many::run)),
        workload("uneven", Compute, NS, every_way!(uneven::run))
            .and(Peer::Rayon, uneven::rayon)
            .and(Peer::Ideal, || ideal(uneven::alone())),
        workload("queens", Compute, NS, every_way!(queens::run))
            .and(Peer::Rayon, queens::rayon)
            .and(Peer::Ideal, || ideal(queens::alone())),
        workload("latency-idle", Latency, US, own_threads(every_way!(latency::run))),
        workload("latency-mix", Latency, US, every_way!(mix::run)),
        workload("timer-cancel", Timers, NS, with_timers!(timer_cancel::run)),
        workload("timer-fire", Timers, NS, with_timers!(timer_fire::run)),
        workload("timeout-ready", Timers, NS, with_timers!(timer_timeout::run)),
        workload("timer-late", Timers, US, with_timers!(timer_late::run)),
        workload("parked", Memory, BYTES, own_threads(every_way!(parked::run))).in_own_process(),
        workload("blocking-burst", Blocking, NS, pools(every_way!(blocking_burst::run))),
        workload("blocking-one", Blocking, NS, pools(every_way!(blocking_one::run))),
        workload("itself-spawn-joined", Itself, NS, itself!(spawn_joined::run)),
        workload("itself-yield", Itself, NS, itself!(yields::run)),
        workload("itself-ping-pong", Itself, NS, itself!(ping_pong::run)),
        workload("itself-chain", Itself, NS, itself!(chain::run)),
        workload("itself-skynet", Itself, NS, itself!(skynet::run)),
        workload("itself-fib", Itself, NS, itself!(fib::run)),
        workload("itself-ring", Itself, NS, itself!(ring::run)),
        workload("itself-mutex", Itself, NS, itself!(mutex::run)),
    ]
}

fn entry(peer: Peer, run: fn() -> Sample) -> Entry {
    (peer, run)
}

/// Those whose threads are all their own, for workloads without a caller.
fn own_threads(mut runs: Vec<Entry>) -> Vec<Entry> {
    let own = [Peer::Oasync, Peer::Tokio, Peer::AsyncExecutor, Peer::Static];
    runs.retain(|(peer, _)| own.contains(peer));
    runs
}

/// For workloads that say themselves what is a task.
fn either_caller(mut runs: Vec<Entry>) -> Vec<Entry> {
    runs.retain(|(peer, _)| !matches!(peer, Peer::OasyncMain | Peer::TokioMain));
    runs
}

/// Those that have a blocking pool; `blocking` works for any executor.
fn pools(mut runs: Vec<Entry>) -> Vec<Entry> {
    use Peer::{AsyncExecutor, AsyncExecutorCaller, Blocking, Static, StaticCaller};
    runs.retain(|(peer, _)| !matches!(peer, AsyncExecutor | AsyncExecutorCaller | StaticCaller));
    for (peer, _) in &mut runs {
        if *peer == Static {
            *peer = Blocking;
        }
    }
    runs
}

const fn row(suffix: &'static str, unit: &'static str) -> RowName {
    RowName { suffix, unit }
}

fn workload(
    name: &'static str,
    kind: Kind,
    rows: &'static [RowName],
    runs: Vec<Entry>,
) -> Workload {
    Workload { name, kind, rows, own_process: false, runs }
}

impl Workload {
    fn and(mut self, peer: Peer, run: fn() -> Sample) -> Self {
        self.runs.push((peer, run));
        self
    }

    /// Leaves out all other peers; whether there is something left to measure.
    pub(crate) fn keep_peers(&mut self, wanted: impl Fn(Peer) -> bool) -> bool {
        self.runs.retain(|(peer, _)| wanted(*peer));
        // Compared with itself, one alone says nothing.
        self.runs.len() > usize::from(self.kind == Kind::Itself)
    }

    fn in_own_process(mut self) -> Self {
        self.own_process = true;
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
