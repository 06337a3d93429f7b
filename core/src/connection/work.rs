//! What there is to do, and what to do next for it.

use crate::command::Parts;
use crate::connection::{Connection, Setup};
use crate::error::Error;

/// How much of the answer a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Until {
    /// All replies of the request, together in the window.
    Whole,
    /// The next reply, alone in the window.
    Next,
}

/// What the connection wants done next.
#[derive(Debug)]
#[non_exhaustive]
pub enum Want<'c> {
    /// Write some of these bytes, then say how many with [`Connection::wrote`].
    Write(&'c [u8]),
    /// Flush what was written, then say so with [`Connection::flushed`].
    Flush,
    /// Read some bytes into this, then say how many with [`Connection::got`].
    Read(&'c mut [u8]),
    /// Nothing: the answer is complete, [`Connection::reply`] decodes it.
    Done,
}

/// A [`Want`] without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Write,
    WriteDirect,
    Flush,
    Read,
    Done,
}

/// What a driver brings to its end: a borrower's request, or what comes before it.
pub(crate) enum Work<'a, 'c> {
    Request(&'a dyn Parts, Until),
    Setup(&'a mut Setup<'c>),
}

impl Work<'_, '_> {
    pub(crate) fn advance(&mut self, connection: &mut Connection<'_>) -> Result<Next, Error> {
        match self {
            Self::Request(request, until) => connection.advance(*request, *until),
            Self::Setup(setup) => setup.advance(connection),
        }
    }

    pub(crate) fn parts(&self) -> &dyn Parts {
        match self {
            Self::Request(request, _) => *request,
            Self::Setup(setup) => *setup,
        }
    }
}
