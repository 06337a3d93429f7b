//! What can go wrong: who is to blame, and how far the command got.
//!
//! Every [`Error`] answers two questions. *Whose fault is it?* [`Error::kind`] and [`Error::blame`]
//! say. *May I send it again?* [`Error::reached`] says: a command that was [`Reached::NotSent`] or
//! [`Reached::Answered`] is settled; one that is [`Reached::MaybeSent`] may or may not have been
//! applied by the server.

mod display;

/// A failed call. Small and `Copy`, so that it can be kept, counted and sent elsewhere.
///
/// The text of a server's error is not in it (there is no heap to keep it): through a lease it can
/// be read with `error_text()` until the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error {
    kind: ErrorKind,
    reached: Reached,
}

/// How far a command got before its call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
// A word, so that errors are handed on as words: there are many places that do.
#[repr(u32)]
pub enum Reached {
    /// No byte of it was accepted by the transport: the server cannot have run it.
    NotSent,
    /// Some of it left and no answer came: the server may have run it, or not.
    MaybeSent,
    /// The server answered. The connection is in step and stays in use, unless the kind says
    /// otherwise.
    Answered,
}

/// Whose fault an error is, and so who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Blame {
    /// The calling code or its settings: the same call fails again.
    Caller,
    /// The load on this pool: more connections, fewer tasks or more patience help.
    Pool,
    /// The network or the transport below: trying later helps.
    Network,
    /// The server said no.
    Server,
    /// The peer does not speak RESP, or speaks it wrongly.
    Peer,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ErrorKind {
    /// The pool had no connection to give. Says nothing about the server.
    Pool(PoolError),
    /// No connection could be opened at the transport. Check address, port and network.
    Connect(Io),
    /// The transport was opened, but the server refused the login. Check the settings.
    Handshake(Refusal),
    /// The transport broke during an exchange; the connection was closed.
    Transport(Io),
    /// No complete answer within the timeout; the connection was closed.
    TimedOut,
    /// The connection broke after this lease had changed the session; take a new lease and begin
    /// again.
    SessionLost(SessionUse),
    /// The server answered with an error. The text is in `error_text()` of the lease.
    Server(Code),
    /// The peer's bytes are not RESP, or break a limit; the connection was closed.
    Protocol(Fault),
    /// The reply is larger than the reply window. It was skipped, or the connection was closed
    /// where that was cheaper.
    ReplyTooLarge {
        /// Bytes that the reply needs, as far as its head says; 0 where it does not say.
        needed: u32,
        /// Bytes that the window has.
        window: u32,
    },
    /// The reply is not of the type that was asked for. Ask for another type.
    WrongType {
        /// What was asked for.
        expected: Type,
        /// What the server sent.
        got: Type,
    },
    /// The reply does not fit the value that was asked for: a number out of range, a string longer
    /// than its capacity, text that is not UTF-8.
    WrongValue(ValueFault),
    /// The command cannot be sent as it is.
    Command(CommandFault),
}

/// Why the pool had no connection to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PoolError {
    /// Nothing is free right now (`try_get`). Wait with `get`, or add connections.
    Busy {
        /// How many connections the pool has; all are in use.
        connections: u16,
    },
    /// So many wait already that the queue is full. Add connections or places in the queue.
    QueueFull {
        /// How many places the queue has; all are taken.
        waiting: u16,
    },
    /// No connection became free in time.
    WaitTimedOut {
        /// How long the caller waited, in milliseconds.
        after_ms: u32,
    },
    /// The pool was closed; make a new one.
    Closed,
    /// The pool was closed, but some connections did not come back in time. They are closed when
    /// they do.
    StillLent {
        /// How many are still in use.
        connections: u16,
    },
}

/// What a transport said, reduced to what a caller can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Io {
    /// Nothing listens at that address.
    Refused,
    /// The peer reset the connection.
    Reset,
    /// The peer closed the connection (end of file).
    Closed,
    /// The transport's own timeout passed.
    TimedOut,
    /// The transport is not open, or its pipe is broken.
    NotConnected,
    /// The name has no address, or none could be asked for.
    NoAddress,
    /// No right to use this address, port or socket file.
    PermissionDenied,
    /// There is no such socket file or device.
    NotFound,
    /// The transport accepted no byte, or claimed more than it was given: its driver is at fault.
    Misbehaved,
    /// No attempt was made: one failed a moment ago, and the pause that all connections of the pool
    /// share ([`backoff`](crate::Config::backoff)) ends later than this call may try.
    TooSoon,
    /// Anything else.
    Other,
}

/// Why the server refused the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Refusal {
    /// Wrong username or password (`WRONGPASS`), or a password where none is set.
    WrongPassword,
    /// The server wants a password and none is configured (`NOAUTH`).
    PasswordNeeded,
    /// The user may not log in or not run what the login needs (`NOPERM`).
    NoPermission,
    /// The database index does not exist.
    BadDatabase,
    /// The server speaks neither RESP3 nor what the settings ask for.
    NoProtocol,
    /// `max number of clients reached`.
    TooManyClients,
    /// Any other error, by its code: `LOADING`, `BUSY`, ...
    Other(Code),
}

/// What a lease did to its session, so that it cannot be replaced silently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SessionUse {
    /// `WATCH`: an `EXEC` on another connection would run unguarded.
    Watch,
    /// `MULTI`: what was queued is gone.
    Multi,
    /// `SELECT`: another connection looks at another database.
    Select,
    /// `SUBSCRIBE` and its kin: messages may have been missed.
    Subscribe,
    /// An untyped command, or one that changes the session in another way.
    Other,
}

/// The first word of a server's error: what programs may match on. The rest is prose for people
/// and differs between servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Code {
    /// `ERR`: the general one.
    Err,
    /// `WRONGTYPE`: the key holds a value of another type.
    WrongType,
    /// `WRONGPASS`: wrong username or password.
    WrongPass,
    /// `NOAUTH`: login needed.
    NoAuth,
    /// `NOPERM`: the user may not do this.
    NoPerm,
    /// `NOPROTO`: the server does not speak that protocol version.
    NoProto,
    /// `LOADING`: the server reads its data from disk; it did not run the command.
    Loading,
    /// `BUSY`: a script or function blocks the server; it did not run the command.
    Busy,
    /// `MASTERDOWN`: a replica without its master; it did not run the command.
    MasterDown,
    /// `TRYAGAIN`: keys of the command are being moved; it was not run.
    TryAgain,
    /// `MOVED`: another node has that slot; it was not run.
    Moved,
    /// `ASK`: another node has that slot for this time; it was not run.
    Ask,
    /// `CLUSTERDOWN`: the cluster does not serve; it was not run.
    ClusterDown,
    /// `CROSSSLOT`: the keys are in several slots.
    CrossSlot,
    /// `READONLY`: a replica does not take writes.
    ReadOnly,
    /// `OOM`: the server is out of memory.
    Oom,
    /// `MISCONF`: the server cannot persist and so refuses writes.
    Misconf,
    /// `NOREPLICAS`: too few replicas to take a write.
    NoReplicas,
    /// `NOSCRIPT`: no script with that digest.
    NoScript,
    /// `EXECABORT`: the transaction was dropped because of an earlier error.
    ExecAbort,
    /// `BUSYGROUP`: the consumer group exists already.
    BusyGroup,
    /// `NOGROUP`: no such key or consumer group.
    NoGroup,
    /// `BUSYKEY`: the target key exists already.
    BusyKey,
    /// `UNKILLABLE`: the script has written and cannot be killed.
    Unkillable,
    /// `NOTBUSY`: no script is running.
    NotBusy,
    /// `UNBLOCKED`: the blocking command was ended from elsewhere.
    Unblocked,
    /// `DENIED`: protected mode.
    Denied,
    /// Any other word; it can be read in `error_text()`.
    Other,
}

/// The type of a RESP value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Type {
    /// A simple, bulk or verbatim string.
    String,
    /// An error, simple or blob.
    Error,
    /// A 64-bit integer.
    Integer,
    /// A double.
    Double,
    /// A boolean.
    Boolean,
    /// An integer of any size.
    BigNumber,
    /// Null, in any of its three spellings.
    Null,
    /// An array.
    Array,
    /// A map.
    Map,
    /// A set.
    Set,
    /// A push: a message that answers nothing.
    Push,
    /// Nothing more: the aggregate ended before the element that was asked for.
    End,
}

/// How the peer's bytes break the protocol or a limit. The connection does not survive it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Fault {
    /// No RESP type begins with this byte.
    UnknownType(u8),
    /// A length is negative, not a number, or over 2^63.
    BadLength,
    /// An integer, double, boolean, big number or null is not spelled as RESP has it.
    BadScalar,
    /// A line or a bulk does not end in CR LF.
    MissingCrLf,
    /// A verbatim string has no three letters and colon, or the end mark stands where nothing is
    /// open.
    Misplaced,
    /// Nested deeper than the limit.
    TooDeep,
    /// A bulk longer than the limit.
    BulkTooLong,
    /// An aggregate of more elements than the limit.
    TooManyElements,
    /// A line longer than the window.
    LineTooLong,
    /// A reply that no command asked for.
    Surplus,
    /// More would have to be skipped than the budget allows.
    SkipBudget,
    /// A value ended in the middle; cannot happen to what was scanned whole.
    Truncated,
}

/// Why a reply does not fit the value that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ValueFault {
    /// Not valid UTF-8; ask for bytes.
    NotUtf8,
    /// A number that the asked-for type cannot hold, or text that is not a number.
    NotANumber,
    /// More elements or bytes than the target has capacity for.
    OverCapacity,
    /// Another number of elements than the target has.
    WrongLength,
    /// A word that the target does not know.
    UnknownWord,
}

/// Why a command cannot be sent as it is. Nothing of it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CommandFault {
    /// A floating-point argument is not a number.
    NotANumber,
    /// More arguments or bytes than RESP has numbers for.
    TooLarge,
    /// It would break the count of replies (`MONITOR`, `SYNC`, `CLIENT REPLY`, ...).
    Refused,
    /// An argument changed between being measured and being written.
    Unstable,
    /// The password function gave nothing.
    NoPassword,
}

impl Error {
    /// An error of this kind, for a command that got this far.
    pub const fn new(kind: ErrorKind, reached: Reached) -> Self {
        Self { kind, reached }
    }

    /// What went wrong.
    pub const fn kind(self) -> ErrorKind {
        self.kind
    }

    /// How far the command got.
    pub const fn reached(self) -> Reached {
        self.reached
    }

    /// The server's word, where the server answered with an error.
    pub const fn code(self) -> Option<Code> {
        match self.kind {
            ErrorKind::Server(code) => Some(code),
            _ => None,
        }
    }

    /// Whose fault it is.
    pub const fn blame(self) -> Blame {
        match self.kind {
            ErrorKind::Pool(PoolError::Closed) => Blame::Caller,
            ErrorKind::Pool(_) => Blame::Pool,
            ErrorKind::Connect(_)
            | ErrorKind::Transport(_)
            | ErrorKind::TimedOut
            | ErrorKind::SessionLost(_) => Blame::Network,
            ErrorKind::Handshake(_) | ErrorKind::Server(_) => Blame::Server,
            ErrorKind::Protocol(_) => Blame::Peer,
            ErrorKind::ReplyTooLarge { .. }
            | ErrorKind::WrongType { .. }
            | ErrorKind::WrongValue(_)
            | ErrorKind::Command(_) => Blame::Caller,
        }
    }

    pub(crate) const fn not_sent(kind: ErrorKind) -> Self {
        Self::new(kind, Reached::NotSent)
    }

    pub(crate) const fn answered(kind: ErrorKind) -> Self {
        Self::new(kind, Reached::Answered)
    }
}

impl Code {
    /// The code of an error text, by its first word.
    pub fn of(text: &[u8]) -> Self {
        let word = text.split(|b| *b == b' ').next().unwrap_or_default();
        let mut words = WORDS.as_bytes().split(|b| *b == b' ');
        let at = words.position(|w| w == word);
        at.and_then(|at| CODES.get(at))
            .copied()
            .unwrap_or(Self::Other)
    }

    /// True where the server says by this code that it did not run the command, and that running
    /// it later or elsewhere may work.
    pub const fn is_refused_unrun(self) -> bool {
        matches!(
            self,
            Self::Loading
                | Self::Busy
                | Self::MasterDown
                | Self::TryAgain
                | Self::Moved
                | Self::Ask
                | Self::ClusterDown
        )
    }

    /// The word as the server sends it.
    pub fn word(self) -> &'static str {
        let at = CODES.iter().position(|code| *code == self);
        // Not `split`, whose checks the compiler cannot rule out.
        at.and_then(|at| WORDS.split_ascii_whitespace().nth(at))
            .unwrap_or("error")
    }
}

/// The words of [`CODES`], one after the other: a table of pointers takes four times the flash.
const WORDS: &str = "ERR WRONGTYPE WRONGPASS NOAUTH NOPERM NOPROTO LOADING BUSY MASTERDOWN \
    TRYAGAIN MOVED ASK CLUSTERDOWN CROSSSLOT READONLY OOM MISCONF NOREPLICAS NOSCRIPT EXECABORT \
    BUSYGROUP NOGROUP BUSYKEY UNKILLABLE NOTBUSY UNBLOCKED DENIED -DENIED";

const CODES: [Code; 28] = [
    Code::Err,
    Code::WrongType,
    Code::WrongPass,
    Code::NoAuth,
    Code::NoPerm,
    Code::NoProto,
    Code::Loading,
    Code::Busy,
    Code::MasterDown,
    Code::TryAgain,
    Code::Moved,
    Code::Ask,
    Code::ClusterDown,
    Code::CrossSlot,
    Code::ReadOnly,
    Code::Oom,
    Code::Misconf,
    Code::NoReplicas,
    Code::NoScript,
    Code::ExecAbort,
    Code::BusyGroup,
    Code::NoGroup,
    Code::BusyKey,
    Code::Unkillable,
    Code::NotBusy,
    Code::Unblocked,
    Code::Denied,
    Code::Denied,
];
