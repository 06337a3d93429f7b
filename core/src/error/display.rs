//! Errors as sentences that say what to do.

use core::fmt;

use super::{
    CommandFault, Error, ErrorKind, Fault, Io, PoolError, Reached, Refusal, SessionUse, Type,
    ValueFault,
};

impl core::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.reached) {
            (ErrorKind::Transport(io), Reached::MaybeSent) => {
                return write!(
                    f,
                    "the connection broke after the command was sent ({io}): it may have been applied"
                );
            }
            (ErrorKind::TimedOut, Reached::MaybeSent) => {
                return f.write_str(
                    "no complete answer within the timeout: the command may have been applied",
                );
            }
            (kind, _) => write!(f, "{kind}")?,
        }
        f.write_str(match self.reached {
            Reached::NotSent => " (not sent)",
            Reached::MaybeSent => " (it may have been applied)",
            Reached::Answered => " (answered)",
        })
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Pool(error) => write!(f, "{error}"),
            Self::Connect(io) => write!(f, "cannot connect: {io}"),
            Self::Handshake(refusal) => write!(f, "the server refused the login: {refusal}"),
            Self::Transport(io) => write!(f, "the connection broke: {io}"),
            Self::TimedOut => f.write_str("no complete answer within the timeout"),
            Self::SessionLost(by) => {
                write!(f, "the session was lost: the connection broke after {by}")
            }
            Self::Server(code) => write!(f, "the server answered {}", code.word()),
            Self::Protocol(fault) => write!(f, "the peer broke the protocol: {fault}"),
            Self::ReplyTooLarge { needed: 0, window } => {
                write!(f, "the reply does not fit the window of {window} bytes")
            }
            Self::ReplyTooLarge { needed, window } => {
                write!(
                    f,
                    "reply of {needed} bytes does not fit the window of {window} bytes"
                )
            }
            Self::WrongType { expected, got } => {
                write!(f, "the reply is {got}, asked for was {expected}")
            }
            Self::WrongValue(fault) => write!(f, "the reply does not fit: {fault}"),
            Self::Command(fault) => write!(f, "the command cannot be sent: {fault}"),
        }
    }
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Busy { connections } => {
                write!(f, "pool is busy: all {connections} connections are in use")
            }
            Self::QueueFull { waiting } => {
                write!(
                    f,
                    "pool is busy: all {waiting} places in the queue are taken"
                )
            }
            Self::WaitTimedOut { after_ms } => {
                write!(f, "gave up waiting for a connection after {after_ms} ms")
            }
            Self::Closed => f.write_str("the pool is closed"),
            Self::StillLent { connections } => {
                write!(
                    f,
                    "the pool is closed, but {connections} connections are still in use"
                )
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::WrongPassword => "WRONGPASS (wrong username or password)",
            Self::PasswordNeeded => "NOAUTH (it wants a password)",
            Self::NoPermission => "NOPERM (the user may not do this)",
            Self::BadDatabase => "no such database",
            Self::NoProtocol => "it does not speak the protocol that was asked for",
            Self::TooManyClients => "max number of clients reached",
            Self::Other(code) => code.word(),
        })
    }
}

/// `Display` from a table of sentences.
macro_rules! display {
    ($type:ty { $($variant:pat => $text:literal),* $(,)? }) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($variant => $text),* })
            }
        }
    };
}

display!(Io {
    Self::Refused => "refused",
    Self::Reset => "reset by the peer",
    Self::Closed => "closed by the peer",
    Self::TimedOut => "timed out",
    Self::NotConnected => "not connected",
    Self::NoAddress => "the name has no address",
    Self::PermissionDenied => "permission denied",
    Self::NotFound => "not found",
    Self::Misbehaved => "the transport broke its contract",
    Self::TooSoon => "not tried so soon after an attempt that failed",
    Self::Other => "transport error",
});

display!(SessionUse {
    Self::Watch => "WATCH",
    Self::Multi => "MULTI",
    Self::Select => "SELECT",
    Self::Subscribe => "SUBSCRIBE",
    Self::Other => "a command that changed the session",
});

display!(Type {
    Self::String => "a string",
    Self::Error => "an error",
    Self::Integer => "an integer",
    Self::Double => "a double",
    Self::Boolean => "a boolean",
    Self::BigNumber => "a big number",
    Self::Null => "null",
    Self::Array => "an array",
    Self::Map => "a map",
    Self::Set => "a set",
    Self::Push => "a push",
    Self::End => "nothing more",
});

display!(Fault {
    Self::UnknownType(_) => "no RESP type begins like this",
    Self::BadLength => "a length is negative or not a number",
    Self::BadScalar => "a scalar is malformed",
    Self::MissingCrLf => "CR LF is missing",
    Self::Misplaced => "a value stands where none may stand",
    Self::TooDeep => "nested deeper than the limit",
    Self::BulkTooLong => "a bulk is longer than the limit",
    Self::TooManyElements => "more elements than the limit",
    Self::LineTooLong => "a line is longer than the window",
    Self::Surplus => "a reply that nobody asked for",
    Self::SkipBudget => "more to skip than the budget allows",
    Self::Truncated => "a value ends too early",
});

display!(ValueFault {
    Self::NotUtf8 => "not UTF-8",
    Self::NotANumber => "not a number of the asked-for type",
    Self::OverCapacity => "over the capacity of the target",
    Self::WrongLength => "another number of elements",
    Self::UnknownWord => "a word that is not known",
});

display!(CommandFault {
    Self::NotANumber => "an argument is not a number",
    Self::TooLarge => "too many arguments or bytes",
    Self::Refused => "it would break the count of replies",
    Self::Unstable => "an argument changed while it was written",
    Self::NoPassword => "the password function gave none",
});
