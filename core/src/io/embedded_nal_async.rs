//! A link over any network stack with the traits of `embedded-nal-async`.

use core::fmt;
use core::net::{IpAddr, SocketAddr};

use embedded_io::ErrorKind;
use embedded_io_async::{Error, ErrorType, Read, Write};
use embedded_nal_async::{AddrType, Dns, TcpConnect};

use crate::io::{Transport, asynch};
use crate::time::{Duration, Timer};

/// A link over a [`TcpConnect`], which is asked for a new connection each time that it opens.
///
/// The traits know no keepalive, no FIN or reset, and only one address of a name: where the stack
/// is embassy-net, `embassy::TcpLink` does better. To close means to drop the connection, and what
/// that does is the stack's affair.
///
/// ```
/// use core::net::SocketAddr;
/// use embedded_nal_async::TcpConnect;
/// use respool::io::embedded_nal_async::Nal;
/// use respool::time::Timer;
///
/// fn two<'a, T: TcpConnect, C: Timer>(
///     stack: &'a T,
///     server: SocketAddr,
///     clock: C,
/// ) -> [Nal<'a, T, C>; 2] {
///     [Nal::new(stack, server, clock.clone()), Nal::new(stack, server, clock)]
/// }
/// ```
pub struct Nal<'a, T: TcpConnect + 'a, C, D = NoDns, const CANCEL_SAFE: bool = false> {
    stack: &'a T,
    to: To<'a, D>,
    clock: C,
    open: Option<T::Connection<'a>>,
}

enum To<'a, D> {
    Address(SocketAddr),
    Name(&'a D, &'a str, u16),
}

/// No names: the link has an address.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NoDns {}

/// Why a [`Nal`] failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NalError<E> {
    /// It is not open.
    NotOpen,
    /// The name has no address, or none could be asked for.
    NoAddress,
    /// The stack's own error.
    Stack(E),
}

impl<'a, T: TcpConnect, C: Timer> Nal<'a, T, C> {
    /// A link to an address, closed as yet.
    pub fn new(stack: &'a T, address: SocketAddr, clock: C) -> Self {
        Self {
            stack,
            to: To::Address(address),
            clock,
            open: None,
        }
    }
}

impl<'a, T: TcpConnect, C: Timer, D: Dns> Nal<'a, T, C, D> {
    /// A link to a name or an IP address, closed as yet. The name is looked up each time that the
    /// link opens.
    pub fn named(stack: &'a T, dns: &'a D, host: &'a str, port: u16, clock: C) -> Self {
        let to = match host.parse::<IpAddr>() {
            Ok(ip) => To::Address(SocketAddr::new(ip, port)),
            Err(_) => To::Name(dns, host, port),
        };
        Self {
            stack,
            to,
            clock,
            open: None,
        }
    }
}

impl<'a, T: TcpConnect, C, D> Nal<'a, T, C, D> {
    /// The same link, where you know that a read or write of this stack that is dropped has lost
    /// no byte ([`Transport::CANCEL_SAFE`]). Then a call that is dropped does not cost its
    /// connection. Where it is not so, replies are lost and the next caller waits for his in vain.
    pub fn cancel_safe(self) -> Nal<'a, T, C, D, true> {
        Nal {
            stack: self.stack,
            to: self.to,
            clock: self.clock,
            open: self.open,
        }
    }
}

impl<'a, T: TcpConnect, C, D, const S: bool> Nal<'a, T, C, D, S> {
    fn opened(&mut self) -> Result<&mut T::Connection<'a>, NalError<T::Error>> {
        self.open.as_mut().ok_or(NalError::NotOpen)
    }
}

impl<T: TcpConnect, C, D, const S: bool> ErrorType for Nal<'_, T, C, D, S> {
    type Error = NalError<T::Error>;
}

impl<T: TcpConnect, C: Timer, D, const S: bool> Transport for Nal<'_, T, C, D, S> {
    const CANCEL_SAFE: bool = S;
    type Clock = C;

    fn clock(&self) -> C {
        self.clock.clone()
    }

    fn abort(&mut self) {
        self.open = None;
    }
}

impl<T: TcpConnect, C: Timer, D: Dns, const S: bool> asynch::Link for Nal<'_, T, C, D, S> {
    async fn open(&mut self, _limit: Option<Duration>) -> Result<(), Self::Error> {
        let address = match &self.to {
            To::Address(address) => *address,
            To::Name(dns, host, port) => {
                let ip = dns.get_host_by_name(host, AddrType::Either).await;
                SocketAddr::new(ip.map_err(|_| NalError::NoAddress)?, *port)
            }
        };
        let connection = self.stack.connect(address).await;
        self.open = Some(connection.map_err(NalError::Stack)?);
        Ok(())
    }
}

impl<T: TcpConnect, C, D, const S: bool> Read for Nal<'_, T, C, D, S> {
    async fn read(&mut self, window: &mut [u8]) -> Result<usize, Self::Error> {
        self.opened()?.read(window).await.map_err(NalError::Stack)
    }
}

impl<T: TcpConnect, C, D, const S: bool> Write for Nal<'_, T, C, D, S> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        self.opened()?.write(bytes).await.map_err(NalError::Stack)
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        self.opened()?.flush().await.map_err(NalError::Stack)
    }
}

impl Dns for NoDns {
    type Error = Self;

    async fn get_host_by_name(&self, _host: &str, _kind: AddrType) -> Result<IpAddr, Self> {
        match *self {}
    }

    async fn get_host_by_address(&self, _address: IpAddr, _name: &mut [u8]) -> Result<usize, Self> {
        match *self {}
    }
}

impl<E: Error> Error for NalError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotOpen => ErrorKind::NotConnected,
            Self::NoAddress => ErrorKind::AddrNotAvailable,
            Self::Stack(error) => error.kind(),
        }
    }
}

impl<E: fmt::Display> fmt::Display for NalError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOpen => f.write_str("the transport is not open"),
            Self::NoAddress => f.write_str("the name has no address"),
            Self::Stack(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for NalError<E> {}

impl<T: TcpConnect, C, D, const S: bool> fmt::Debug for Nal<'_, T, C, D, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Nal");
        match &self.to {
            To::Address(address) => debug.field("address", address),
            To::Name(_, host, port) => debug.field("host", host).field("port", port),
        };
        debug
            .field("open", &self.open.is_some())
            .finish_non_exhaustive()
    }
}
