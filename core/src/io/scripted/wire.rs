//! The transport between a link and a peer.

extern crate std;

use core::cell::{Ref, RefCell, RefMut};
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

use embedded_io::{ErrorKind, ErrorType};

use super::answers::Front;
use crate::io::scripted::{Answers, At, Counts, Pace, Peer, TestClock, Wrong};
use crate::io::{Transport, asynch, blocking};
use crate::time::{Clock, Duration, Instant};

/// A transport to a [`Peer`] in memory; its clones are the same transport, so that a test keeps
/// one to steer it.
///
/// What is written goes to the peer, what that answers can be read. A future that waits for bytes
/// that nobody will send stays pending without a wake-up, which tells a hang from patience.
///
/// `SAFE` is its [`CANCEL_SAFE`](Transport::CANCEL_SAFE). Where that is false, a read that is
/// dropped takes its bytes with it, and a write that is dropped was delivered all the same.
pub struct Wire<P, const SAFE: bool = true> {
    state: Rc<RefCell<State<P>>>,
    clock: TestClock,
}

struct State<P> {
    peer: P,
    is_open: bool,
    dead: Option<Wrong>,
    answers: Answers,
    unflushed: Vec<u8>,
    pace: Pace,
    faults: Vec<(At, Wrong)>,
    counts: Counts,
    /// Reads, writes and flushes since the last reset.
    calls: u32,
    reader: Option<Waker>,
    patience: Option<Duration>,
    /// It tells what waits to be read.
    tells: bool,
}

impl<P: Peer> Wire<P> {
    /// A closed wire to `peer`, on which a future that is dropped loses nothing.
    pub fn new(peer: P, clock: &TestClock) -> Self {
        Self::of_kind(peer, clock)
    }
}

impl<P: Peer> Wire<P, false> {
    /// A closed wire to `peer`, on which a future that is dropped takes along what it moved.
    pub fn lossy(peer: P, clock: &TestClock) -> Self {
        Self::of_kind(peer, clock)
    }
}

impl<P: Peer, const SAFE: bool> Wire<P, SAFE> {
    /// A closed wire to `peer`, of the kind that its type says.
    pub fn of_kind(peer: P, clock: &TestClock) -> Self {
        let state = State {
            peer,
            is_open: false,
            dead: None,
            answers: Answers::default(),
            unflushed: Vec::new(),
            pace: Pace::FAST,
            faults: Vec::new(),
            counts: Counts::default(),
            calls: 0,
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
    pub fn set_pace(&self, pace: Pace) {
        self.state().pace = pace;
    }

    /// This will go wrong, once.
    pub fn fail(&self, at: At, wrong: Wrong) {
        self.state().faults.push((at, wrong));
    }

    /// Nothing more goes wrong.
    pub fn heal(&self) {
        self.state().faults.clear();
    }

    /// Faults that have not come up yet.
    pub fn faults_left(&self) -> usize {
        self.state().faults.len()
    }

    /// What happened since the last [`reset_counts`](Self::reset_counts).
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// The other end, for a test to ask.
    ///
    /// # Panics
    /// While it is held, nothing may move on the wire.
    pub fn peer(&self) -> Ref<'_, P> {
        Ref::map(self.state.borrow(), |state| &state.peer)
    }

    /// Counts from zero again.
    pub fn reset_counts(&self) {
        let mut state = self.state();
        state.counts = Counts::default();
        state.calls = 0;
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.state().is_open
    }

    /// From now on the wire tells by [`has_news`](Transport::has_news) that something waits to be
    /// read.
    pub fn tell(&self) {
        self.state().tells = true;
    }

    /// The peer says this without having been asked.
    pub fn say(&self, bytes: &[u8]) {
        let mut state = self.state();
        state.answers.say(bytes);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// The stream is over now, as when a server restarts.
    pub fn end(&self, wrong: Wrong) {
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
        let now = self.clock.now();
        let mut state = self.state();
        match state.read(window, now) {
            Read::Done(read) => return Poll::Ready(read),
            Read::Empty => state.reader = Some(context.waker().clone()),
            Read::Pending => context.waker().wake_by_ref(),
            Read::Until(at) => self.clock.wake_at(at, context.waker()),
        }
        Poll::Pending
    }
}

/// What became of a read.
enum Read {
    Done(Result<usize, ErrorKind>),
    /// Nothing was said yet.
    Empty,
    /// There will be something at the next poll.
    Pending,
    /// There will be something then.
    Until(Instant),
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

    /// Ends a test that goes on for ever.
    fn count(&mut self) {
        self.calls += 1;
        let most = 1_000_000;
        assert!(
            self.calls < most,
            "{most} calls since the last `reset_counts`"
        );
    }

    fn read(&mut self, window: &mut [u8], now: Instant) -> Read {
        self.count();
        assert!(
            !window.is_empty(),
            "a read into nothing cannot be told from the end"
        );
        if !self.is_open {
            self.counts.misuses += 1;
            return Read::Done(Err(ErrorKind::NotConnected));
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
                return Read::Done(Ok(n));
            }
            Some(wrong) => {
                self.counts.reads += 1;
                self.dead = Some(wrong);
                self.answers.clear();
                return Read::Done(match wrong {
                    Wrong::Error(kind) => Err(kind),
                    _ => Ok(0),
                });
            }
            None => {}
        }
        let there = match self.answers.front(now) {
            Front::Bytes(there) => there,
            Front::Empty => return Read::Empty,
            Front::Pending => return Read::Pending,
            Front::Until(at) => return Read::Until(at),
            // It is found by the call below.
            Front::Wrong(wrong) => {
                self.faults.push((At::Read(self.counts.reads + 1), wrong));
                return self.read(window, now);
            }
        };
        self.counts.reads += 1;
        let n = window.len().min(self.pace.bytes).min(there);
        let n = n.min(self.until(|at| match at {
            At::In(after) => after.checked_sub(into),
            _ => None,
        }));
        if let Some(window) = window.get_mut(..n) {
            self.answers.read(window);
        }
        self.counts.into += n as u32;
        Read::Done(Ok(n))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.count();
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
        let bytes = bytes.get(..n).unwrap_or_default();
        if self.pace.buffered || !self.unflushed.is_empty() {
            self.unflushed.extend_from_slice(bytes);
        } else {
            self.peer.take(bytes, &mut self.answers);
        }
        Ok(n)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.count();
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

    fn be_patient(&mut self, limit: Option<Duration>) -> Result<(), ErrorKind> {
        self.counts.patiences += 1;
        match self.due(At::Patience(self.counts.patiences)) {
            Some(Wrong::Error(kind)) => Err(kind),
            _ => {
                self.patience = limit;
                Ok(())
            }
        }
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

impl<P, const SAFE: bool> fmt::Debug for Wire<P, SAFE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
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
        self.state().be_patient(limit)
    }

    fn pause(&mut self, span: Duration) {
        self.clock.advance(span);
    }
}

impl<P: Peer, const SAFE: bool> embedded_io::Read for Wire<P, SAFE> {
    fn read(&mut self, window: &mut [u8]) -> Result<usize, ErrorKind> {
        let began = self.clock.now();
        loop {
            let now = self.clock.now();
            let limit = self.state().patience;
            let left = limit.map(|limit| limit.saturating_sub(now.since(began)));
            let read = self.state().read(window, now);
            match (read, left) {
                (Read::Done(read), _) => return read,
                (Read::Pending, _) => {}
                (Read::Until(at), left) if left.is_none_or(|left| at.since(now) <= left) => {
                    self.clock.advance(at.since(now));
                }
                // All that could come has come: time passes until the caller has enough.
                (_, Some(left)) => {
                    self.clock.advance(left);
                    return Err(ErrorKind::TimedOut);
                }
                (_, None) => panic!("this read would block for ever"),
            }
        }
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
