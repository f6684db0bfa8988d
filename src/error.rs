//! What can stop a run, with the exit code that a scheduler acts on.

use std::fmt;

/// Exit codes are part of the API (README, "Exit codes").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Published, or nothing to do.
    Done = 0,
    /// A bug in uptake.
    Bug = 1,
    /// Usage, job file, feed file or contract.
    Usage = 2,
    /// A data gate held the run back; the last snapshot stays.
    Gate = 3,
    /// The store did not answer; try again.
    Transient = 4,
    /// Another run published first, again and again; try again.
    LostRace = 5,
    /// A ceiling on bytes, rows or memory.
    Limit = 6,
    /// The privacy audit refused to publish.
    Privacy = 7,
}

/// An error on its way to the terminal: what happened, to which object, and what to do next.
#[derive(Debug)]
pub struct Error {
    pub exit: Exit,
    pub message: String,
    /// The next step, shown after `hint:`.
    pub hint: Option<String>,
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(exit: Exit, message: impl Into<String>) -> Error {
        Error { exit, message: message.into(), hint: None, source: None }
    }

    pub fn usage(message: impl Into<String>) -> Error {
        Error::new(Exit::Usage, message)
    }

    pub fn gate(message: impl Into<String>) -> Error {
        Error::new(Exit::Gate, message)
    }

    /// Something that cannot happen did: the message says what, for the report.
    pub fn bug(message: impl Into<String>) -> Error {
        Error::new(Exit::Bug, message).hint("this is a bug in uptake: please report it with this message")
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hint = Some(hint.into());
        self
    }

    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        self.source = Some(Box::new(source));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<crate::contract::ContractError> for Error {
    fn from(error: crate::contract::ContractError) -> Error {
        Error::bug(error.to_string())
    }
}

impl From<polars::prelude::PolarsError> for Error {
    fn from(error: polars::prelude::PolarsError) -> Error {
        Error::bug(format!("a plan failed: {error}"))
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Error {
        Error::bug(format!("an arrow kernel failed: {error}"))
    }
}
