//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use clap::Parser;

const ROUNDS: usize = 25;
const QUICK_ROUNDS: usize = 5;

/// oasync and its peers, interleaved round by round.
#[derive(Parser)]
#[command(name = "cargo bench --bench rivals --")]
pub(crate) struct Args {
    /// Picks the workloads whose names contain one of these; none picks all
    names: Vec<String>,

    /// Runs only the peer of that name; may be given more than once
    #[arg(long = "peer", value_name = "PEER")]
    peers: Vec<String>,

    /// 5 rounds: under a minute
    #[arg(long, conflicts_with = "rounds")]
    quick: bool,

    /// How often each peer runs each workload [default: 25]
    #[arg(long, value_name = "N")]
    rounds: Option<NonZeroUsize>,

    /// Threads of each runtime [default: as many as the machine has]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Saves every number
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Draws an SVG
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,

    /// Lists the workloads
    #[arg(long)]
    pub(crate) list: bool,

    /// A workload and a peer, of which one run is to be printed
    #[arg(long, hide = true, num_args = 2)]
    pub(crate) child: Option<Vec<String>>,

    /// Cargo passes it
    #[arg(long, hide = true)]
    bench: bool,
}

impl Args {
    pub(crate) fn wants(&self, workload: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| workload.contains(name))
    }

    pub(crate) fn wants_peer(&self, peer: &str) -> bool {
        self.peers.is_empty() || self.peers.iter().any(|name| name == peer)
    }

    pub(crate) fn rounds(&self) -> usize {
        let rounds = if self.quick { QUICK_ROUNDS } else { ROUNDS };
        self.rounds.map_or(rounds, NonZeroUsize::get)
    }

    pub(crate) fn threads(&self) -> usize {
        let threads = self.threads.or_else(|| available_parallelism().ok());
        threads.map_or(1, NonZeroUsize::get)
    }
}
