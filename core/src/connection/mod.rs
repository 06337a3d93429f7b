//! One connection, without I/O: it says what to do next, and is told what was done.
//!
//! [`Connection::step`] gives one [`Want`] at a time; a driver does it and acknowledges it. A
//! driver is nothing but that loop, so the same connection runs blocking, async, and in a host
//! that moves the bytes itself. Nothing here panics, blocks, allocates or reads a clock.
//!
//! *Poison first*: an exchange is open from before its first byte is offered until its last reply
//! is complete, and only that end takes it back. A call may be dropped anywhere: the next one
//! finds the exchange open and [settles](Connection::settle) it. Either its replies are *owed*,
//! and are skipped before anything else is sent, or the connection is closed.
//!
//! ```
//! use respool::command::get;
//! use respool::{Connection, Memory, Until, Want};
//!
//! # fn exchange(mut send: impl FnMut(&[u8]) -> usize, mut receive: impl FnMut(&mut [u8]) -> usize)
//! #     -> Result<usize, respool::Error> {
//! let mut memory = Memory::<256, 256>::new();
//! let mut connection = Connection::new(&mut memory);
//! let request = get("k");
//! loop {
//!     match connection.step(&request, Until::Whole)? {
//!         Want::Write(bytes) => {
//!             let n = send(bytes);
//!             connection.wrote(n)?;
//!         }
//!         Want::Flush => connection.flushed(),
//!         Want::Read(window) => {
//!             let n = receive(window);
//!             connection.got(n)?;
//!         }
//!         Want::Done => break,
//!         _ => unreachable!("nothing else is wanted for such a request"),
//!     }
//! }
//! let value: Option<&[u8]> = connection.reply(&request)?;
//! # Ok(value.map_or(0, <[u8]>::len))
//! # }
//! # let mut sent = Vec::new();
//! # let reply = b"$5\r\nhello\r\n";
//! # let got = exchange(|b| { sent.extend_from_slice(b); b.len() }, |w| {
//! #     w[..reply.len()].copy_from_slice(reply);
//! #     reply.len()
//! # });
//! # assert_eq!(got, Ok(5));
//! # assert_eq!(sent, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
//! ```

mod memory;
mod receive;
mod send;
mod session;
mod setup;
mod tally;
#[cfg(test)]
mod tests;
mod window;
mod work;

pub use memory::Memory;
pub(crate) use session::Marks;
pub(crate) use setup::Setup;
pub(crate) use tally::{Tally, Why};
pub(crate) use work::{Next, Work};
pub use work::{Until, Want};

use crate::command::Parts;
use crate::config::Config;
use crate::error::{CommandFault, Error, ErrorKind, Io, Reached};
use crate::log::event;
use crate::planted::{self, Fault};
use crate::resp::{Cursor, Scanner};
use session::Session;
use window::Window;

/// A RESP connection, sans-io. See the [module](self).
#[derive(Debug)]
pub struct Connection<'w> {
    rx: Window<'w>,
    tx: Window<'w>,
    levels: &'w mut [u32],
    config: &'w Config<'w>,
    scanner: Scanner,
    /// Where in the present command encoding stands.
    cursor: Cursor,
    /// Commands of the request that were encoded whole.
    encoded: u16,
    /// Replies of the request that are still to come.
    awaited: u16,
    /// Replies of dropped calls that are still to come, and will be skipped.
    owed: u16,
    /// Bytes skipped in one go.
    skipped: u32,
    /// What the reply that did not fit needs, as far as it says.
    needed: u32,
    phase: Phase,
    /// Bytes were written that may still wait in the transport.
    unflushed: bool,
    /// A byte came since the transport was opened.
    heard: bool,
    /// The handshake, or the clean-up after another borrower, is complete.
    ready: bool,
    exchange: Exchange,
    session: Session,
    lost: Marks,
    /// Why it was closed last.
    why: Why,
    tally: Tally,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The transport is not open, or cannot be trusted any more.
    Closed,
    /// In step: nothing is under way.
    Idle,
    /// Replies of dropped calls come first; nothing of the request was encoded.
    Draining,
    /// The request is on its way out.
    Sending,
    /// All of it was written, but perhaps not flushed.
    Flushing,
    /// Its replies come in.
    Receiving,
}

/// What is known of the present exchange.
#[derive(Clone, Copy, Debug, Default)]
struct Exchange {
    /// A byte of it was offered to the transport.
    offered: bool,
    /// A byte of it was accepted by the transport.
    accepted: bool,
    /// Replies may come late or never: it must not be owed.
    blocking: bool,
    /// Bytes of the caller's memory that were offered last, and not accepted yet.
    direct: usize,
    /// The reply that was handed out last is still at the front of the window.
    handed: bool,
    /// Replies are counted, not kept: one of them did not fit.
    discarding: bool,
    /// A reply is an error.
    failed: bool,
    /// A reply was kept.
    kept: bool,
    /// What the reply that did not fit begins with.
    kind: u8,
}

impl<'w> Connection<'w> {
    /// A connection over a transport that is open, for a host that moves the bytes itself. There
    /// is no handshake: it speaks what the server speaks to it, RESP2 or RESP3.
    pub fn new<const RX: usize, const TX: usize, const DEPTH: usize>(
        memory: &'w mut Memory<RX, TX, DEPTH>,
    ) -> Self {
        const DEFAULTS: &Config<'static> = &Config::new();
        let mut connection = Self::closed(memory, DEFAULTS);
        connection.opened();
        connection.ready();
        connection
    }

    /// A connection whose transport has still to be opened.
    pub(crate) fn closed<const RX: usize, const TX: usize, const DEPTH: usize>(
        memory: &'w mut Memory<RX, TX, DEPTH>,
        config: &'w Config<'w>,
    ) -> Self {
        Self {
            rx: Window::new(&mut memory.rx),
            tx: Window::new(&mut memory.tx),
            levels: &mut memory.levels,
            config,
            scanner: Scanner::default(),
            cursor: Cursor::default(),
            encoded: 0,
            awaited: 0,
            owed: 0,
            skipped: 0,
            needed: 0,
            phase: Phase::Closed,
            unflushed: false,
            heard: false,
            ready: false,
            exchange: Exchange::default(),
            session: Session::default(),
            lost: Marks::NONE,
            why: Why::default(),
            tally: Tally::default(),
        }
    }

    /// Says what to do next for `request`. Asking again before it was done says the same.
    ///
    /// # Errors
    /// The request cannot be sent (nothing was), or the peer broke the protocol (the connection is
    /// closed).
    pub fn step<'c>(&'c mut self, request: &'c dyn Parts, until: Until) -> Result<Want<'c>, Error> {
        let next = self.advance(request, until)?;
        self.offer(next, request)
    }

    /// The transport accepted `n` of the bytes it was offered.
    ///
    /// # Errors
    /// `n` is zero, or more than was offered: the transport broke its contract.
    pub fn wrote(&mut self, n: usize) -> Result<(), Error> {
        if n == 0 {
            return Err(self.broke(Io::Misbehaved));
        }
        self.accept();
        self.unflushed = true;
        let taken = match self.exchange.direct {
            0 => self.tx.consume(n),
            offered => {
                self.cursor.advance(n);
                self.exchange.direct = offered.saturating_sub(n);
                n <= offered
            }
        };
        match taken {
            true => {
                self.tally.bytes_out = self.tally.bytes_out.wrapping_add(n as u32);
                Ok(())
            }
            false => Err(self.broke(Io::Misbehaved)),
        }
    }

    /// From here on the server may run the request.
    fn accept(&mut self) {
        if self.phase == Phase::Sending && !self.exchange.accepted {
            self.exchange.accepted = true;
            self.session.sent();
            self.tally.sent = self.tally.sent.wrapping_add(u32::from(self.awaited));
        }
    }

    /// The transport flushed.
    pub fn flushed(&mut self) {
        self.unflushed = false;
        if self.phase == Phase::Flushing {
            self.phase = Phase::Receiving;
        }
    }

    /// The transport read `n` bytes; 0 is the end of the stream.
    ///
    /// # Errors
    /// The stream ended, or the transport claims more bytes than it was given.
    pub fn got(&mut self, n: usize) -> Result<(), Error> {
        if n == 0 {
            return Err(self.broke(Io::Closed));
        }
        match self.rx.fill(n) {
            true => {
                self.heard = true;
                self.tally.bytes_in = self.tally.bytes_in.wrapping_add(n as u32);
                Ok(())
            }
            false => Err(self.broke(Io::Misbehaved)),
        }
    }

    /// The transport failed: closes the connection, and says how far the request got.
    pub fn broke(&mut self, io: Io) -> Error {
        self.fail(ErrorKind::Transport(io))
    }

    /// Closes the books on an exchange that was not brought to its end: a dropped call. One that was
    /// answered with `NOAUTH`, or with a protocol error, closes the connection.
    ///
    /// `cancel_safe` says that a read or write that was dropped has lost no byte. Then a request
    /// that was written whole is answered some time, and that answer will be skipped; one of which
    /// nothing was accepted is taken back. Everything else closes the connection.
    pub fn settle(&mut self, cancel_safe: bool) {
        match self.phase {
            // Half a handshake is none.
            _ if !self.ready => self.close(Why::Dropped),
            Phase::Idle if self.exchange.failed && self.is_turned_away() => {
                self.close(Why::Refused)
            }
            Phase::Idle | Phase::Closed => {}
            _ if planted::is(Fault::NoPoison) => self.phase = Phase::Idle,
            // What is drained belongs to calls that were dropped before.
            Phase::Draining if cancel_safe => self.phase = Phase::Idle,
            Phase::Draining => self.close(Why::Dropped),
            Phase::Sending | Phase::Flushing | Phase::Receiving => {
                let Exchange {
                    offered,
                    accepted,
                    blocking,
                    ..
                } = self.exchange;
                let owed = self.owed.saturating_add(self.awaited);
                if !accepted && (cancel_safe || !offered) {
                    self.tx.clear();
                    self.awaited = 0;
                    self.phase = Phase::Idle;
                } else if cancel_safe
                    && !blocking
                    // What has not left by now must not leave later, behind somebody's back.
                    && (self.phase != Phase::Sending || self.has_left())
                    && owed <= self.config.skip_budget.replies
                {
                    self.owe(owed);
                } else {
                    self.close(Why::Dropped);
                }
            }
        }
    }

    /// True where the next request can be sent without opening anything.
    pub fn is_open(&self) -> bool {
        self.phase != Phase::Closed && self.ready
    }

    /// Why it was closed last.
    pub(crate) fn why(&self) -> Why {
        self.why
    }

    /// True where replies to dropped calls are still to come.
    pub(crate) fn owes(&self) -> bool {
        self.owed > 0
    }

    /// True where the server has said something since the transport was opened.
    pub(crate) fn has_heard(&self) -> bool {
        self.heard
    }

    /// True where the transport has to be closed.
    pub(crate) fn is_broken(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Takes what the server says without having been asked, on a connection that just broke.
    pub(crate) fn listen(&mut self) {
        self.opened();
        self.awaited = 1;
        self.phase = Phase::Receiving;
    }

    /// Room for what has come while nothing was under way.
    pub(crate) fn idle_room(&mut self) -> &mut [u8] {
        match self.phase {
            Phase::Idle => self.rx.spare(),
            _ => &mut [],
        }
    }

    /// True where nothing is under way or owed, and no byte has come that nobody asked for.
    pub fn is_in_step(&self) -> bool {
        let surplus = self
            .rx
            .filled()
            .len()
            .saturating_sub(match self.exchange.handed {
                true => self.scanner.at(),
                false => 0,
            });
        self.phase == Phase::Idle && self.owed == 0 && surplus == 0
    }

    /// The transport was opened anew: forgets everything about the one before. Until it is
    /// [ready](Self::ready), only a [`Setup`] may run.
    pub(crate) fn opened(&mut self) {
        self.close(Why::Retired);
        self.heard = false;
        self.phase = Phase::Idle;
    }

    /// The session is as a borrower expects it.
    pub(crate) fn ready(&mut self) {
        self.ready = true;
    }

    /// The session is about to be put in order: what is left half-done is of no use.
    pub(crate) fn unready(&mut self) {
        self.ready = false;
    }

    /// The settings.
    pub(crate) fn config(&self) -> &'w Config<'w> {
        self.config
    }

    /// A write was dropped on a transport that may have taken its bytes all the same.
    pub(crate) fn doubt(&mut self) {
        if self.exchange.offered {
            self.accept();
        }
    }

    /// The transport took too long: closes the connection, and says how far the request got.
    pub(crate) fn timed_out(&mut self) -> Error {
        event!(warn, "timed out");
        self.tally.timeouts = self.tally.timeouts.wrapping_add(1);
        self.fail(ErrorKind::TimedOut)
    }

    /// Closes the connection: not a byte of it is read or written again.
    #[inline(never)]
    pub(crate) fn close(&mut self, why: Why) {
        if self.phase != Phase::Closed {
            self.why = why;
        }
        let outstanding = u32::from(self.owed).saturating_add(match self.exchange.accepted {
            true => u32::from(self.awaited),
            false => 0,
        });
        self.tally.lost = self.tally.lost.wrapping_add(outstanding);
        self.lost = self.lost.and(self.session.lost());
        self.session.restored();
        self.rx.clear();
        self.tx.clear();
        self.scanner = Scanner::default();
        self.awaited = 0;
        self.owed = 0;
        self.exchange = Exchange::default();
        self.phase = Phase::Closed;
        self.unflushed = false;
        self.ready = false;
    }

    /// What the lease did to sessions that are gone.
    pub(crate) fn lost(&self) -> Marks {
        self.lost
    }

    /// Another borrower begins: says what the session may have been changed by, and no longer
    /// holds it against whoever uses the connection.
    pub(crate) fn hand_over(&mut self) -> Marks {
        let held = match planted::is(Fault::StaleDatabase) {
            true => self.session.held().without(Marks::SELECT),
            false => self.session.held(),
        };
        self.session.restored();
        self.forget_lost();
        held
    }

    /// What was lost is nobody's any more.
    pub(crate) fn forget_lost(&mut self) {
        self.lost = Marks::NONE;
    }

    /// True where nothing may be said between two commands of the borrower: it would be queued, or
    /// answered in another way.
    pub(crate) fn is_spoken_for(&self) -> bool {
        let held = self.session.held();
        held.any(Marks::MULTI.and(Marks::SUBSCRIBE).and(Marks::OTHER))
    }

    /// Where everything is counted.
    pub(crate) fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    /// How far the present request got.
    pub(crate) fn reached(&self) -> Reached {
        match self.exchange.accepted {
            true => Reached::MaybeSent,
            false => Reached::NotSent,
        }
    }

    /// Ends the exchange and the connection with an error.
    #[cold]
    #[inline(never)]
    pub(crate) fn fail(&mut self, kind: ErrorKind) -> Error {
        let error = Error::new(kind, self.reached());
        self.close(Why::of(kind));
        error
    }

    /// How many replies of the request are still to come.
    pub(crate) fn awaited(&self) -> u16 {
        self.awaited
    }

    /// Decides what comes next.
    pub(crate) fn advance(&mut self, request: &dyn Parts, until: Until) -> Result<Next, Error> {
        self.take_back_reply();
        loop {
            match self.phase {
                Phase::Closed => {
                    return Err(Error::not_sent(ErrorKind::Transport(Io::NotConnected)));
                }
                Phase::Idle => {
                    self.prepare()?;
                    self.phase = self.begin(request)?;
                }
                Phase::Draining => {
                    // Else the server would wait for the end of what it shall answer.
                    if self.unflushed {
                        return Ok(Next::Flush);
                    }
                    if !self.drain()? {
                        return Ok(Next::Read);
                    }
                    self.phase = Phase::Sending;
                }
                Phase::Sending => {
                    if self.tx.is_empty() && !self.is_encoded() {
                        self.encode(request)?;
                    }
                    if !self.tx.is_empty() {
                        self.exchange.offered = true;
                        return Ok(Next::Write);
                    }
                    if !self.is_encoded() {
                        self.exchange.offered = true;
                        return Ok(Next::WriteDirect);
                    }
                    self.phase = match self.awaited {
                        0 => Phase::Receiving,
                        _ => Phase::Flushing,
                    };
                }
                Phase::Flushing => return Ok(Next::Flush),
                Phase::Receiving => {
                    return Ok(match self.receive(until)? {
                        true => Next::Done,
                        false => Next::Read,
                    });
                }
            }
        }
    }

    /// Lends the bytes for what comes next.
    pub(crate) fn offer<'c>(
        &'c mut self,
        next: Next,
        request: &'c dyn Parts,
    ) -> Result<Want<'c>, Error> {
        self.exchange.direct = 0;
        Ok(match next {
            Next::Write => Want::Write(self.tx.filled()),
            Next::WriteDirect => match self.direct(request) {
                Some(bytes) => {
                    self.exchange.direct = bytes.len();
                    Want::Write(bytes)
                }
                None => return Err(self.fail(ErrorKind::Command(CommandFault::Unstable))),
            },
            Next::Flush => Want::Flush,
            Next::Read => Want::Read(self.rx.spare()),
            Next::Done => Want::Done,
        })
    }
}

/// Takes the protection out, for a test to show that it protects.
#[cfg(test)]
pub(crate) mod sabotage {
    extern crate std;

    use core::cell::Cell;

    std::thread_local! {
        /// Owed replies are forgotten instead of skipped, on this thread.
        pub(crate) static SKIPS_NOTHING: Cell<bool> = const { Cell::new(false) };
    }
}
