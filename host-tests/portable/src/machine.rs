//! What drives a connection: the peer's bytes in pieces, and the transcript of what was sent.

use core::fmt::{self, Write};

use respool::command::Parts;
use respool::server;
use respool::{Connection, Error, Until, Want};

use crate::wire::Answers;

/// How bytes are cut, those that are read and those that are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pieces {
    /// So many first.
    first: usize,
    /// So many each time after that.
    then: usize,
}

impl Pieces {
    /// As much as there is room for.
    pub(crate) const WHOLE: Self = Self::of(usize::MAX);

    pub(crate) const fn of(size: usize) -> Self {
        Self {
            first: size,
            then: size,
        }
    }

    pub(crate) const fn cut_at(cut: usize) -> Self {
        Self {
            first: cut,
            then: usize::MAX,
        }
    }

    /// How many of `n` bytes may go at once where `before` went already.
    pub(crate) fn of_these(self, n: usize, before: usize) -> usize {
        match self.first.checked_sub(before) {
            Some(left @ 1..) => n.min(left),
            _ => n.min(self.then),
        }
    }
}

/// The peer, and what passed between it and the connection.
pub(crate) struct Peer<'t> {
    answers: &'t Answers,
    pieces: Pieces,
    /// How many of them were asked for.
    asked: usize,
    read: usize,
    written: usize,
    requests: server::Requests<'t>,
    text: &'t mut dyn Write,
}

impl<'t> Peer<'t> {
    /// A peer that keeps a request in `window` until it has come whole.
    pub(crate) fn new(
        answers: &'t Answers,
        pieces: Pieces,
        window: &'t mut [u8],
        text: &'t mut dyn Write,
    ) -> Self {
        Self {
            answers,
            pieces,
            asked: 0,
            read: 0,
            written: 0,
            requests: server::Requests::new(window),
            text,
        }
    }

    /// Bytes that were read so far.
    pub(crate) fn consumed(&self) -> usize {
        self.read
    }

    /// Where the transcript goes.
    pub(crate) fn text(&mut self) -> &mut dyn Write {
        self.text
    }

    /// Takes what may be written now, and says how much that is.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> usize {
        let spare = self.requests.spare();
        let n = self.pieces.of_these(bytes.len(), self.written);
        let n = n.min(spare.len());
        spare[..n].copy_from_slice(&bytes[..n]);
        self.requests.filled(n);
        self.written += n;
        tell_all(&mut self.requests, self.text, || self.asked += 1);
        n
    }

    /// Gives what may be read now; 0, which is the end of the stream, where nothing was asked for.
    pub(crate) fn read(&mut self, window: &mut [u8]) -> usize {
        let n = self.pieces.of_these(window.len(), self.read);
        let n = self.answers.read(self.read, self.asked, &mut window[..n]);
        self.read += n;
        n
    }

    /// Does what the connection wants, up to where it waits for the answer.
    pub(crate) fn send(
        &mut self,
        connection: &mut Connection<'_>,
        request: &dyn Parts,
    ) -> Result<(), Error> {
        loop {
            match connection.step(request, Until::Whole)? {
                Want::Write(bytes) => {
                    let n = self.write(bytes);
                    connection.wrote(n)?;
                }
                Want::Flush => connection.flushed(),
                _ => return Ok(()),
            }
        }
    }

    /// Does what the connection wants, up to the end of the call.
    pub(crate) fn drive(
        &mut self,
        connection: &mut Connection<'_>,
        request: &dyn Parts,
        until: Until,
    ) -> Result<(), Error> {
        loop {
            match connection.step(request, until)? {
                Want::Write(bytes) => {
                    let n = self.write(bytes);
                    connection.wrote(n)?;
                }
                Want::Flush => connection.flushed(),
                Want::Read(window) => {
                    let n = self.read(window);
                    connection.got(n)?;
                }
                Want::Done => return Ok(()),
                _ => unreachable!("a connection wants nothing else"),
            }
        }
    }
}

/// Writes the requests that have come; says whether the stream can go on.
pub(crate) fn tell_all(
    requests: &mut server::Requests<'_>,
    text: &mut dyn Write,
    mut came: impl FnMut(),
) -> bool {
    loop {
        let told = match requests.next() {
            Ok(Some(request)) => {
                came();
                tell(text, request)
            }
            Ok(None) => return true,
            Err(fault) => {
                let _ = write!(text, " > {fault:?}");
                if fault.closes() {
                    return false;
                }
                Ok(())
            }
        };
        debug_assert_eq!(told, Ok(()));
    }
}

fn tell(text: &mut dyn Write, request: server::Request<'_>) -> fmt::Result {
    text.write_str(" >")?;
    for word in request.words() {
        match word.len() {
            0..=32 => write!(text, " {}", word.escape_ascii())?,
            len => write!(text, " #{len}")?,
        }
    }
    Ok(())
}
