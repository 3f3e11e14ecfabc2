//! Counts lines, words and bytes as `wc` does.

use std::ops::AddAssign;

use serde::Serialize;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Line feeds.
    pub lines: u64,
    /// Runs of bytes that are not blank.
    pub words: u64,
    pub bytes: u64,
}

/// Some files and what they have.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Tally {
    pub files: u64,
    #[serde(flatten)]
    pub counts: Counts,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.files += other.files;
        self.counts.lines += other.counts.lines;
        self.counts.words += other.counts.words;
        self.counts.bytes += other.counts.bytes;
    }
}

/// Counts a text that comes in pieces, cut anywhere.
#[derive(Default)]
pub struct Counter {
    counts: Counts,
    in_word: bool,
}

impl Counter {
    pub fn feed(&mut self, piece: &[u8]) {
        self.counts.bytes += piece.len() as u64;
        for &byte in piece {
            let in_word = !is_blank(byte);
            self.counts.words += u64::from(in_word && !self.in_word);
            self.counts.lines += u64::from(byte == b'\n');
            self.in_word = in_word;
        }
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }
}

/// What the C locale calls a blank: a space, and tab, line feed, vertical tab, form
/// feed, carriage return.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}
