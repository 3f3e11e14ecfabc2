//! The progress bar.

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

const LOOK: &str = "{bar:40} {human_pos} of {human_len} files, {elapsed}";

/// A bar on standard error, for found and counted files, which is cleared when it
/// is dropped. There is none if standard error is not a terminal.
pub fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template(LOOK).expect("the template is valid");
    ProgressBar::new(0).with_style(style).with_finish(ProgressFinish::AndClear)
}
