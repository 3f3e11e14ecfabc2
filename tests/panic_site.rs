//! Promise: a panic about a wrong call points to the call. (Alone: the panic hook is the
//! process's.)

use std::panic::{catch_unwind, set_hook, take_hook};
use std::sync::{Arc, Mutex};

use oasync::Coordinator;

#[test]
fn a_panic_of_with_worker_state_points_to_the_call() {
    let sites = Arc::new(Mutex::new(Vec::new()));
    let seen = sites.clone();
    set_hook(Box::new(move |info| {
        let at = info.location().unwrap();
        seen.lock().unwrap().push((at.file().to_owned(), at.line()));
    }));
    let mut lines = Vec::new();
    let mut wrong = |coord: Option<&Coordinator>| {
        lines.push((file!().to_owned(), line!() + 1));
        let call = || oasync::with_worker_state(|_: &u8| ());
        let panic = match coord {
            Some(coord) => catch_unwind(|| coord.block_on(async { call() })),
            None => catch_unwind(call),
        };
        assert!(panic.is_err());
    };
    wrong(None);
    wrong(Some(&Coordinator::new()));
    wrong(Some(&Coordinator::builder().worker_state(|_| 1_u16).build().unwrap()));
    drop(take_hook());
    assert_eq!(*sites.lock().unwrap(), lines);
}
