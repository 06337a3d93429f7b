//! The scripted wire, with what the sweeps need on top: cuts at any byte, and a fault that comes
//! up only once the first one is being recovered from.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use embedded_io_async::{ErrorKind, ErrorType};
use respool::io::scripted::{At, Counts, TestClock, Wire, Wrong};
use respool::io::{Transport, asynch, blocking};

use crate::server::{Server, Session};

/// A link that moves no byte across a cut together with the one before it.
pub struct Link<const SAFE: bool> {
    wire: Wire<Session, SAFE>,
    hand: Rc<Hand>,
}

/// What steers a [`Link`].
pub struct Hand {
    server: Server,
    pub out: Way,
    pub into: Way,
    /// It is armed when the first connection is given up after the first fault.
    pub then: Cell<Option<(Place, u32, Wrong)>>,
}

/// Bytes in one direction.
#[derive(Default)]
pub struct Way {
    pub cuts: Cell<[u32; 2]>,
    moved: Cell<u32>,
}

/// Where something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    Open,
    Read,
    Write,
    Flush,
    /// A blocking link is told how long it may wait.
    Patience,
    Out,
    In,
}

impl Place {
    /// The first number that means something there: calls are counted from 1, bytes from 0.
    pub fn first(self) -> u32 {
        u32::from(!matches!(self, Self::Out | Self::In))
    }

    /// The `n`-th such place, behind what was counted already.
    pub fn at(self, n: u32, counts: Counts) -> At {
        match self {
            Self::Open => At::Open(counts.opens + n),
            Self::Read => At::Read(counts.reads + n),
            Self::Write => At::Write(counts.writes + n),
            Self::Flush => At::Flush(counts.flushes + n),
            Self::Patience => At::Patience(counts.patiences + n),
            Self::Out => At::Out(counts.out + n),
            Self::In => At::In(counts.into + n),
        }
    }
}

impl Way {
    /// Begins to count anew.
    pub fn reset(&self) {
        self.moved.set(0);
        self.cuts.set([0; 2]);
    }

    /// Whether bytes moved on both sides of this cut.
    pub fn has_passed(&self, cut: u32) -> bool {
        self.moved.get() > cut
    }

    /// How many of `len` bytes there are before the next cut.
    fn room(&self, len: usize) -> usize {
        let moved = self.moved.get();
        let ahead = self.cuts.get().into_iter().filter(|cut| *cut > moved);
        len.min(ahead.map(|cut| cut - moved).min().unwrap_or(u32::MAX) as usize)
    }

    /// Passes `moved` on, and counts it.
    fn count(&self, moved: Result<usize, ErrorKind>) -> Result<usize, ErrorKind> {
        let n = moved.unwrap_or_default() as u32;
        self.moved.set(self.moved.get().wrapping_add(n));
        moved
    }
}

impl<const SAFE: bool> Link<SAFE> {
    pub fn new(wire: &Wire<Session, SAFE>, server: &Server) -> (Self, Rc<Hand>) {
        let hand = Rc::new(Hand {
            server: server.clone(),
            out: Way::default(),
            into: Way::default(),
            then: Cell::default(),
        });
        let link = Self {
            wire: wire.clone(),
            hand: hand.clone(),
        };
        (link, hand)
    }
}

impl<const SAFE: bool> ErrorType for Link<SAFE> {
    type Error = ErrorKind;
}

impl<const SAFE: bool> Transport for Link<SAFE> {
    const CANCEL_SAFE: bool = SAFE;
    type Clock = TestClock;

    fn clock(&self) -> TestClock {
        self.wire.clock()
    }

    fn has_news(&mut self) -> bool {
        self.wire.has_news()
    }

    fn abort(&mut self) {
        let Self { wire, hand } = self;
        if wire.faults_left() == 0
            && hand.server.store().silence.is_none()
            && let Some((place, n, wrong)) = hand.then.take()
        {
            wire.fail(place.at(n, wire.counts()), wrong);
        }
        wire.abort();
    }
}

impl<const SAFE: bool> asynch::Link for Link<SAFE> {
    async fn open(&mut self, limit: Option<Duration>) -> Result<(), ErrorKind> {
        asynch::Link::open(&mut self.wire, limit).await
    }
}

impl<const SAFE: bool> embedded_io_async::Read for Link<SAFE> {
    async fn read(&mut self, window: &mut [u8]) -> Result<usize, ErrorKind> {
        let room = self.hand.into.room(window.len());
        let read = embedded_io_async::Read::read(&mut self.wire, &mut window[..room]).await;
        self.hand.into.count(read)
    }
}

impl<const SAFE: bool> embedded_io_async::Write for Link<SAFE> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let room = self.hand.out.room(bytes.len());
        let wrote = embedded_io_async::Write::write(&mut self.wire, &bytes[..room]).await;
        self.hand.out.count(wrote)
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        embedded_io_async::Write::flush(&mut self.wire).await
    }
}

impl<const SAFE: bool> blocking::Link for Link<SAFE> {
    fn open(&mut self, limit: Option<Duration>) -> Result<(), ErrorKind> {
        blocking::Link::open(&mut self.wire, limit)
    }

    fn patience(&mut self, limit: Option<Duration>) -> Result<(), ErrorKind> {
        self.wire.patience(limit)
    }

    fn pause(&mut self, span: Duration) {
        blocking::Link::pause(&mut self.wire, span);
    }
}

impl<const SAFE: bool> embedded_io::Read for Link<SAFE> {
    fn read(&mut self, window: &mut [u8]) -> Result<usize, ErrorKind> {
        let room = self.hand.into.room(window.len());
        let read = embedded_io::Read::read(&mut self.wire, &mut window[..room]);
        self.hand.into.count(read)
    }
}

impl<const SAFE: bool> embedded_io::Write for Link<SAFE> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let room = self.hand.out.room(bytes.len());
        let wrote = embedded_io::Write::write(&mut self.wire, &bytes[..room]);
        self.hand.out.count(wrote)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        embedded_io::Write::flush(&mut self.wire)
    }
}
