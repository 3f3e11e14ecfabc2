//! The command line.

use std::path::PathBuf;
use std::thread::available_parallelism;

pub(crate) const HELP: &str = "\
Usage: cargo bench --bench rivals -- [OPTION]... [NAME]...

NAME picks the workloads whose name contains it; none picks all.

  --quick        5 rounds, under a minute
  --rounds N     how often each peer runs each workload (default 25)
  --threads N    threads of each runtime (default: as many as the machine has)
  --json FILE    saves every number
  --plot FILE    draws an SVG
  --list         lists the workloads
  --help         this page";

const ROUNDS: usize = 25;
const QUICK_ROUNDS: usize = 5;

pub(crate) struct Args {
    pub(crate) rounds: usize,
    pub(crate) threads: usize,
    pub(crate) json: Option<PathBuf>,
    pub(crate) plot: Option<PathBuf>,
    pub(crate) list: bool,
    /// A workload and a peer, of which one run is to be printed.
    pub(crate) child: Option<(String, String)>,
    names: Vec<String>,
}

pub(crate) enum Parsed {
    Run(Args),
    Help,
    Bad(String),
}

impl Args {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Parsed {
        match Self::try_parse(words) {
            Ok(Some(args)) => Parsed::Run(args),
            Ok(None) => Parsed::Help,
            Err(why) => Parsed::Bad(why),
        }
    }

    /// `None` if the help is asked for.
    fn try_parse(mut words: impl Iterator<Item = String>) -> Result<Option<Args>, String> {
        let threads = available_parallelism().map_or(1, usize::from);
        let mut args = Args {
            rounds: ROUNDS,
            threads,
            json: None,
            plot: None,
            list: false,
            child: None,
            names: Vec::new(),
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--bench" => {} // cargo passes it
                "--help" => return Ok(None),
                "--list" => args.list = true,
                "--quick" => args.rounds = QUICK_ROUNDS,
                "--rounds" => args.rounds = positive(&value()?)?,
                "--threads" => args.threads = positive(&value()?)?,
                "--child" => args.child = Some((value()?, value()?)),
                "--json" => args.json = Some(value()?.into()),
                "--plot" => args.plot = Some(value()?.into()),
                _ if word.starts_with('-') => return Err(format!("{word} is not an option")),
                _ => args.names.push(word),
            }
        }
        Ok(Some(args))
    }

    pub(crate) fn wants(&self, workload: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| workload.contains(name))
    }
}

fn positive(word: &str) -> Result<usize, String> {
    match word.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{word} is not a positive number")),
    }
}
