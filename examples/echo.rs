//! I/O: an echo server, fifty clients, and an orderly end. The sockets are those of
//! `async-net`, which work on any executor: one thread of theirs waits for the system,
//! and wakes the task whose socket is ready.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_net::{TcpListener, TcpStream};
use futures_lite::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use oasync::sync::CancelToken;
use oasync::{Coordinator, GroupReport, TaskGroup};

const CLIENTS: usize = 50;
const LINES: usize = 20;
const QUIET: Duration = Duration::from_secs(30);
const LIMIT: Duration = Duration::from_secs(5);

/// Answers one connection until it is closed, is quiet for too long, or `stop` is cancelled.
async fn echo(mut stream: TcpStream, stop: CancelToken) -> io::Result<()> {
    let mut bytes = [0; 1024];
    loop {
        let read = oasync::timeout(QUIET, stream.read(&mut bytes));
        match stop.run_until_cancelled(read).await {
            None => return Ok(()),
            Some(read) => match read?? {
                0 => return Ok(()),
                n => stream.write_all(&bytes[..n]).await?,
            },
        }
    }
}

/// Accepts until `stop` is cancelled, then waits for the connections, but not for ever.
async fn serve(listener: TcpListener, stop: CancelToken) -> io::Result<(usize, GroupReport)> {
    let connections = TaskGroup::new(); // of `()`: those that have ended take no memory
    let mut accepted = 0;
    while let Some(next) = stop.run_until_cancelled(listener.accept()).await {
        let (stream, peer) = next?;
        let echo = echo(stream, stop.child());
        connections.spawn(async move {
            if let Err(error) = echo.await {
                eprintln!("{peer}: {error}");
            }
        });
        accepted += 1;
    }
    Ok((accepted, connections.drain_until(oasync::sleep(LIMIT)).await))
}

/// Sends lines, one after the other, and returns the open connection.
async fn client(server: SocketAddr, lines: usize) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(server).await?;
    let (mut writer, mut reader) = (stream.clone(), BufReader::new(stream.clone()));
    let mut answer = String::new();
    for n in 0..lines {
        let line = format!("line {n}\n");
        writer.write_all(line.as_bytes()).await?;
        answer.clear();
        reader.read_line(&mut answer).await?;
        assert_eq!(answer, line);
    }
    Ok(stream)
}

/// Server and clients. Half of these hang up by themselves; the others are still
/// connected when the server is told to stop.
pub async fn run(clients: usize, lines: usize) -> io::Result<(usize, GroupReport)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let stop = CancelToken::new();
    let server = oasync::task().name("server").spawn(serve(listener, stop.clone()));

    let talks = oasync::join_all((0..clients).map(|_| client(address, lines))).await;
    let mut streams = talks.into_iter().collect::<io::Result<Vec<_>>>()?;
    streams.truncate(clients / 2);
    stop.cancel();
    server.await?
}

fn main() -> io::Result<()> {
    let coord = Coordinator::builder().workers(2).build()?;
    let (accepted, report) = coord.block_on(run(CLIENTS, LINES))?;
    println!("{accepted} connections, {LINES} lines each; at the end: {report}");
    println!("timers that are left: {}", coord.metrics().num_timers());
    println!("{:?}", coord.shutdown(LIMIT));
    Ok(())
}
