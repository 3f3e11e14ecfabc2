//! Waiting for children.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::TaskInfo;
use crate::block_on::block_on_until;
use crate::group::inner::Inner;
use crate::sync_facade::Instant;
use crate::task::JoinError;

/// The next result of a group; see [`TaskGroup::join_next`](crate::TaskGroup::join_next).
///
/// ```
/// let group = oasync::TaskGroup::new();
/// group.spawn(async { 1 });
/// let next: oasync::JoinNext<'_, i32> = group.join_next();
/// assert_eq!(oasync::block_on(next).unwrap().unwrap(), 1);
/// ```
#[must_use = "futures do nothing unless they are awaited"]
pub struct JoinNext<'g, T> {
    group: &'g Inner<T>,
    ticket: Option<u64>,
}

impl<'g, T> JoinNext<'g, T> {
    pub(super) fn new(group: &'g Inner<T>) -> Self {
        JoinNext { group, ticket: None }
    }
}

impl<T> Future for JoinNext<'_, T> {
    type Output = Option<Result<T, JoinError>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let group = this.group;
        group.wait(&mut this.ticket, |s| &mut s.joiners, cx, |state, _| state.next_result())
    }
}

impl<T> Drop for JoinNext<'_, T> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        // If it was called for a result, another has to come for that.
        let (unused, next) = self.group.with(|state| match state.joiners.leave(ticket) {
            Some(waker) => (Some(waker), None),
            None if state.has_result() => (None, state.joiners.call()),
            None => (None, None),
        });
        drop(unused);
        self.group.wake(next);
    }
}

impl<T> fmt::Debug for JoinNext<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.group.debug(f.debug_struct("JoinNext"))
    }
}

/// Ready when no child is alive.
pub(super) struct Ended<'g, T> {
    group: &'g Inner<T>,
    ticket: Option<u64>,
}

impl<'g, T> Ended<'g, T> {
    pub(super) fn new(group: &'g Inner<T>) -> Self {
        Ended { group, ticket: None }
    }
}

impl<T> Future for Ended<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.group.wait(
            &mut this.ticket,
            |state| &mut state.drainers,
            cx,
            |state, _| (state.running() == 0).then_some(()),
        )
    }
}

impl<T> Drop for Ended<'_, T> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let unused = self.group.with(|state| state.drainers.leave(ticket));
            drop(unused);
        }
    }
}

/// What is left of a group; see [`TaskGroup::drain`](crate::TaskGroup::drain).
///
/// ```
/// let group = oasync::TaskGroup::<()>::new();
/// let report = group.drain(std::time::Duration::from_secs(1));
/// assert!(report.still_running.is_empty());
/// assert_eq!(report.to_string(), "all ended");
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct GroupReport {
    /// The children that are alive, by id.
    pub still_running: Vec<TaskInfo>,
}

impl fmt::Display for GroupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.still_running.is_empty() {
            return f.write_str("all ended");
        }
        write!(f, "{} left", self.still_running.len())?;
        let separators = std::iter::once(": ").chain(std::iter::repeat("; "));
        self.still_running.iter().zip(separators).try_for_each(|(task, s)| write!(f, "{s}{task}"))
    }
}

pub(super) fn drain<T>(group: &Inner<T>, limit: Duration) -> GroupReport {
    let deadline = Instant::now().checked_add(limit);
    let _ended = block_on_until(&group.shared, Ended::new(group), deadline);
    report(group)
}

pub(super) async fn drain_until<T, F: Future>(group: &Inner<T>, end: F) -> GroupReport {
    let mut ended = Ended::new(group);
    let mut end = pin!(end);
    poll_fn(|cx| match Pin::new(&mut ended).poll(cx) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => end.as_mut().poll(cx).map(drop),
    })
    .await;
    report(group)
}

fn report<T>(group: &Inner<T>) -> GroupReport {
    GroupReport { still_running: group.shared.describe(group.labels()) }
}
