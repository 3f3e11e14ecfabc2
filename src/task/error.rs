//! Why a task gave no result.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::Location;

use crate::sync_facade::Mutex;
use crate::task::{Label, TaskId};

/// Why a task gave no result: it panicked, or it was cancelled. One word large.
///
/// ```
/// let coord = oasync::Coordinator::new();
/// let error = coord.block_on(async {
///     oasync::task().name("tea").spawn(async { panic!("out of tea") }).await.unwrap_err()
/// });
/// assert!(error.is_panic());
/// // task 1 `tea`, spawned at src/main.rs:3:32, panicked: out of tea
/// assert!(error.to_string().ends_with("panicked: out of tea"));
/// ```
pub struct JoinError(Box<Inner>);

struct Inner {
    label: Label,
    cause: Cause,
}

enum Cause {
    Cancelled,
    /// A panic whose payload is a text, which can be read.
    Literal(&'static str),
    Text(String),
    /// Any other, under a lock only to be `Sync`, which a payload need not be.
    Panic(Mutex<Box<dyn Any + Send>>),
}

impl Cause {
    fn panic(payload: Box<dyn Any + Send>) -> Self {
        match payload.downcast() {
            Ok(literal) => Cause::Literal(*literal),
            Err(payload) => match payload.downcast() {
                Ok(text) => Cause::Text(*text),
                Err(payload) => Cause::Panic(Mutex::new(payload)),
            },
        }
    }
}

impl JoinError {
    #[cold]
    pub(crate) fn cancelled(label: Label) -> Self {
        JoinError(Box::new(Inner { label, cause: Cause::Cancelled }))
    }

    #[cold]
    pub(crate) fn panicked(label: Label, payload: Box<dyn Any + Send>) -> Self {
        JoinError(Box::new(Inner { label, cause: Cause::panic(payload) }))
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
        matches!(self.0.cause, Cause::Cancelled)
    }

    /// Whether the task panicked.
    ///
    /// ```
    /// let task = oasync::spawn(async { panic!("out of tea") });
    /// assert!(oasync::block_on(task).unwrap_err().is_panic());
    /// ```
    pub fn is_panic(&self) -> bool {
        !self.is_cancelled()
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
        let Inner { label, cause } = *self.0;
        match cause {
            Cause::Cancelled => Err(JoinError::cancelled(label)),
            Cause::Literal(text) => Ok(Box::new(text)),
            Cause::Text(text) => Ok(Box::new(text)),
            Cause::Panic(payload) => Ok(payload.into_inner().unwrap_or_else(|e| e.into_inner())),
        }
    }

    /// The text of the panic, if the task panicked with one: the payload as a `&str` or a
    /// `String`.
    ///
    /// ```
    /// let task = oasync::spawn(async { panic!("out of {}", "tea") });
    /// assert_eq!(oasync::block_on(task).unwrap_err().message(), Some("out of tea"));
    /// ```
    pub fn message(&self) -> Option<&str> {
        match &self.0.cause {
            Cause::Literal(text) => Some(text),
            Cause::Text(text) => Some(text),
            Cause::Cancelled | Cause::Panic(_) => None,
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
        self.0.label.id
    }

    /// The task's name, if it has one.
    ///
    /// ```
    /// let task = oasync::task().name("tea").spawn(async { panic!("out of tea") });
    /// assert_eq!(oasync::block_on(task).unwrap_err().name(), Some("tea"));
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.0.label.name.as_deref()
    }

    /// Where the task was spawned.
    ///
    /// ```
    /// let task = oasync::spawn(async { panic!("out of tea") });
    /// assert_eq!(oasync::block_on(task).unwrap_err().location().file(), file!());
    /// ```
    pub fn location(&self) -> &'static Location<'static> {
        self.0.label.site
    }
}

/// The text of a panic, if it has one.
pub(crate) fn message(payload: &(dyn Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&'static str>().copied())
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}",
            self.0.label,
            if self.is_panic() { "panicked" } else { "was cancelled" }
        )?;
        self.message().map_or(Ok(()), |text| write!(f, ": {text}"))
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
