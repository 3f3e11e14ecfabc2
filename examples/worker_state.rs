//! Worker state: something that each thread has for itself and tasks borrow
//! between two awaits. Here a scratch buffer, made once a thread, not once a
//! task; it is neither `Send` nor locked.

use std::cell::RefCell;

use oasync::{Coordinator, WorkerInfo};

struct Scratch {
    text: String,
    used: usize,
    owner: WorkerInfo,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let Scratch { text, used, owner } = self;
        let (kind, index) = (owner.kind(), owner.index());
        println!("{kind:?} {index}: used {used} times, {} bytes in the end", text.capacity());
    }
}

fn main() -> std::io::Result<()> {
    let coord = Coordinator::builder()
        .workers(3)
        .worker_state(|info: &WorkerInfo| {
            RefCell::new(Scratch { text: String::new(), used: 0, owner: *info })
        })
        .build()?;

    let digits: usize = coord.block_on(async {
        let tasks: Vec<_> = (0..3_000u32).map(|n| oasync::spawn(digits(n))).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await?;
        }
        Ok::<_, oasync::JoinError>(sum)
    })?;
    println!("{digits} binary digits");
    Ok(())
    // The coordinator is dropped here, and each state on the thread it was
    // made on; this thread's was when `block_on` returned.
}

/// How many binary digits `n` and its square have.
async fn digits(n: u32) -> usize {
    let first = write_into_scratch(n);
    // The task may be on another thread after this, with another scratch.
    oasync::yield_now().await;
    first + write_into_scratch(n * n)
}

fn write_into_scratch(n: u32) -> usize {
    use std::fmt::Write;
    oasync::with_worker_state(|scratch: &RefCell<Scratch>| {
        let mut scratch = scratch.borrow_mut();
        scratch.used += 1;
        scratch.text.clear();
        write!(scratch.text, "{n:b}").expect("a string takes everything");
        scratch.text.len()
    })
}
