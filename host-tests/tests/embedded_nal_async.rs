//! A link over the traits of embedded-nal-async: here a small stack of them on tokio's sockets.

use std::future::poll_fn;
use std::io::{self, Error, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::task::Poll;
use std::time::Duration;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embedded_io_async::{ErrorType, Read, Write};
use embedded_nal_async::{AddrType, Dns, TcpConnect};
use host_tests::demo::DemoServer;
use respool::command::{get, incr, ping, set};
use respool::error::Io;
use respool::io::asynch::Link;
use respool::io::embedded_nal_async::Nal;
use respool::tokio::TokioClock;
use respool::{Command, Config, ErrorKind as Kind, Pool, PoolResources, Reached};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;

/// Tokio's sockets by the traits of embedded-nal-async.
struct TokioStack;

struct Socket(TcpStream);

impl TcpConnect for TokioStack {
    type Error = Error;
    type Connection<'a> = Socket;

    async fn connect(&self, to: SocketAddr) -> io::Result<Socket> {
        TcpStream::connect(to).await.map(Socket)
    }
}

impl ErrorType for Socket {
    type Error = Error;
}

impl Read for Socket {
    async fn read(&mut self, window: &mut [u8]) -> io::Result<usize> {
        // Never at the first poll, so that a test can drop a call before its reply.
        yield_now().await;
        self.0.read(window).await
    }
}

impl Write for Socket {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.0.flush().await
    }
}

/// Knows one name.
impl Dns for TokioStack {
    type Error = Error;

    async fn get_host_by_name(&self, name: &str, _kind: AddrType) -> io::Result<IpAddr> {
        match name {
            "redis.lan" => Ok([127, 0, 0, 1].into()),
            _ => Err(ErrorKind::NotFound.into()),
        }
    }

    async fn get_host_by_address(&self, _: IpAddr, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::Unsupported.into())
    }
}

fn clock() -> TokioClock {
    TokioClock::default()
}

/// A pool of one connection.
macro_rules! pool {
    ($resources:ident, $link:expr) => {
        Pool::<NoopRawMutex, _, 1>::new(
            &mut $resources,
            [$link],
            Config::new().connect_timeout(Duration::from_secs(2)),
        )
    };
}

#[tokio::test]
async fn calls_go_through_and_the_link_opens_again() {
    let server = DemoServer::start();
    let mut resources = PoolResources::<1, 256, 256>::new();
    let pool = pool!(resources, Nal::new(&TokioStack, server.addr(), clock()));
    pool.call(set("k", "v")).await.unwrap();
    pool.disconnect_all();
    let k: Option<String> = pool.call(get("k").reply()).await.unwrap();
    assert_eq!(k.as_deref(), Some("v"));
    assert_eq!(pool.stats().opened, 2);
    pool.close(Duration::from_secs(1)).await.unwrap();
}

#[tokio::test]
async fn names_are_looked_up_and_addresses_are_not() {
    let server = DemoServer::start();
    let port = server.addr().port();
    for host in ["redis.lan", "127.0.0.1"] {
        let mut resources = PoolResources::<1, 256, 256>::new();
        let pool = pool!(
            resources,
            Nal::named(&TokioStack, &TokioStack, host, port, clock())
        );
        pool.call(ping()).await.unwrap();
    }
    let mut resources = PoolResources::<1, 256, 256>::new();
    let pool = pool!(
        resources,
        Nal::named(&TokioStack, &TokioStack, "nobody.lan", port, clock())
    );
    let error = pool.call(ping()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Connect(Io::NoAddress));
}

#[tokio::test]
async fn an_error_of_the_stack_keeps_its_meaning() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut resources = PoolResources::<1, 256, 256>::new();
    let pool = pool!(resources, Nal::new(&TokioStack, address, clock()));
    let error = pool.call(ping()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Connect(Io::Refused));
    assert_eq!(error.reached(), Reached::NotSent);
}

/// Drops a call before its reply was read, calls again, and says how often the link was opened.
async fn opened_after_a_dropped_call(link: impl Link) -> u32 {
    let mut resources = PoolResources::<1, 256, 256>::new();
    let pool = pool!(resources, link);
    pool.call(set("k", "v")).await.unwrap();
    let mut call = Box::pin(pool.call(incr("n")));
    let polled = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
    assert!(polled.is_pending());
    drop(call);
    let k: Option<String> = pool.call(get("k").reply()).await.unwrap();
    assert_eq!(k.as_deref(), Some("v"));
    pool.stats().opened
}

#[tokio::test]
async fn a_dropped_call_costs_its_connection_unless_the_stack_is_known_to_lose_nothing() {
    let server = DemoServer::start();
    let link = || Nal::new(&TokioStack, server.addr(), clock());
    assert_eq!(opened_after_a_dropped_call(link()).await, 2);
    // Tokio promises it.
    assert_eq!(opened_after_a_dropped_call(link().cancel_safe()).await, 1);
}
