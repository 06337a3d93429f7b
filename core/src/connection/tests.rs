//! The connection driven by hand: bytes in, wants out, in any split.

extern crate std;

mod commands;
mod large;
mod pushes;
mod stream;
mod unfinished;

use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::command::Encode;
use crate::command::{Command, Request, get, raw, set};
use crate::config::{Limits, SkipBudget};
use crate::error::{Blame, Code, Fault};
use crate::resp::Reply;

/// Windows of any size, and the levels.
struct Space {
    rx: Vec<u8>,
    tx: Vec<u8>,
    memory: Memory<64, 64>,
}

impl Space {
    fn new(rx: usize, tx: usize) -> Self {
        Self {
            rx: vec![0; rx],
            tx: vec![0; tx],
            memory: Memory::new(),
        }
    }

    /// A connection that is open.
    fn open<'w>(&'w mut self, config: &'w Config<'w>) -> Connection<'w> {
        let mut connection = Connection::closed(&mut self.memory, config);
        connection.rx = Window::new(&mut self.rx);
        connection.tx = Window::new(&mut self.tx);
        connection.opened();
        connection.ready();
        connection
    }
}

/// What the peer sends, and in which pieces; then the stream ends.
struct Peer<'b> {
    bytes: &'b [u8],
    pieces: Vec<usize>,
    sent: Vec<u8>,
}

impl<'b> Peer<'b> {
    fn new(bytes: &'b [u8]) -> Self {
        Self::split(bytes, Vec::new())
    }

    /// The last length holds for the rest, too.
    fn split(bytes: &'b [u8], mut pieces: Vec<usize>) -> Self {
        pieces.reverse();
        Self {
            bytes,
            pieces,
            sent: Vec::new(),
        }
    }

    /// Whole, at every single split, and one byte at a time.
    fn splits(bytes: &'b [u8]) -> impl Iterator<Item = Self> {
        let cuts = (1..bytes.len()).map(|cut| vec![cut, usize::MAX]);
        [vec![usize::MAX], vec![1]]
            .into_iter()
            .chain(cuts)
            .map(|pieces| Self::split(bytes, pieces))
    }

    /// Does what the connection wants, up to the end.
    fn drive(
        &mut self,
        connection: &mut Connection<'_>,
        request: &dyn Parts,
        until: Until,
    ) -> Result<(), Error> {
        self.bring_to_its_end(connection, Work::Request(request, until))
    }

    fn bring_to_its_end(
        &mut self,
        connection: &mut Connection<'_>,
        mut work: Work<'_, '_>,
    ) -> Result<(), Error> {
        for _ in 0..2_000_000 {
            let next = work.advance(connection)?;
            match connection.offer(next, work.parts())? {
                Want::Write(bytes) => {
                    assert!(!bytes.is_empty());
                    self.sent.extend_from_slice(bytes);
                    assert!(self.sent.len() < 1 << 22, "it goes on for ever");
                    let n = bytes.len();
                    connection.wrote(n)?;
                }
                Want::Flush => connection.flushed(),
                Want::Read(window) => {
                    assert!(!window.is_empty(), "there is room for what is waited for");
                    let piece = match self.pieces[..] {
                        [] => usize::MAX,
                        [last] => last,
                        _ => self.pieces.pop().unwrap(),
                    };
                    let n = piece.min(window.len()).min(self.bytes.len());
                    window[..n].copy_from_slice(&self.bytes[..n]);
                    self.bytes = &self.bytes[n..];
                    connection.got(n)?;
                }
                Want::Done => return Ok(()),
            }
        }
        panic!("it goes on for ever");
    }

    fn call<R: Request>(
        &mut self,
        connection: &mut Connection<'_>,
        request: &R,
        see: impl FnOnce(<R::Reply as Reply>::Out<'_>) -> String,
    ) -> Result<String, Error> {
        self.drive(connection, request, Until::Whole)?;
        connection.reply(request).map(see)
    }

    /// Gets a key; its value as text.
    fn get(&mut self, connection: &mut Connection<'_>) -> Result<String, Error> {
        self.call(connection, &get("k"), |value| match value {
            Some(bytes) => format!("{}", bytes.escape_ascii()),
            None => "null".into(),
        })
    }
}

fn protocol(fault: Fault) -> Error {
    Error::new(ErrorKind::Protocol(fault), Reached::MaybeSent)
}

fn transport(io: Io, reached: Reached) -> Error {
    Error::new(ErrorKind::Transport(io), reached)
}

fn too_large(needed: u32, window: u32) -> Error {
    Error::answered(ErrorKind::ReplyTooLarge { needed, window })
}

const DEFAULTS: Config<'static> = Config::new();
