//! Promise: sockets of `async-net` work on a coordinator, one without anything else to do
//! and one that is full of work; and a task that is cancelled closes its socket.
#![cfg(all(feature = "sync", feature = "time"))]

#[allow(dead_code, reason = "`main` is run as an executable")]
#[path = "../examples/echo.rs"]
mod echo;

mod common;
#[path = "common/example.rs"]
mod example;

use std::path::Path;

use async_net::{TcpListener, TcpStream};
use futures_lite::AsyncReadExt;

use crate::common::{LONG, coordinator, started};
use crate::example::Example;

static ECHO: Example = Example::new("echo");

#[test]
fn the_example_accounts_for_every_connection() {
    let ended = ECHO.run(&[], Path::new("."));
    assert!(ended.status.success());
    assert_eq!(ended.stderr, "");
    let expected =
        "50 connections, 20 lines each; at the end: all ended\ntimers that are left: 0\n";
    assert!(ended.stdout.starts_with(expected), "{}", ended.stdout);
    assert!(ended.stdout.contains("cancelled: 0, still_running: []"), "{}", ended.stdout);
}

#[test]
fn every_connection_is_served_and_ends_with_the_server() {
    for workers in [1, 4] {
        let coord = coordinator(workers);
        let talks = oasync::timeout(LONG, echo::run(10, 20));
        let (accepted, report) = coord.block_on(talks).unwrap().unwrap();
        assert_eq!(accepted, 10);
        assert!(report.still_running.is_empty(), "{report}");
    }
}

#[test]
fn sockets_are_served_beside_tasks_that_are_always_ready() {
    let coord = started(1);
    for _ in 0..3 {
        coord.go(async {
            loop {
                oasync::yield_now().await;
            }
        });
    }
    let talks = coord.spawn(oasync::timeout(LONG, echo::run(10, 20)));
    let (accepted, _) = coord.block_on(talks).unwrap().unwrap().unwrap();
    assert_eq!(accepted, 10);
}

#[test]
fn a_cancelled_task_closes_its_socket() {
    coordinator(2).block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let reader = oasync::spawn(async move { stream.read(&mut [0]).await });
        oasync::yield_now().await;
        assert!(reader.cancel().await.unwrap_err().is_cancelled());
        let closed = oasync::timeout(LONG, client.read(&mut [0])).await.unwrap();
        assert_eq!(closed.unwrap(), 0);
    });
}
