//! One exchange: open what is not open, clean up after the last borrower, send, read, and, where
//! nothing can be applied twice by it, once more.
//!
//! [`Plan`] decides what to do next from what became of the last step; both worlds do it.

use crate::client::Client;
use crate::command::{Blocks, Parts};
use crate::connection::{Connection, Marks, Setup, Until, Work};
use crate::error::{Error, ErrorKind, Io, Reached};
use crate::io::{
    Blocking, Patience, Transport, asynch, blocking, drive, drive_blocking, io, within,
};
use crate::log::event;
use crate::time::{Clock, Instant};

/// A connection, and what has to be done before its next request.
#[derive(Debug)]
pub(crate) struct Line<'w> {
    pub(crate) connection: Connection<'w>,
    /// The link is open, as far as we know.
    pub(crate) linked: bool,
    /// What a borrower before did to the session, and has to be undone.
    pub(crate) dirty: Marks,
    /// It comes from the pool's idle ones.
    pub(crate) rested: bool,
}

/// The steps of an exchange.
struct Plan<'a, 'w> {
    request: &'a dyn Parts,
    until: Until,
    step: Step,
    /// What is said before the request, while that is the step.
    setup: Option<Setup<'w>>,
    /// The request was tried before.
    retried: bool,
    /// How far it got then.
    reached: Reached,
}

#[derive(Clone, Copy)]
enum Step {
    Begin,
    Open,
    Shake,
    /// The handshake broke: perhaps the server said why before it was asked.
    Listen(Error),
    Restore,
    Request,
}

/// What to do next.
enum Act {
    Open,
    /// The plan's work, within the time that opening may take.
    Shake,
    /// The plan's work.
    Run,
}

impl<'w> Line<'w> {
    /// True, once, where the connection lay idle in a pool, and may have been closed meanwhile.
    fn has_rested(&mut self) -> bool {
        core::mem::take(&mut self.rested)
            && self.connection.is_open()
            && !self.connection.idle_room().is_empty()
    }

    /// What came while it lay idle. Only pushes may have.
    fn heard(&mut self, read: Result<usize, Io>) {
        let _ = match read {
            Ok(n) => self.connection.got(n),
            Err(error) => Err(self.connection.broke(error)),
        };
        if self.connection.has_surplus() {
            self.connection.close();
        }
    }

    /// True, once, where the link has to be closed since the connection gave it up.
    pub(crate) fn gave_up_link(&mut self) -> bool {
        let gave_up = self.linked && self.connection.is_broken();
        if gave_up {
            event!(debug, "closed");
            self.linked = false;
            count(&mut self.connection.tally().closed);
        }
        gave_up
    }
}

impl<'a, 'w> Plan<'a, 'w> {
    fn new(request: &'a dyn Parts, until: Until) -> Self {
        Self {
            request,
            until,
            step: Step::Begin,
            setup: None,
            retried: false,
            reached: Reached::NotSent,
        }
    }

    /// What to do next, now that `last` came of the step before; `None` at the end.
    fn next(
        &mut self,
        line: &mut Line<'w>,
        last: Result<(), Error>,
        cancel_safe: bool,
    ) -> Result<Option<Act>, Error> {
        // An error is about all tries: what may have been sent before does not become unsent.
        self.decide(line, last, cancel_safe)
            .map_err(|error| Error::new(error.kind(), error.reached().max(self.reached)))
    }

    fn decide(
        &mut self,
        line: &mut Line<'w>,
        last: Result<(), Error>,
        cancel_safe: bool,
    ) -> Result<Option<Act>, Error> {
        let connection = &mut line.connection;
        let config = connection.config();
        if let (Step::Request, last) = (self.step, &last) {
            if !self.is_worth_repeating(connection, last) {
                return last.map(|()| None);
            }
            event!(debug, "trying once more");
            count(&mut connection.tally().retries);
            self.reached = last.map_or_else(Error::reached, |()| Reached::NotSent);
            self.retried = true;
            self.step = Step::Begin;
        }
        Ok(Some(match (self.step, last) {
            (Step::Begin | Step::Request, _) => {
                connection.settle(cancel_safe);
                if let Some(by) = connection.lost().names() {
                    return Err(Error::not_sent(ErrorKind::SessionLost(by)));
                }
                let dirty = core::mem::replace(&mut line.dirty, Marks::NONE);
                if !connection.is_open() {
                    connection.close();
                    self.step = Step::Open;
                    Act::Open
                } else if dirty == Marks::NONE {
                    self.request()
                } else {
                    // Dropped half-way, the session is nobody's: the connection will be closed.
                    connection.unready();
                    self.step = Step::Restore;
                    self.setup = Some(Setup::restore(config, dirty));
                    Act::Run
                }
            }
            (Step::Open, Ok(())) => {
                event!(debug, "opened");
                line.linked = true;
                count(&mut connection.tally().opened);
                connection.opened();
                self.step = Step::Shake;
                self.setup = Some(Setup::handshake(config));
                Act::Shake
            }
            (Step::Shake | Step::Restore, Ok(())) => {
                connection.ready();
                self.request()
            }
            // A transport that breaks its own contract has nothing more to tell.
            (Step::Shake, Err(error)) if matches!(error.kind(), ErrorKind::Transport(io) if io != Io::Misbehaved) =>
            {
                connection.listen();
                self.step = Step::Listen(error);
                self.setup = Some(Setup::greeting(config));
                Act::Shake
            }
            (Step::Listen(error), said) => {
                connection.close();
                return Err(match said.map_err(Error::kind) {
                    Err(kind @ ErrorKind::Handshake(_)) => cannot_connect(Error::not_sent(kind)),
                    _ => cannot_connect(error),
                });
            }
            (Step::Open | Step::Shake, Err(error)) => {
                connection.close();
                return Err(cannot_connect(error));
            }
            (Step::Restore, Err(_)) => {
                connection.close();
                self.step = Step::Open;
                Act::Open
            }
        }))
    }

    fn request(&mut self) -> Act {
        self.step = Step::Request;
        self.setup = None;
        Act::Run
    }

    /// What this step has to bring to its end.
    fn work(&mut self) -> Work<'_, 'w> {
        match &mut self.setup {
            Some(setup) => Work::Setup(setup),
            None => Work::Request(self.request, self.until),
        }
    }

    /// Whether the request may be sent once more, without a chance that it is applied twice unless
    /// the settings allow that.
    fn is_worth_repeating(&self, connection: &Connection<'_>, last: &Result<(), Error>) -> bool {
        if self.retried || connection.lost() != Marks::NONE {
            return false;
        }
        let Err(error) = last else {
            return self.is_one_typed() && connection.was_refused();
        };
        let unsent = error.reached() == Reached::NotSent;
        match error.kind() {
            ErrorKind::Transport(_) | ErrorKind::Protocol(_) => unsent || self.only_reads(),
            // Unsent, it only waited for the reply to a call that was dropped.
            ErrorKind::TimedOut => unsent || connection.config().retry_on_timeout,
            _ => false,
        }
    }

    /// One command of which we know what its errors mean: a script's are its author's.
    fn is_one_typed(&self) -> bool {
        let first = self.request.part(0);
        self.request.count() == 1 && first.is_some_and(|c| c.spec().blocks != Blocks::Unknown)
    }

    fn only_reads(&self) -> bool {
        (0..self.request.count()).all(|index| {
            self.request
                .part(index)
                .is_some_and(|part| part.spec().is_read())
        })
    }
}

impl<L: asynch::Link> Client<'_, L> {
    /// Brings `request` to its end.
    pub(crate) async fn exchange(
        &mut self,
        request: &dyn Parts,
        until: Until,
    ) -> Result<(), Error> {
        if self.line.has_rested() && self.link.has_news() {
            // It takes no waiting.
            let read = self.link.read(self.line.connection.idle_room()).await;
            self.line.heard(read.map_err(io));
        }
        let mut plan = Plan::new(request, until);
        let mut last = Ok(());
        let mut opened_by = None;
        loop {
            let next = plan.next(&mut self.line, last, L::CANCEL_SAFE);
            self.close_link_if_given_up();
            last = match next? {
                None => return Ok(()),
                Some(Act::Open) => {
                    self.link.abort();
                    let clock = self.link.clock();
                    let limit = self.line.connection.config().connect_timeout;
                    opened_by = limit.and_then(|limit| deadline(&clock, limit));
                    let opened = within(&clock, opened_by, self.link.open(limit)).await;
                    self.settle_open(opened.map(|opened| opened.map_err(io)))
                }
                Some(Act::Shake) => self.drive(plan.work(), Patience::Until(opened_by)).await,
                Some(Act::Run) => {
                    let patience = Patience::of(self.line.connection.config());
                    self.drive(plan.work(), patience).await
                }
            };
        }
    }

    /// Brings an exchange on that is under way.
    pub(crate) async fn resume(&mut self, request: &dyn Parts, until: Until) -> Result<(), Error> {
        let patience = Patience::of(self.line.connection.config());
        let result = self.drive(Work::Request(request, until), patience).await;
        self.close_link_if_given_up();
        result
    }

    async fn drive(&mut self, mut work: Work<'_, '_>, patience: Patience) -> Result<(), Error> {
        drive(
            &mut self.link,
            &mut self.line.connection,
            &mut work,
            patience,
        )
        .await
    }
}

impl<L: blocking::Link> Client<'_, Blocking<L>> {
    /// Brings `request` to its end.
    pub(crate) fn exchange(&mut self, request: &dyn Parts, until: Until) -> Result<(), Error> {
        if self.line.has_rested() && self.link.has_news() {
            let read = self.link.0.read(self.line.connection.idle_room());
            self.line.heard(read.map_err(io));
        }
        let mut plan = Plan::new(request, until);
        let mut last = Ok(());
        let mut opened_by = None;
        loop {
            let next = plan.next(&mut self.line, last, L::CANCEL_SAFE);
            self.close_link_if_given_up();
            last = match next? {
                None => return Ok(()),
                Some(Act::Open) => {
                    self.link.abort();
                    let limit = self.line.connection.config().connect_timeout;
                    opened_by = limit.and_then(|limit| deadline(&self.link.0.clock(), limit));
                    let opened = self.link.0.open(limit);
                    self.settle_open(Some(opened.map_err(io)))
                }
                Some(Act::Shake) => self.drive(plan.work(), Patience::Until(opened_by)),
                Some(Act::Run) => {
                    let patience = Patience::of(self.line.connection.config());
                    self.drive(plan.work(), patience)
                }
            };
        }
    }

    /// Brings an exchange on that is under way.
    pub(crate) fn resume(&mut self, request: &dyn Parts, until: Until) -> Result<(), Error> {
        let patience = Patience::of(self.line.connection.config());
        let result = self.drive(Work::Request(request, until), patience);
        self.close_link_if_given_up();
        result
    }

    fn drive(&mut self, mut work: Work<'_, '_>, patience: Patience) -> Result<(), Error> {
        drive_blocking(
            &mut self.link.0,
            &mut self.line.connection,
            &mut work,
            patience,
        )
    }
}

/// Counts one more.
pub(crate) fn count(counter: &mut u16) {
    *counter = counter.wrapping_add(1);
}

fn deadline<C: Clock>(clock: &C, limit: core::time::Duration) -> Option<Instant> {
    C::TICKS.then(|| clock.now().after(limit))
}

/// Whatever fails before the request is about the connection, and the request was not sent.
fn cannot_connect(error: Error) -> Error {
    let error = Error::not_sent(match error.kind() {
        ErrorKind::Transport(io) => ErrorKind::Connect(io),
        ErrorKind::TimedOut => ErrorKind::Connect(Io::TimedOut),
        other => other,
    });
    event!(warn, "{}", error);
    error
}
