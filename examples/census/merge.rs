//! Adds up the words of all files, in several tasks at once: the hash of a word
//! says which merger it belongs to, so that no two of them share a word, and
//! none needs a lock.

use std::hash::BuildHasher;
use std::sync::Arc;

use async_channel::{Receiver, Sender};
use hashbrown::DefaultHashBuilder;
use oasync::JoinHandle;

use crate::words::Counts;

/// How many batches wait for a merger before those who send must wait.
const WAITING: usize = 64;

/// The way to the mergers. They end when the last clone is gone.
#[derive(Clone)]
pub struct Mergers {
    senders: Arc<[Sender<Batch>]>,
    /// The same in all clones, so that all files agree on the merger of a word.
    hasher: DefaultHashBuilder,
}

/// Words and how often each occurs. An arena stays in its task, so this is a copy,
/// in two allocations however many words there are.
#[derive(Default)]
struct Batch {
    text: String,
    /// Where the word ends in `text`, and its count.
    words: Vec<(usize, u64)>,
}

/// What all mergers have found.
#[derive(Default)]
pub struct Merged {
    pub top: Vec<(String, u64)>,
    pub distinct: usize,
    pub arena_bytes: usize,
}

impl Mergers {
    /// Spawns `n` mergers, which keep the `top` most frequent words each.
    pub fn spawn(n: usize, top: usize) -> (Mergers, Vec<JoinHandle<Merged>>) {
        let (senders, tasks): (Vec<_>, Vec<_>) = (0..n)
            .map(|_| {
                let (sender, batches) = async_channel::bounded(WAITING);
                (sender, oasync::spawn(merge(batches, top)))
            })
            .unzip();
        (Mergers { senders: senders.into(), hasher: DefaultHashBuilder::default() }, tasks)
    }

    /// Sends each word to its merger.
    pub async fn add(&self, words: Counts<'_>) {
        let mut batches: Vec<Batch> = Vec::new();
        batches.resize_with(self.senders.len(), Batch::default);
        for (word, count) in words {
            let hash = self.hasher.hash_one(word);
            batches[(hash % self.senders.len() as u64) as usize].push(word, count);
        }
        for (sender, batch) in self.senders.iter().zip(batches) {
            if !batch.words.is_empty() {
                sender.send(batch).await.expect("mergers outlive those who send");
            }
        }
    }
}

/// The result of all of `tasks`: no word is in two of them.
pub async fn join(tasks: Vec<JoinHandle<Merged>>, top: usize) -> Merged {
    let mut all = Merged::default();
    for task in tasks {
        let merged = task.await.expect("merging does not panic");
        all.top.extend(merged.top);
        all.distinct += merged.distinct;
        all.arena_bytes += merged.arena_bytes;
    }
    keep_top(&mut all.top, top);
    all
}

async fn merge(batches: Receiver<Batch>, top: usize) -> Merged {
    let arena = oasync::arena();
    let mut counts = Counts::new_in(&arena);
    while let Ok(batch) = batches.recv().await {
        for (word, count) in batch.iter() {
            match counts.get_mut(word) {
                Some(sum) => *sum += count,
                None => {
                    counts.insert(arena.alloc_str(word), count);
                }
            }
        }
    }
    let distinct = counts.len();
    let mut words: Vec<(&str, u64)> = counts.into_iter().collect();
    keep_top(&mut words, top);
    let top = words.into_iter().map(|(word, count)| (word.to_owned(), count)).collect();
    Merged { top, distinct, arena_bytes: arena.allocated_bytes() }
}

/// Keeps the `top` most frequent words, in an order that does not depend on which
/// merger came first.
fn keep_top<W: Ord>(words: &mut Vec<(W, u64)>, top: usize) {
    words.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    words.truncate(top);
}

impl Batch {
    fn push(&mut self, word: &str, count: u64) {
        self.text.push_str(word);
        self.words.push((self.text.len(), count));
    }

    fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        let mut start = 0;
        self.words.iter().map(move |&(end, count)| {
            let word = &self.text[start..end];
            start = end;
            (word, count)
        })
    }
}
