//! What the pipeline says, as text.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use indicatif::{DecimalBytes, HumanCount};

use crate::report::Report;

/// How many entries of a list are shown.
const SHOWN: usize = 12;

/// Lines as those of `sha256sum`, which `sha256sum -c` takes.
pub fn hashes(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    for hash in &report.hashes {
        let name = hash.path.as_os_str().as_encoded_bytes();
        let escaped = escape(name);
        let mark = if escaped.len() > name.len() { "\\" } else { "" };
        write!(out, "{mark}{}  ", hash.sha256)?;
        out.write_all(&escaped)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// `sha256sum` marks a line in which it escaped the name.
fn escape(name: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(name.len());
    for &byte in name {
        match byte {
            b'\n' => escaped.extend(b"\\n"),
            b'\r' => escaped.extend(b"\\r"),
            b'\\' => escaped.extend(b"\\\\"),
            _ => escaped.push(byte),
        }
    }
    escaped
}

/// The totals, and what was not hashed.
pub fn summary(report: &Report) -> String {
    let totals = &report.totals;
    let mut out = format!(
        "{} files in {} folders, {} in {:.2?}: {:.1} MB/s\n",
        HumanCount(totals.files as u64),
        HumanCount(totals.folders),
        DecimalBytes(totals.bytes),
        Duration::from_secs_f64(totals.seconds),
        totals.mb_per_second,
    );
    list(&mut out, "left when it was stopped", report.left.iter().map(|path| printable(path)));
    if report.cut_short {
        out += "\nThe walk was stopped too: there may be more.\n";
    }
    for (title, skipped) in
        [("unreadable", &report.unreadable), ("not regular files", &report.skipped)]
    {
        let lines = skipped.iter().map(|s| format!("{}: {}", printable(&s.path), s.reason));
        list(&mut out, title, lines);
    }
    out
}

fn list(out: &mut String, title: &str, lines: impl ExactSizeIterator<Item = String>) {
    let count = lines.len();
    if count == 0 {
        return;
    }
    let _ = writeln!(out, "\n{} {title}:", HumanCount(count as u64));
    lines.take(SHOWN).for_each(|line| *out += &format!("  {line}\n"));
    if count > SHOWN {
        let _ = writeln!(out, "  and {} others", HumanCount((count - SHOWN) as u64));
    }
}

/// A name without what would move the cursor or start a new line.
fn printable(name: &str) -> String {
    name.escape_debug().to_string()
}
