//! A transport in memory: what is written goes to a [`Peer`], what that answers can be read.
//!
//! Nothing here takes time or depends on chance. The test says in which pieces bytes move, whether
//! a future has to be polled once more for each, and at which call or byte what goes wrong; a
//! future that waits for bytes that nobody will send stays pending without a wake-up, which tells a
//! hang from patience. The same [`Wire`] serves both worlds.

extern crate std;

mod clock;

use core::cell::{RefCell, RefMut};
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

use embedded_io::{ErrorKind, ErrorType};

use crate::io::{Transport, asynch, blocking};
use crate::time::Duration;
pub(crate) use clock::TestClock;

/// The other end of a wire.
pub(crate) trait Peer {
    /// A new stream begins: what was said on the one before is over. What is added to `answers`
    /// is said without having been asked.
    fn open(&mut self, answers: &mut VecDeque<u8>);

    /// Bytes came. Answers are added to `answers`, now or at any later time.
    fn take(&mut self, bytes: &[u8], answers: &mut VecDeque<u8>);
}

/// In which pieces bytes move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Bytes in one call at most.
    pub(crate) bytes: usize,
    /// Each call is pending once, and wakes its task at once.
    pub(crate) pending: bool,
    /// What is written reaches the peer only when it is flushed.
    pub(crate) buffered: bool,
}

/// Where something goes wrong, counted from the last [`Wire::reset_counts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// The n-th call, from 1.
    Open(u32),
    Read(u32),
    Write(u32),
    Flush(u32),
    /// After n bytes towards the peer.
    Out(u32),
    /// After n bytes from the peer.
    In(u32),
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// This error, from now on, until the transport is opened again.
    Error(ErrorKind),
    /// The end of the stream: reads give 0 for ever, writes go nowhere. As an open, or a write: 0
    /// bytes were accepted.
    End,
    /// A lie: so many bytes were moved. None was.
    Claim(usize),
    /// It never comes to an end, as an open, a write or a flush; later ones do.
    Stall,
}

/// What happened on a wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) opens: u32,
    pub(crate) aborts: u32,
    pub(crate) reads: u32,
    pub(crate) writes: u32,
    pub(crate) flushes: u32,
    /// Bytes that were accepted.
    pub(crate) out: u32,
    /// Bytes that were read.
    pub(crate) into: u32,
    /// Reads and writes on a transport that was not open.
    pub(crate) misuses: u32,
}

/// A transport to a [`Peer`] in memory; its clones are the same transport, so that a test keeps
/// one to steer it.
///
/// `SAFE` is its [`CANCEL_SAFE`](Transport::CANCEL_SAFE). Where that is false, a read that is
/// dropped takes its bytes with it, and a write that is dropped was delivered all the same.
pub(crate) struct Wire<P, const SAFE: bool = true> {
    state: Rc<RefCell<State<P>>>,
    clock: TestClock,
}

struct State<P> {
    peer: P,
    is_open: bool,
    dead: Option<Wrong>,
    answers: VecDeque<u8>,
    unflushed: Vec<u8>,
    pace: Pace,
    faults: Vec<(At, Wrong)>,
    counts: Counts,
    reader: Option<Waker>,
    patience: Option<Duration>,
    /// It tells what waits to be read.
    tells: bool,
}

impl Pace {
    /// Everything at once.
    pub(crate) const FAST: Self = Self {
        bytes: usize::MAX,
        pending: false,
        buffered: false,
    };

    /// So many bytes with each second poll.
    pub(crate) const fn slow(bytes: usize) -> Self {
        Self {
            bytes,
            pending: true,
            buffered: false,
        }
    }

    /// The same, but nothing leaves without a flush.
    pub(crate) const fn buffered(self) -> Self {
        Self {
            buffered: true,
            ..self
        }
    }
}

impl<P: Peer, const SAFE: bool> Wire<P, SAFE> {
    /// A closed wire to `peer`.
    pub(crate) fn new(peer: P, clock: &TestClock) -> Self {
        let state = State {
            peer,
            is_open: false,
            dead: None,
            answers: VecDeque::new(),
            unflushed: Vec::new(),
            pace: Pace::FAST,
            faults: Vec::new(),
            counts: Counts::default(),
            reader: None,
            patience: None,
            tells: false,
        };
        Self {
            state: Rc::new(RefCell::new(state)),
            clock: clock.clone(),
        }
    }

    /// From now on bytes move like this.
    pub(crate) fn set_pace(&self, pace: Pace) {
        self.state().pace = pace;
    }

    /// This will go wrong, once.
    pub(crate) fn fail(&self, at: At, wrong: Wrong) {
        self.state().faults.push((at, wrong));
    }

    /// Nothing more goes wrong.
    pub(crate) fn heal(&self) {
        self.state().faults.clear();
    }

    /// Faults that have not come up yet.
    pub(crate) fn faults_left(&self) -> usize {
        self.state().faults.len()
    }

    /// What happened since the last [`reset_counts`](Self::reset_counts).
    pub(crate) fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Counts from zero again.
    pub(crate) fn reset_counts(&self) {
        self.state().counts = Counts::default();
    }

    /// Whether it is open.
    pub(crate) fn is_open(&self) -> bool {
        self.state().is_open
    }

    /// From now on the wire tells that something waits to be read.
    pub(crate) fn tell(&self) {
        self.state().tells = true;
    }

    /// The peer says this without having been asked.
    pub(crate) fn say(&self, bytes: &[u8]) {
        let mut state = self.state();
        state.answers.extend(bytes);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// The stream is over now, as when a server restarts.
    pub(crate) fn end(&self, wrong: Wrong) {
        let mut state = self.state();
        state.dead = Some(wrong);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn state(&self) -> RefMut<'_, State<P>> {
        self.state.borrow_mut()
    }

    /// Pending once, where the pace says so.
    async fn pause(&self) {
        let mut pending = self.state().pace.pending;
        poll_fn(|context| {
            if !core::mem::take(&mut pending) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Never ready, where the call that comes next stalls.
    async fn stall(&self, next: fn(&Counts) -> At) {
        if self.state().stalls(next) {
            core::future::pending().await
        }
    }

    /// The same for a thread, which gives up after `limit`.
    fn stall_for(&self, limit: Option<Duration>, next: fn(&Counts) -> At) -> Result<(), ErrorKind> {
        match (self.state().stalls(next), limit) {
            (false, _) => Ok(()),
            (true, None) => panic!("this call would block for ever"),
            (true, Some(limit)) => {
                self.clock.advance(limit);
                Err(ErrorKind::TimedOut)
            }
        }
    }

    fn poll_read(
        &self,
        context: &mut Context<'_>,
        window: &mut [u8],
    ) -> Poll<Result<usize, ErrorKind>> {
        let mut state = self.state();
        match state.read(window) {
            Some(read) => Poll::Ready(read),
            None => {
                state.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<P: Peer> State<P> {
    fn open(&mut self) -> Result<(), ErrorKind> {
        self.counts.opens += 1;
        if self.is_open {
            self.counts.misuses += 1;
        }
        match self.due(At::Open(self.counts.opens)) {
            Some(Wrong::Error(kind)) => return Err(kind),
            Some(_) => return Err(ErrorKind::ConnectionRefused),
            None => {}
        }
        self.is_open = true;
        self.dead = None;
        self.answers.clear();
        self.unflushed.clear();
        self.peer.open(&mut self.answers);
        Ok(())
    }

    fn abort(&mut self) {
        if self.is_open {
            self.counts.aborts += 1;
        }
        self.is_open = false;
        self.answers.clear();
        self.unflushed.clear();
    }

    /// `None` where there is nothing to read.
    fn read(&mut self, window: &mut [u8]) -> Option<Result<usize, ErrorKind>> {
        assert!(
            !window.is_empty(),
            "a read into nothing cannot be told from the end"
        );
        if !self.is_open {
            self.counts.misuses += 1;
            return Some(Err(ErrorKind::NotConnected));
        }
        let into = self.counts.into;
        let wrong = match self.dead {
            // What was on its way still arrives.
            Some(Wrong::End) if !self.answers.is_empty() => None,
            Some(dead) => Some(dead),
            None => self
                .due(At::Read(self.counts.reads + 1))
                .or_else(|| self.due(At::In(into))),
        };
        match wrong {
            Some(Wrong::Claim(n)) => {
                self.counts.reads += 1;
                return Some(Ok(n));
            }
            Some(wrong) => {
                self.counts.reads += 1;
                self.dead = Some(wrong);
                self.answers.clear();
                return Some(match wrong {
                    Wrong::Error(kind) => Err(kind),
                    _ => Ok(0),
                });
            }
            None => {}
        }
        if self.answers.is_empty() {
            return None;
        }
        self.counts.reads += 1;
        let n = window.len().min(self.pace.bytes).min(self.answers.len());
        let n = n.min(self.until(|at| match at {
            At::In(after) => after.checked_sub(into),
            _ => None,
        }));
        for (place, byte) in window.iter_mut().zip(self.answers.drain(..n)) {
            *place = byte;
        }
        self.counts.into += n as u32;
        Some(Ok(n))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        assert!(
            !bytes.is_empty(),
            "a write of nothing cannot be told from a full transport"
        );
        self.counts.writes += 1;
        if !self.is_open {
            self.counts.misuses += 1;
            return Err(ErrorKind::NotConnected);
        }
        let out = self.counts.out;
        let wrong = match self.dead {
            Some(dead) => Some(dead),
            None => self
                .due(At::Write(self.counts.writes))
                .or_else(|| self.due(At::Out(out))),
        };
        match wrong {
            Some(Wrong::Error(kind)) => {
                self.dead = wrong;
                return Err(kind);
            }
            Some(Wrong::Claim(n)) => return Ok(n),
            // The peer has gone, and nobody knows it here yet.
            Some(Wrong::End) if self.dead.is_some() => {
                self.counts.out += bytes.len() as u32;
                return Ok(bytes.len());
            }
            Some(Wrong::End | Wrong::Stall) => return Ok(0),
            None => {}
        }
        let n = bytes.len().min(self.pace.bytes);
        let n = n.min(self.until(|at| match at {
            At::Out(after) => after.checked_sub(out),
            _ => None,
        }));
        self.counts.out += n as u32;
        if self.pace.buffered || !self.unflushed.is_empty() {
            self.unflushed.extend_from_slice(&bytes[..n]);
        } else {
            self.peer.take(&bytes[..n], &mut self.answers);
        }
        Ok(n)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.counts.flushes += 1;
        if !self.is_open {
            self.counts.misuses += 1;
            return Err(ErrorKind::NotConnected);
        }
        let wrong = match self.dead {
            Some(dead) => Some(dead),
            None => self.due(At::Flush(self.counts.flushes)),
        };
        if let Some(Wrong::Error(kind)) = wrong {
            self.dead = wrong;
            return Err(kind);
        }
        let bytes = core::mem::take(&mut self.unflushed);
        self.peer.take(&bytes, &mut self.answers);
        Ok(())
    }

    fn stalls(&mut self, next: fn(&Counts) -> At) -> bool {
        let stall = (next(&self.counts), Wrong::Stall);
        let index = self.faults.iter().position(|fault| *fault == stall);
        index.map(|index| self.faults.swap_remove(index)).is_some()
    }

    /// What goes wrong here, once.
    fn due(&mut self, here: At) -> Option<Wrong> {
        let index = self.faults.iter().position(|(at, _)| *at == here)?;
        Some(self.faults.swap_remove(index).1)
    }

    /// How many bytes may move before something goes wrong.
    fn until(&self, left: impl Fn(At) -> Option<u32>) -> usize {
        let left = self.faults.iter().filter_map(|(at, _)| left(*at));
        left.min().map_or(usize::MAX, |left| left as usize)
    }
}

impl<P, const SAFE: bool> Clone for Wire<P, SAFE> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            clock: self.clock.clone(),
        }
    }
}

impl<P, const SAFE: bool> ErrorType for Wire<P, SAFE> {
    type Error = ErrorKind;
}

impl<P: Peer, const SAFE: bool> Transport for Wire<P, SAFE> {
    const CANCEL_SAFE: bool = SAFE;
    type Clock = TestClock;

    fn clock(&self) -> TestClock {
        self.clock.clone()
    }

    fn has_news(&mut self) -> bool {
        let state = self.state();
        state.tells && (state.dead.is_some() || !state.answers.is_empty())
    }

    fn abort(&mut self) {
        self.state().abort();
    }
}

impl<P: Peer, const SAFE: bool> asynch::Link for Wire<P, SAFE> {
    async fn open(&mut self, _limit: Option<Duration>) -> Result<(), ErrorKind> {
        self.pause().await;
        self.stall(|counts| At::Open(counts.opens + 1)).await;
        self.state().open()
    }
}

impl<P: Peer, const SAFE: bool> embedded_io_async::Read for Wire<P, SAFE> {
    async fn read(&mut self, window: &mut [u8]) -> Result<usize, ErrorKind> {
        if SAFE {
            self.pause().await;
            return poll_fn(|context| self.poll_read(context, window)).await;
        }
        // What was taken lives in the future, and goes with it.
        let mut taken = vec![0; window.len()];
        let n = poll_fn(|context| self.poll_read(context, &mut taken)).await?;
        self.pause().await;
        window.copy_from_slice(&taken);
        Ok(n)
    }
}

impl<P: Peer, const SAFE: bool> embedded_io_async::Write for Wire<P, SAFE> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.stall(|counts| At::Write(counts.writes + 1)).await;
        if SAFE {
            self.pause().await;
            return self.state().write(bytes);
        }
        // It is delivered, and nobody learns of it who drops the future now.
        let n = self.state().write(bytes)?;
        self.pause().await;
        Ok(n)
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        self.stall(|counts| At::Flush(counts.flushes + 1)).await;
        self.pause().await;
        self.state().flush()
    }
}

impl<P: Peer, const SAFE: bool> blocking::Link for Wire<P, SAFE> {
    fn open(&mut self, limit: Option<Duration>) -> Result<(), ErrorKind> {
        self.stall_for(limit, |counts| At::Open(counts.opens + 1))?;
        self.state().open()
    }

    fn patience(&mut self, limit: Option<Duration>) -> Result<(), ErrorKind> {
        self.state().patience = limit;
        Ok(())
    }
}

impl<P: Peer, const SAFE: bool> embedded_io::Read for Wire<P, SAFE> {
    fn read(&mut self, window: &mut [u8]) -> Result<usize, ErrorKind> {
        let mut state = self.state();
        if let Some(read) = state.read(window) {
            return read;
        }
        // All that could come has come: time passes until the caller has enough.
        let Some(limit) = state.patience else {
            panic!("this read would block for ever");
        };
        drop(state);
        self.clock.advance(limit);
        Err(ErrorKind::TimedOut)
    }
}

impl<P: Peer, const SAFE: bool> embedded_io::Write for Wire<P, SAFE> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let limit = self.state().patience;
        self.stall_for(limit, |counts| At::Write(counts.writes + 1))?;
        self.state().write(bytes)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        let limit = self.state().patience;
        self.stall_for(limit, |counts| At::Flush(counts.flushes + 1))?;
        self.state().flush()
    }
}
