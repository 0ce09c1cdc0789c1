//! Why a command failed, in sentences; the first line is gdb's where gdb has one.

use thiserror::Error;

use crate::scene::expr::ExprError;
use crate::scene::value::ValueError;
use crate::session::SessionError;
use crate::symbols::ResolveError;

/// Why a command failed. A text that is empty was told already.
#[derive(Debug, Error)]
#[allow(missing_docs)] // Each variant is its sentence.
pub enum CommandError {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Expression(#[from] ExprError),
    #[error(transparent)]
    Value(#[from] ValueError),
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error("{0}")]
    Say(String),
}

impl CommandError {
    /// A failure in these words.
    pub(super) fn say(words: impl Into<String>) -> CommandError {
        CommandError::Say(words.into())
    }
}

/// What a command answers.
pub(super) type Done<T = ()> = Result<T, CommandError>;
