//! A link in memory, to a server that behaves. Bytes come when they are delivered, and the link
//! breaks when it is told to. A future that waits for what nobody will do stays pending.

use std::cell::{RefCell, RefMut};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use embedded_io::{ErrorKind, ErrorType};
use respool::io::{Transport, asynch};
use respool::time::{Duration, NoClock};

use crate::peer::{Peer, Style};

/// A link; its clones are the same one. `SAFE` says that a dropped read or write loses nothing;
/// else what it moved is gone.
pub(crate) struct Wire<const SAFE: bool>(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    peer: Peer,
    is_open: bool,
    /// It broke, and this end has still to find out.
    is_broken: bool,
    /// How many opens will be refused.
    refusals: u8,
    /// Bytes of the peer that may be read now.
    arrived: usize,
    /// All that the peer says arrives at once.
    is_fast: bool,
    /// Bytes in one call at most; 0 for any number.
    piece: usize,
    /// Each call is pending once.
    pauses: bool,
    style: u8,
    reader: Option<Waker>,
}

impl<const SAFE: bool> Wire<SAFE> {
    pub(crate) fn new() -> Self {
        Self(Rc::default())
    }

    /// So many bytes of the peer arrive.
    pub(crate) fn deliver(&self, n: usize) {
        let mut state = self.state();
        state.arrived = state.arrived.saturating_add(n);
        state.wake();
    }

    /// From now on all that the peer says arrives.
    pub(crate) fn deliver_all(&self) {
        let mut state = self.state();
        state.is_fast = true;
        state.wake();
    }

    /// The peer is gone.
    pub(crate) fn snap(&self) {
        let mut state = self.state();
        state.is_broken = true;
        state.wake();
    }

    /// The next opens are refused.
    pub(crate) fn refuse(&self, opens: u8) {
        self.state().refusals = opens;
    }

    /// How bytes move, and how requests are answered.
    pub(crate) fn behave(&self, pace: u8, style: u8) {
        let mut state = self.state();
        state.piece = usize::from(pace & 7);
        state.pauses = pace & 8 != 0;
        state.is_fast = pace & 16 != 0;
        state.style = style;
    }

    fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// Pending once, where calls are.
    async fn pause(&self) {
        let mut pauses = self.state().pauses;
        poll_fn(|context| match std::mem::take(&mut pauses) {
            true => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            false => Poll::Ready(()),
        })
        .await;
    }

    fn poll_read(
        &self,
        context: &mut Context<'_>,
        window: &mut [u8],
    ) -> Poll<Result<usize, ErrorKind>> {
        assert!(!window.is_empty(), "a read into nothing");
        let mut state = self.state();
        assert!(state.is_open, "a read of a closed link");
        let n = state.piece(window.len()).min(state.readable());
        if n > 0 {
            state.arrived = state.arrived.saturating_sub(n);
            for (place, byte) in window.iter_mut().zip(state.peer.output.drain(..n)) {
                *place = byte;
            }
            return Poll::Ready(Ok(n));
        }
        if state.is_broken {
            return Poll::Ready(Ok(0));
        }
        state.reader = Some(context.waker().clone());
        Poll::Pending
    }

    fn take(&self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        assert!(!bytes.is_empty(), "a write of nothing");
        let mut state = self.state();
        assert!(state.is_open, "a write to a closed link");
        if state.is_broken {
            return Err(ErrorKind::BrokenPipe);
        }
        let n = state.piece(bytes.len());
        let State { peer, style, .. } = &mut *state;
        peer.take(&bytes[..n], || {
            // Another one each time, from the one that was chosen.
            *style = style.rotate_left(1);
            Style(*style)
        });
        state.wake();
        Ok(n)
    }
}

impl State {
    fn readable(&self) -> usize {
        match self.is_fast {
            true => self.peer.output.len(),
            false => self.peer.output.len().min(self.arrived),
        }
    }

    fn piece(&self, len: usize) -> usize {
        match self.piece {
            0 => len,
            piece => len.min(piece),
        }
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl<const SAFE: bool> Clone for Wire<SAFE> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<const SAFE: bool> ErrorType for Wire<SAFE> {
    type Error = ErrorKind;
}

impl<const SAFE: bool> Transport for Wire<SAFE> {
    const CANCEL_SAFE: bool = SAFE;
    type Clock = NoClock;

    fn clock(&self) -> NoClock {
        NoClock
    }

    fn has_news(&mut self) -> bool {
        let state = self.state();
        state.is_broken || state.readable() > 0
    }

    fn abort(&mut self) {
        self.state().is_open = false;
    }
}

impl<const SAFE: bool> asynch::Link for Wire<SAFE> {
    async fn open(&mut self, _limit: Option<Duration>) -> Result<(), ErrorKind> {
        self.pause().await;
        let mut state = self.state();
        assert!(!state.is_open, "opened twice");
        if state.refusals > 0 {
            state.refusals -= 1;
            return Err(ErrorKind::ConnectionRefused);
        }
        state.is_open = true;
        state.is_broken = false;
        state.arrived = 0;
        state.peer = Peer::default();
        Ok(())
    }
}

impl<const SAFE: bool> embedded_io_async::Read for Wire<SAFE> {
    async fn read(&mut self, window: &mut [u8]) -> Result<usize, ErrorKind> {
        if SAFE {
            self.pause().await;
            return poll_fn(|context| self.poll_read(context, window)).await;
        }
        // What was taken lives in the future, and goes with it.
        let mut taken = vec![0; window.len()];
        let n = poll_fn(|context| self.poll_read(context, &mut taken)).await?;
        self.pause().await;
        window[..n].copy_from_slice(&taken[..n]);
        Ok(n)
    }
}

impl<const SAFE: bool> embedded_io_async::Write for Wire<SAFE> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        if SAFE {
            self.pause().await;
            return self.take(bytes);
        }
        // It is delivered, and nobody learns of it who drops the future now.
        let n = self.take(bytes)?;
        self.pause().await;
        Ok(n)
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        self.pause().await;
        match self.state().is_broken {
            true => Err(ErrorKind::BrokenPipe),
            false => Ok(()),
        }
    }
}
