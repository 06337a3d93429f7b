//! Async links over tokio's sockets.

use std::io::{self, ErrorKind};
use std::vec::Vec;

use embedded_io::ErrorType;
use embedded_io_async::{Read, Write};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::net::{TcpStream, ToSocketAddrs};

use crate::config::{Config, Keepalive};
use crate::io::std::{StdClock, To, has_news, nothing_to_try, tune};
use crate::io::{Transport, asynch, share};
use crate::time::{Clock, Duration, Instant, Timer};

/// A link over a socket of tokio: TCP to a name or an address, or a unix socket.
#[derive(Debug)]
pub struct Socket {
    to: To,
    keepalive: Option<Keepalive>,
    open: Option<Stream>,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Tokio's timers over the operating system's monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioClock(StdClock);

impl Clock for TokioClock {
    fn now(&self) -> Instant {
        self.0.now()
    }
}

impl Timer for TokioClock {
    async fn sleep_until(&self, at: Instant) {
        // One more millisecond, since the present one has begun.
        let left = at
            .since(self.now())
            .saturating_add(Duration::from_millis(1));
        tokio::time::sleep(left).await;
    }
}

impl Socket {
    /// A link to the address in `config`, closed as yet.
    pub fn new(config: &Config<'_>) -> Self {
        Self {
            to: To::of(config),
            keepalive: config.keepalive,
            open: None,
        }
    }

    fn stream(&mut self) -> io::Result<&mut Stream> {
        self.open
            .as_mut()
            .ok_or_else(|| ErrorKind::NotConnected.into())
    }
}

impl ErrorType for Socket {
    type Error = io::Error;
}

impl Transport for Socket {
    // Tokio's documentation promises it for `read` and `write`.
    const CANCEL_SAFE: bool = true;
    type Clock = TokioClock;

    fn clock(&self) -> TokioClock {
        TokioClock::default()
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
        self.open = None;
    }
}

impl asynch::Link for Socket {
    async fn open(&mut self, limit: Option<Duration>) -> io::Result<()> {
        self.open = Some(match &self.to {
            To::Tcp(host, port) => {
                let stream = connect((host.as_str(), *port), limit).await?;
                tune(SockRef::from(&stream), self.keepalive)?;
                Stream::Tcp(stream)
            }
            #[cfg(unix)]
            To::Unix(path) => Stream::Unix(UnixStream::connect(path).await?),
            #[cfg(not(unix))]
            To::Unix(_) => return Err(ErrorKind::Unsupported.into()),
        });
        Ok(())
    }
}

impl Read for Socket {
    async fn read(&mut self, window: &mut [u8]) -> io::Result<usize> {
        match self.stream()? {
            Stream::Tcp(stream) => stream.read(window).await,
            #[cfg(unix)]
            Stream::Unix(stream) => stream.read(window).await,
        }
    }
}

impl Write for Socket {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.stream()? {
            Stream::Tcp(stream) => stream.write(bytes).await,
            #[cfg(unix)]
            Stream::Unix(stream) => stream.write(bytes).await,
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Tries every address of a name in turn; the last error is kept.
async fn connect(to: impl ToSocketAddrs, limit: Option<Duration>) -> io::Result<TcpStream> {
    let begin = std::time::Instant::now();
    let mut last = nothing_to_try();
    let addresses = tokio::net::lookup_host(to)
        .await
        .map_err(|_| nothing_to_try())?;
    let mut addresses = addresses.collect::<Vec<_>>().into_iter();
    while let Some(address) = addresses.next() {
        let attempt = TcpStream::connect(address);
        let attempt = match limit.map(|limit| share(limit, begin.elapsed(), addresses.len())) {
            None => attempt.await,
            Some(share) => match tokio::time::timeout(share, attempt).await {
                Ok(attempt) => attempt,
                Err(_) => Err(ErrorKind::TimedOut.into()),
            },
        };
        match attempt {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::io::asynch::Link as _;
    use crate::io::std::tests::{assert_tuned, hanging, listener, refusing};

    fn run<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(future)
    }

    #[test]
    fn every_address_is_tried() {
        let (_listener, good) = listener();
        for limit in [None, Some(Duration::from_secs(5))] {
            let stream = run(connect(&[refusing(), refusing(), good][..], limit)).unwrap();
            assert_eq!(stream.peer_addr().unwrap(), good);
            let error = run(connect(&[refusing(), refusing()][..], limit)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
    }

    #[test]
    fn one_address_does_not_take_the_time_of_the_others() {
        let (_listener, good) = listener();
        let (_hanging, gone, _queue) = hanging();
        let limit = Duration::from_millis(900);
        let stream = run(connect(&[gone, gone, good][..], Some(limit))).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        let error = run(connect(&[gone, gone][..], Some(limit))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn sockets_are_tuned() {
        let (_listener, address) = listener();
        let config = Config::new().host("127.0.0.1").port(address.port());
        let mut link = Socket::new(&config);
        run(async {
            link.open(None).await.unwrap();
            match link.stream().unwrap() {
                Stream::Tcp(stream) => assert_tuned(SockRef::from(&*stream), Keepalive::DEFAULT),
                _ => panic!("the address is one of TCP"),
            }
        });
    }
}
