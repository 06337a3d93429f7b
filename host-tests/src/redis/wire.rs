//! A plain socket: bytes out, bytes in.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A plain socket of either kind.
pub(super) enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Wire {
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes),
            Self::Unix(stream) => stream.write_all(bytes),
        }
    }

    pub(super) fn read_exact(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.read_exact(bytes),
            Self::Unix(stream) => stream.read_exact(bytes),
        }
    }

    /// Appends what is there; false at the end of the stream, on an error and on a timeout.
    pub(super) fn read_some(&mut self, bytes: &mut Vec<u8>) -> bool {
        let mut page = [0; 4096];
        let read = match self {
            Self::Tcp(stream) => stream.read(&mut page),
            Self::Unix(stream) => stream.read(&mut page),
        };
        let length = read.unwrap_or(0);
        bytes.extend_from_slice(&page[..length]);
        length > 0
    }

    pub(super) fn read_timeout(&self, timeout: Duration) {
        let set = match self {
            Self::Tcp(stream) => stream.set_read_timeout(Some(timeout)),
            Self::Unix(stream) => stream.set_read_timeout(Some(timeout)),
        };
        set.expect("a timeout above zero");
    }

    pub(super) fn close(&self) {
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}
