//! What is known of a command.

use crate::command::Timeout;

/// What is known of a command: what servers tell by `COMMAND`, and what only we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The name, in one word, or in two for a container command (`CLIENT SETNAME`).
    pub words: &'static [&'static str],
    /// Number of words and arguments; negative where more may follow.
    pub arity: i8,
    /// The server's flags.
    pub flags: Flags,
    /// Where keys stand among words and arguments.
    pub keys: Keys,
    /// Whether it can make its caller wait for others.
    pub blocks: Blocks,
    /// What running it twice does.
    pub repeat: Repeat,
    /// What it does to the session.
    pub session: Session,
}

/// Where keys stand, counted from the command's name as 0, as `COMMAND` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The first key; 0 where there is none.
    pub first: i8,
    /// The last key; negative counts from the end.
    pub last: i8,
    /// Arguments from one key to the next.
    pub step: i8,
}

/// Whether a command waits for something that others do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocks {
    /// It answers at once.
    Never,
    /// It may wait, for as long as one of its arguments says: one of the constants below.
    For(Timeout),
    /// Nobody knows.
    Unknown,
}

impl Blocks {
    /// For as long as its first argument says, in seconds; 0 is for ever.
    pub const SECONDS_FIRST: Self = Self::For(Timeout::SECONDS_FIRST);
    /// For as long as its last argument says, in seconds; 0 is for ever.
    pub const SECONDS_LAST: Self = Self::For(Timeout::SECONDS_LAST);
    /// For as long as its last argument says, in milliseconds; 0 is for ever.
    pub const MILLIS_LAST: Self = Self::For(Timeout::MILLIS_LAST);
    /// Where an option says so, in milliseconds (`XREAD BLOCK`).
    pub const MILLIS_OPTION: Self = Self::For(Timeout::MILLIS_OPTION);
}

/// What running a command a second time does, right after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It changes nothing.
    Reads,
    /// The state is the same as after the first time, and so is the reply.
    Same,
    /// The state or the reply differs.
    Differs,
}

/// What a command does to the session of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// Nothing.
    Keeps,
    /// `WATCH`.
    Watches,
    /// `UNWATCH`.
    Unwatches,
    /// `MULTI`.
    Queues,
    /// `EXEC` and `DISCARD`: ends the queueing and the watching.
    Ends,
    /// `SELECT`.
    Selects,
    /// `SUBSCRIBE` and its kin.
    Subscribes,
    /// Anything else that the next borrower must not inherit; undone by `RESET`.
    Changes,
    /// The same, but it outlives `RESET` (`CLIENT NO-EVICT`): the connection is opened anew.
    Outlives,
    /// It breaks the count of replies or the protocol of the connection: never sent.
    Refused,
}

/// Flags of a command as `COMMAND` names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u32);

/// The flags' names, each at its bit.
const NAMES: [&str; 22] = [
    "write",
    "readonly",
    "denyoom",
    "admin",
    "pubsub",
    "noscript",
    "blocking",
    "loading",
    "stale",
    "skip_monitor",
    "skip_slowlog",
    "asking",
    "fast",
    "no_auth",
    "may_replicate",
    "no_mandatory_keys",
    "movablekeys",
    "no_async_loading",
    "no_multi",
    "allow_busy",
    "module",
    "sort_for_script",
];

macro_rules! flags {
    ($($name:ident = $bit:literal;)*) => {
        impl Flags {
            $(
                #[doc = concat!("`", stringify!($name), "` in the table.")]
                pub const $name: Self = Self(1 << $bit);
            )*
        }
    };
}

flags! {
    WRITE = 0; READONLY = 1; DENYOOM = 2; ADMIN = 3; PUBSUB = 4; NOSCRIPT = 5; BLOCKING = 6;
    LOADING = 7; STALE = 8; SKIP_MONITOR = 9; SKIP_SLOWLOG = 10; ASKING = 11; FAST = 12;
    NO_AUTH = 13; MAY_REPLICATE = 14; NO_MANDATORY_KEYS = 15; MOVABLEKEYS = 16;
    NO_ASYNC_LOADING = 17; NO_MULTI = 18; ALLOW_BUSY = 19; MODULE = 20; SORT_FOR_SCRIPT = 21;
}

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);

    /// Both these flags and those.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True where all of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flags by the names that servers use.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let bits = self.0;
        NAMES
            .iter()
            .zip(0u32..)
            .filter(move |(_, bit)| bits >> bit & 1 == 1)
            .map(|(name, _)| *name)
    }
}

impl Keys {
    /// No key.
    pub const NONE: Self = Self {
        first: 0,
        last: 0,
        step: 0,
    };

    /// One key, right after the name.
    pub const ONE: Self = Self {
        first: 1,
        last: 1,
        step: 1,
    };

    /// Keys at `first`, every `step` arguments, up to `last`.
    pub const fn range(first: i8, last: i8, step: i8) -> Self {
        Self { first, last, step }
    }
}

impl Spec {
    /// A command that writes, whose effect nobody knows more of: never repeated by itself, and the
    /// session keeps as it is.
    pub const fn write(words: &'static [&'static str], arity: i8) -> Self {
        Self {
            words,
            arity,
            flags: Flags::WRITE,
            keys: Keys::ONE,
            blocks: Blocks::Never,
            repeat: Repeat::Differs,
            session: Session::Keeps,
        }
    }

    /// A command that only reads, and so may be sent again where no answer came.
    pub const fn read(words: &'static [&'static str], arity: i8) -> Self {
        Self {
            flags: Flags::READONLY,
            repeat: Repeat::Reads,
            ..Self::write(words, arity)
        }
    }

    /// With keys at these positions.
    pub const fn keys(self, keys: Keys) -> Self {
        Self { keys, ..self }
    }

    /// True where it can be sent again without changing anything.
    pub const fn is_read(&self) -> bool {
        matches!(self.repeat, Repeat::Reads)
    }
}
