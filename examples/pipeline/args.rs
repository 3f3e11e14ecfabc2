//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use clap::builder::RangedU64ValueParser;

/// Prints the SHA-256 of each file of a folder tree, as `sha256sum` does.
///
/// Links below PATH are not followed; what is not hashed is listed. Ctrl-C stops
/// reading and lists what was left; twice, it does not look for what else there is
/// either. Ends with 0 if everything was hashed, 1 if something was left or could not be
/// read, 2 if nothing could be done at all.
#[derive(Debug, Parser)]
#[command(name = "pipeline")]
pub struct Args {
    /// The folder to hash, or one file
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// Stop after so long, with what was done until then, and list what was left
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    pub deadline: Option<Duration>,

    /// How many threads run tasks [default: one for each core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// How many files are read at a time
    #[arg(long, value_name = "N", default_value = "16", value_parser = jobs())]
    jobs: u16,

    /// Print one JSON object instead of lines
    #[arg(long)]
    pub json: bool,
}

impl Args {
    /// As the builder takes it: 0 is its default.
    pub fn workers(&self) -> usize {
        self.workers.map_or(0, NonZeroUsize::get)
    }

    pub fn jobs(&self) -> usize {
        self.jobs.into()
    }
}

fn jobs() -> RangedU64ValueParser<u16> {
    RangedU64ValueParser::new().range(1..=1024)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
