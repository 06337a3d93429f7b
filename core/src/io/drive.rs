//! The loop that does what a connection wants. All decisions are the connection's; here bytes move
//! and time passes.

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;

use crate::config::Config;
use crate::connection::{Connection, Want, Work};
use crate::error::{Error, Io};
use crate::io::{asynch, blocking, io};
use crate::time::{Clock, Duration, Instant, Timer};

/// How long the pieces of an exchange may take.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// All of it until then.
    Until(Option<Instant>),
    /// All of the writing, and then all of the reading.
    Each {
        write: Option<Duration>,
        read: Option<Duration>,
    },
}

impl Patience {
    /// What the settings allow a request.
    pub(crate) fn of(config: &Config<'_>) -> Self {
        Self::Each {
            write: config.write_timeout,
            read: config.read_timeout,
        }
    }
}

/// The deadline of the direction that bytes move in.
struct Deadline<C> {
    clock: C,
    patience: Patience,
    /// Whether the last bytes moved towards us.
    reading: Option<bool>,
    at: Option<Instant>,
}

impl<C: Clock> Deadline<C> {
    fn new(clock: C, patience: Patience) -> Self {
        let at = if let Patience::Until(at) = patience {
            at
        } else {
            None
        };
        Self {
            clock,
            patience,
            reading: None,
            at,
        }
    }

    /// The deadline for moving bytes in this direction. It begins when the direction changes: a
    /// peer that gives a byte now and then does not put it off.
    fn of(&mut self, reading: bool) -> Option<Instant> {
        if let Some(span) = self.turns(reading) {
            self.begin(span);
        }
        self.at
    }

    /// What is left until then, or `Err` where nothing is. Where no clock tells, a link that can
    /// gives up by itself, each time anew.
    fn left(&mut self, reading: bool) -> Result<Option<Duration>, ()> {
        if let Some(span) = self.turns(reading) {
            self.begin(span);
            return match span {
                Some(span) if span.is_zero() => Err(()),
                span => Ok(span),
            };
        }
        let Some(at) = self.at else {
            return Ok(self.span(reading));
        };
        let left = at.since(self.clock.now());
        if left.is_zero() {
            Err(())
        } else {
            Ok(Some(left))
        }
    }

    fn begin(&mut self, span: Option<Duration>) {
        let clock = C::TICKS.then_some(&self.clock);
        self.at = clock.zip(span).map(|(clock, span)| clock.now().after(span));
    }

    /// Where the direction changes and each has its own time: that time.
    fn turns(&mut self, reading: bool) -> Option<Option<Duration>> {
        if self.reading == Some(reading) {
            return None;
        }
        self.reading = Some(reading);
        match self.patience {
            Patience::Until(_) => None,
            Patience::Each { .. } => Some(self.span(reading)),
        }
    }

    fn span(&self, reading: bool) -> Option<Duration> {
        match self.patience {
            Patience::Until(_) => None,
            Patience::Each { write, read } => match reading {
                true => read,
                false => write,
            },
        }
    }
}

/// Brings `work` to its end, async.
///
/// # Cancel safety
/// Nothing is kept here: dropped anywhere, the connection knows how far it got.
pub(crate) async fn drive<L: asynch::Link>(
    link: &mut L,
    connection: &mut Connection<'_>,
    work: &mut Work<'_, '_>,
    patience: Patience,
) -> Result<(), Error> {
    let mut deadline = Deadline::new(link.clock(), patience);
    loop {
        let next = work.advance(connection)?;
        let moved = match connection.offer(next, work.parts())? {
            Want::Write(bytes) => {
                let at = deadline.of(false);
                within(&deadline.clock, at, link.write(bytes))
                    .await
                    .map(|n| (n, Moved::Out))
            }
            Want::Flush => {
                let at = deadline.of(false);
                within(&deadline.clock, at, link.flush())
                    .await
                    .map(|r| (r.map(|()| 0), Moved::On))
            }
            Want::Read(window) => {
                let at = deadline.of(true);
                within(&deadline.clock, at, link.read(window))
                    .await
                    .map(|n| (n, Moved::In))
            }
            Want::Done => return Ok(()),
        };
        settle(
            connection,
            L::CANCEL_SAFE,
            moved.map(|(n, moved)| (n.map_err(io), moved)),
        )?;
    }
}

/// Brings `work` to its end, blocking.
pub(crate) fn drive_blocking<L: blocking::Link>(
    link: &mut L,
    connection: &mut Connection<'_>,
    work: &mut Work<'_, '_>,
    patience: Patience,
) -> Result<(), Error> {
    let mut deadline = Deadline::new(link.clock(), patience);
    loop {
        let next = work.advance(connection)?;
        let want = connection.offer(next, work.parts())?;
        let reading = matches!(want, Want::Read(_));
        if matches!(want, Want::Done) {
            return Ok(());
        }
        let moved = match deadline.left(reading) {
            Err(()) => None,
            Ok(left) => Some(match (link.patience(left), want) {
                (Err(error), _) => (Err(error), Moved::On),
                (Ok(()), Want::Write(bytes)) => (link.write(bytes), Moved::Out),
                (Ok(()), Want::Read(window)) => (link.read(window), Moved::In),
                (Ok(()), Want::Flush | Want::Done) => (link.flush().map(|()| 0), Moved::On),
            }),
        };
        settle(
            connection,
            L::CANCEL_SAFE,
            moved.map(|(n, moved)| (n.map_err(io), moved)),
        )?;
    }
}

/// Where bytes moved.
enum Moved {
    Out,
    In,
    /// Nowhere: what was written was flushed.
    On,
}

/// Tells the connection what became of what it wanted; `None` where the time was over.
fn settle(
    connection: &mut Connection<'_>,
    cancel_safe: bool,
    moved: Option<(Result<usize, Io>, Moved)>,
) -> Result<(), Error> {
    match moved {
        None | Some((Err(Io::TimedOut), _)) => {
            if !cancel_safe {
                connection.doubt();
            }
            Err(connection.timed_out())
        }
        Some((Err(error), _)) => Err(connection.broke(error)),
        Some((Ok(n), Moved::Out)) => connection.wrote(n),
        Some((Ok(n), Moved::In)) => connection.got(n),
        Some((Ok(_), Moved::On)) => {
            connection.flushed();
            Ok(())
        }
    }
}

/// What `operation` gives, or `None` where `deadline` comes first.
pub(crate) async fn within<T: Timer, O>(
    clock: &T,
    deadline: Option<Instant>,
    operation: impl Future<Output = O>,
) -> Option<O> {
    let Some(deadline) = deadline else {
        return Some(operation.await);
    };
    let mut operation = pin!(operation);
    let mut sleep = pin!(clock.sleep_until(deadline));
    poll_fn(|context| match operation.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => sleep.as_mut().poll(context).map(|()| None),
    })
    .await
}
