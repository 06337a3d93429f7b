//! Blocking links over the sockets of the operating system: TCP and, on unix, unix sockets.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::{fd::OwnedFd, unix::net::UnixStream};
use std::string::String;
use std::time::Instant as StdInstant;
use std::vec::Vec;

use embedded_io::{ErrorType, Read, Write};
use socket2::{SockAddr, SockRef, TcpKeepalive};

use crate::config::{Address, Config, Keepalive};
use crate::io::{Transport, blocking, share};
use crate::time::{Clock, Duration, Instant};

/// A link over a socket: TCP to a name or an address, or a unix socket.
#[derive(Debug)]
pub struct Socket {
    to: To,
    keepalive: Option<Keepalive>,
    open: Option<Stream>,
    /// The timeout that the socket has now: setting one is a system call.
    patience: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(crate) enum To {
    Tcp(String, u16),
    Unix(String),
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// The operating system's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct StdClock(StdInstant);

impl Default for StdClock {
    fn default() -> Self {
        static START: std::sync::OnceLock<StdInstant> = std::sync::OnceLock::new();
        Self(*START.get_or_init(StdInstant::now))
    }
}

impl Clock for StdClock {
    fn now(&self) -> Instant {
        Instant::from_millis(u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

impl Socket {
    /// A link to the address in `config`, closed as yet.
    pub fn new(config: &Config<'_>) -> Self {
        Self {
            to: To::of(config),
            keepalive: config.keepalive,
            open: None,
            patience: None,
        }
    }

    fn stream(&mut self) -> io::Result<&mut Stream> {
        self.open
            .as_mut()
            .ok_or_else(|| ErrorKind::NotConnected.into())
    }
}

impl To {
    pub(crate) fn of(config: &Config<'_>) -> Self {
        match config.address {
            Address::Tcp { host, port } => Self::Tcp(host.into(), port),
            Address::Unix(path) => Self::Unix(path.into()),
        }
    }
}

impl ErrorType for Socket {
    type Error = io::Error;
}

impl Transport for Socket {
    const CANCEL_SAFE: bool = true;
    type Clock = StdClock;

    fn clock(&self) -> StdClock {
        StdClock::default()
    }

    fn has_news(&mut self) -> bool {
        match &self.open {
            Some(Stream::Tcp(stream)) => has_news(SockRef::from(stream)),
            #[cfg(unix)]
            Some(Stream::Unix(stream)) => has_news(SockRef::from(stream)),
            None => false,
        }
    }

    fn abort(&mut self) {
        // Dropping a socket closes it in good order, in the background.
        self.open = None;
    }
}

impl blocking::Link for Socket {
    fn open(&mut self, limit: Option<Duration>) -> io::Result<()> {
        self.patience = None;
        self.open = Some(match &self.to {
            To::Tcp(host, port) => {
                let stream = connect((host.as_str(), *port), limit)?;
                tune(SockRef::from(&stream), self.keepalive)?;
                Stream::Tcp(stream)
            }
            #[cfg(unix)]
            To::Unix(path) => Stream::Unix(connect_unix(path, limit)?),
            #[cfg(not(unix))]
            To::Unix(_) => return Err(ErrorKind::Unsupported.into()),
        });
        Ok(())
    }

    fn patience(&mut self, limit: Option<Duration>) -> io::Result<()> {
        if self.patience != limit {
            match self.stream()? {
                Stream::Tcp(stream) => {
                    stream.set_read_timeout(limit)?;
                    stream.set_write_timeout(limit)?;
                }
                #[cfg(unix)]
                Stream::Unix(stream) => {
                    stream.set_read_timeout(limit)?;
                    stream.set_write_timeout(limit)?;
                }
            }
            self.patience = limit;
        }
        Ok(())
    }

    fn pause(&mut self, span: Duration) {
        std::thread::sleep(span);
    }
}

impl Read for Socket {
    fn read(&mut self, window: &mut [u8]) -> io::Result<usize> {
        let stream = self.stream()?;
        interrupted(|| match stream {
            Stream::Tcp(stream) => stream.read(window),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.read(window),
        })
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stream = self.stream()?;
        interrupted(|| match stream {
            Stream::Tcp(stream) => stream.write(bytes),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.write(bytes),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Tries every address of a name in turn; the last error is kept.
fn connect(to: impl ToSocketAddrs, limit: Option<Duration>) -> io::Result<TcpStream> {
    let begin = StdInstant::now();
    let mut last = nothing_to_try();
    // The resolver's own errors have no kind that says that it was the name.
    let addresses = to.to_socket_addrs().map_err(|_| nothing_to_try())?;
    let mut addresses = addresses.collect::<Vec<SocketAddr>>().into_iter();
    while let Some(address) = addresses.next() {
        let share = limit.map(|limit| share(limit, begin.elapsed(), addresses.len()));
        let attempt = match share {
            None => TcpStream::connect(address),
            Some(share) if share.is_zero() => return Err(ErrorKind::TimedOut.into()),
            Some(share) => TcpStream::connect_timeout(&address, share),
        };
        match attempt {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

pub(crate) fn nothing_to_try() -> io::Error {
    ErrorKind::AddrNotAvailable.into()
}

/// A unix socket whose queue is full lets a blocking connect wait without a limit, so this tries
/// again and again, up to the limit.
#[cfg(unix)]
fn connect_unix(path: &str, limit: Option<Duration>) -> io::Result<UnixStream> {
    const PAUSE: Duration = Duration::from_millis(5);
    let begin = StdInstant::now();
    let address = SockAddr::unix(path)?;
    loop {
        let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        match socket.connect(&address) {
            Ok(()) => {
                socket.set_nonblocking(false)?;
                return Ok(UnixStream::from(OwnedFd::from(socket)));
            }
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            Err(_) if limit.is_some_and(|limit| begin.elapsed() >= limit) => {
                return Err(ErrorKind::TimedOut.into());
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// True where a read would return at once: bytes, the end of the stream, or an error.
#[cfg(unix)]
pub(crate) fn has_news(socket: SockRef<'_>) -> bool {
    let mut byte = [core::mem::MaybeUninit::uninit(); 1];
    match socket.recv_with_flags(&mut byte, libc::MSG_PEEK | libc::MSG_DONTWAIT) {
        Ok(_) => true,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

/// This system is not asked.
#[cfg(not(unix))]
pub(crate) fn has_news(_socket: SockRef<'_>) -> bool {
    false
}

/// No delay, and probes where the peer is silent.
pub(crate) fn tune(socket: SockRef<'_>, keepalive: Option<Keepalive>) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    if let Some(keepalive) = keepalive {
        // The system counts whole seconds, and refuses none at all.
        let second = Duration::from_secs(1);
        let probes = TcpKeepalive::new().with_time(keepalive.idle.max(second));
        #[cfg(any(unix, windows))]
        let probes = probes.with_interval(keepalive.interval.max(second));
        #[cfg(unix)]
        let probes = probes.with_retries(keepalive.count);
        socket.set_tcp_keepalive(&probes)?;
    }
    Ok(())
}

/// Signals are no news, and a socket's timeout is called what it is.
fn interrupted(mut operation: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        return match operation() {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(ErrorKind::TimedOut.into()),
            other => other,
        };
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    use crate::io::blocking::Link as _;

    #[cfg(unix)]
    #[test]
    fn a_unix_socket_whose_queue_is_full_takes_no_longer_than_the_limit() {
        let path = std::env::temp_dir().join(std::format!("respool-{}.sock", std::process::id()));
        let path = path.to_str().unwrap();
        let _ = std::fs::remove_file(path);
        let queue = || socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None);
        let listener = queue().unwrap();
        listener.bind(&SockAddr::unix(path).unwrap()).unwrap();
        listener.listen(0).unwrap();
        let limit = Some(Duration::from_millis(50));
        let mut waiting = Vec::new();
        let refused = loop {
            match connect_unix(path, limit) {
                Ok(stream) => waiting.push(stream),
                Err(error) => break error,
            }
            assert!(waiting.len() < 100, "the queue is never full");
        };
        std::fs::remove_file(path).unwrap();
        assert_eq!(refused.kind(), ErrorKind::TimedOut);
        assert!(!waiting.is_empty());
    }

    /// A listener, and its address.
    pub(crate) fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// An address that refuses, as `::1` does where a server listens on `127.0.0.1` only.
    pub(crate) fn refusing() -> SocketAddr {
        listener().1
    }

    /// A listener that takes nobody in any more: who dials it waits, as for a host that is gone.
    pub(crate) fn hanging() -> (socket2::Socket, SocketAddr, Vec<TcpStream>) {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        socket
            .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
            .unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let mut queue = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            queue.push(stream);
            assert!(queue.len() < 100, "a queue of no places takes a hundred");
        }
        (socket, address, queue)
    }

    pub(crate) fn assert_tuned(socket: SockRef<'_>, keepalive: Keepalive) {
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), keepalive.idle);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), keepalive.interval);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), keepalive.count);
    }

    #[test]
    fn every_address_is_tried() {
        let (_listener, good) = listener();
        for limit in [None, Some(Duration::from_secs(5))] {
            let stream = connect(&[refusing(), refusing(), good][..], limit).unwrap();
            assert_eq!(stream.peer_addr().unwrap(), good);
            let error = connect(&[refusing(), refusing()][..], limit).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
        let error = connect(&[][..], None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    }

    #[test]
    fn one_address_does_not_take_the_time_of_the_others() {
        let (_listener, good) = listener();
        let (_hanging, gone, _queue) = hanging();
        let limit = Duration::from_millis(900);
        let begin = StdInstant::now();
        let stream = connect(&[gone, gone, good][..], Some(limit)).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        assert!(begin.elapsed() < limit, "{:?}", begin.elapsed());
        let error = connect(&[gone, gone][..], Some(limit)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn sockets_are_tuned() {
        let (_listener, address) = listener();
        let keepalive = Keepalive {
            idle: Duration::from_secs(77),
            interval: Duration::from_secs(11),
            count: 4,
        };
        let config = Config::new().host("127.0.0.1").port(address.port());
        let mut link = Socket::new(&config.keepalive(keepalive));
        link.open(None).unwrap();
        match link.stream().unwrap() {
            Stream::Tcp(stream) => assert_tuned(SockRef::from(&*stream), keepalive),
            _ => panic!("the address is one of TCP"),
        }
        let mut link = Socket::new(&config.no_keepalive());
        link.open(None).unwrap();
        match link.stream().unwrap() {
            Stream::Tcp(stream) => assert!(!SockRef::from(&*stream).keepalive().unwrap()),
            _ => panic!("the address is one of TCP"),
        }
    }

    #[test]
    fn silence_is_a_timeout() {
        let (_listener, address) = listener();
        let config = Config::new().host("127.0.0.1").port(address.port());
        let mut link = Socket::new(&config);
        link.open(None).unwrap();
        link.patience(Some(Duration::from_millis(30))).unwrap();
        let begin = StdInstant::now();
        let error = link.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(begin.elapsed() >= Duration::from_millis(25));
    }
}
