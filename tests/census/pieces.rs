//! Texts that come in pieces: what is counted does not depend on the cuts.

use std::collections::HashMap;

use oasync::Coordinator;

#[allow(dead_code)]
#[path = "../../examples/census/count.rs"]
mod count;
#[path = "../../examples/census/utf8.rs"]
mod utf8;
#[path = "../../examples/census/words.rs"]
mod words;

const TEXT: &str =
    "Zwei Wörter, and don't; \u{fb01}x x\u{301}\n\t ΑΒΓ\u{b}αβγ 東京–東京\r\n\n  İ end";

#[test]
fn counting_does_not_depend_on_the_pieces() {
    let words = TEXT.split([' ', '\t', '\n', '\x0b', '\x0c', '\r']).filter(|w| !w.is_empty());
    let expected = count::Counts {
        lines: TEXT.matches('\n').count() as u64,
        words: words.count() as u64,
        bytes: TEXT.len() as u64,
    };
    for size in 1..=TEXT.len() {
        let mut counter = count::Counter::default();
        TEXT.as_bytes().chunks(size).for_each(|piece| counter.feed(piece));
        assert_eq!(counter.counts(), expected, "pieces of {size}");
    }
}

#[test]
fn decoding_does_not_depend_on_the_pieces() {
    let truncated = &"€".as_bytes()[..2];
    let cases: [(&[u8], bool); 7] = [
        (TEXT.as_bytes(), true),
        ("😀€ä".as_bytes(), true),
        (b"", true),
        (b"abc\xff", false),
        (b"\xed\xa0\x80", false), // half of a UTF-16 pair
        (b"\xc0\xafab", false),   // a slash in two bytes
        (truncated, false),
    ];
    for (bytes, valid) in cases {
        for size in 1..=bytes.len().max(1) {
            let mut decoder = utf8::Decoder::default();
            let mut decoded = String::new();
            let mut pieces = bytes.chunks(size);
            let result = pieces
                .try_for_each(|piece| decoder.feed(piece, |text| decoded.push_str(text)))
                .and_then(|()| decoder.end());
            assert_eq!(result.is_ok(), valid, "{bytes:?} in pieces of {size}");
            assert!(!valid || decoded.as_bytes() == bytes);
        }
    }
}

#[test]
fn words_do_not_depend_on_the_pieces() {
    let text = format!("{TEXT} {} {}", "L".repeat(64), "m".repeat(65));
    let mut expected: HashMap<String, u64> = HashMap::new();
    for run in text.split(|c: char| !c.is_alphabetic()).filter(|run| !run.is_empty()) {
        let word: String = run.chars().flat_map(char::to_lowercase).collect();
        if word.len() <= 64 {
            *expected.entry(word).or_default() += 1;
        }
    }
    assert_eq!(expected["αβγ"], 2);
    assert!(expected.contains_key(&"l".repeat(64)) && !expected.contains_key(&"m".repeat(65)));

    let coord = Coordinator::builder().workers(1).build().unwrap();
    let task = coord.spawn(async move {
        let letters: Vec<char> = text.chars().collect();
        for size in 1..=letters.len() {
            let arena = oasync::arena();
            let mut words = words::Words::new_in(&arena);
            for piece in letters.chunks(size) {
                words.feed(&piece.iter().collect::<String>());
            }
            let counts = words.end();
            assert_eq!(counts.len(), expected.len(), "pieces of {size}");
            assert!(counts.iter().all(|(&word, count)| expected.get(word) == Some(count)));
        }
    });
    coord.block_on(task).unwrap();
}
