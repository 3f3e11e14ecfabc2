//! `spawn` for what waits, `spawn_blocking` for what blocks; `go` and `gob` are
//! the same for work that nobody waits for.
//!
//! Counts the lines of every source file: reading blocks, so it goes to the
//! blocking pool; counting does not, so it is a task. Note who did what: with
//! one worker, idle threads of the pool lend themselves and poll tasks too.

use std::io;
use std::path::{Path, PathBuf};

use oasync::{Coordinator, JoinHandle, WorkerKind};

fn main() -> io::Result<()> {
    let coord = Coordinator::builder().workers(1).blocking_threads(4).build()?;
    let (lines, by_pool) = coord.block_on(async {
        oasync::go(async { println!("a task, and nobody waits for it") });
        oasync::gob(|| println!("a closure on {:?}", std::thread::current().name()));

        let mut files = Vec::new();
        list(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut files)?;
        let counts: Vec<JoinHandle<io::Result<Count>>> =
            files.into_iter().map(|path| oasync::spawn(count(path))).collect();

        let (mut lines, mut by_pool) = (0, 0);
        for count in counts {
            let count = count.await??;
            lines += count.lines;
            by_pool += usize::from(count.on == WorkerKind::Blocking);
        }
        io::Result::Ok((lines, by_pool))
    })?;
    println!("{lines} lines; {by_pool} files were counted by threads of the blocking pool");

    let metrics = coord.metrics();
    println!(
        "{} blocking threads were enough, and lent themselves for {} polls",
        metrics.num_blocking_threads(),
        metrics.lend_count()
    );
    Ok(())
}

struct Count {
    lines: usize,
    on: WorkerKind,
}

async fn count(path: PathBuf) -> io::Result<Count> {
    let text = oasync::spawn_blocking(move || std::fs::read_to_string(path)).await??;
    let on = oasync::worker_info().expect("a task runs on a thread of its coordinator").kind();
    Ok(Count { lines: text.lines().count(), on })
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
