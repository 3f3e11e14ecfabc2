//! Any thread may hand work to a coordinator, at any time: also before it is
//! started, when the work waits, and after its end, when it is refused.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use oasync::Coordinator;

static COORD: Coordinator = Coordinator::new();

fn main() -> std::io::Result<()> {
    let (tx, rx) = mpsc::channel();

    // Before the start: threads of our own queue work that nobody runs yet.
    let senders: Vec<_> = (0..4)
        .map(|number| {
            let tx = tx.clone();
            thread::spawn(move || {
                for item in 0..3 {
                    let tx = tx.clone();
                    COORD.go(async move {
                        let on = thread::current().name().map(str::to_owned);
                        let _ = tx.send((number, item, on));
                    });
                }
            })
        })
        .collect();
    for sender in senders {
        sender.join().expect("it only spawns");
    }
    println!("before the start: {} tasks wait", COORD.metrics().num_alive_tasks());

    // The start: from here on the queue is worked off, and so is what comes.
    COORD.start()?;
    let late = thread::spawn(|| COORD.spawn(async { "spawned from a thread after the start" }));
    let late = late.join().expect("it only spawns");
    println!("{}", COORD.block_on(late)?);

    drop(tx);
    for (sender, item, on) in rx {
        println!("thread {sender}, item {item}: ran on {}", on.as_deref().unwrap_or("?"));
    }

    // After the end: refused, never lost in silence.
    let report = COORD.shutdown(Duration::from_secs(5));
    println!("{} left over at the shutdown", report.finished + report.cancelled);
    let refused = COORD.spawn(async { unreachable!("the coordinator has ended") });
    println!("{}", COORD.block_on(refused).map(|never: ()| never).unwrap_err());
    Ok(())
}
