//! Promise: the error of a task says what happened, to whom, and where that was spawned.

mod common;

use std::future::pending;

use futures_lite::future::block_on;
use oasync::JoinError;

use common::{coordinator, started};

/// Checks everything that an error says, but for its id.
fn check(error: &JoinError, name: Option<&str>, line: u32, end: &str) {
    let (id, at) = (error.id(), error.location());
    assert_eq!((error.name(), at.file(), at.line()), (name, file!(), line));
    let who = name.map_or(format!("task {id},"), |name| format!("task {id} `{name}`,"));
    let said = format!("{who} spawned at {at}, {end}");
    assert_eq!(error.to_string(), said);
    assert_eq!(format!("{error:?}"), format!("JoinError({said})"));
    assert_eq!(error.is_panic(), !error.is_cancelled());
    let message = end.strip_prefix("panicked: ");
    assert_eq!((error.message(), error.is_panic()), (message, end != "was cancelled"));
}

#[test]
fn of_a_handle() {
    let coord = started(1);
    let (task, line) = (coord.spawn(async { panic!("planned: literal") }), line!());
    check(&block_on(task).unwrap_err(), None, line, "panicked: planned: literal");
    let (task, line) = (coord.task().name("mail").spawn(panics_with(7)), line!());
    check(&block_on(task).unwrap_err(), Some("mail"), line, "panicked: planned: 7");
    let (task, line) = (coord.spawn(async { std::panic::panic_any(7) }), line!());
    let error = block_on::<Result<(), _>>(task).unwrap_err();
    check(&error, None, line, "panicked");
    assert_eq!(error.into_panic().downcast_ref(), Some(&7));
    let (task, line) = (coord.task().name("mail").spawn(pending::<()>()), line!());
    check(&block_on(task.cancel()).unwrap_err(), Some("mail"), line, "was cancelled");
}

async fn panics_with(n: i32) {
    panic!("planned: {n}");
}

#[test]
fn of_a_handle_that_outlives_its_coordinator() {
    let coord = coordinator(1);
    let handle = coord.handle();
    let (mut task, line) = (coord.task().name("mail").spawn(async {}), line!());
    drop(coord);
    check(&block_on(&mut task).unwrap_err(), Some("mail"), line, "was cancelled");
    check(&block_on(&mut task).unwrap_err(), Some("mail"), line, "was cancelled");
    let (refused, line) = (handle.spawn_blocking(|| ()), line!());
    check(&block_on(refused).unwrap_err(), None, line, "was cancelled");
}

#[test]
fn of_a_child_of_a_group() {
    let coord = coordinator(1);
    let group = coord.group();
    let (_, first) = (group.task().name("one").spawn(panics_with(1)), line!());
    check(
        &coord.block_on(group.join_next()).unwrap().unwrap_err(),
        Some("one"),
        first,
        "panicked: planned: 1",
    );
    let (_, second) = (group.spawn(pending()), line!());
    group.cancel_all();
    check(&coord.block_on(group.join_next()).unwrap().unwrap_err(), None, second, "was cancelled");
    let (_, third) = (group.task().name("three").spawn(pending()), line!());
    drop(coord);
    check(
        &block_on(group.join_next()).unwrap().unwrap_err(),
        Some("three"),
        third,
        "was cancelled",
    );
}

#[test]
fn of_a_scoped_task() {
    coordinator(1).scope(|s| {
        let (task, line) = (s.spawn(panics_with(1)), line!());
        check(&task.join().unwrap_err(), None, line, "panicked: planned: 1");
        let (mut task, line) = (s.spawn(pending::<()>()), line!());
        let id = task.id();
        task.cancel();
        assert_eq!(task.id(), id);
        check(&task.join().unwrap_err(), None, line, "was cancelled");
    });
}

#[test]
fn the_payload_is_the_very_one_that_was_thrown() {
    let coord = started(1);
    let text = String::from("planned: moved, not copied");
    let at = text.as_ptr() as usize;
    let task = coord.spawn(async { std::panic::panic_any(text) });
    let error = block_on::<Result<(), _>>(task).unwrap_err();
    assert_eq!(error.message(), Some("planned: moved, not copied"));
    let text = error.try_into_panic().unwrap().downcast::<String>().unwrap();
    assert_eq!(text.as_ptr() as usize, at);
}

#[test]
fn an_error_is_one_word() {
    assert_eq!(size_of::<Result<(), JoinError>>(), size_of::<usize>());
}
