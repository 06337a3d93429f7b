//! What an exchange does next: the decisions, without I/O and without a clock.

use crate::client::line::{Line, Stamp, Trial, count};
use crate::command::{Blocks, Encode, Parts};
use crate::config::{Config, Retry};
use crate::connection::{Connection, Marks, Setup, Until, Why, Work};
use crate::error::{Code, Error, ErrorKind, Io, Reached, Refusal};
use crate::log::event;
use crate::planted::{self, Fault};
use crate::pool::{jitter, window};
use crate::resp::Item;
use crate::time::{Duration, Instant};

/// The steps of an exchange.
pub(super) struct Plan<'a, 'w> {
    request: &'a dyn Parts,
    until: Until,
    step: Step,
    /// What is said before the request, while that is the step.
    setup: Option<Setup<'w>>,
    /// How often something was tried again.
    retries: u8,
    /// How far the request got in the tries before.
    reached: Reached,
    /// No try begins later than this.
    give_up: Option<Instant>,
    /// The connection was not used for long: somebody else may have closed it.
    is_stale: bool,
}

#[derive(Clone, Copy)]
enum Step {
    Begin,
    /// Since when, and what the call has learned if it may not try again afterwards.
    Pause(Instant, Error),
    Open,
    Shake,
    /// The handshake broke: perhaps the server said why before it was asked.
    Listen(Error),
    /// Before the request: what is owed, what has to be undone, whether anybody is there.
    Prepare,
    Request,
}

/// What to do next.
pub(super) enum Act {
    /// Wait until then.
    Pause(Instant),
    /// Open the link, within the `connect_timeout`.
    Open,
    /// The plan's work, within what is left of that time.
    Shake,
    /// The plan's work, within this time.
    Prepare(Option<Duration>),
    /// The plan's work, which is the request.
    Call,
}

/// What a call has learned that made no attempt.
const TOO_SOON: Error = Error::not_sent(ErrorKind::Connect(Io::TooSoon));

impl<'a, 'w> Plan<'a, 'w> {
    pub(super) fn new(request: &'a dyn Parts, until: Until) -> Self {
        Self {
            request,
            until,
            step: Step::Begin,
            setup: None,
            retries: 0,
            reached: Reached::NotSent,
            give_up: None,
            is_stale: false,
        }
    }

    /// What to do next, now that `last` came of the step before; `None` at the end.
    pub(super) fn next(
        &mut self,
        line: &mut Line<'w>,
        last: Result<(), Error>,
        cancel_safe: bool,
        now: Option<Instant>,
    ) -> Result<Option<Act>, Error> {
        // An error is about all tries: what may have been sent before does not become unsent.
        self.decide(line, last, cancel_safe, now)
            .map_err(|error| Error::new(error.kind(), error.reached().max(self.reached)))
    }

    /// What this step has to bring to its end.
    pub(super) fn work(&mut self) -> Work<'_, 'w> {
        match &mut self.setup {
            Some(setup) => Work::Setup(setup),
            None => Work::Request(self.request, self.until),
        }
    }

    // Apart, so that what it needs of the stack is free again while bytes move.
    #[inline(never)]
    fn decide(
        &mut self,
        line: &mut Line<'w>,
        last: Result<(), Error>,
        cancel_safe: bool,
        now: Option<Instant>,
    ) -> Result<Option<Act>, Error> {
        let connection = &mut line.connection;
        let config = connection.config();
        Ok(Some(match (self.step, last) {
            (Step::Begin, _) => {
                self.look(line, now);
                self.begin(line, TOO_SOON, cancel_safe, now)?
            }
            (Step::Pause(_, error), _) => self.begin(line, error, cancel_safe, now)?,
            (Step::Open, Ok(())) => {
                event!(debug, "opened");
                line.linked = true;
                count(&mut connection.tally().opened);
                connection.opened();
                self.step = Step::Shake;
                self.setup = Some(Setup::handshake(config));
                Act::Shake
            }
            (Step::Shake, Ok(())) => {
                connection.ready();
                line.trial = Trial::LetIn;
                self.prepare(line)
            }
            // What it says to nobody's question comes first. A transport that breaks its own contract
            // has nothing more to tell.
            (Step::Shake, Err(error))
                if matches!(error.kind(), ErrorKind::Transport(io) if io != Io::Misbehaved)
                    && !connection.has_heard() =>
            {
                connection.listen();
                self.step = Step::Listen(error);
                self.setup = Some(Setup::greeting(config));
                Act::Shake
            }
            (Step::Listen(error), said) => {
                let said = said.err().map(Error::kind);
                let told = said.filter(|kind| matches!(kind, ErrorKind::Handshake(_)));
                let error = told.map_or(error, Error::not_sent);
                self.failed_to_open(line, error, now)?
            }
            (Step::Open | Step::Shake, Err(error)) => self.failed_to_open(line, error, now)?,
            (Step::Prepare, Ok(())) => {
                connection.ready();
                self.prepare(line)
            }
            // Found out before the request, this is no try.
            (Step::Prepare, Err(error)) => {
                connection.close(Why::of(error.kind()));
                self.begin(line, TOO_SOON, cancel_safe, now)?
            }
            (Step::Request, last) => {
                // A command may have waited for long, on a connection that was alive all the time.
                line.used_at = Stamp::now(now);
                if !self.may_repeat(connection, &last) || !self.has_tries(config, now) {
                    return self.end(&line.connection, last);
                }
                // The server is there and wants to be asked later.
                let pause = last.is_ok().then(|| self.pause(line, now)).flatten();
                if pause.is_some_and(|at| self.give_up.is_some_and(|end| at > end)) {
                    return self.end(&line.connection, last);
                }
                let error = last.err().unwrap_or(TOO_SOON);
                self.reached = self.reached.max(error.reached());
                let act = match pause {
                    Some(at) => self.wait(at, error, now.unwrap_or_default()),
                    None => self.begin(line, error, cancel_safe, now)?,
                };
                event!(debug, "trying again");
                count(&mut line.connection.tally().retries);
                self.retries = self.retries.saturating_add(1);
                act
            }
        }))
    }

    /// A look at the clock and at the age of the connection, before anything else.
    fn look(&mut self, line: &mut Line<'w>, now: Option<Instant>) {
        let rested = core::mem::take(&mut line.rested);
        let Some(now) = now else { return };
        let config = line.config();
        self.give_up = Some(now.after(config.retry_for));
        self.is_stale = line.has_idled(config.health_check_interval, now);
        if rested && line.connection.is_open() && line.is_too_old(now) {
            line.connection.close(Why::Retired);
        }
        line.used_at = Stamp::of(now);
    }

    /// A try begins. If it is too soon for one, `error` is what the call has learned so far.
    fn begin(
        &mut self,
        line: &mut Line<'w>,
        error: Error,
        cancel_safe: bool,
        now: Option<Instant>,
    ) -> Result<Act, Error> {
        line.connection.settle(cancel_safe);
        // What was dropped before this call may be long ago.
        let seen = match self.step {
            Step::Begin => line.opened_at,
            _ => Stamp::now(now),
        };
        line.judge(seen, false);
        if let Some(by) = line.connection.lost().names() {
            return Err(Error::not_sent(ErrorKind::SessionLost(by)));
        }
        if line.connection.is_open() {
            return Ok(self.prepare(line));
        }
        line.connection.close(Why::Dropped);
        line.dirty = Marks::NONE;
        self.is_stale = false;
        self.open(line, error, now)
    }

    /// Opens the connection, as soon as the server may be tried.
    fn open(
        &mut self,
        line: &mut Line<'w>,
        error: Error,
        now: Option<Instant>,
    ) -> Result<Act, Error> {
        let backoff = &line.config().backoff;
        let pause = |now| Some((now, line.outage().pause(now, backoff, line.chance(0))?));
        let Some((now, at)) = now.and_then(pause) else {
            line.trial = Trial::Opening;
            line.opened_at = Stamp::now(now);
            self.step = Step::Open;
            return Ok(Act::Open);
        };
        let end = self.give_up.unwrap_or(at);
        match self.step {
            // Others may find the server back meanwhile. A millisecond at least, or a loop of calls
            // that may take no time could spin.
            Step::Begin => {
                let soon = now.after(Duration::from_millis(1));
                Ok(self.wait(at.min(end.max(soon)), error, now))
            }
            // Nobody can sleep here.
            Step::Pause(since, _) if now <= since => Err(error),
            _ if at > end => Err(error),
            _ => Ok(self.wait(at, error, now)),
        }
    }

    /// No connection could be opened: once more, or that is the error.
    fn failed_to_open(
        &mut self,
        line: &mut Line<'w>,
        error: Error,
        now: Option<Instant>,
    ) -> Result<Act, Error> {
        let error = cannot_connect(error);
        line.connection.close(Why::of(error.kind()));
        count(&mut line.connection.tally().failed);
        let may_pass = may_pass(error.kind());
        line.judge(Stamp::now(now), !may_pass);
        if !may_pass || !self.has_tries(line.config(), now) {
            return Err(error);
        }
        let act = self.open(line, error, now)?;
        event!(debug, "trying again to open it");
        count(&mut line.connection.tally().retries);
        self.retries = self.retries.saturating_add(1);
        Ok(act)
    }

    fn wait(&mut self, until: Instant, error: Error, now: Instant) -> Act {
        self.step = Step::Pause(now, error);
        Act::Pause(until)
    }

    /// What comes next on an open connection.
    fn prepare(&mut self, line: &mut Line<'w>) -> Act {
        let config = line.config();
        let connection = &mut line.connection;
        let mut limit = config.connect_timeout;
        let setup = if connection.owes() {
            event!(debug, "skipping late replies");
            limit = Some(config.skip_budget.time);
            Setup::drain(config)
        } else if line.dirty != Marks::NONE {
            // Dropped half-way, the session is nobody's: the connection will be closed.
            connection.unready();
            self.is_stale = false;
            Setup::restore(config, core::mem::replace(&mut line.dirty, Marks::NONE))
        } else if core::mem::take(&mut self.is_stale) && !connection.is_spoken_for() {
            event!(debug, "asking whether the server is there");
            count(&mut connection.tally().checked);
            // Dropped half-way, nobody has seen whether it was the answer that came.
            connection.unready();
            Setup::check(config)
        } else {
            self.step = Step::Request;
            self.setup = None;
            return Act::Call;
        };
        self.step = Step::Prepare;
        self.setup = Some(setup);
        Act::Prepare(limit)
    }

    /// The last try is the answer. But where a write was refused, one before may have run all the
    /// same.
    fn end(
        &self,
        connection: &Connection<'_>,
        last: Result<(), Error>,
    ) -> Result<Option<Act>, Error> {
        last?;
        if self.reached == Reached::MaybeSent
            && let Some(code) = self.refusal(connection, |part| !part.spec().is_read())
        {
            return Err(Error::new(ErrorKind::Server(code), self.reached));
        }
        Ok(None)
    }

    /// When a server that did not run the request for now is asked again.
    fn pause(&self, line: &Line<'w>, now: Option<Instant>) -> Option<Instant> {
        let now = now?;
        let longest = window(&line.config().backoff, u32::from(self.retries));
        let pause = jitter(longest, line.chance(now.as_millis() as u32));
        (pause > 0).then(|| now.after(Duration::from_millis(u64::from(pause))))
    }

    /// Whether anything may be tried again, by its number and by the time.
    fn has_tries(&self, config: &Config<'_>, now: Option<Instant>) -> bool {
        let is_late = now.zip(self.give_up).is_some_and(|(now, end)| now > end);
        config.retry != Retry::Never && self.retries < config.retries && !is_late
    }

    /// Whether the request may be sent once more, without a chance that it is applied twice unless
    /// the caller or the settings allow that.
    fn may_repeat(&self, connection: &Connection<'_>, last: &Result<(), Error>) -> bool {
        let config = connection.config();
        if connection.lost() != Marks::NONE {
            return false;
        }
        let Err(error) = last else {
            // What a script's errors mean is its author's to know.
            let is_known = |part: &dyn Encode| part.spec().blocks != Blocks::Unknown;
            return connection.has_failed()
                && matches!(config.retry, Retry::WhenSafe | Retry::Always)
                && self.request.count() == 1
                && self
                    .refusal(connection, is_known)
                    .is_some_and(Code::is_refused_unrun);
        };
        let unsent = error.reached() == Reached::NotSent || planted::is(Fault::DoubleRetry);
        let is_safe = match config.retry {
            Retry::Never | Retry::WhenUnsent => false,
            Retry::WhenSafe => self.request.handling().idempotent || self.only_reads(),
            Retry::Always => true,
        };
        match error.kind() {
            ErrorKind::Transport(_) | ErrorKind::Protocol(_) => unsent || is_safe,
            ErrorKind::TimedOut => unsent || (is_safe && config.retry_on_timeout),
            _ => false,
        }
    }

    /// What the server says to the first command of such a kind that it refuses.
    fn refusal(
        &self,
        connection: &Connection<'_>,
        is_such: fn(&dyn Encode) -> bool,
    ) -> Option<Code> {
        let mut replies = connection.replies().ok()?;
        (0..self.request.count()).find_map(|index| {
            let reply = replies.value().and_then(|mut reply| reply.item());
            match (self.request.part(index), reply) {
                (Some(part), Ok(Item::Error(text))) if is_such(part) => Some(Code::of(text)),
                _ => None,
            }
        })
    }

    fn only_reads(&self) -> bool {
        (0..self.request.count()).all(|index| {
            self.request
                .part(index)
                .is_some_and(|part| part.spec().is_read())
        })
    }
}

/// Whether what kept a connection from being opened may be over soon.
fn may_pass(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Connect(io) => io != Io::Misbehaved,
        ErrorKind::Handshake(Refusal::TooManyClients) => true,
        ErrorKind::Handshake(Refusal::Other(code)) => code.is_refused_unrun(),
        _ => false,
    }
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
