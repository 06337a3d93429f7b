//! N seats and a line of those who wait for one.
//!
//! What sits on a seat is the user's affair: nothing here knows of RESP or of transports, or reads a
//! clock. Nothing here blocks, allocates, panics or awaits; a future is polled by hand.
//!
//! The whole bookkeeping is a stack of idle items and a line of waiters. *Who may take a seat
//! follows from position alone*: the waiter at position `p` may, if `p` is smaller than the number
//! of idle items. A seat is never handed over to a waiter, so no waiter can take one with it when
//! it is cancelled, and three rules are all there is:
//!
//! - what comes new to the pool takes a seat only if more are idle than wait in line;
//! - whoever gives a seat back calls the waiter at position `idle - 1`, which just became entitled;
//! - whoever leaves the line without a seat does the same, called or not.
//!
//! A waiter that was called and is neither polled nor dropped keeps its seat free, and those behind
//! it wait: that is what first come, first served means.
//!
//! Beside it stands what all seats know of a server that is away: [`Outage`].

mod line;
mod outage;
mod seats;
#[cfg(test)]
mod tests;
mod ticket;

pub(crate) use outage::{Outage, jitter, window};
pub(crate) use seats::Seats;
