//! Decodes UTF-8 that comes in pieces.

use std::str;

/// The bytes are not UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub struct NotUtf8;

/// Keeps the start of a character that a piece ends with for the next piece.
#[derive(Default)]
pub struct Decoder {
    start: Vec<u8>,
}

impl Decoder {
    /// Calls `text` with the characters that are complete.
    pub fn feed(&mut self, mut piece: &[u8], mut text: impl FnMut(&str)) -> Result<(), NotUtf8> {
        while !self.start.is_empty() {
            let Some((&byte, rest)) = piece.split_first() else { return Ok(()) };
            piece = rest;
            self.start.push(byte);
            if !complete(&self.start)?.is_empty() {
                text(complete(&self.start)?);
                self.start.clear();
            }
        }
        let complete = complete(piece)?;
        text(complete);
        self.start.extend_from_slice(&piece[complete.len()..]);
        Ok(())
    }

    /// The text ends here.
    pub fn end(&self) -> Result<(), NotUtf8> {
        if self.start.is_empty() { Ok(()) } else { Err(NotUtf8) }
    }
}

/// `bytes`, without the start of a character at the end.
fn complete(bytes: &[u8]) -> Result<&str, NotUtf8> {
    match str::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) if error.error_len().is_some() => Err(NotUtf8),
        Err(error) => str::from_utf8(&bytes[..error.valid_up_to()]).map_err(|_| NotUtf8),
    }
}
