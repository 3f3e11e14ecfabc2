//! Runs the example.

use std::env;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

/// The example's executable. `cargo test` builds it, `cargo test --test census`
/// does not: then it is built here.
pub fn executable() -> &'static Path {
    static EXECUTABLE: OnceLock<PathBuf> = OnceLock::new();
    EXECUTABLE.get_or_init(|| {
        let test = env::current_exe().unwrap();
        let profile_dir = test.ancestors().nth(2).unwrap();
        let executable = profile_dir.join("examples/census");
        if built(&executable) < newest_source() {
            let profile = profile_dir.file_name().unwrap().to_str().unwrap();
            let status = Command::new(env!("CARGO"))
                .args(["build", "--quiet", "--example", "census", "--profile"])
                .arg(if profile == "debug" { "dev" } else { profile })
                .arg("--target-dir")
                .arg(profile_dir.parent().unwrap())
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .status()
                .unwrap();
            assert!(status.success());
        }
        executable
    })
}

fn built(executable: &Path) -> SystemTime {
    fs::metadata(executable).and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn newest_source() -> SystemTime {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    ["src", "examples/census"]
        .iter()
        .flat_map(|folder| walkdir::WalkDir::new(manifest.join(folder)))
        .map(|entry| entry.unwrap().metadata().unwrap().modified().unwrap())
        .max()
        .unwrap()
}

pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the example, neither output being a terminal.
pub fn census(args: &[&str], path: &Path) -> Ended {
    let (mut stdout, mut stderr) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let mut command = Command::new(executable());
    command.args(args).arg(path).stdin(Stdio::null());
    command.stdout(stdout.try_clone().unwrap()).stderr(stderr.try_clone().unwrap());
    let status = wait(&mut command);
    Ended { status, stdout: contents(&mut stdout), stderr: contents(&mut stderr) }
}

/// Waits for the end of the command, but not for ever.
pub fn wait(command: &mut Command) -> ExitStatus {
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("{command:?} hangs");
        }
        thread::sleep(Duration::from_millis(2));
    }
}

pub fn contents(file: &mut File) -> String {
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

pub fn json(args: &[&str], path: &Path) -> Value {
    let ended = census(&[&["--json"], args].concat(), path);
    assert_eq!(ended.stderr, "");
    assert!(ended.status.success());
    serde_json::from_str(&ended.stdout).unwrap()
}
