//! What is counted on a connection.

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
    /// Messages that answered nothing.
    pub(crate) pushes: u16,
    /// The client's own counts.
    pub(crate) opened: u16,
    pub(crate) closed: u16,
    pub(crate) reused: u16,
    pub(crate) retries: u16,
    pub(crate) timeouts: u16,
}
