//! The whole benchmark but for the allocator.

mod args;
pub(crate) mod counting;
mod json;
mod machine;
mod measure;
mod peers;
mod plot;
mod report;
mod stats;
mod watchdog;
mod workloads;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use args::Args;
use machine::Machine;
use measure::Outcome;

pub(crate) fn main(allocator: &'static str) -> ExitCode {
    let args = Args::parse();
    let mut chosen = workloads::all();
    if let Some([workload, peer]) = args.child.as_deref() {
        peers::start(args.threads());
        let sample = measure::be_child(&chosen, workload, peer).expect("the parent knows them");
        sample.iter().for_each(|value| println!("{value}"));
        return ExitCode::SUCCESS;
    }
    chosen.retain(|workload| args.wants(workload.name));
    chosen.retain_mut(|workload| workload.keep_peers(|peer| args.wants_peer(peer.name())));
    if args.list {
        chosen.iter().for_each(|workload| println!("{}", workload.name));
        return ExitCode::SUCCESS;
    }
    if chosen.is_empty() {
        eprintln!("no workload has such a name and such a peer; `--list` shows the names");
        return ExitCode::FAILURE;
    }
    let machine = Machine::look(args.threads(), allocator);
    peers::start(args.threads());
    watchdog::start();
    let outcomes: Vec<Outcome> =
        chosen.iter().map(|workload| measure::measure(workload, args.rounds())).collect();
    print!("{}", report::report(&machine, args.rounds(), &outcomes));
    match save(&args, &machine, &outcomes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("could not save: {error}");
            ExitCode::FAILURE
        }
    }
}

fn save(args: &Args, machine: &Machine, outcomes: &[Outcome]) -> io::Result<()> {
    if let Some(path) = &args.json {
        std::fs::write(path, json::json(machine, outcomes))?;
    }
    if let Some(path) = &args.plot {
        plot::plot(path, machine, outcomes)?;
    }
    Ok(())
}
