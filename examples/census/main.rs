//! A census of a folder tree: how many lines, words and bytes, of which types of
//! files, and which words are the most frequent.
//!
//! ```text
//! cargo run --release --example census -- [PATH]
//! ```
//!
//! The way of a file through the program, one module a step:
//!
//! - `walk` finds it, in the blocking pool, some hundred entries at a time;
//! - `take` spawns a task for it, and never has more than a hundred or so alive;
//! - `file` is that task: it counts, block by block, in its arena;
//! - `read` reads the blocks in the blocking pool;
//! - `count`, `utf8` and `words` do the counting;
//! - `merge` adds up the words of all files, in several tasks at once;
//! - `report` and `print` say what came out.

mod args;
mod count;
mod file;
mod merge;
mod print;
mod progress;
mod read;
mod report;
mod take;
mod utf8;
mod walk;
mod words;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use oasync::Coordinator;

use crate::args::Args;
use crate::report::Report;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output, `head` for one, has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "census: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> io::Result<()> {
    let coord = Coordinator::builder()
        .workers(args.workers())
        .blocking_threads(args.blocking())
        .thread_name("census")
        .build()?;

    let start = Instant::now();
    let census = coord.block_on(take::census(&args.path, args.top))?;
    let report = Report::new(&args.path, census, start.elapsed(), &coord.metrics());

    let text = if args.json { report.to_json()? } else { print::tables(&report) };
    io::stdout().lock().write_all(text.as_bytes())
}
