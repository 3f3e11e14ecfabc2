//! Why a task gave no result.

use std::any::Any;
use std::error::Error;
use std::fmt;

use crate::sync_facade::{Mutex, lock};
use crate::task::TaskId;

/// Why a task gave no result: it panicked, or it was cancelled.
///
/// ```
/// let coord = oasync::Coordinator::new();
/// let error = coord.block_on(async {
///     oasync::spawn(async { panic!("out of tea") }).await.unwrap_err()
/// });
/// assert!(error.is_panic());
/// assert!(error.to_string().ends_with("panicked: out of tea"));
/// ```
pub struct JoinError {
    id: TaskId,
    cause: Cause,
}

enum Cause {
    Cancelled,
    /// Under a lock only to be `Sync`, which a payload need not be.
    Panic(Mutex<Box<dyn Any + Send>>),
}

impl JoinError {
    pub(crate) fn cancelled(id: TaskId) -> Self {
        JoinError { id, cause: Cause::Cancelled }
    }

    pub(crate) fn panicked(id: TaskId, payload: Box<dyn Any + Send>) -> Self {
        JoinError { id, cause: Cause::Panic(Mutex::new(payload)) }
    }

    /// Whether the task was cancelled: by its handle, or because its
    /// coordinator was shut down.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let task = coord.spawn(async {});
    /// drop(coord);
    /// assert!(oasync::block_on(task).unwrap_err().is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        matches!(self.cause, Cause::Cancelled)
    }

    /// Whether the task panicked.
    ///
    /// ```
    /// let task = oasync::spawn(async { panic!("out of tea") });
    /// assert!(oasync::block_on(task).unwrap_err().is_panic());
    /// ```
    pub fn is_panic(&self) -> bool {
        matches!(self.cause, Cause::Panic(_))
    }

    /// The payload of the panic, for
    /// [`resume_unwind`](std::panic::resume_unwind).
    ///
    /// # Panics
    ///
    /// If the task was cancelled; see [`try_into_panic`](Self::try_into_panic).
    ///
    /// ```
    /// let task = oasync::spawn(async { panic!("out of tea") });
    /// let payload = oasync::block_on(task).unwrap_err().into_panic();
    /// assert_eq!(payload.downcast_ref(), Some(&"out of tea"));
    /// ```
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(error) => panic!("into_panic on an error that is not a panic: {error}"),
        }
    }

    /// The payload of the panic, or this error again if it is none.
    ///
    /// # Errors
    ///
    /// The error itself, if the task was cancelled.
    ///
    /// ```
    /// let task = oasync::spawn(std::future::pending::<()>());
    /// let error = oasync::block_on(task.cancel()).unwrap_err();
    /// assert!(error.try_into_panic().unwrap_err().is_cancelled());
    /// ```
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, JoinError> {
        let JoinError { id, cause } = self;
        match cause {
            Cause::Panic(payload) => Ok(payload.into_inner().unwrap_or_else(|e| e.into_inner())),
            cause => Err(JoinError { id, cause }),
        }
    }

    /// The task's id.
    ///
    /// ```
    /// let task = oasync::spawn(async { panic!("out of tea") });
    /// let id = task.id();
    /// assert_eq!(oasync::block_on(task).unwrap_err().id(), id);
    /// ```
    pub fn id(&self) -> TaskId {
        self.id
    }
}

/// The text of a panic, if it has one.
pub(crate) fn message(payload: &(dyn Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&'static str>().copied())
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Cancelled => write!(f, "task {} was cancelled", self.id),
            Cause::Panic(payload) => match message(&**lock(payload)) {
                Some(text) => write!(f, "task {} panicked: {text}", self.id),
                None => write!(f, "task {} panicked", self.id),
            },
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl Error for JoinError {}

impl From<JoinError> for std::io::Error {
    fn from(error: JoinError) -> Self {
        std::io::Error::other(error)
    }
}
