//! What happened, in numbers.

use crate::connection::Tally;

/// What happened since the pool was made. Every number wraps at 2^32; within one lease those other
/// than `sent`, `answered`, `skipped`, `lost` and the bytes wrap at 2^16.
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
    /// Attempts to open one, transport or login, that failed.
    pub failed: u32,
    /// Of those opened, those that were closed, by either side; why, say the next five. The rest
    /// was closed by the program, or for its age.
    pub closed: u32,
    /// Closed since the transport broke or the peer ended the stream.
    pub closed_broken: u32,
    /// Closed since the peer took too long.
    pub closed_timed_out: u32,
    /// Closed since the peer broke the protocol or a limit.
    pub closed_protocol: u32,
    /// Closed since a call was dropped at a point from which nothing leads back into step.
    pub closed_dropped: u32,
    /// Closed since the server refused the login.
    pub closed_refused: u32,
    /// Times that a borrower got a connection that was open already.
    pub reused: u32,
    /// Times that an idle connection was asked whether it is alive.
    pub checked: u32,
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
    /// Bytes that transports accepted.
    pub bytes_out: u32,
    /// Bytes that transports gave.
    pub bytes_in: u32,
    /// Times that a command, or opening a connection for it, was tried again.
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
        let [retired, broken, timed_out, protocol, dropped, refused] = tally.closed.map(u32::from);
        let known = [broken, timed_out, protocol, dropped, refused];
        let closed = known.into_iter().fold(retired, u32::wrapping_add);
        let pairs = [
            (&mut self.sent, tally.sent),
            (&mut self.answered, tally.answered),
            (&mut self.skipped, tally.skipped),
            (&mut self.lost, tally.lost),
            (&mut self.pushes, u32::from(tally.pushes)),
            (&mut self.opened, u32::from(tally.opened)),
            (&mut self.failed, u32::from(tally.failed)),
            (&mut self.closed, closed),
            (&mut self.closed_broken, broken),
            (&mut self.closed_timed_out, timed_out),
            (&mut self.closed_protocol, protocol),
            (&mut self.closed_dropped, dropped),
            (&mut self.closed_refused, refused),
            (&mut self.bytes_out, tally.bytes_out),
            (&mut self.bytes_in, tally.bytes_in),
            (&mut self.checked, u32::from(tally.checked)),
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
