//! The bugs: each is one that an executor of note once had, or the removal of a
//! step that a proof names.

use std::fmt;

/// A place in the sources, and what a bug makes of it.
pub struct Bug {
    pub name: &'static str,
    pub file: &'static str,
    /// Occurs exactly once.
    pub sound: &'static str,
    pub broken: &'static str,
    pub by: Catcher,
    /// Caught within a few seconds.
    pub quick: bool,
}

/// The models that have to fail, each of them.
pub struct Catcher {
    pub folder: &'static str,
    pub target: &'static str,
    pub tests: &'static [&'static str],
    /// Under AddressSanitizer, with LeakSanitizer.
    pub sanitized: bool,
}

impl fmt::Display for Catcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.sanitized { " (sanitized)" } else { "" };
        write!(f, "{}{how} `{}`", self.target, self.tests.join("`, `"))
    }
}

macro_rules! model {
    ($model:literal, $($test:literal),+ $(,)?) => {
        Catcher { folder: "tests/models", target: $model, tests: &[$($test),+], sanitized: false }
    };
}

macro_rules! ring {
    ($($test:literal),+ $(,)?) => {
        Catcher {
            folder: "tests/models/ring",
            target: "local_queue",
            tests: &[$($test),+],
            sanitized: false,
        }
    };
}

macro_rules! shuttle {
    ($($test:literal),+ $(,)?) => {
        Catcher { folder: "tests/shuttle", target: "runtime", tests: &[$($test),+], sanitized: false }
    };
}

/// Not a model, but a test with nothing but the crate's own dependencies.
macro_rules! test {
    ($target:literal, $($test:literal),+ $(,)?) => {
        Catcher { folder: "tests/alone", target: $target, tests: &[$($test),+], sanitized: false }
    };
}

/// The same, with a sanitizer that looks at its memory.
macro_rules! sanitized {
    ($target:literal, $($test:literal),+ $(,)?) => {
        Catcher { folder: "tests/alone", target: $target, tests: &[$($test),+], sanitized: true }
    };
}

const INJECTED: Catcher = model!("idle", "two_injected_tasks_bring_two_workers");
const OWN_QUEUE: Catcher = model!("idle", "a_push_to_the_own_queue_brings_another_worker");
const SEAT_LEFT: Catcher = model!("idle", "what_is_left_on_a_seat_brings_another_worker");
const START: Catcher = model!("idle", "what_is_pushed_beside_the_start_is_run");
const SEATS: Catcher = model!("seats", "a_seat_is_free_before_it_is_counted");
const ALL_SEATS: Catcher = model!("seats", "all_who_sit_down_get_a_seat_each");

mod idle;
mod memory;
mod parts;
mod promises;
mod rest;
mod runs;
mod timers;
mod waits;
mod whole;

pub fn bugs() -> Vec<Bug> {
    let mut bugs = idle::bugs();
    bugs.extend(memory::bugs());
    bugs.extend(promises::bugs());
    bugs.extend(parts::bugs());
    bugs.extend(rest::bugs());
    bugs.extend(runs::bugs());
    bugs.extend(timers::bugs());
    bugs.extend(waits::bugs());
    bugs.extend(whole::bugs());
    bugs
}
