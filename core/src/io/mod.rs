//! Bytes move: transports that can be opened again and again, and the loop that drives a
//! connection over them, once blocking and once async.
//!
//! A [`Transport`] becomes a link of one world by `open`: [`asynch::Link`] or [`blocking::Link`].
//! Nothing is consumed by opening, so static sockets stay where they are. A blocking link stands in
//! a pool as [`Blocking`]`<L>`, so that both worlds share the names of the client.

mod dial;
mod drive;
#[cfg(feature = "embassy-net")]
pub mod embassy_net;
#[cfg(feature = "embassy-time")]
pub mod embassy_time;
#[cfg(feature = "embedded-nal-async")]
pub mod embedded_nal_async;
#[cfg(any(test, feature = "scripted"))]
pub mod scripted;
#[cfg(feature = "std")]
pub mod std;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use dial::{Dial, DialAsync};
#[cfg(feature = "embassy-net")]
pub(crate) use drive::within;
pub(crate) use drive::{Patience, drive, drive_blocking, in_time, now, until};

use embedded_io::{ErrorKind as Kind, ErrorType};

use crate::error::Io;
use crate::time::Clock;
#[cfg(any(feature = "std", feature = "embassy-net"))]
use crate::time::Duration;

/// What a transport is in both worlds.
pub trait Transport: ErrorType {
    /// True where a read or write future that is dropped has lost no byte, as with
    /// `embassy_net::tcp::TcpSocket` and the sockets of an operating system. The traits of
    /// embedded-io do not promise it, so it is false unless stated; then every call that is
    /// dropped costs its connection.
    const CANCEL_SAFE: bool = false;

    /// The clock that deadlines on this transport go by.
    type Clock: Clock;

    /// That clock.
    fn clock(&self) -> Self::Clock;

    /// True where something has come that nobody has read, bytes or the end of the stream, so that
    /// a read takes no waiting. False where the transport cannot tell. A pool asks it of a
    /// connection that was idle, before it is used again.
    fn has_news(&mut self) -> bool {
        false
    }

    /// Closes the transport without waiting, in good order where that takes no time. Nothing
    /// happens where it is closed.
    fn abort(&mut self);
}

/// Links of the async world.
pub mod asynch {
    use core::task::Poll;

    use embedded_io_async::{Read, Write};

    use crate::io::Transport;
    use crate::time::{Duration, Timer};

    /// A transport that can be opened and awaited.
    pub trait Link: Transport<Clock: Timer> + Read + Write {
        /// Opens the transport; it is closed before. The caller drops the future after `limit` and
        /// [aborts](Transport::abort) the transport; one with several addresses to try may divide
        /// the time among them.
        fn open(
            &mut self,
            limit: Option<Duration>,
        ) -> impl Future<Output = Result<(), Self::Error>>;

        /// Closes the transport in good order: the peer gets what was written, and learns that
        /// this is the end. [Aborts](Transport::abort) it unless a transport knows better. Dropped,
        /// it is closed by the next `abort`.
        fn close(&mut self) -> impl Future<Output = ()> {
            self.abort();
            // Not `ready`, which panics where it is polled once more.
            core::future::poll_fn(|_| Poll::Ready(()))
        }
    }
}

/// Links of the blocking world.
pub mod blocking {
    use embedded_io::{Read, Write};

    use crate::io::Transport;
    use crate::time::Duration;

    /// A transport that can be opened and blocks.
    pub trait Link: Transport + Read + Write {
        /// Opens the transport; it is closed before. Gives up after `limit`, where it can.
        fn open(&mut self, limit: Option<Duration>) -> Result<(), Self::Error>;

        /// Lets reads and writes from now on give up after `limit`, with the error kind
        /// `TimedOut`. A transport that cannot do so blocks until its peer or its driver ends it.
        fn patience(&mut self, limit: Option<Duration>) -> Result<(), Self::Error> {
            let _ = limit;
            Ok(())
        }

        /// Lets the caller's thread sleep for `span`, before a server that could not be reached is
        /// tried again. Where nothing can sleep, the call fails instead: the server is left alone
        /// all the same.
        fn pause(&mut self, span: Duration) {
            let _ = span;
        }
    }
}

/// A blocking link, as it stands in a client or a pool.
#[derive(Debug)]
pub struct Blocking<L>(pub L);

impl<L: ErrorType> ErrorType for Blocking<L> {
    type Error = L::Error;
}

impl<L: Transport> Transport for Blocking<L> {
    const CANCEL_SAFE: bool = L::CANCEL_SAFE;
    type Clock = L::Clock;

    fn clock(&self) -> L::Clock {
        self.0.clock()
    }

    fn has_news(&mut self) -> bool {
        self.0.has_news()
    }

    fn abort(&mut self) {
        self.0.abort();
    }
}

/// What one address may take of `limit`, so that `others` can be tried after it.
#[cfg(any(feature = "std", feature = "embassy-net"))]
pub(crate) fn share(limit: Duration, elapsed: Duration, others: usize) -> Duration {
    let all = u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1);
    limit
        .saturating_sub(elapsed)
        .checked_div(all)
        .unwrap_or_default()
}

/// What an error of a transport means to a caller.
pub(crate) fn io(error: impl embedded_io::Error) -> Io {
    match error.kind() {
        Kind::ConnectionRefused => Io::Refused,
        Kind::ConnectionReset | Kind::ConnectionAborted => Io::Reset,
        Kind::BrokenPipe | Kind::NotConnected => Io::NotConnected,
        Kind::TimedOut => Io::TimedOut,
        Kind::AddrNotAvailable => Io::NoAddress,
        Kind::PermissionDenied => Io::PermissionDenied,
        Kind::NotFound => Io::NotFound,
        Kind::WriteZero => Io::Misbehaved,
        _ => Io::Other,
    }
}
