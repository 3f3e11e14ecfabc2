//! Promise: the pipeline example prints the hashes that `sha256sum` prints, and accounts
//! for every file, also if it is stopped on the way.
#![cfg(all(unix, feature = "sync", feature = "time"))]

#[path = "../common/example.rs"]
mod example;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::example::{Example, contents, wait};

static PIPELINE: Example = Example::new("pipeline");

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn write(folder: &Path, name: impl AsRef<Path>, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

/// Files of all sizes around a block, and more of them than wait between two stages.
fn all_kinds() -> TempDir {
    const BLOCK: usize = 256 * 1024;
    let dir = folder();
    let tree = dir.path();
    for size in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 3] {
        let bytes: Vec<u8> = (0..size).map(|i| ((i * i) >> 3) as u8).collect();
        write(tree, format!("{size} bytes"), bytes);
    }
    write(tree, ".hidden", "hidden");
    write(tree, "of two\nlines", "two");
    write(tree, "re\rturn", "return");
    write(tree, "back\\slash", "slash");
    if cfg!(target_os = "linux") {
        write(tree, OsStr::from_bytes(b"not \xff UTF-8"), "text");
    }
    write(tree, "d/".repeat(100) + "deep", "deep");
    for i in 0..600 {
        write(tree, format!("many/{}/{i}", i % 7), format!("{i}"));
    }
    dir
}

/// The lines of `sha256sum` for all files of a folder, sorted.
fn sha256sum(folder: &Path) -> Vec<String> {
    let mut find = Command::new("find");
    let output = find.arg(folder).args(["-type", "f", "-exec", "sha256sum", "{}", "+"]).output();
    lines(&String::from_utf8_lossy(&output.unwrap().stdout))
}

fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

/// The paths in a list of the report.
fn paths(list: &Value) -> BTreeSet<&str> {
    let list = list.as_array().unwrap();
    let paths: BTreeSet<&str> =
        list.iter().map(|entry| entry.get("path").unwrap_or(entry).as_str().unwrap()).collect();
    assert_eq!(paths.len(), list.len(), "none twice");
    paths
}

/// Fails unless each of `files` is in exactly one list.
fn assert_accounted_for(report: &Value, files: usize) {
    let (hashed, left) = (paths(&report["hashes"]), paths(&report["left"]));
    assert!(hashed.is_disjoint(&left));
    assert_eq!(hashed.len() + left.len(), files);
    assert_eq!(report["totals"]["files"], hashed.len());
    assert_eq!(report["totals"]["left"], left.len());
}

#[test]
fn its_hashes_are_those_of_sha256sum() {
    let dir = all_kinds();
    let expected = sha256sum(dir.path());
    assert!(expected.len() > 600);
    for args in [&[][..], &["--jobs", "1", "--workers", "1"], &["--jobs", "40", "--workers", "3"]] {
        let ended = PIPELINE.run(args, dir.path());
        assert!(ended.status.success());
        assert_eq!(lines(&ended.stdout), expected);
        assert!(ended.stderr.contains("MB/s"));
    }
}

#[test]
fn sha256sum_checks_its_output() {
    let dir = all_kinds();
    let sums = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new(PIPELINE.executable());
    command.arg(dir.path()).stdout(sums.reopen().unwrap()).stderr(Stdio::null());
    assert!(wait(&mut command).success());
    let mut check = Command::new("sha256sum");
    let checked = check.args(["-c", "--strict", "--quiet"]).arg(sums.path()).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn json_says_what_the_lines_say() {
    let dir = all_kinds();
    let report = PIPELINE.json(&[], dir.path());
    let expected = sha256sum(dir.path());
    assert_accounted_for(&report, expected.len());
    let hashes = report["hashes"].as_array().unwrap();
    let sums: BTreeSet<&str> = hashes.iter().map(|h| h["sha256"].as_str().unwrap()).collect();
    // A line begins with the hash, or with a mark if the name is escaped.
    assert!(expected.iter().all(|l| sums.contains(&l.trim_start_matches('\\')[..64])));
    let bytes: u64 = hashes.iter().map(|hash| hash["bytes"].as_u64().unwrap()).sum();
    assert_eq!(report["totals"]["bytes"], bytes);
    assert_eq!(report["left"], Value::Array(vec![]));
    assert_eq!(report["cut_short"], false);
}

#[test]
fn a_deadline_of_zero_lists_all_as_left() {
    let dir = all_kinds();
    let files = sha256sum(dir.path()).len();
    let report = PIPELINE.json(&["--deadline", "0"], dir.path());
    assert_accounted_for(&report, files);
    assert_eq!(report["totals"]["left"], files);
    assert_eq!(report["cut_short"], false, "all were found");

    let ended = PIPELINE.run(&["--deadline", "0"], dir.path());
    assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains(&format!("{files} left when it was stopped:")));
    assert!(ended.stderr.contains(&format!("and {} others", files - 12)));
}

/// A folder with small files, and one that takes minutes.
fn endless() -> (TempDir, PathBuf) {
    let dir = folder();
    for i in 0..300 {
        write(dir.path(), format!("{i}"), format!("{i}"));
    }
    let endless = dir.path().join("endless");
    File::create(&endless).unwrap().set_len(1 << 40).unwrap(); // holes, not data
    (dir, endless)
}

#[test]
fn a_deadline_on_the_way_leaves_every_file_accounted_for() {
    let (dir, endless) = endless();
    let report = PIPELINE.json(&["--deadline", "0.3"], dir.path());
    assert_accounted_for(&report, 301);
    assert!(paths(&report["left"]).contains(endless.to_str().unwrap()));
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_stops_it_in_order() {
    let (dir, endless) = endless();
    let interrupt = |child: &Child| {
        // Once it reads the file, it listens to signals.
        let open = format!("/proc/{}/fd", child.id());
        let reads = || {
            let entries = fs::read_dir(&open).into_iter().flatten().flatten();
            entries.filter_map(|fd| fs::read_link(fd.path()).ok()).any(|file| file == endless)
        };
        let begun = std::time::Instant::now();
        while !reads() {
            assert!(begun.elapsed().as_secs() < 60, "it never reads");
            std::thread::yield_now();
        }
        let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    };
    let ended = PIPELINE.run_with(&["--json"], dir.path(), interrupt);
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    let report = serde_json::from_str(&ended.stdout).unwrap();
    assert_accounted_for(&report, 301);
    assert!(paths(&report["left"]).contains(endless.to_str().unwrap()));
    assert_eq!(report["cut_short"], false);
}

#[test]
fn what_cannot_be_read_is_listed_and_tells_in_the_status() {
    let dir = folder();
    write(dir.path(), "open", "open");
    let closed = write(dir.path(), "closed", "closed");
    fs::set_permissions(&closed, Permissions::from_mode(0o000)).unwrap();
    let readable = File::open(&closed).is_ok();
    let ended = PIPELINE.run(&[], dir.path());
    if readable {
        // The superuser reads everything.
        assert!(ended.status.success());
    } else {
        assert_eq!(ended.status.code(), Some(1));
        assert_eq!(ended.stdout.lines().count(), 1);
        assert!(ended.stderr.contains("1 unreadable:"));
        assert!(ended.stderr.contains("closed: Permission denied"));
    }
}

/// Nobody can read at address 0, not even the superuser.
#[cfg(target_os = "linux")]
#[test]
fn an_error_in_the_middle_of_reading_is_listed() {
    let ended = PIPELINE.run(&[], Path::new("/proc/self/mem"));
    assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("1 unreadable:\n  /proc/self/mem: Input/output error"));
}

#[test]
fn what_is_no_file_is_listed_and_never_opened() {
    let dir = folder();
    write(dir.path(), "file", "file");
    symlink("file", dir.path().join("link")).unwrap();
    symlink("..", dir.path().join("loop")).unwrap();
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let report = PIPELINE.json(&[], dir.path());
    assert_accounted_for(&report, 1);
    let names = ["link", "loop", "pipe"].map(|name| dir.path().join(name));
    let names: BTreeSet<&str> = names.iter().map(|name| name.to_str().unwrap()).collect();
    assert_eq!(paths(&report["skipped"]), names);
    assert!(PIPELINE.run(&[], dir.path()).status.success());
}

#[test]
fn wrong_arguments_are_named_in_one_sentence() {
    let dir = folder();
    let missing = dir.path().join("no such folder");
    let cases: [(&[&str], &Path, &str); 6] = [
        (&[], &missing, "no such folder\": No such file"),
        (&["--workers", "999999"], dir.path(), "workers is 999999, but at most"),
        (&["--jobs", "2000"], dir.path(), "2000 is not in 1..=1024"),
        (&["--jobs", "0"], dir.path(), "0 is not in 1..=1024"),
        (&["--deadline", "soon"], dir.path(), "'--deadline <SECONDS>': not a number"),
        (&["--deadline", "-1"], dir.path(), "negative"),
    ];
    for (args, path, sentence) in cases {
        let ended = PIPELINE.run(args, path);
        assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.contains(sentence), "{}", ended.stderr);
    }
    assert_eq!(PIPELINE.run(&[], &missing).stderr.lines().count(), 1);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let dir = all_kinds();
    for args in [&[][..], &["--json"], &["--help"]] {
        let (reader, writer) = UnixStream::pair().unwrap();
        drop(reader);
        let mut stderr = tempfile::tempfile().unwrap();
        let mut command = Command::new(PIPELINE.executable());
        command.args(args).arg(dir.path()).stdout(OwnedFd::from(writer));
        let status = wait(command.stderr(stderr.try_clone().unwrap()));
        assert_eq!(contents(&mut stderr), "");
        assert!(status.success());
    }
}
