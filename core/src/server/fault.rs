//! What clients do wrong.

use core::fmt;

use crate::resp::{Full, Replies};

/// A request that cannot be answered otherwise than by an error.
///
/// Worded as a Redis server does where it knows the fault. Redis lets a bulk end in any two bytes;
/// here they must be CR LF, so that a client that counts wrongly is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Fault {
    /// The number of arguments is not a number, or over the limit.
    BadCount,
    /// An argument begins with this byte instead of `$`.
    NoBulk(u8),
    /// The length of an argument is negative, not a number, or over the limit.
    BadLength,
    /// An argument does not end in CR LF.
    MissingCrLf,
    /// An inline request is longer than the limit or the window.
    InlineTooLong,
    /// An inline request opens a quote and does not close it, or goes on right behind it.
    UnbalancedQuotes,
    /// A request is larger than the window. It was skipped; the next one can be read.
    TooLarge,
    /// A request is larger than the window, and than what may be skipped.
    SkipBudget,
}

impl Fault {
    /// Whether the connection must be closed once the error is sent: where the next request begins
    /// is not known.
    pub fn closes(self) -> bool {
        !matches!(self, Self::TooLarge)
    }

    /// Writes the error reply.
    ///
    /// # Errors
    /// [`Full`] where it does not fit; nothing was written then.
    pub fn write(self, replies: &mut Replies<'_>) -> Result<(), Full> {
        let mut got = *b"Protocol error: expected '$', got ' '";
        let text = match self {
            Self::NoBulk(byte) => {
                let [.., place, _] = &mut got;
                *place = byte;
                got.as_slice()
            }
            Self::BadCount => b"Protocol error: invalid multibulk length",
            Self::BadLength => b"Protocol error: invalid bulk length",
            Self::MissingCrLf => b"Protocol error: expected CR LF after a bulk",
            Self::InlineTooLong => b"Protocol error: too big inline request",
            Self::UnbalancedQuotes => b"Protocol error: unbalanced quotes in request",
            Self::TooLarge => b"request larger than the window of the server",
            Self::SkipBudget => b"Protocol error: request larger than the window of the server",
        };
        replies.error("ERR", text)
    }
}

impl core::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadCount => "the number of arguments is not a number or over the limit",
            Self::NoBulk(_) => "an argument is not a bulk",
            Self::BadLength => "the length of an argument is not a number or over the limit",
            Self::MissingCrLf => "an argument does not end in CR LF",
            Self::InlineTooLong => "an inline request is too long",
            Self::UnbalancedQuotes => "unbalanced quotes in an inline request",
            Self::TooLarge => "a request is larger than the window; it was skipped",
            Self::SkipBudget => "a request is larger than the window and the skip budget",
        })
    }
}
