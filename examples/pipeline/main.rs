//! Hashes the files of a folder tree, in stages that run at the same time:
//!
//! ```text
//! find ──paths──▶ read (jobs) ──contents──▶ hash (workers) ──outcomes──▶ collect
//! blocking pool   blocking pool             tasks                        main future
//! ```
//!
//! Each arrow is a bounded channel. A stage that is ahead of the next waits for it,
//! so memory is bounded however large the tree and its files are.
//!
//! ```text
//! cargo run --release --example pipeline -- [PATH] [--deadline SECONDS]
//! ```
//!
//! Told to stop, by the deadline or by Ctrl-C, no stage breaks off: what still comes
//! along is passed on as left, without being read. So each file that was found
//! is accounted for, exactly once, and the pipeline ends as it always does.

mod args;
mod collect;
mod find;
mod hash;
mod print;
#[path = "../census/progress.rs"]
mod progress;
mod read;
mod report;
mod stop;
#[path = "../census/walk.rs"]
mod walk;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use oasync::Coordinator;
use oasync::sync::channel;

use crate::args::Args;
use crate::collect::Collected;
use crate::report::Report;
use crate::stop::Stop;

/// How many paths, and how many outcomes, wait for the next stage.
const WAITING: usize = 256;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever read our output, `head` for one, has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "pipeline: {error}");
            ExitCode::from(2)
        }
    }
}

/// True if everything was hashed.
fn run(args: &Args) -> io::Result<bool> {
    let coord = Coordinator::builder()
        .workers(args.workers())
        // One more than there are readers, for the walk.
        .blocking_threads(args.jobs() + 1)
        .thread_name("pipeline")
        .build()?;
    if let Err(e) = fs::metadata(&args.path) {
        return Err(io::Error::new(e.kind(), format!("cannot read {:?}: {e}", args.path)));
    }
    let stop = Stop::new();
    stop.on_ctrl_c()?;

    let start = Instant::now();
    let collected = coord.block_on(async {
        if let Some(limit) = args.deadline {
            stop.after(limit);
        }
        pipeline(&args.path, args.jobs(), &stop).await
    });
    let report = Report::new(&args.path, collected, start.elapsed());

    if args.json {
        io::stdout().lock().write_all(report.to_json()?.as_bytes())?;
    } else {
        print::hashes(&report, &mut io::stdout().lock())?;
        io::stderr().lock().write_all(print::summary(&report).as_bytes())?;
    }
    Ok(report.is_complete())
}

/// Sets up the stages, and collects what comes out of the last.
async fn pipeline(root: &Path, jobs: usize, stop: &Stop) -> Collected {
    let bar = progress::bar();
    let workers = Coordinator::current().metrics().num_workers();
    let (found, paths) = channel::bounded(WAITING);
    let (opened, contents) = channel::bounded(jobs);
    let (ended, outcomes) = channel::bounded(WAITING);

    let find = find::files(root, found, ended.clone(), stop.walk.clone(), bar.clone());
    let mut stages = vec![oasync::spawn(find)];
    for _ in 0..jobs {
        let (paths, opened, ended) = (paths.clone(), opened.clone(), ended.clone());
        stages.push(oasync::spawn(read::files(paths, opened, ended, stop.work.clone())));
    }
    for _ in 0..workers {
        let (contents, ended) = (contents.clone(), ended.clone());
        stages.push(oasync::spawn(hash::files(contents, ended, stop.work.clone())));
    }
    // A stage ends when the one before it has, and the last channel with all of them.
    drop((paths, opened, contents, ended));

    let collected = collect::outcomes(outcomes, &bar).await;
    for stage in stages {
        stage.await.expect("no stage panics");
    }
    collected
}
