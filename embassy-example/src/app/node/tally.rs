//! What became of it all, in numbers.

use core::cell::Cell;

use respool::ErrorKind;
use respool::error::{Io, Refusal};

/// The counts since the start.
#[derive(Default, defmt::Format)]
pub(super) struct Tally {
    /// Entries that are in the stream.
    pub(super) written: Count,
    /// Entries that were sent, and whose answer did not come.
    pub(super) doubted: Count,
    /// Of these, those that were sent again, and turned out to be there.
    pub(super) repeated: Count,
    /// Samples that were dropped for want of room.
    pub(super) dropped: Count,
    /// Heartbeats that were answered.
    pub(super) beats: Count,
    /// Heartbeats that may have been counted.
    pub(super) unsure_beats: Count,
    /// Calls that failed.
    pub(super) errors: Errors,
}

/// Calls that failed, by what a person would have to look after.
#[derive(Default, defmt::Format)]
pub(super) struct Errors {
    /// Nothing listens at the port of the server.
    refused: Count,
    /// Nobody answered when a connection was opened.
    unreachable: Count,
    /// The name of the server has no address, or no name server answered.
    no_address: Count,
    /// The login is wrong, or is missing.
    login: Count,
    /// The server has as many clients as it may.
    too_many_clients: Count,
    /// No answer came in time.
    timed_out: Count,
    /// The connection broke.
    broken: Count,
    /// No connection of the pool became free in time.
    busy: Count,
    /// The server answered with an error.
    server: Count,
    /// All others.
    other: Count,
}

impl Errors {
    /// The count of errors of this kind.
    pub(super) fn of(&self, kind: ErrorKind) -> &Count {
        match kind {
            ErrorKind::Connect(Io::Refused) => &self.refused,
            ErrorKind::Connect(Io::NoAddress) => &self.no_address,
            ErrorKind::Connect(_) => &self.unreachable,
            ErrorKind::Handshake(Refusal::WrongPassword | Refusal::PasswordNeeded) => &self.login,
            ErrorKind::Handshake(Refusal::TooManyClients) => &self.too_many_clients,
            ErrorKind::TimedOut => &self.timed_out,
            ErrorKind::Transport(_) => &self.broken,
            ErrorKind::Pool(_) => &self.busy,
            ErrorKind::Server(_) | ErrorKind::Handshake(_) => &self.server,
            _ => &self.other,
        }
    }
}

/// A number that goes up, and that tasks of one executor may share.
#[derive(Default)]
pub(super) struct Count(Cell<u64>);

impl Count {
    pub(super) fn up(&self) {
        self.0.set(self.get().wrapping_add(1));
    }

    pub(super) fn get(&self) -> u64 {
        self.0.get()
    }
}

impl defmt::Format for Count {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=u64}", self.get());
    }
}
