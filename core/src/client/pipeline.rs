//! Any number of commands, whose replies come one by one.

use core::fmt;

use crate::client::Client;
use crate::command::{Command, Encode, Parts};
use crate::connection::Until;
use crate::error::Error;
use crate::io::{Blocking, Transport, asynch, blocking};
use crate::resp::Reply;

/// A pipeline of any length: commands from an iterator, replies one by one with `next`.
///
/// As many commands as fit the command window leave together. Nothing is tried twice: after a
/// broken connection, what `next` gives is that error, and then nothing more. Dropped half-way,
/// the replies that are still to come are skipped.
pub struct Pipeline<'l, 'w, L: Transport, I: Iterator> {
    client: &'l mut Client<'w, L>,
    commands: I,
    /// The command that did not fit the window any more.
    held: Option<I::Item>,
    /// Replies to come of the commands that have left.
    due: u16,
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

impl<'l, 'w, L: Transport, C: Command, I: Iterator<Item = C>> Pipeline<'l, 'w, L, I> {
    pub(crate) fn new(client: &'l mut Client<'w, L>, commands: I) -> Self {
        Self {
            client,
            commands,
            held: None,
            due: 0,
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
        while self.has_more() {
            let Some(command) = &self.held else { break };
            match self.client.line.connection.enqueue(command) {
                Ok(true) => self.held = None,
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

    /// Notes what came of the step that was to bring a reply.
    fn took(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        self.due = self.client.line.connection.awaited();
        // A command that cannot be sent leaves the connection in step.
        self.broken = result.is_err() && !self.client.line.connection.is_open();
        result
    }

    fn decode(&self) -> Result<<C::Reply as Reply>::Out<'_>, Error> {
        C::Reply::decode(&mut self.client.line.connection.replies()?)
    }
}

impl<L: asynch::Link, C: Command, I: Iterator<Item = C>> Pipeline<'_, '_, L, I> {
    /// The reply to the next command, or `None` after the last one.
    ///
    /// # Cancel safety
    /// Dropped, it can be called again: no reply is lost.
    pub async fn next(&mut self) -> Option<Result<<C::Reply as Reply>::Out<'_>, Error>> {
        if self.broken || (self.due == 0 && !self.has_more()) {
            return None;
        }
        let result = self.advance().await;
        Some(self.took(result).and_then(|()| self.decode()))
    }

    async fn advance(&mut self) -> Result<(), Error> {
        if self.due == 0 {
            self.client.exchange(&Encoded(0), Until::Whole).await?;
            self.due = self.fill()?;
        }
        match (self.due, &self.held) {
            (0, Some(large)) => {
                self.client.exchange(large, Until::Next).await?;
                self.held = None;
                Ok(())
            }
            (due, _) => self.client.resume(&Encoded(due), Until::Next).await,
        }
    }
}

impl<L: blocking::Link, C: Command, I: Iterator<Item = C>> Pipeline<'_, '_, Blocking<L>, I> {
    /// The reply to the next command, or `None` after the last one.
    #[expect(
        clippy::should_implement_trait,
        reason = "what it gives borrows from the window"
    )]
    pub fn next(&mut self) -> Option<Result<<C::Reply as Reply>::Out<'_>, Error>> {
        if self.broken || (self.due == 0 && !self.has_more()) {
            return None;
        }
        let result = self.advance();
        Some(self.took(result).and_then(|()| self.decode()))
    }

    fn advance(&mut self) -> Result<(), Error> {
        if self.due == 0 {
            self.client.exchange(&Encoded(0), Until::Whole)?;
            self.due = self.fill()?;
        }
        match (self.due, &self.held) {
            (0, Some(large)) => {
                self.client.exchange(large, Until::Next)?;
                self.held = None;
                Ok(())
            }
            (due, _) => self.client.resume(&Encoded(due), Until::Next),
        }
    }
}

impl<L: Transport, I: Iterator> fmt::Debug for Pipeline<'_, '_, L, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("due", &self.due)
            .finish_non_exhaustive()
    }
}
