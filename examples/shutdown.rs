//! The end in order: tasks get a limit to finish, the rest is cancelled, and
//! what nothing can stop is reported by name and place.

use std::sync::mpsc;
use std::time::Duration;

use oasync::Coordinator;

/// Says so when its task is cancelled.
struct Cleanup(&'static str);

impl Drop for Cleanup {
    fn drop(&mut self) {
        println!("  {} was dropped", self.0);
    }
}

fn main() -> std::io::Result<()> {
    let coord = Coordinator::builder().workers(2).build()?;
    coord.start()?;

    // Finishes within the limit.
    coord.go(async {
        for _ in 0..1_000 {
            oasync::yield_now().await;
        }
        println!("  the thousand steps are done");
    });
    // Waits for ever: it is cancelled, and its destructors run.
    coord.task().name("subscriber").go(async {
        let _cleanup = Cleanup("the subscriber's connection");
        std::future::pending::<()>().await;
    });
    // Blocks: no runtime can take a thread out of a blocking call.
    let (release, stuck) = mpsc::channel::<()>();
    let (entered_tx, entered) = mpsc::channel();
    coord.task().name("stuck reader").gob(move || {
        let _ = entered_tx.send(());
        let _ = stuck.recv();
    });
    entered.recv().expect("the closure runs");

    for task in coord.tasks() {
        println!("alive: {task}");
    }
    println!("shutdown:");
    let report = coord.shutdown(Duration::from_millis(200));
    println!("  finished {}, cancelled {}", report.finished, report.cancelled);
    for task in &report.still_running {
        println!("  still running: {task}");
    }

    let late = coord.spawn(async {});
    println!("after it: {}", coord.block_on(late).unwrap_err());

    drop(release);
    Ok(())
}
