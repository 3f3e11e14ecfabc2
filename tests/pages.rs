//! Promise: no link of a page leads nowhere, in the sources and in the documentation.

use std::fs;
use std::path::{Path, PathBuf};

const OUTSIDE: [&str; 2] = ["http://", "https://"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<PathBuf> {
    let folder = fs::read_dir(root().join("docs")).unwrap();
    let pages = folder.map(|entry| entry.unwrap().path());
    pages.filter(|path| path.extension().is_some_and(|end| end == "md")).collect()
}

/// Without code, which may look like a link or a heading.
fn prose(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let mut code = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            code = !code;
        } else if !code {
            lines.push(line.split('`').step_by(2).collect::<Vec<_>>().join("`"));
        }
    }
    assert!(!code, "{}: an open block of code", page.display());
    lines
}

/// As GitHub and rustdoc make them of headings.
fn anchors(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

/// The targets of `[text](target)`.
fn inline(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0))
}

/// Label and target of `[label]: target`.
fn definition(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix('[')?.split_once("]: ")
}

/// The labels of `[text][label]`.
fn references(line: &str) -> impl Iterator<Item = &str> {
    line.split("][").skip(1).filter_map(|rest| Some(rest.split_once(']')?.0))
}

fn assert_leads_somewhere(page: &Path, target: &str) {
    if OUTSIDE.iter().any(|scheme| target.starts_with(scheme)) {
        return;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let there = if file.is_empty() { page.into() } else { page.parent().unwrap().join(file) };
    assert!(there.exists(), "{}: no file for {target}", page.display());
    let found = anchor.is_empty() || anchors(&there).iter().any(|known| known == anchor);
    assert!(found, "{}: no heading for {target}", page.display());
}

#[test]
fn every_link_of_a_page_leads_to_a_file_and_a_heading() {
    for page in pages().into_iter().chain([root().join("README.md")]) {
        for line in prose(&page) {
            inline(&line).for_each(|target| assert_leads_somewhere(&page, target));
            if let Some((_, target)) = definition(&line) {
                assert_leads_somewhere(&page, target);
            }
        }
    }
}

/// rustdoc shows each page in a folder of its own, where a relative path leads nowhere:
/// `src/docs.rs` says what is meant instead.
#[test]
fn pages_name_each_other_by_labels_that_the_documentation_knows() {
    let docs = fs::read_to_string(root().join("src/docs.rs")).unwrap();
    let known: Vec<_> =
        docs.lines().filter_map(|line| definition(line.trim_start_matches([' ', '"']))).collect();
    assert!(!known.is_empty());
    for (_, target) in &known {
        let Some((module, anchor)) =
            target.strip_prefix("crate::docs::").and_then(|t| t.split_once('#'))
        else {
            continue;
        };
        let page = root().join("docs").join(module.replace('_', "-") + ".md");
        assert_leads_somewhere(&page, &format!("#{anchor}"));
    }
    for page in pages() {
        let lines = prose(&page);
        let own: Vec<_> =
            lines.iter().filter_map(|line| definition(line)).map(|(label, _)| label).collect();
        for line in &lines {
            for target in inline(line) {
                let here = target.starts_with('#') || OUTSIDE.iter().any(|s| target.starts_with(s));
                assert!(here, "{}: use a label for {target}", page.display());
            }
            for label in references(line) {
                assert!(own.contains(&label), "{}: [{label}] is not defined", page.display());
            }
        }
        for label in own {
            let found = known.iter().any(|(known, _)| *known == label);
            assert!(found, "{}: [{label}] is not in src/docs.rs", page.display());
        }
    }
}
