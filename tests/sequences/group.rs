//! The group: calls on it, and what they may give.

use std::sync::Arc;
use std::time::Duration;

use oasync::{Handle, JoinError, TaskGroup, TaskId};

use crate::bodies::World;
use crate::interpreter::{check, wait};
use crate::model::{Entry, VALUE};
use crate::ops::GroupOp;

/// A group, and what is known of its children.
pub struct Group {
    group: TaskGroup<usize>,
    children: Vec<Child>,
}

struct Child {
    id: TaskId,
    /// `None` once it was joined.
    entry: Option<Arc<Entry>>,
    /// It has no result any more, unless it came first.
    detached: bool,
}

impl Group {
    pub fn new(handle: &Handle) -> Self {
        Group { group: handle.group(), children: Vec::new() }
    }

    /// Makes a call that needs no more than the group.
    pub fn call(&mut self, op: GroupOp, world: &World, runs: bool, ended: bool) {
        let open = world.gate.is_open();
        let all_end = self.awaited().all(|entry| ended || runs && entry.ends(open));
        match op {
            GroupOp::Cancel => {
                self.may_be_cancelled();
                self.group.cancel_all();
            }
            GroupOp::Detach => {
                self.group.detach_all();
                self.children.iter_mut().for_each(|child| child.detached = true);
                assert_eq!(self.group.num_running(), 0);
            }
            GroupOp::Drain(limit) => {
                let report = self.group.drain(Duration::from_micros(100 * u64::from(limit)));
                assert!(!report.still_running.is_empty() || self.group.num_running() == 0);
            }
            GroupOp::JoinAll if all_end => self.join_all(),
            GroupOp::JoinNext if all_end => {
                let result = wait(self.group.join_next());
                assert!(result.is_some() || self.awaited().next().is_none());
                result.into_iter().for_each(|result| self.joined(result));
            }
            _ => {
                let result = self.group.try_join_next();
                result.into_iter().for_each(|result| self.joined(result));
            }
        }
    }

    /// Those that have a result, some time.
    fn awaited(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.children.iter().filter(|child| !child.detached).flat_map(|child| &child.entry)
    }

    pub fn spawn(&mut self, entry: Arc<Entry>, world: &World) {
        let number = self.children.len();
        let id = if entry.body.is_closure() {
            let closure = world.closure(&entry);
            self.group.spawn_blocking(move || {
                closure();
                number
            })
        } else {
            let future = world.future(&entry);
            self.group.spawn(async move {
                future.await;
                number
            })
        };
        self.children.push(Child { id, entry: Some(entry), detached: false });
    }

    /// The group cancels its children.
    pub fn may_be_cancelled(&self) {
        self.awaited().for_each(|entry| entry.cancel());
    }

    /// Every child that is left has one result.
    pub fn join_all(&mut self) {
        let results = wait(self.group.join_all());
        results.into_iter().for_each(|result| self.joined(result));
        assert!(self.awaited().next().is_none() && self.group.is_empty());
    }

    fn joined(&mut self, result: Result<usize, JoinError>) {
        let child = match &result {
            Ok(number) => self.children.get_mut(*number),
            Err(error) => self.children.iter_mut().find(|child| child.id == error.id()),
        };
        let entry = child.and_then(|child| child.entry.take()).expect("joined once");
        check(&entry, &result.map(|_| VALUE));
    }
}
