//! Counts the words of a few texts, each in a task with memory of its own.

use allocator_api2::vec::Vec as ArenaVec;
use oasync::{Coordinator, arena, yield_now};

const TEXTS: [&str; 3] = [
    "the quick brown fox jumps over the lazy dog",
    "to be or not to be that is the question",
    "row row row your boat gently down the stream",
];

/// The most frequent word, and how often it occurs.
async fn favourite(text: &'static str) -> (String, usize) {
    // All that follows lives in the arena, across the `.await`, on whatever
    // threads the task runs; at the end of the task it is given back at once.
    let arena = arena();
    let mut counts: ArenaVec<(&str, usize), _> = ArenaVec::new_in(&arena);
    for word in text.split(' ') {
        let upper = arena.alloc_str(word);
        upper.make_ascii_uppercase();
        match counts.iter_mut().find(|(known, _)| *known == upper) {
            Some((_, count)) => *count += 1,
            None => counts.push((upper, 1)),
        }
        yield_now().await;
    }
    let &(word, count) = counts.iter().rev().max_by_key(|(_, count)| *count).unwrap();
    (word.to_owned(), count)
}

fn main() {
    let coord = Coordinator::new();
    coord.block_on(async {
        let tasks = TEXTS.map(|text| oasync::spawn(favourite(text)));
        for task in tasks {
            let (word, count) = task.await.unwrap();
            println!("{count} times {word}");
        }
    });
    println!("{} bytes kept for the next arenas", coord.metrics().arena_bytes());
}
