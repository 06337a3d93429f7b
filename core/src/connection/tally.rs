//! What is counted on a connection.

use crate::error::ErrorKind;

/// What happened on a connection since it was last asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Commands of which a byte was accepted.
    pub(crate) sent: u32,
    /// Replies that reached their caller.
    pub(crate) answered: u32,
    /// Replies to dropped calls.
    pub(crate) skipped: u32,
    /// Replies that a closed connection still owed.
    pub(crate) lost: u32,
    /// Bytes that the transport accepted and gave.
    pub(crate) bytes_out: u32,
    pub(crate) bytes_in: u32,
    /// Messages that answered nothing.
    pub(crate) pushes: u16,
    /// The client's own counts.
    pub(crate) opened: u16,
    pub(crate) failed: u16,
    pub(crate) closed: [u16; Why::ALL],
    pub(crate) reused: u16,
    pub(crate) checked: u16,
    pub(crate) retries: u16,
    pub(crate) timeouts: u16,
}

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) enum Why {
    /// The program said so, it was too old, or its session was of no more use.
    #[default]
    Retired,
    /// The transport broke, or the peer ended the stream.
    Broken,
    /// The peer took too long.
    TimedOut,
    /// The peer broke the protocol or a limit.
    Protocol,
    /// A call was dropped at a point from which nothing leads back into step.
    Dropped,
    /// The server refused the login or the clean-up.
    Refused,
}

impl Why {
    pub(crate) const ALL: usize = 6;

    /// Why an error of this kind closes a connection.
    pub(crate) fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Transport(_) | ErrorKind::Connect(_) => Self::Broken,
            ErrorKind::TimedOut => Self::TimedOut,
            ErrorKind::Protocol(_) | ErrorKind::ReplyTooLarge { .. } => Self::Protocol,
            ErrorKind::Handshake(_) => Self::Refused,
            _ => Self::Retired,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{CommandFault, Fault, Io, Refusal};

    #[test]
    fn each_kind_of_error_has_its_counter() {
        let needed = 9;
        for (kind, why) in [
            (ErrorKind::Transport(Io::Reset), Why::Broken),
            (ErrorKind::Connect(Io::Reset), Why::Broken),
            (ErrorKind::TimedOut, Why::TimedOut),
            (ErrorKind::Protocol(Fault::BadLength), Why::Protocol),
            (
                ErrorKind::ReplyTooLarge { needed, window: 8 },
                Why::Protocol,
            ),
            (ErrorKind::Handshake(Refusal::NoPermission), Why::Refused),
            (ErrorKind::Command(CommandFault::Unstable), Why::Retired),
        ] {
            assert_eq!(Why::of(kind), why, "{kind:?}");
        }
    }
}
