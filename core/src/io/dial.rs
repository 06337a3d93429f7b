//! A link from anything that reads and writes, and a closure that opens it: a UART, a modem, the
//! user's TLS.

use core::future::Future;

use embedded_io::{Error, ErrorKind, ErrorType};

use crate::io::{Transport, asynch, blocking};
use crate::time::{Clock, Duration, Timer};

/// A blocking link: `dial` opens a transport, which is dropped to close it.
///
/// ```
/// use respool::io::Dial;
/// use respool::time::NoClock;
/// # #[derive(Debug)] struct Uart;
/// # impl embedded_io::ErrorType for Uart { type Error = embedded_io::ErrorKind; }
/// # impl embedded_io::Read for Uart { fn read(&mut self, _: &mut [u8]) -> Result<usize, embedded_io::ErrorKind> { Ok(0) } }
/// # impl embedded_io::Write for Uart {
/// #     fn write(&mut self, b: &[u8]) -> Result<usize, embedded_io::ErrorKind> { Ok(b.len()) }
/// #     fn flush(&mut self) -> Result<(), embedded_io::ErrorKind> { Ok(()) }
/// # }
/// # fn reset_and_open() -> Result<Uart, embedded_io::ErrorKind> { Ok(Uart) }
/// let link = Dial::new(|_limit| reset_and_open(), NoClock);
/// ```
#[derive(Debug)]
pub struct Dial<F, T, C> {
    dial: F,
    clock: C,
    open: Option<T>,
}

/// An async link: `dial` opens a transport, which is dropped to close it.
#[derive(Debug)]
pub struct DialAsync<F, T, C> {
    dial: F,
    clock: C,
    open: Option<T>,
}

/// Why a dialled link failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum DialError<E> {
    /// It is not open.
    NotOpen,
    /// The transport failed.
    Transport(E),
}

impl<F, T, C> Dial<F, T, C>
where
    F: FnMut(Option<Duration>) -> Result<T, T::Error>,
    T: embedded_io::Read + embedded_io::Write,
    C: Clock,
{
    /// A link that opens by `dial`, which is told how long that may take.
    pub fn new(dial: F, clock: C) -> Self {
        Self {
            dial,
            clock,
            open: None,
        }
    }
}

impl<F, T, C, O> DialAsync<F, T, C>
where
    F: FnMut() -> O,
    O: Future<Output = Result<T, T::Error>>,
    T: embedded_io_async::Read + embedded_io_async::Write,
    C: Timer,
{
    /// A link that opens by `dial`.
    pub fn new(dial: F, clock: C) -> Self {
        Self {
            dial,
            clock,
            open: None,
        }
    }
}

impl<F, T, C> blocking::Link for Dial<F, T, C>
where
    F: FnMut(Option<Duration>) -> Result<T, T::Error>,
    T: embedded_io::Read + embedded_io::Write,
    C: Clock,
{
    fn open(&mut self, limit: Option<Duration>) -> Result<(), Self::Error> {
        self.open = Some((self.dial)(limit).map_err(DialError::Transport)?);
        Ok(())
    }
}

impl<F, T, C, O> asynch::Link for DialAsync<F, T, C>
where
    F: FnMut() -> O,
    O: Future<Output = Result<T, T::Error>>,
    T: embedded_io_async::Read + embedded_io_async::Write,
    C: Timer,
{
    async fn open(&mut self, _limit: Option<Duration>) -> Result<(), Self::Error> {
        self.open = Some((self.dial)().await.map_err(DialError::Transport)?);
        Ok(())
    }
}

impl<F, T: embedded_io::Read, C> embedded_io::Read for Dial<F, T, C> {
    fn read(&mut self, window: &mut [u8]) -> Result<usize, Self::Error> {
        opened(&mut self.open)?
            .read(window)
            .map_err(DialError::Transport)
    }
}

impl<F, T: embedded_io::Write, C> embedded_io::Write for Dial<F, T, C> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        opened(&mut self.open)?
            .write(bytes)
            .map_err(DialError::Transport)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        opened(&mut self.open)?
            .flush()
            .map_err(DialError::Transport)
    }
}

impl<F, T: embedded_io_async::Read, C> embedded_io_async::Read for DialAsync<F, T, C> {
    async fn read(&mut self, window: &mut [u8]) -> Result<usize, Self::Error> {
        opened(&mut self.open)?
            .read(window)
            .await
            .map_err(DialError::Transport)
    }
}

impl<F, T: embedded_io_async::Write, C> embedded_io_async::Write for DialAsync<F, T, C> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        opened(&mut self.open)?
            .write(bytes)
            .await
            .map_err(DialError::Transport)
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        opened(&mut self.open)?
            .flush()
            .await
            .map_err(DialError::Transport)
    }
}

/// What both worlds share.
macro_rules! dialled {
    ($($name:ident, $clock:ident;)*) => { $(
        impl<F, T: ErrorType, C> ErrorType for $name<F, T, C> {
            type Error = DialError<T::Error>;
        }

        impl<F, T: ErrorType, C: $clock> Transport for $name<F, T, C> {
            type Clock = C;

            fn clock(&self) -> C {
                self.clock.clone()
            }

            fn abort(&mut self) {
                self.open = None;
            }
        }
    )* };
}

dialled! {
    Dial, Clock;
    DialAsync, Timer;
}

impl<E: Error> Error for DialError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotOpen => ErrorKind::NotConnected,
            Self::Transport(error) => error.kind(),
        }
    }
}

impl<E: core::fmt::Display> core::fmt::Display for DialError<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotOpen => f.write_str("the transport is not open"),
            Self::Transport(error) => error.fmt(f),
        }
    }
}

impl<E: core::fmt::Debug + core::fmt::Display> core::error::Error for DialError<E> {}

fn opened<T: ErrorType>(open: &mut Option<T>) -> Result<&mut T, DialError<T::Error>> {
    open.as_mut().ok_or(DialError::NotOpen)
}
