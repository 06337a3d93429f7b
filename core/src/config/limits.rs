//! How much the peer may make us take, and throw away.

use core::time::Duration;

/// What the peer may make us take. A reply that breaks a limit is refused by its head, before
/// anything is reserved, and the connection is closed.
///
/// ```
/// # use respool::config::{Config, Limits};
/// let config = Config::new().limits(Limits { elements: 1000, ..Limits::DEFAULT });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Limits {
    /// Levels that aggregates may be nested: 8.
    pub depth: u8,
    /// Bytes of one string: 512 MiB, the server's own limit.
    pub bulk: u32,
    /// Elements of one aggregate: 2^31 - 1.
    pub elements: u32,
    /// Bytes of one line (a simple string, an error, a number, a head): as many as the reply
    /// window holds, which is the limit also where this says more.
    pub line: u32,
}

/// How much of what nobody wants any more is read and thrown away to keep a connection: late
/// replies to calls that were dropped, and replies too large for the window. Where it takes more,
/// the connection is closed and opened again.
///
/// Zero replies means that a dropped call always costs its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SkipBudget {
    /// Replies that may be owed at once: 64.
    pub replies: u16,
    /// Bytes skipped in one go: 64 KiB.
    pub bytes: u32,
    /// How long late replies may take to come once the connection is needed again: 1 s.
    pub time: Duration,
}

impl Limits {
    /// 8 levels, 512 MiB, 2^31 - 1 elements, lines as long as the window.
    pub const DEFAULT: Self = Self {
        depth: 8,
        bulk: 512 * 1024 * 1024,
        elements: i32::MAX as u32,
        line: u32::MAX,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl SkipBudget {
    /// 64 replies, 64 KiB, 1 s.
    pub const DEFAULT: Self = Self {
        replies: 64,
        bytes: 64 * 1024,
        time: Duration::from_secs(1),
    };
}

impl Default for SkipBudget {
    fn default() -> Self {
        Self::DEFAULT
    }
}
