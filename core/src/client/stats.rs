//! What happened, in numbers.

use crate::connection::Tally;

/// What happened since the pool was made. Every number wraps at 2^32; within one lease those other
/// than `sent`, `answered`, `skipped` and `lost` wrap at 2^16.
///
/// A lease is counted when it comes back. While none is out and no dropped call is owed a reply,
/// `sent = answered + skipped + lost`; and always `opened = open + closed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Stats {
    /// Connections that were opened.
    pub opened: u32,
    /// Of these, those that are open.
    pub open: u32,
    /// Of these, those that were closed, by either side.
    pub closed: u32,
    /// Times that a borrower got a connection that was open already.
    pub reused: u32,
    /// Commands of which at least a byte was accepted by a transport, those of handshakes and
    /// retries counted.
    pub sent: u32,
    /// Replies that arrived for their callers.
    pub answered: u32,
    /// Replies to dropped calls that were skipped.
    pub skipped: u32,
    /// Replies that were lost with a closed connection.
    pub lost: u32,
    /// Messages that answered nothing.
    pub pushes: u32,
    /// Times that a command was tried once more.
    pub retries: u32,
    /// Exchanges that ran into a timeout.
    pub timeouts: u32,
    /// Times that a borrower had to wait for a connection, or was turned away since the queue was
    /// full.
    pub waits: u32,
    /// Times that it waited in vain.
    pub wait_timeouts: u32,
}

impl Stats {
    /// Adds what a borrower did. The tally's narrow counts wrap only within one lease.
    pub(crate) fn add(&mut self, tally: Tally) {
        let pairs = [
            (&mut self.sent, tally.sent),
            (&mut self.answered, tally.answered),
            (&mut self.skipped, tally.skipped),
            (&mut self.lost, tally.lost),
            (&mut self.pushes, u32::from(tally.pushes)),
            (&mut self.opened, u32::from(tally.opened)),
            (&mut self.closed, u32::from(tally.closed)),
            (&mut self.reused, u32::from(tally.reused)),
            (&mut self.retries, u32::from(tally.retries)),
            (&mut self.timeouts, u32::from(tally.timeouts)),
        ];
        for (sum, more) in pairs {
            *sum = sum.wrapping_add(more);
        }
        self.open = self.opened.wrapping_sub(self.closed);
    }
}
