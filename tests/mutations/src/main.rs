//! Shows that the models and tests can fail.
//!
//! Copies the sources to a folder of their own, seeds one bug at a time, and runs
//! the models that have to fail. Prints a table; fails if a bug gets past one of them, if its
//! place in the sources is not found exactly once, if there is a model that no bug names, or
//! if a test fails without a bug. (Models are run without one by themselves: `cargo models`.)
//!
//! ```text
//! cargo run --release               # all of them
//! cargo run --release -- --quick    # those that are caught within seconds
//! cargo run --release -- promise    # those with "promise" in their name or file
//! ```

mod models;
mod seeded;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io};

use seeded::{Bug, Catcher};

/// A model that takes longer has hung, which is not what catches a seeded bug.
const LIMIT: Duration = Duration::from_secs(180);

enum Verdict {
    Caught,
    /// By this model.
    Missed(&'static str),
    DoesNotBuild,
    Hung(&'static str),
}

fn main() -> io::Result<ExitCode> {
    let args: Vec<String> = env::args().skip(1).collect();
    let quick = args.iter().any(|arg| arg == "--quick");
    let words: Vec<_> = args.iter().filter(|arg| !arg.starts_with("--")).collect();
    let named = |bug: &Bug, word: &str| bug.name.contains(word) || bug.file.contains(word);
    let wanted = |bug: &&Bug| {
        (!quick || bug.quick) && (words.is_empty() || words.iter().any(|word| named(bug, word)))
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let tree = root.join("target/mutations/tree");
    copy_sources(&root, &tree)?;
    let bugs = seeded::bugs();
    let misplaced = misplaced(&tree, &bugs)?;
    if !misplaced.is_empty() {
        println!("not found exactly once in the sources: {}", misplaced.join("; "));
        return Ok(ExitCode::FAILURE);
    }
    let unproven = models::unproven(&tree, &bugs)?;
    unproven.iter().for_each(|model| println!("no bug shows that it can fail: {model}"));
    let chosen: Vec<&Bug> = bugs.iter().filter(wanted).collect();
    let unsound = unsound(&tree, &chosen)?;
    unsound.iter().for_each(|by| println!("fails without a bug: {by}"));
    let (mut failures, mut seeded) = (unproven.len() + unsound.len(), 0);
    println!("| seeded bug | file | caught by | verdict | seconds |\n|---|---|---|---|---|");
    for bug in chosen {
        let start = Instant::now();
        let verdict = judge(&tree, bug)?;
        let name = match verdict {
            Verdict::Caught => "caught".into(),
            Verdict::Missed(model) => format!("**missed** by `{model}`"),
            Verdict::DoesNotBuild => "**does not build**".into(),
            Verdict::Hung(model) => format!("**hung** in `{model}`"),
        };
        seeded += 1;
        failures += usize::from(!matches!(verdict, Verdict::Caught));
        let seconds = start.elapsed().as_secs_f32();
        println!("| {} | `{}` | {} | {name} | {seconds:.1} |", bug.name, bug.file, bug.by);
    }
    println!("\n{seeded} of {} bugs seeded; {failures} failures", bugs.len());
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The bugs whose places have changed, of all, wanted or not.
fn misplaced(tree: &Path, bugs: &[Bug]) -> io::Result<Vec<&'static str>> {
    let mut names = Vec::new();
    for bug in bugs {
        if fs::read_to_string(tree.join(bug.file))?.matches(bug.sound).count() != 1 {
            names.push(bug.name);
        }
    }
    Ok(names)
}

/// The tests, other than models, that fail as it is.
fn unsound<'b>(tree: &Path, bugs: &[&'b Bug]) -> io::Result<Vec<&'b Catcher>> {
    let mut unsound = Vec::new();
    for by in bugs.iter().map(|bug| &bug.by).filter(|by| by.folder == "tests/alone") {
        let builds = by.command(tree, &["--no-run"]).status()?.success();
        let mut run = by.command(tree, &["--", "--exact"]);
        if !builds || fails(run.args(by.tests).process_group(0).spawn()?)? != Some(false) {
            unsound.push(by);
        }
    }
    Ok(unsound)
}

/// Seeds the bug, runs its catcher, and mends the file again.
fn judge(tree: &Path, bug: &Bug) -> io::Result<Verdict> {
    let file = tree.join(bug.file);
    let sound = fs::read_to_string(&file)?;
    fs::write(&file, sound.replace(bug.sound, bug.broken))?;
    let verdict = run(tree, &bug.by);
    fs::write(&file, sound)?;
    verdict
}

/// Builds first, so that a bug which does not compile is not taken for caught.
fn run(tree: &Path, by: &Catcher) -> io::Result<Verdict> {
    if !by.command(tree, &["--no-run"]).status()?.success() {
        return Ok(Verdict::DoesNotBuild);
    }
    for &model in by.tests {
        match fails(by.command(tree, &["--", "--exact", model]).process_group(0).spawn()?)? {
            Some(true) => {}
            Some(false) => return Ok(Verdict::Missed(model)),
            None => return Ok(Verdict::Hung(model)),
        }
    }
    Ok(Verdict::Caught)
}

/// Whether a process fails; `None` if it hangs, and is ended.
fn fails(mut child: Child) -> io::Result<Option<bool>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(!status.success()));
        }
        if start.elapsed() > LIMIT {
            // Cargo, and the model that it runs.
            let group = format!("-{}", child.id());
            Command::new("kill").args(["-KILL", "--", &group]).status()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Catcher {
    fn command(&self, tree: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["test", "--quiet", "--release", "--test", self.target]);
        if self.sanitized {
            // Else the flag would hold for build scripts, too.
            command.args(["--target", "x86_64-unknown-linux-gnu"]);
        }
        command.args(args);
        command.current_dir(tree.join(self.folder));
        // The cfgs of the models are in their folders' `.cargo/config.toml`.
        command.env_remove("RUSTFLAGS");
        if self.sanitized {
            command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address");
        }
        // A bug changes a few lines, and all else is still there from the last build.
        command.env("CARGO_INCREMENTAL", "1");
        // For the tests, which then do not wait for so long.
        command.env("SEEDED", "1");
        // More than in CI: a bug that is caught ends the run.
        command.env("SHUTTLE_ITERATIONS", "100000");
        // Of its own: cargo takes the artifacts of two copies of a package for the same,
        // and would run the last bug's for the sound sources.
        let all = env::var_os("CARGO_TARGET_DIR").map(|all| PathBuf::from(all).join("seeded"));
        let folder = self.folder.rsplit('/').next().unwrap_or_default();
        let target = if self.sanitized { "sanitized" } else { folder };
        command.env("CARGO_TARGET_DIR", all.unwrap_or_else(|| tree.join("..")).join(target));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

fn copy_sources(root: &Path, tree: &Path) -> io::Result<()> {
    if tree.exists() {
        fs::remove_dir_all(tree)?;
    }
    // The manifest names the examples and benchmarks.
    for name in ["Cargo.toml", "Cargo.lock", "src", "examples", "benches", "tests"] {
        copy(&root.join(name), &tree.join(name))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_file() {
        fs::create_dir_all(to.parent().unwrap_or(to))?;
        return fs::copy(from, to).map(drop);
    }
    let entries: io::Result<Vec<PathBuf>> =
        fs::read_dir(from)?.map(|entry| entry.map(|entry| entry.path())).collect();
    for path in entries?.into_iter().filter(|path| !path.ends_with("target")) {
        copy(&path, &to.join(path.file_name().unwrap_or_default()))?;
    }
    Ok(())
}
