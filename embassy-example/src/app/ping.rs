//! `mode=ping`: one PING over a bare socket. It shows that the board and the network work, before
//! anything else is asked of them.
//!
//! `redis=ADDRESS:PORT` says where the server is.

use core::net::{Ipv4Addr, SocketAddrV4};

use embassy_net::tcp::{ConnectError, Error, TcpSocket};
use embassy_time::{Duration, Instant, TimeoutError, with_timeout};
use embedded_io_async::{Read, ReadExactError, Write};

use crate::board::Board;

const PATIENCE: Duration = Duration::from_secs(10);
const PONG: [u8; 7] = *b"+PONG\r\n";

/// Why there was no answer.
#[derive(defmt::Format)]
pub enum Failure {
    /// No link, or nobody gave this board an address.
    NoNetwork,
    /// Nobody took the connection.
    Connect(ConnectError),
    /// The connection broke.
    Broken(Error),
    /// The server closed it.
    Closed,
    /// It answered, but not with PONG. It may want a password.
    Answer([u8; PONG.len()]),
    /// It was silent for too long.
    Silent,
}

/// Sends a PING, and logs how long the answer took.
pub async fn run(board: &Board) -> Result<(), Failure> {
    let redis = board
        .args
        .parse("redis", SocketAddrV4::new(Ipv4Addr::new(10, 0, 2, 2), 6379));
    with_timeout(PATIENCE, board.stack.wait_config_up())
        .await
        .map_err(|_| Failure::NoNetwork)?;
    with_timeout(PATIENCE, ping(board, redis)).await?
}

async fn ping(board: &Board, redis: SocketAddrV4) -> Result<(), Failure> {
    let (mut rx, mut tx) = ([0; 256], [0; 256]);
    let mut socket = TcpSocket::new(board.stack, &mut rx, &mut tx);
    socket.set_nagle_enabled(false);
    socket.connect(redis).await.map_err(Failure::Connect)?;

    let sent = Instant::now();
    socket
        .write_all(b"PING\r\n")
        .await
        .map_err(Failure::Broken)?;
    let mut answer = [0; PONG.len()];
    socket
        .read_exact(&mut answer)
        .await
        .map_err(|error| match error {
            ReadExactError::UnexpectedEof => Failure::Closed,
            ReadExactError::Other(error) => Failure::Broken(error),
        })?;
    if answer != PONG {
        return Err(Failure::Answer(answer));
    }
    defmt::info!("PONG after {} us", sent.elapsed().as_micros());

    // What is dropped without this is forgotten here, but not by the server.
    socket.close();
    socket.flush().await.map_err(Failure::Broken)
}

impl From<TimeoutError> for Failure {
    fn from(_: TimeoutError) -> Self {
        Self::Silent
    }
}
