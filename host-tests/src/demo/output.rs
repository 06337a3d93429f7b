//! Replies on their way out: written in memory, sent in one go.

use std::io::{self, Write};
use std::net::TcpStream;

use respool::config::Protocol;
use respool::resp::{Full, Replies};

/// More than this is sent before the next request is looked at.
const PLENTY: usize = 1 << 20;

pub(super) struct Output {
    bytes: Vec<u8>,
    len: usize,
    pub(super) protocol: Protocol,
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0; 16 * 1024],
            len: 0,
            protocol: Protocol::Resp2,
        }
    }

    /// Writes one reply; the buffer grows until it fits.
    pub(super) fn write(&mut self, reply: impl Fn(&mut Replies<'_>) -> Result<(), Full>) {
        loop {
            let room = self.bytes.get_mut(self.len..).unwrap_or_default();
            let mut replies = Replies::new(room, self.protocol);
            match reply(&mut replies) {
                Ok(()) => {
                    self.len += replies.written().len();
                    return;
                }
                Err(Full) => self.bytes.resize(self.bytes.len() * 2, 0),
            }
        }
    }

    pub(super) fn ok(&mut self) {
        self.write(|r| r.simple(b"OK"));
    }

    pub(super) fn integer(&mut self, number: i64) {
        self.write(|r| r.integer(number));
    }

    pub(super) fn count(&mut self, count: usize) {
        self.integer(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(super) fn bulk(&mut self, bytes: &[u8]) {
        self.write(|r| r.bulk(bytes));
    }

    /// A string, or null.
    pub(super) fn value(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.write(|r| r.null()),
        }
    }

    pub(super) fn array(&mut self, len: usize) {
        self.write(|r| r.array(len));
    }

    pub(super) fn map(&mut self, pairs: usize) {
        self.write(|r| r.map(pairs));
    }

    pub(super) fn is_plenty(&self) -> bool {
        self.len > PLENTY
    }

    /// Sends all there is.
    pub(super) fn send(&mut self, mut stream: &TcpStream) -> io::Result<()> {
        stream.write_all(&self.bytes[..self.len])?;
        self.len = 0;
        if self.bytes.len() > 2 * PLENTY {
            self.bytes = vec![0; PLENTY];
        }
        Ok(())
    }
}
