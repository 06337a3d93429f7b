//! The loop that does what a connection wants. All decisions are the connection's; here bytes move
//! and time passes.

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;

use crate::connection::{Connection, Want, Work};
use crate::error::{Error, Io};
use crate::io::{asynch, blocking, io};
use crate::time::{Clock, Duration, Instant, Timer};

/// Moves of one drive after which others have a turn: on a link that is always ready, nothing else
/// would run, nor would anybody look at the time.
const MOVES: u8 = 32;

/// How long something may take, from the moment this was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// When it is over, where there is a clock.
    until: Option<Instant>,
    /// How long it is.
    span: Option<Duration>,
}

impl Patience {
    /// So long from now on; `None` is for ever.
    pub(crate) fn new<C: Clock>(clock: &C, span: Option<Duration>) -> Self {
        let clock = C::TICKS.then_some(clock);
        let until = clock.zip(span).map(|(clock, span)| clock.now().after(span));
        Self { until, span }
    }

    /// How long it was when it began.
    pub(crate) fn span(&self) -> Option<Duration> {
        self.span
    }

    /// What is left of it, or `Err` where nothing is. Where no clock tells, a link that can gives up
    /// by itself, each time anew.
    ///
    /// Nearly all is all: telling a link another timeout costs a system call, and most exchanges are
    /// over long before. So an exchange may take a sixteenth longer.
    fn left<C: Clock>(&self, clock: &C) -> Result<Option<Duration>, ()> {
        let Some((until, span)) = self.until.zip(self.span) else {
            return Ok(self.span);
        };
        let left = until.since(clock.now());
        let slack = span.checked_div(16).unwrap_or_default();
        match left {
            _ if left.is_zero() => Err(()),
            _ if left.saturating_add(slack) >= span => Ok(Some(span)),
            _ => Ok(Some(left)),
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
    mut work: Work<'_, '_>,
    patience: Patience,
) -> Result<(), Error> {
    let clock = link.clock();
    let mut moves = 0u8;
    loop {
        let next = work.advance(connection)?;
        let want = connection.offer(next, work.parts())?;
        if matches!(want, Want::Done) {
            return Ok(());
        }
        moves = moves.wrapping_add(1);
        let moving = async {
            if moves.is_multiple_of(MOVES) {
                others_first().await;
            }
            match want {
                Want::Write(bytes) => (link.write(bytes).await, Moved::Out),
                Want::Read(window) => (link.read(window).await, Moved::In),
                Want::Flush | Want::Done => (link.flush().await.map(|()| 0), Moved::On),
            }
        };
        let moved = in_time(&clock, patience, moving).await;
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
    mut work: Work<'_, '_>,
    patience: Patience,
) -> Result<(), Error> {
    let clock = link.clock();
    loop {
        let next = work.advance(connection)?;
        let want = connection.offer(next, work.parts())?;
        if matches!(want, Want::Done) {
            return Ok(());
        }
        let moved = match patience.left(&clock) {
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

/// Pending once.
fn others_first() -> impl Future<Output = ()> {
    let mut had_a_turn = false;
    poll_fn(move |context| {
        if core::mem::replace(&mut had_a_turn, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// The present moment, where there is a clock.
pub(crate) fn now<C: Clock>(clock: &C) -> Option<Instant> {
    C::TICKS.then(|| clock.now())
}

// These are no `async fn`s where they need not be: each of them would hold the operation once more.

/// What `operation` gives, or `None` where its patience ends first.
pub(crate) fn in_time<T: Timer, O>(
    clock: &T,
    patience: Patience,
    operation: impl Future<Output = O>,
) -> impl Future<Output = Option<O>> {
    within(clock, patience.until, operation)
}

/// What `operation` gives, or `None` where `deadline` comes first.
pub(crate) fn within<T: Timer, O>(
    clock: &T,
    deadline: Option<Instant>,
    operation: impl Future<Output = O>,
) -> impl Future<Output = Option<O>> {
    until(deadline.map(|at| clock.sleep_until(at)), operation)
}

/// What `operation` gives, or `None` where `end` comes first, if it comes at all.
pub(crate) async fn until<O>(
    end: Option<impl Future<Output = ()>>,
    operation: impl Future<Output = O>,
) -> Option<O> {
    let mut operation = pin!(operation);
    let mut end = pin!(end);
    poll_fn(|context| match operation.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => match end.as_mut().as_pin_mut() {
            Some(end) => end.poll(context).map(|()| None),
            None => Poll::Pending,
        },
    })
    .await
}
