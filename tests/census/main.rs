//! Promise: the census example counts what `find` and `wc` count, and copes with
//! whatever lies in a folder.
#![cfg(unix)]

#[path = "../common/example.rs"]
mod example;
mod pieces;
mod run;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::example::{contents, wait};
use crate::run::{census, executable, json};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn write(folder: &Path, name: impl AsRef<Path>, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

/// A folder with texts of all kinds, more than one batch of the walk, and more
/// than one block of a file.
fn all_kinds() -> TempDir {
    let dir = folder();
    let tree = dir.path();
    write(tree, "two lines.txt", "one two\nthree\n");
    write(tree, "no line feed at the end.TXT", "four five");
    write(tree, "empty", "");
    write(tree, "blank.txt", " \t\n\r\n\x0b\x0c  \n");
    write(tree, "vertical.txt", "a\x0bb\x0cc\rd e");
    write(tree, "nul.bin", b"a\0b \0 \x01\x02 \x7f\n");
    write(tree, "latin1.txt", b"gr\xf6\xdfer \xe4 \xff\n");
    write(tree, "cut.txt", "short \u{20ac}".as_bytes().split_last().unwrap().1);
    write(tree, "letters.txt", "Größe ÄRGER naïve – Straße 東京 東京\n");
    write(tree, ".hidden", "hidden\n");
    write(tree, "name\nof two lines.md", "inside\n");
    if cfg!(target_os = "linux") {
        write(tree, OsStr::from_bytes(b"not \xff UTF-8.\xfe"), "text\n");
    }
    write(tree, "large.txt", "xy größe \u{20ac}\n".repeat(60_000));
    write(tree, "one word.txt", "w".repeat(700_000));
    write(tree, "exactly one block.txt", "block   ".repeat(32 * 1024));
    write(tree, "d/".repeat(150) + "deep.txt", "deep down\n");
    for i in 0..600 {
        write(tree, format!("many/{}/{i}.c", i % 7), format!("int x{i};\n"));
    }
    dir
}

/// What `find` and `wc` say about a folder.
struct FindAndWc {
    totals: Vec<(&'static str, u64)>,
}

impl FindAndWc {
    fn of(folder: &Path) -> Self {
        // Some versions of `wc` do not see a word in what cannot be printed, so all
        // that is not blank becomes an x. The line feed keeps the last word of a
        // file from growing together with the first of the next.
        let words = "find \"$1\" -type f -exec sh -c 'for f; do cat \"$f\"; echo; done' sh {} + \
                     | tr -c '[:space:]' x | wc -w";
        let scripts = [
            ("files", "find \"$1\" -type f -print0 | tr -dc '\\0' | wc -c"),
            ("folders", "find \"$1\" -type d -print0 | tr -dc '\\0' | wc -c"),
            ("empty_files", "find \"$1\" -type f -size 0 -print0 | tr -dc '\\0' | wc -c"),
            ("bytes", "find \"$1\" -type f -exec cat {} + | wc -c"),
            ("lines", "find \"$1\" -type f -exec cat {} + | wc -l"),
            ("words", words),
        ];
        FindAndWc { totals: scripts.map(|(total, script)| (total, shell(script, folder))).into() }
    }

    fn assert_same(&self, report: &Value) {
        for (total, number) in &self.totals {
            assert_eq!(report["totals"][total], *number, "{total}");
        }
    }
}

/// The number that a script prints about a folder. In the C locale, every byte is
/// a character.
fn shell(script: &str, folder: &Path) -> u64 {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(folder).env("LC_ALL", "C");
    let output = command.output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// The last parts of the paths in a list of the report.
fn names(list: &Value) -> Vec<&str> {
    let paths = list.as_array().unwrap().iter().map(|entry| entry.get("path").unwrap_or(entry));
    paths.map(|path| path.as_str().unwrap().rsplit('/').next().unwrap()).collect()
}

fn by_name<'a>(types: &'a Value, name: &str) -> &'a Value {
    types.as_array().unwrap().iter().find(|t| t["name"] == name).unwrap()
}

#[test]
fn totals_are_those_of_find_and_wc() {
    let dir = all_kinds();
    let expected = FindAndWc::of(dir.path());
    // One thread of each kind is enough for the walk and the files.
    for (workers, blocking) in [("1", "1"), ("2", "16"), ("5", "2")] {
        let report = json(&["--workers", workers, "--blocking", blocking], dir.path());
        expected.assert_same(&report);
        assert_eq!(report["skipped"], Value::Array(vec![]));
    }
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    FindAndWc::of(&sources).assert_same(&json(&[], &sources));
}

#[test]
fn totals_are_the_sum_of_the_types() {
    let dir = all_kinds();
    let report = json(&[], dir.path());
    for number in ["files", "lines", "words", "bytes"] {
        let types = report["types"].as_array().unwrap();
        let sum: u64 = types.iter().map(|t| t[number].as_u64().unwrap()).sum();
        assert_eq!(report["totals"][number], sum, "{number}");
    }
    // Whatever the case of the extension.
    assert_eq!(by_name(&report["types"], ".txt")["files"], 11);
    assert_eq!(by_name(&report["types"], ".c")["lines"], 600);
    assert_eq!(by_name(&report["types"], "")["files"], 2);
}

#[test]
fn most_frequent_words_do_not_depend_on_the_workers() {
    let dir = folder();
    let mut expected: HashMap<String, u64> = HashMap::new();
    for file in 0..300u64 {
        let words = (0..200).map(|i| ["Ä", "b", "Cc"][(file % 3) as usize].repeat(1 + i % 13));
        let text = words.collect::<Vec<_>>().join(" ");
        for word in text.to_lowercase().split(' ') {
            *expected.entry(word.to_owned()).or_default() += 1;
        }
        write(dir.path(), format!("{file}.txt"), text);
    }
    let mut expected: Vec<(String, u64)> = expected.into_iter().collect();
    expected.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    for (workers, top) in [("1", 39), ("2", 20), ("4", 7), ("4", 0)] {
        let report = json(&["--workers", workers, "--top", &top.to_string()], dir.path());
        let words: Vec<(String, u64)> = report["top_words"]
            .as_array()
            .unwrap()
            .iter()
            .map(|w| (w["word"].as_str().unwrap().to_owned(), w["count"].as_u64().unwrap()))
            .collect();
        assert_eq!(words, expected[..top]);
        assert_eq!(report["totals"]["distinct_words"], 39);
    }
}

#[test]
fn files_that_are_not_utf8_are_counted_and_listed() {
    let dir = all_kinds();
    let report = json(&["--top", "1000000"], dir.path());
    assert_eq!(names(&report["not_utf8"]), ["cut.txt", "latin1.txt"]);
    let words = report["top_words"].as_array().unwrap();
    assert!(words.iter().any(|w| w["word"] == "größe" && w["count"] == 60_001));
    assert!(words.iter().any(|w| w["word"] == "東京" && w["count"] == 2));
    // What is not text has no words, and 700,000 letters are not one.
    assert!(!words.iter().any(|w| w["word"] == "short" || w["word"] == "gr"));
    assert!(words.iter().all(|w| w["word"].as_str().unwrap().len() <= 64));
}

#[test]
fn links_are_listed_and_not_followed() {
    let dir = folder();
    let tree = dir.path();
    write(tree, "real/file.txt", "one\n");
    symlink("loop to itself", tree.join("loop to itself")).unwrap();
    symlink("..", tree.join("real/loop to the parent")).unwrap();
    symlink("nothing", tree.join("dangling")).unwrap();
    symlink("real/file.txt", tree.join("to a file")).unwrap();
    let report = json(&[], tree);
    FindAndWc::of(tree).assert_same(&report);
    let links = ["dangling", "loop to itself", "loop to the parent", "to a file"];
    assert_eq!(names(&report["skipped"]), links);
    assert_eq!(report["skipped"][0]["reason"], "a link");
}

#[test]
fn a_link_is_followed_if_it_is_the_root() {
    let dir = folder();
    write(dir.path(), "real/file.txt", "one\n");
    symlink("real", dir.path().join("folder")).unwrap();
    symlink("real/file.txt", dir.path().join("file")).unwrap();
    for (link, folders) in [("folder", 1), ("file", 0)] {
        let report = json(&[], &dir.path().join(link));
        assert_eq!(report["totals"]["bytes"], 4);
        assert_eq!(report["totals"]["folders"], folders);
        assert_eq!(report["skipped"], Value::Array(vec![]));
    }
}

#[test]
fn pipes_and_sockets_are_listed_and_never_opened() {
    let dir = folder();
    let _listener = UnixListener::bind(dir.path().join("socket")).unwrap();
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Opened, the pipe would wait for a writer, and `census` give up on it.
    for path in [dir.path(), &pipe] {
        let report = json(&[], path);
        assert_eq!(report["totals"]["files"], 0);
        assert_eq!(report["skipped"][0]["reason"], "not a regular file");
        assert!(names(&report["skipped"]).contains(&"pipe"));
    }
}

#[test]
fn what_cannot_be_read_is_listed() {
    let dir = folder();
    write(dir.path(), "open.txt", "one two\n");
    let file = write(dir.path(), "closed.txt", "three\n");
    write(dir.path(), "closed/inside.txt", "four\n");
    let closed = dir.path().join("closed");
    fs::set_permissions(&file, Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o000)).unwrap();
    let readable = File::open(&file).is_ok();
    let report = json(&[], dir.path());
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();

    if readable {
        // The superuser reads everything.
        assert_eq!(report["totals"]["words"], 4);
    } else {
        assert_eq!(report["totals"]["words"], 2);
        assert_eq!(report["totals"]["folders"], 2);
        assert_eq!(names(&report["skipped"]), ["closed", "closed.txt"]);
        assert!(report["skipped"][1]["reason"].as_str().unwrap().contains("denied"));
    }
}

#[test]
fn names_cannot_break_the_tables() {
    let dir = folder();
    for name in ["a\nb.\x1b[2J", "c.\r\t"] {
        write(dir.path(), name, b"\xff\n");
    }
    let ended = census(&[], dir.path());
    assert!(ended.status.success());
    assert!(ended.stdout.contains(r"a\nb.\u{1b}[2J"));
    assert!(!ended.stdout.contains(['\x1b', '\r', '\t']));
}

#[test]
fn the_runtime_tells_how_it_did_it() {
    let dir = all_kinds();
    let report = json(&["--workers", "3"], dir.path());
    let (totals, runtime) = (&report["totals"], &report["runtime"]);
    let number = |name: &str| runtime[name].as_u64().unwrap();
    // A task for each file, and a merger for each worker.
    assert_eq!(number("tasks"), totals["files"].as_u64().unwrap() + 3);
    assert!(number("polls") >= number("tasks"));
    assert!(number("arena_bytes_used") > 0);
    let workers = runtime["workers"].as_array().unwrap();
    assert_eq!(workers.len(), 3);
    let sum = |name: &str| workers.iter().map(|w| w[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum("polls") + number("lent_polls"), number("polls"));
    assert_eq!(sum("steals"), number("steals"));
}

#[test]
fn the_tables_say_what_json_says() {
    let dir = all_kinds();
    let report = json(&["--top", "3"], dir.path());
    let ended = census(&["--top", "3"], dir.path());
    assert!(ended.status.success());
    assert_eq!(ended.stderr, "", "a progress bar without a terminal");

    let row = |first: &str| -> Vec<String> {
        let line = ended.stdout.lines().find(|l| l.split_whitespace().next() == Some(first));
        line.unwrap().replace(',', "").split_whitespace().skip(1).map(str::to_owned).collect()
    };
    let columns = ["files", "lines", "words", "bytes"];
    let numbers = |of: &Value| columns.map(|column| of[column].to_string());
    assert_eq!(row("total"), numbers(&report["totals"]));
    assert_eq!(row(".c"), numbers(by_name(&report["types"], ".c")));
    for word in report["top_words"].as_array().unwrap() {
        assert_eq!(row(word["word"].as_str().unwrap()), [word["count"].to_string()]);
    }
    assert!(ended.stdout.contains("cut.txt") && ended.stdout.contains("latin1.txt"));
    assert!(ended.stdout.contains("MB/s"));
}

#[test]
fn an_empty_folder_has_nothing() {
    let dir = folder();
    assert_eq!(json(&[], dir.path())["totals"]["files"], 0);
    let ended = census(&[], dir.path());
    assert!(ended.status.success());
    assert!(ended.stdout.contains("0 files"));
}

#[test]
fn wrong_arguments_are_named_in_one_sentence() {
    let dir = folder();
    let missing = dir.path().join("no such folder");
    let cases: [(&[&str], &Path, &str); 4] = [
        (&[], &missing, "no such folder\": No such file"),
        (&["--workers", "999999"], dir.path(), "workers is 999999, but at most"),
        (&["--blocking", "999999"], dir.path(), "blocking_threads is 999999, but at most"),
        (&["--workers", "0"], dir.path(), "'0' for '--workers <N>'"),
    ];
    for (args, path, sentence) in cases {
        let ended = census(args, path);
        assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.contains(sentence), "{}", ended.stderr);
    }
    assert_eq!(census(&[], &missing).stderr.lines().count(), 1);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let dir = all_kinds();
    for args in [&[][..], &["--json"], &["--help"]] {
        let (reader, writer) = UnixStream::pair().unwrap();
        drop(reader);
        let mut stderr = tempfile::tempfile().unwrap();
        let mut command = Command::new(executable());
        command.args(args).arg(dir.path()).stdout(OwnedFd::from(writer));
        let status = wait(command.stderr(stderr.try_clone().unwrap()));
        assert_eq!(contents(&mut stderr), "");
        assert!(status.success());
    }
}
