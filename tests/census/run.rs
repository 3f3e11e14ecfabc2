//! Runs the example.

use std::path::Path;

use serde_json::Value;

use crate::example::{Ended, Example};

static CENSUS: Example = Example::new("census");

pub fn executable() -> &'static Path {
    CENSUS.executable()
}

pub fn census(args: &[&str], path: &Path) -> Ended {
    CENSUS.run(args, path)
}

pub fn json(args: &[&str], path: &Path) -> Value {
    CENSUS.json(args, path)
}
