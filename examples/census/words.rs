//! The words of one file, by frequency, in its arena.

use hashbrown::{DefaultHashBuilder, HashMap};
use oasync::Arena;

/// Longer runs of letters are data, not words: base64, hex, generated names.
const LONGEST: usize = 64;

/// Words and how often each occurs. Both the table and its keys are in the arena.
pub type Counts<'a> = HashMap<&'a str, u64, DefaultHashBuilder, &'a Arena>;

/// A word is a run of letters, of any script, in lower case.
pub struct Words<'a> {
    arena: &'a Arena,
    counts: Counts<'a>,
    /// The word that the text so far ends with, in lower case.
    word: String,
}

impl<'a> Words<'a> {
    pub fn new_in(arena: &'a Arena) -> Self {
        Words { arena, counts: HashMap::new_in(arena), word: String::with_capacity(2 * LONGEST) }
    }

    /// Takes the next piece of the text, which may end within a word.
    pub fn feed(&mut self, piece: &str) {
        for letter in piece.chars() {
            if letter.is_ascii_alphabetic() {
                self.push(letter.to_ascii_lowercase());
            } else if letter.is_alphabetic() {
                letter.to_lowercase().for_each(|letter| self.push(letter));
            } else {
                self.end_word();
            }
        }
    }

    /// The text ends here.
    pub fn end(mut self) -> Counts<'a> {
        self.end_word();
        self.counts
    }

    fn push(&mut self, letter: char) {
        if self.word.len() <= LONGEST {
            self.word.push(letter);
        }
    }

    fn end_word(&mut self) {
        if (1..=LONGEST).contains(&self.word.len()) {
            match self.counts.get_mut(self.word.as_str()) {
                Some(count) => *count += 1,
                None => {
                    self.counts.insert(self.arena.alloc_str(&self.word), 1);
                }
            }
        }
        self.word.clear();
    }
}
