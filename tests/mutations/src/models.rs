//! Which models there are, read from the sources.

use std::path::Path;
use std::{fs, io};

use crate::seeded::Bug;

/// The models that no bug names, and so are not shown to be able to fail.
pub fn unproven(tree: &Path, bugs: &[Bug]) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for folder in ["tests/models", "tests/models/ring", "tests/shuttle"] {
        for entry in fs::read_dir(tree.join(folder))? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let file = path.file_stem().unwrap_or_default().to_string_lossy();
            let source = fs::read_to_string(&path)?;
            let missing = functions(&source).filter(|test| !is_named(bugs, folder, &file, test));
            names.extend(missing.map(|test| format!("{folder}/{file}.rs: {test}")));
        }
    }
    names.sort();
    Ok(names)
}

/// The names of the test functions.
fn functions(source: &str) -> impl Iterator<Item = &str> {
    let after = source.split("#[test]\n").skip(1);
    after.filter_map(|rest| rest.split_once("fn ")?.1.split_once('(')).map(|(name, _)| name)
}

/// Each file of `tests/shuttle` is a module of one target, each of the others a target.
fn is_named(bugs: &[Bug], folder: &str, file: &str, test: &str) -> bool {
    bugs.iter().filter(|bug| bug.by.folder == folder).any(|bug| {
        bug.by.tests.iter().any(|named| match named.split_once("::") {
            Some((module, named)) => module == file && named == test,
            None => bug.by.target == file && *named == test,
        })
    })
}
