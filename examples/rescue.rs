//! Two tasks block both workers for a second, with 1,000 tasks queued behind them. When
//! do those run? Once on oasync, once on tokio, once on smol's executor.
//!
//! And if one worker only computes: how long does the task wait that it woke last, which is
//! in its run slot, until the free worker has it?
//!
//! ```text
//! cargo run --release --example rescue
//! ```

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

const WORKERS: usize = 2;
const BEHIND: usize = 1_000;
const BLOCKED: Duration = Duration::from_secs(1);

const SLOTS: usize = 101;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;
type Spawn = Arc<dyn Fn(Task) + Send + Sync>;

fn main() -> Result<(), Box<dyn Error>> {
    println!("{BEHIND} tasks behind {WORKERS} that block their workers for {BLOCKED:?}.");
    println!("· none has run, ░ the first has, ▒ half have, █ all have; 20 ms for each sign\n");
    let (ran, rescued) = on_oasync()?;
    ran.draw("oasync");
    on_tokio()?.draw("tokio");
    on_smol().draw("smol");
    println!("\noasync took {rescued} tasks out of run slots, and lent threads for the rest.");
    let waits = in_run_slots()?;
    let [median, longest] = [waits[SLOTS / 2], waits[SLOTS - 1]].map(|wait| wait.as_micros());
    println!(
        "Behind one worker that computes: {median} us in the median of {SLOTS}, {longest} us at most."
    );
    if rescued == 0 || ran.all >= BLOCKED {
        return Err("nothing was rescued".into());
    }
    Ok(())
}

fn on_oasync() -> std::io::Result<(Ran, u64)> {
    let coord = oasync::Coordinator::builder().workers(WORKERS).build()?;
    coord.start()?;
    let handle = coord.handle();
    let ran = measure(Arc::new(move |task| handle.go(task)));
    Ok((ran, coord.metrics().rescued_count()))
}

fn on_tokio() -> std::io::Result<Ran> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).build()?;
    let handle = runtime.handle().clone();
    Ok(measure(Arc::new(move |task| drop(handle.spawn(task)))))
}

fn on_smol() -> Ran {
    let executor = Arc::new(async_executor::Executor::new());
    let (stop, stopped) = async_channel::bounded::<()>(1);
    let threads: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (executor, stopped) = (executor.clone(), stopped.clone());
            let run = move || futures_lite::future::block_on(executor.run(stopped.recv()));
            thread::spawn(move || run().is_err())
        })
        .collect();
    let ran = measure(Arc::new(move |task| executor.spawn(task).detach()));
    drop(stop);
    threads.into_iter().for_each(|thread| assert!(thread.join().unwrap()));
    ran
}

/// How long each task waited in the run slot of a worker that computes on, while the other
/// worker is free; sorted.
fn in_run_slots() -> std::io::Result<Vec<Duration>> {
    let coord = oasync::Coordinator::builder().workers(2).build()?;
    coord.start()?;
    let wait = || {
        coord.spawn(async {
            let (taken, woken) = (Arc::new(AtomicBool::new(false)), Instant::now());
            oasync::go({
                let taken = taken.clone();
                async move { taken.store(true, Ordering::SeqCst) }
            });
            while !taken.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
            woken.elapsed()
        })
    };
    let mut waits: Vec<_> = (0..SLOTS).map(|_| coord.block_on(wait()).unwrap()).collect();
    waits.sort();
    Ok(waits)
}

/// When the first, half, and all of the tasks had run.
struct Ran {
    first: Duration,
    half: Duration,
    all: Duration,
}

/// Spawns what blocks, and from there the tasks that so are behind it.
fn measure(spawn: Spawn) -> Ran {
    let start = Instant::now();
    let met = Arc::new(Barrier::new(WORKERS));
    let times = Arc::new(Mutex::new(Vec::with_capacity(BEHIND)));
    let (told, done) = mpsc::channel();
    for _ in 0..WORKERS {
        let (met, times, inner, told) = (met.clone(), times.clone(), spawn.clone(), told.clone());
        spawn(Box::pin(async move {
            met.wait(); // each is on a worker of its own
            let left = Arc::new(AtomicUsize::new(BEHIND / WORKERS));
            for _ in 0..BEHIND / WORKERS {
                let (times, left, told) = (times.clone(), left.clone(), told.clone());
                inner(Box::pin(async move {
                    times.lock().unwrap().push(start.elapsed());
                    if left.fetch_sub(1, Ordering::SeqCst) == 1 {
                        told.send(()).unwrap();
                    }
                }));
            }
            thread::sleep(BLOCKED); // what no task should do
            told.send(()).unwrap();
        }));
    }
    // Each of those that block, and the last of those behind each.
    (0..2 * WORKERS).for_each(|_| done.recv().unwrap());
    let times = times.lock().unwrap();
    Ran { first: times[0], half: times[BEHIND / 2 - 1], all: times[BEHIND - 1] }
}

impl Ran {
    /// A line of time.
    fn draw(&self, name: &str) {
        let column = |time: Duration| (time.as_millis() / 20) as usize;
        let line: String = (0..column(BLOCKED) + 6)
            .map(|at| match at {
                _ if at < column(self.first) => '·',
                _ if at < column(self.half) => '░',
                _ if at < column(self.all) => '▒',
                _ => '█',
            })
            .collect();
        let [first, half, all] = [self.first, self.half, self.all].map(|time| time.as_millis());
        println!("{name:>7} {line}  first {first} ms, half {half} ms, all {all} ms");
    }
}
