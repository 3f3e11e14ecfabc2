//! Runs an example as its users do.
#![allow(dead_code, reason = "each file of tests uses a part")]

use std::env;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

pub struct Example {
    name: &'static str,
    executable: OnceLock<PathBuf>,
}

pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Example {
    pub const fn new(name: &'static str) -> Self {
        Example { name, executable: OnceLock::new() }
    }

    /// The example's executable. `cargo test` builds it, `cargo test --test …` does
    /// not: then it is built here.
    pub fn executable(&self) -> &Path {
        self.executable.get_or_init(|| {
            let test = env::current_exe().unwrap();
            let profile_dir = test.ancestors().nth(2).unwrap();
            let executable = profile_dir.join("examples").join(self.name);
            if built(&executable) < newest_source() {
                self.build(profile_dir);
            }
            executable
        })
    }

    fn build(&self, profile_dir: &Path) {
        let profile = profile_dir.file_name().unwrap().to_str().unwrap();
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--example", self.name, "--profile"])
            .arg(if profile == "debug" { "dev" } else { profile })
            .arg("--target-dir")
            .arg(profile_dir.parent().unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Runs it, neither output being a terminal.
    pub fn run(&self, args: &[&str], path: &Path) -> Ended {
        self.run_with(args, path, |_| {})
    }

    /// The same, with something to do to it while it runs.
    pub fn run_with(&self, args: &[&str], path: &Path, meanwhile: impl FnOnce(&Child)) -> Ended {
        let [mut stdout, mut stderr] = [(); 2].map(|()| tempfile::tempfile().unwrap());
        let mut command = Command::new(self.executable());
        command.args(args).arg(path).stdin(Stdio::null());
        command.stdout(stdout.try_clone().unwrap()).stderr(stderr.try_clone().unwrap());
        let child = command.spawn().unwrap();
        meanwhile(&child);
        let status = end_of(child);
        Ended { status, stdout: contents(&mut stdout), stderr: contents(&mut stderr) }
    }

    /// What it prints with `--json`, without a word on standard error.
    pub fn json(&self, args: &[&str], path: &Path) -> Value {
        let ended = self.run(&[&["--json"], args].concat(), path);
        assert_eq!(ended.stderr, "");
        serde_json::from_str(&ended.stdout).unwrap()
    }
}

fn built(executable: &Path) -> SystemTime {
    fs::metadata(executable).and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn newest_source() -> SystemTime {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    ["src", "examples"]
        .iter()
        .flat_map(|folder| walkdir::WalkDir::new(manifest.join(folder)))
        .map(|entry| entry.unwrap().metadata().unwrap().modified().unwrap())
        .max()
        .unwrap()
}

/// Waits for the end of the command, but not for ever.
pub fn wait(command: &mut Command) -> ExitStatus {
    end_of(command.spawn().unwrap())
}

fn end_of(mut child: Child) -> ExitStatus {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("the example hangs");
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// All that was written to the file; what is not UTF-8 in it is replaced.
pub fn contents(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
