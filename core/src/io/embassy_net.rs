//! Links over the TCP sockets of `embassy-net`.
//!
//! The sockets and their buffers are there from the beginning and never leave: a [`TcpLink`] is
//! opened on the same socket again and again. `embassy_net::tcp::client::TcpClient` is not used,
//! since it has no keepalive, tells no errors apart, and lets no FIN leave the device.

use core::fmt;
use core::net::IpAddr;
use core::ops::Deref;

use embassy_net::dns::DnsQueryType;
use embassy_net::tcp::{self, ConnectError, State, TcpSocket};
use embassy_net::{IpAddress, Stack};
use embedded_io::ErrorKind;
use embedded_io_async::{ErrorType, Read, Write};

use crate::config::{Address, Config, Keepalive};
use crate::io::embassy_time::EmbassyClock;
use crate::io::{Transport, asynch, share, within};
use crate::time::{Clock, Duration, Instant, Timer};

/// How long a FIN or a reset may take to leave before it is left to itself.
const PARTING: Duration = Duration::from_secs(1);
/// How often is looked whether the network is up.
const LOOK: Duration = Duration::from_millis(100);
/// The most that one address gets where opening may take for ever.
const ONE_ADDRESS: Duration = Duration::from_secs(30);

/// The memory of `N` links: for each a receive buffer of `RX` bytes and a send buffer of `TX`, those
/// of its TCP socket. For a `static`, by way of a cell of your choice.
///
/// Windows of TCP are as large as these buffers, whatever the size of the pool's windows. They hold
/// `N * (RX + TX)` bytes and nothing else.
///
/// The stack has to have room for the sockets: `StackResources<{ N + 1 }>`, since looking names up
/// takes one, and one more with DHCP. embassy-net panics where they are too few.
///
/// # Several addresses of a name
/// smoltcp, under embassy-net, keeps only the first address of a name unless told otherwise at
/// build time: by the environment, `SMOLTCP_DNS_MAX_RESULT_COUNT=4` (in `.cargo/config.toml`, under
/// `[env]`), or by a dependency of the program,
/// `smoltcp = { version = "0.13", default-features = false, features = ["dns-max-result-count-4"] }`.
///
/// ```no_run
/// use embassy_sync::blocking_mutex::raw::NoopRawMutex;
/// use respool::embassy::{TcpLink, TcpResources};
/// use respool::{Config, Pool, PoolResources};
/// use static_cell::{ConstStaticCell, StaticCell};
///
/// type Redis = Pool<'static, NoopRawMutex, TcpLink<'static>, 2>;
///
/// static SOCKETS: ConstStaticCell<TcpResources<2, 1024, 1024>> =
///     ConstStaticCell::new(TcpResources::new());
/// static SEATS: ConstStaticCell<PoolResources<2, 256, 256>> =
///     ConstStaticCell::new(PoolResources::new());
/// static POOL: StaticCell<Redis> = StaticCell::new();
///
/// fn pool(stack: embassy_net::Stack<'static>) -> &'static Redis {
///     let links = SOCKETS.take().links(stack, "redis.lan", 6379);
///     POOL.init(Pool::new(SEATS.take(), links, Config::new()))
/// }
/// ```
#[derive(Debug)]
pub struct TcpResources<const N: usize, const RX: usize, const TX: usize> {
    buffers: [Buffers<RX, TX>; N],
}

#[derive(Debug)]
struct Buffers<const RX: usize, const TX: usize> {
    rx: [u8; RX],
    tx: [u8; TX],
}

/// A link over a TCP socket of embassy-net, to a name or an IP address.
///
/// Opening waits until the device has a link and an address, looks the name up, and tries every
/// address in turn; the time that opening may take is divided among these steps, and the last
/// address's error is told. While it waits, the processor can sleep.
///
/// What is not asked for: Nagle's algorithm is off, and a peer that is silent for too long is found
/// by [`keepalive`](Self::keepalive).
pub struct TcpLink<'a> {
    stack: Stack<'a>,
    socket: TcpSocket<'a>,
    address: Address<'a>,
    /// How long the peer may be silent.
    patience: Option<embassy_time::Duration>,
    /// A reset has to leave before the socket may be opened again.
    parting: bool,
}

/// Why a [`TcpLink`] failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TcpError {
    /// Nothing listens there: the peer answered the SYN with a reset. embassy-net calls it
    /// `ConnectionReset`.
    Refused,
    /// The peer reset the connection, it is not open, or the peer was silent for longer than
    /// [`keepalive`](TcpLink::keepalive) allows: embassy-net does not tell these apart.
    Reset,
    /// The address did not answer in its share of the time.
    TimedOut,
    /// This device has no address of that kind, so that there is no way to there.
    NoRoute,
    /// The name has no address, or no name server said so in half of the time for opening.
    NoAddress,
    /// The settings name no TCP address, but a unix socket.
    NotTcp,
}

impl<const N: usize, const RX: usize, const TX: usize> TcpResources<N, RX, TX> {
    /// Zeroed memory.
    pub const fn new() -> Self {
        Self {
            buffers: [const {
                Buffers {
                    rx: [0; RX],
                    tx: [0; TX],
                }
            }; N],
        }
    }

    /// `N` links to a host, closed as yet: a name, an IPv4 address, or with the feature
    /// `embassy-net-ipv6` an IPv6 address without brackets.
    pub fn links<'a>(&'a mut self, stack: Stack<'a>, host: &'a str, port: u16) -> [TcpLink<'a>; N] {
        self.links_for(stack, &Config::new().host(host).port(port))
    }

    /// `N` links with the address and the keepalive of `config`, closed as yet.
    pub fn links_for<'a>(&'a mut self, stack: Stack<'a>, config: &Config<'a>) -> [TcpLink<'a>; N] {
        const { assert!(RX > 0 && TX > 0, "a socket without buffers moves nothing") };
        self.buffers.each_mut().map(|Buffers { rx, tx }| {
            let mut socket = TcpSocket::new(stack, rx, tx);
            socket.set_nagle_enabled(false);
            TcpLink {
                stack,
                socket,
                address: config.address,
                patience: None,
                parting: false,
            }
            .keepalive(config.keepalive)
        })
    }
}

impl<const N: usize, const RX: usize, const TX: usize> Default for TcpResources<N, RX, TX> {
    fn default() -> Self {
        Self::new()
    }
}

impl TcpLink<'_> {
    /// Sets when a silent peer is found to be gone; 30 s, 5 s and 3 probes unless told otherwise.
    ///
    /// As everywhere, that is after `idle + count * interval`. smoltcp has only one time between
    /// probes, so that they are spread evenly over it, and as many may go unanswered. `None` sends
    /// no probes: then only the timeouts of calls find it out.
    pub fn keepalive(mut self, keepalive: Option<Keepalive>) -> Self {
        let all = keepalive.map(|probes| {
            let count = probes.interval.saturating_mul(probes.count);
            (probes.idle.saturating_add(count), probes.count)
        });
        self.patience = all.map(|(all, _)| ticks(all));
        self.socket.set_keep_alive(all.map(|(all, count)| {
            let pieces = count.saturating_add(1);
            ticks(all.checked_div(pieces).unwrap_or(all))
        }));
        self
    }

    /// Waits until there is a link and an address. embassy-net can wake only one task for that; with
    /// several, they would wake each other without end. So each looks now and then.
    async fn network(&self) {
        while !(self.stack.is_link_up() && self.stack.is_config_up()) {
            EmbassyClock
                .sleep_until(EmbassyClock.now().after(LOOK))
                .await;
        }
    }

    /// Whether IPv6 and IPv4 addresses are wanted: those of the kinds that this device has itself.
    /// smoltcp would send a SYN for the other kind from an address that is not ours.
    fn kinds(&self, address: Option<IpAddr>) -> (bool, bool) {
        #[cfg(feature = "embassy-net-ipv6")]
        let v6 = self.stack.config_v6().is_some();
        #[cfg(not(feature = "embassy-net-ipv6"))]
        let v6 = false;
        let v4 = self.stack.config_v4().is_some();
        (
            v6 && address.is_none_or(|ip| ip.is_ipv6()),
            v4 && address.is_none_or(|ip| ip.is_ipv4()),
        )
    }

    /// The addresses of a name, or of an address itself; none where there is no answer.
    async fn look_up(
        &self,
        wanted: bool,
        host: &str,
        kind: DnsQueryType,
        until: Option<Instant>,
    ) -> impl Deref<Target = [IpAddress]> + use<> {
        let answer = match wanted {
            true => within(&EmbassyClock, until, self.stack.dns_query(host, kind)).await,
            false => None,
        };
        answer.and_then(Result::ok).unwrap_or_default()
    }

    /// Tries one address, until then. A socket that did not get through is closed again; nobody
    /// needs to be told.
    async fn connect(&mut self, to: (IpAddress, u16), until: Instant) -> Result<(), TcpError> {
        // Without a timeout of its own, only a reset by the peer ends the attempt.
        self.socket.set_timeout(None);
        match within(&EmbassyClock, Some(until), self.socket.connect(to)).await {
            Some(Ok(())) => {
                self.socket.set_timeout(self.patience);
                Ok(())
            }
            Some(Err(error)) => Err(error.into()),
            None => {
                self.socket.abort();
                Err(TcpError::TimedOut)
            }
        }
    }

    /// Closes the socket if it is open, by a reset.
    fn reset(&mut self) {
        match self.socket.state() {
            State::Closed | State::TimeWait => {}
            // The peer does not know of us.
            State::Listen | State::SynSent => self.socket.abort(),
            _ => {
                self.socket.abort();
                self.parting = true;
            }
        }
    }

    /// Lets a reset leave: `connect` would forget it, and the server would keep a client that is
    /// gone.
    async fn part(&mut self) {
        if self.parting {
            self.leave().await;
            self.parting = false;
        }
    }

    /// Waits until all has left that still has to, but not for long: nobody may be there.
    async fn leave(&mut self) {
        let until = EmbassyClock.now().after(PARTING);
        let _ = within(&EmbassyClock, Some(until), self.socket.flush()).await;
    }
}

impl ErrorType for TcpLink<'_> {
    type Error = TcpError;
}

impl Transport for TcpLink<'_> {
    // `read` and `write` of the socket are one poll each, which either moves bytes between the
    // caller and the socket's buffer and is ready, or moves none and is pending. Nothing is kept in
    // between, so a future that is dropped has moved nothing.
    const CANCEL_SAFE: bool = true;
    type Clock = EmbassyClock;

    fn clock(&self) -> EmbassyClock {
        EmbassyClock
    }

    fn has_news(&mut self) -> bool {
        self.socket.can_recv() || !self.socket.may_recv()
    }

    /// By a FIN where all that was written has arrived and all that came was read. Else by a
    /// reset: what is still to be sent must not arrive when its caller has long given up.
    fn abort(&mut self) {
        let quiet = self.socket.send_queue() == 0 && self.socket.recv_queue() == 0;
        match self.socket.state() {
            State::Established | State::CloseWait if quiet => self.socket.close(),
            _ => self.reset(),
        }
    }
}

impl asynch::Link for TcpLink<'_> {
    async fn open(&mut self, limit: Option<Duration>) -> Result<(), TcpError> {
        let Address::Tcp { host, port } = self.address else {
            return Err(TcpError::NotTcp);
        };
        let begin = EmbassyClock.now();
        let left = |others| match limit {
            Some(limit) => share(limit, EmbassyClock.now().since(begin), others),
            None => ONE_ADDRESS,
        };
        self.reset();
        self.network().await;
        self.part().await;

        // Half of the time is left for the addresses, and half of the other one for each kind.
        let until = |others| limit.map(|_| EmbassyClock.now().after(left(others)));
        let address = host.parse::<IpAddr>().ok();
        let (v6, v4) = self.kinds(address);
        let (half, first) = (until(1), until(if v4 { 3 } else { 1 }));
        let v6 = self.look_up(v6, host, DnsQueryType::Aaaa, first).await;
        let v4 = self.look_up(v4, host, DnsQueryType::A, half).await;
        let mut addresses = v6.iter().chain(v4.iter());
        let mut last = match address {
            Some(_) => TcpError::NoRoute,
            None => TcpError::NoAddress,
        };
        while let Some(address) = addresses.next() {
            let until = EmbassyClock.now().after(left(addresses.clone().count()));
            match self.connect((*address, port), until).await {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// By a FIN behind all that was written. Waits until the peer has it, for a second at most.
    async fn close(&mut self) {
        self.socket.close();
        self.leave().await;
    }
}

impl Read for TcpLink<'_> {
    async fn read(&mut self, window: &mut [u8]) -> Result<usize, TcpError> {
        Ok(self.socket.read(window).await?)
    }
}

impl Write for TcpLink<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, TcpError> {
        Ok(self.socket.write(bytes).await?)
    }

    /// The stack sends by itself. The socket's own `flush` waits until the peer has acknowledged
    /// everything, which would cost each call a round trip.
    async fn flush(&mut self) -> Result<(), TcpError> {
        Ok(())
    }
}

impl From<tcp::Error> for TcpError {
    fn from(error: tcp::Error) -> Self {
        match error {
            tcp::Error::ConnectionReset => Self::Reset,
        }
    }
}

impl From<ConnectError> for TcpError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::ConnectionReset => Self::Refused,
            ConnectError::TimedOut => Self::TimedOut,
            ConnectError::NoRoute => Self::NoRoute,
            // It is closed before each attempt.
            ConnectError::InvalidState => Self::Reset,
        }
    }
}

impl embedded_io::Error for TcpError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused => ErrorKind::ConnectionRefused,
            Self::Reset => ErrorKind::ConnectionReset,
            Self::TimedOut => ErrorKind::TimedOut,
            Self::NoRoute => ErrorKind::NotConnected,
            Self::NoAddress => ErrorKind::AddrNotAvailable,
            Self::NotTcp => ErrorKind::Unsupported,
        }
    }
}

impl fmt::Display for TcpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::TimedOut => "timed out",
            Self::NoRoute => "no address of that kind on this device",
            Self::NoAddress => "the name has no address",
            Self::NotTcp => "not a TCP address",
        })
    }
}

impl core::error::Error for TcpError {}

impl fmt::Debug for TcpLink<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpLink")
            .field("address", &self.address)
            .field("state", &self.socket.state())
            .finish_non_exhaustive()
    }
}

/// A time that a socket can be set to: between a second and 49 days, since it is counted in ticks
/// and microseconds, and none at all would be a probe without end.
fn ticks(span: Duration) -> embassy_time::Duration {
    let millis = u32::try_from(span.as_millis()).unwrap_or(u32::MAX);
    embassy_time::Duration::from_millis(millis.max(1000).into())
}
