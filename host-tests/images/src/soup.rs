//! Values that nobody knows before they are there.

use core::future::poll_fn;
use core::task::Poll;

use embedded_io::{Error, ErrorKind, ErrorType};
use respool::command::StreamId;
use respool::io::{Transport, asynch, blocking};
use respool::time::{Clock, Duration, Instant, Timer};

use crate::look::see;
use crate::ticks;

/// Bytes that may be any.
pub struct Soup([u8; 64]);

impl Soup {
    pub fn new() -> Self {
        Self(core::array::from_fn(|_| ticks() as u8))
    }

    /// Any bytes, or none.
    pub fn bytes(&self) -> &[u8] {
        self.0.get(..ticks() as usize).unwrap_or_default()
    }

    /// Any text.
    pub fn text(&self) -> &str {
        core::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    pub fn byte(&self) -> u8 {
        ticks() as u8
    }

    pub fn word(&self) -> u32 {
        ticks()
    }

    pub fn flag(&self) -> bool {
        ticks() & 1 == 0
    }

    pub fn long(&self) -> u64 {
        u64::from(ticks()) << 32 | u64::from(ticks())
    }

    pub fn signed(&self) -> i64 {
        self.long().cast_signed()
    }

    pub fn double(&self) -> f64 {
        f64::from_bits(self.long())
    }

    pub fn id(&self) -> StreamId {
        StreamId::new(self.long(), self.long())
    }

    pub fn span(&self) -> Duration {
        Duration::from_millis(self.long())
    }
}

/// A link that does anything: it fails, it lies, its clock jumps.
pub struct Link;

impl Link {
    /// A new one, or none.
    pub fn dial(limit: Option<Duration>) -> Result<Self, Broken> {
        let mut link = Self;
        blocking::Link::open(&mut link, limit)?;
        Ok(link)
    }
}

/// Any error of a transport.
#[derive(Debug)]
pub struct Broken;

impl Error for Broken {
    fn kind(&self) -> ErrorKind {
        match ticks() {
            0 => ErrorKind::ConnectionRefused,
            1 => ErrorKind::ConnectionReset,
            2 => ErrorKind::NotConnected,
            3 => ErrorKind::TimedOut,
            4 => ErrorKind::AddrNotAvailable,
            5 => ErrorKind::PermissionDenied,
            6 => ErrorKind::NotFound,
            7 => ErrorKind::WriteZero,
            _ => ErrorKind::Other,
        }
    }
}

impl core::fmt::Display for Broken {
    fn fmt(&self, _: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        Ok(())
    }
}

impl core::error::Error for Broken {}

fn moved() -> Result<usize, Broken> {
    match ticks() {
        0 => Err(Broken),
        n => Ok(n as usize),
    }
}

impl ErrorType for Link {
    type Error = Broken;
}

impl embedded_io::Read for Link {
    fn read(&mut self, window: &mut [u8]) -> Result<usize, Broken> {
        for byte in window {
            *byte = ticks() as u8;
        }
        moved()
    }
}

impl embedded_io::Write for Link {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Broken> {
        see(bytes);
        moved()
    }

    fn flush(&mut self) -> Result<(), Broken> {
        moved().map(|_| ())
    }
}

impl embedded_io_async::Read for Link {
    async fn read(&mut self, window: &mut [u8]) -> Result<usize, Broken> {
        some_time().await;
        embedded_io::Read::read(self, window)
    }
}

impl embedded_io_async::Write for Link {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Broken> {
        some_time().await;
        embedded_io::Write::write(self, bytes)
    }

    async fn flush(&mut self) -> Result<(), Broken> {
        some_time().await;
        moved().map(|_| ())
    }
}

impl Transport for Link {
    type Clock = Jumps;

    fn clock(&self) -> Jumps {
        Jumps
    }

    fn has_news(&mut self) -> bool {
        ticks() & 1 == 0
    }

    fn abort(&mut self) {
        crate::say(b'a', 0);
    }
}

impl blocking::Link for Link {
    fn open(&mut self, limit: Option<Duration>) -> Result<(), Broken> {
        self.patience(limit)
    }

    fn patience(&mut self, limit: Option<Duration>) -> Result<(), Broken> {
        crate::say(b'p', limit.unwrap_or_default().subsec_nanos());
        moved().map(|_| ())
    }

    fn pause(&mut self, span: Duration) {
        crate::say(b'q', span.subsec_nanos());
    }
}

impl asynch::Link for Link {
    async fn open(&mut self, _limit: Option<Duration>) -> Result<(), Broken> {
        some_time().await;
        moved().map(|_| ())
    }
}

/// Pending for as long as it likes.
fn some_time() -> impl Future<Output = ()> {
    poll_fn(|_| match ticks() & 1 {
        0 => Poll::Pending,
        _ => Poll::Ready(()),
    })
}

/// A clock of which nothing is known.
#[derive(Clone)]
pub struct Jumps;

impl Clock for Jumps {
    fn now(&self) -> Instant {
        Instant::from_millis(u64::from(ticks()) << 32 | u64::from(ticks()))
    }
}

impl Timer for Jumps {
    fn sleep_until(&self, _at: Instant) -> impl Future<Output = ()> {
        some_time()
    }
}
