//! Any number of commands, whose replies come one by one.

use core::fmt;
use core::time::Duration;

use crate::client::Client;
use crate::command::{Command, Encode, Parts, with_wait};
use crate::connection::Until;
use crate::error::{Error, Io};
use crate::io::{Blocking, Transport, asynch, blocking};
use crate::resp::Reply;

/// A pipeline of any length: commands from an iterator, replies one by one with `next`.
///
/// As many commands as fit the command window leave together. Nothing is tried twice: after a
/// broken connection, what `next` gives is that error, and then nothing more. Dropped half-way,
/// the replies that are still to come are skipped.
//
// `C` is what `I` gives. As `I::Item`, it would keep a future that holds a pipeline over a closure
// from being `Send`: the compiler cannot see there that the closure takes any lifetime.
pub struct Pipeline<'l, 'w, L: Transport, I, C> {
    client: &'l mut Client<'w, L>,
    commands: I,
    /// The command that did not fit the window any more.
    held: Option<C>,
    /// Replies to come of the commands that have left.
    due: u16,
    /// How long blocking commands among these may keep the next reply waiting; `None` is for ever.
    waits: Option<Duration>,
    /// The held command is on its way, alone.
    alone: bool,
    /// A `next` has begun and not come to its end.
    under_way: bool,
    broken: bool,
}

/// A request that was encoded before, or that has nothing to encode.
struct Encoded(u16);

impl Parts for Encoded {
    fn count(&self) -> u16 {
        self.0
    }

    fn part(&self, _index: u16) -> Option<&dyn Encode> {
        None
    }
}

impl<'l, 'w, L: Transport, I: Iterator<Item = C>, C: Command> Pipeline<'l, 'w, L, I, C> {
    pub(crate) fn new(client: &'l mut Client<'w, L>, commands: I) -> Self {
        Self {
            client,
            commands,
            held: None,
            due: 0,
            waits: Some(Duration::ZERO),
            alone: false,
            under_way: false,
            broken: false,
        }
    }

    /// True where there is a command to send.
    fn has_more(&mut self) -> bool {
        if self.held.is_none() {
            self.held = self.commands.next();
        }
        self.held.is_some()
    }

    /// Encodes as many commands as fit the window; says how many.
    fn fill(&mut self) -> Result<u16, Error> {
        let mut count = 0u16;
        self.waits = Some(Duration::ZERO);
        while self.has_more() {
            let Some(command) = &self.held else { break };
            let waits = self.waits.and_then(|sum| with_wait(sum, command));
            match self.client.line.connection.enqueue(command) {
                Ok(true) => {
                    self.held = None;
                    self.waits = waits;
                }
                // It goes alone, straight from the caller's memory, or in the next batch.
                Ok(false) => break,
                // One that cannot be sent is not the fault of those before it.
                Err(_) if count > 0 => break,
                Err(error) => {
                    self.held = None;
                    return Err(error);
                }
            }
            count = count.saturating_add(1);
            if count == u16::MAX {
                break;
            }
        }
        Ok(count)
    }

    /// A `next` begins. The one before may have been dropped while bytes moved, and only with a
    /// transport that loses none can it be gone on with.
    fn begin(&mut self) -> Result<(), Error> {
        let dropped = core::mem::replace(&mut self.under_way, true);
        if dropped && self.is_sent() && !L::CANCEL_SAFE {
            let error = self.client.line.connection.broke(Io::NotConnected);
            self.client.close_link_if_given_up();
            return Err(error);
        }
        Ok(())
    }

    /// True where commands are on their way.
    fn is_sent(&self) -> bool {
        self.due > 0 || self.alone
    }

    /// Puts together what goes out next.
    fn put_together(&mut self) -> Result<(), Error> {
        self.due = self.fill()?;
        self.alone = self.due == 0;
        Ok(())
    }

    /// Notes what came of the step that was to bring a reply.
    fn took(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        self.under_way = false;
        if core::mem::take(&mut self.alone) {
            self.held = None;
        }
        self.due = self.client.line.connection.awaited();
        // A command that cannot be sent leaves the connection in step.
        self.broken = result.is_err() && !self.client.line.connection.is_open();
        result
    }

    /// How long the next reply may take.
    fn limit(&self) -> Option<Duration> {
        let waits = match &self.held {
            Some(large) if self.alone => with_wait(Duration::ZERO, large),
            _ => self.waits,
        };
        let limit = self.client.line.config().call_timeout?;
        Some(limit.saturating_add(waits?))
    }

    fn decode(&self) -> Result<<C::Reply as Reply>::Out<'_>, Error> {
        C::Reply::decode(&mut self.client.line.connection.replies()?)
    }
}

impl<L: asynch::Link, I: Iterator<Item = C>, C: Command> Pipeline<'_, '_, L, I, C> {
    /// The reply to the next command, or `None` after the last one.
    ///
    /// # Cancel safety
    /// Dropped, it can be called again and goes on: no reply is lost. Where the transport is not
    /// [`CANCEL_SAFE`](Transport::CANCEL_SAFE), the connection is closed instead, and that is the
    /// error.
    pub async fn next(&mut self) -> Option<Result<<C::Reply as Reply>::Out<'_>, Error>> {
        if self.broken || (!self.is_sent() && !self.has_more()) {
            return None;
        }
        let result = self.advance().await;
        Some(self.took(result).and_then(|()| self.decode()))
    }

    async fn advance(&mut self) -> Result<(), Error> {
        self.begin()?;
        if !self.is_sent() {
            self.client.exchange(&Encoded(0), Until::Whole).await?;
            self.put_together()?;
        }
        let limit = self.limit();
        match &self.held {
            Some(large) if self.alone => self.client.resume(large, limit).await,
            _ => self.client.resume(&Encoded(self.due), limit).await,
        }
    }
}

impl<L: blocking::Link, I: Iterator<Item = C>, C: Command> Pipeline<'_, '_, Blocking<L>, I, C> {
    /// The reply to the next command, or `None` after the last one.
    #[expect(
        clippy::should_implement_trait,
        reason = "what it gives borrows from the window"
    )]
    pub fn next(&mut self) -> Option<Result<<C::Reply as Reply>::Out<'_>, Error>> {
        if self.broken || (!self.is_sent() && !self.has_more()) {
            return None;
        }
        let result = self.advance();
        Some(self.took(result).and_then(|()| self.decode()))
    }

    fn advance(&mut self) -> Result<(), Error> {
        self.begin()?;
        if !self.is_sent() {
            self.client.exchange(&Encoded(0), Until::Whole)?;
            self.put_together()?;
        }
        let limit = self.limit();
        match &self.held {
            Some(large) if self.alone => self.client.resume(large, limit),
            _ => self.client.resume(&Encoded(self.due), limit),
        }
    }
}

impl<L: Transport, I, C> fmt::Debug for Pipeline<'_, '_, L, I, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("due", &self.due)
            .finish_non_exhaustive()
    }
}
