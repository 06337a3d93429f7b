//! What a user calls: one connection's client, and the pool of them, blocking and async.
//!
//! A [`Client`] is a connection and its link. It opens itself when it is first used and again when
//! it broke; [`Pool`] shares a fixed number of clients among any number of tasks. All that decides
//! anything is shared by both worlds; what is written twice is a loop and the one-line methods.

mod exchange;
mod line;
#[cfg(feature = "std")]
mod parked;
mod pipeline;
mod plan;
mod pool;
#[cfg(feature = "std")]
pub(crate) mod shared;
mod stats;
#[cfg(test)]
mod tests;

pub use pipeline::Pipeline;
pub use pool::{Lease, Pool, PoolResources};
pub use stats::Stats;

use crate::command::{Command, Request};
use crate::config::Config;
use crate::connection::{Connection, Marks, Memory, Until, Why};
use crate::error::{Error, ErrorKind, Io};
use crate::io::{Blocking, Transport, asynch, blocking, now};
use crate::pool::Outage;
use crate::resp::{Owned, Reply};
use line::{Line, Stamp};

/// One connection to a server, opened when it is first used and again after it broke.
///
/// Borrowed replies live in its window until the next call. For several tasks, or several
/// connections, use a [`Pool`].
#[derive(Debug)]
pub struct Client<'w, L: Transport> {
    line: Line<'w>,
    link: L,
    /// The pool's generation in which this client was lent last.
    generation: u32,
}

impl<'w, L: Transport> Client<'w, L> {
    /// A client over `link`, closed as yet.
    pub fn new<const RX: usize, const TX: usize, const DEPTH: usize>(
        memory: &'w mut Memory<RX, TX, DEPTH>,
        link: L,
        config: &'w Config<'w>,
    ) -> Self {
        let connection = Connection::closed(memory, config);
        Self {
            line: Line::new(connection),
            link,
            generation: 0,
        }
    }

    /// The same, as one of a pool that shares what is known of its server.
    fn of_pool(mut self, number: usize, outage: &'w Outage) -> Self {
        self.line.number = number as u8;
        self.line.pools = Some(outage);
        self
    }

    /// The text of the server's error, where the last reply is one; until the next call.
    pub fn error_text(&self) -> Option<&str> {
        self.line.connection.error_text()
    }

    /// Closes the connection. The next call opens it again.
    pub fn disconnect(&mut self) {
        self.line.connection.close(Why::Retired);
        self.line.connection.forget_lost();
        self.close_link_if_given_up();
    }

    /// Another borrower comes next: what this one left is put in order as far as that needs no
    /// I/O, and noted where it does.
    fn hand_over(&mut self) {
        let connection = &mut self.line.connection;
        connection.settle(L::CANCEL_SAFE);
        let left = connection.hand_over();
        connection.pass_unasked();
        if left.any(Marks::LASTING) {
            connection.close(Why::Retired);
        }
        self.line.dirty = self.line.dirty.and(left);
        self.line.used_at = Stamp::now(now(&self.link.clock()));
        self.line.judge(self.line.used_at, false);
        self.close_link_if_given_up();
    }

    fn close_link_if_given_up(&mut self) {
        if self.line.gave_up_link() {
            self.link.abort();
        }
    }

    /// The transport was opened, or not, or not in time.
    fn settle_open(&mut self, opened: Option<Result<(), Io>>) -> Result<(), Error> {
        let why = match opened {
            Some(Ok(())) => return Ok(()),
            Some(Err(io)) => io,
            None => Io::TimedOut,
        };
        self.link.abort();
        Err(Error::not_sent(ErrorKind::Connect(why)))
    }

    /// Decodes the answer to `request`, which was just driven to its end.
    fn answer<R: Request>(&self, request: &R) -> Result<<R::Reply as Reply>::Out<'_>, Error> {
        self.line.connection.reply(request)
    }

    /// The same, as something that outlives the connection.
    fn own<R: Request>(&self, _request: &R) -> Result<<R::Reply as Owned>::Value, Error>
    where
        R::Reply: Owned,
    {
        <R::Reply as Owned>::own(&mut self.line.connection.replies()?)
    }
}

impl<'w, L: asynch::Link> Client<'w, L> {
    /// Sends a command, or a tuple of commands in one round trip, and decodes the answer in place.
    ///
    /// # Errors
    /// The server's error as [`ErrorKind::Server`]; all others say by
    /// [`Error::reached`] whether the command may have been applied. The first failed reply of a
    /// tuple is the error of all; [`outcome`](crate::command::Command::outcome) keeps the others.
    ///
    /// # Cancel safety
    /// Dropped at any point, the next call gets its own answer: what is still to come for this
    /// one is skipped, or the connection is opened anew. The command may have been applied.
    pub async fn call<R: Request>(
        &mut self,
        request: R,
    ) -> Result<<R::Reply as Reply>::Out<'_>, Error> {
        self.exchange(&request, Until::Whole).await?;
        self.answer(&request)
    }

    /// Sends any number of commands, whose replies are handed out one by one.
    ///
    /// As many commands as fit the command window go out together; their replies are taken before
    /// the next ones are sent, so neither side waits for the other with full buffers.
    pub fn pipeline<C, I>(&mut self, commands: I) -> Pipeline<'_, 'w, L, I::IntoIter, C>
    where
        C: Command,
        I: IntoIterator<Item = C>,
    {
        Pipeline::new(self, commands.into_iter())
    }

    /// Closes the connection in good order, and waits until the server knows, where the link can
    /// tell. The next call opens it again.
    ///
    /// # Cancel safety
    /// Dropped, the connection is closed all the same.
    pub async fn close(&mut self) {
        self.line.connection.close(Why::Retired);
        self.line.connection.forget_lost();
        if self.line.linked {
            self.link.close().await;
            // Only now, so that it is aborted where this was dropped.
            self.line.gave_up_link();
        }
    }
}

impl<'w, L: blocking::Link> Client<'w, Blocking<L>> {
    /// Sends a command, or a tuple of commands in one round trip, and decodes the answer in place.
    ///
    /// # Errors
    /// The server's error as [`ErrorKind::Server`]; all others say by
    /// [`Error::reached`] whether the command may have been applied. The first failed reply of a
    /// tuple is the error of all; [`outcome`](crate::command::Command::outcome) keeps the others.
    pub fn call<R: Request>(&mut self, request: R) -> Result<<R::Reply as Reply>::Out<'_>, Error> {
        self.exchange(&request, Until::Whole)?;
        self.answer(&request)
    }

    /// Sends any number of commands, whose replies are handed out one by one.
    ///
    /// As many commands as fit the command window go out together; their replies are taken before
    /// the next ones are sent, so neither side waits for the other with full buffers.
    pub fn pipeline<C, I>(&mut self, commands: I) -> Pipeline<'_, 'w, Blocking<L>, I::IntoIter, C>
    where
        C: Command,
        I: IntoIterator<Item = C>,
    {
        Pipeline::new(self, commands.into_iter())
    }
}
