//! The links to the network: of each both kinds, async and blocking.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use embedded_io::{ErrorKind, ErrorType};
use respool::io::{Transport, asynch, blocking};

use super::world::{State, World};

/// A link; its stream is the last one that it opened.
pub(super) struct SimLink<const SAFE: bool> {
    world: World,
    stream: Rc<Cell<Option<usize>>>,
    /// How long each read and write of the blocking world may take.
    patience: Option<Duration>,
}

impl<const SAFE: bool> SimLink<SAFE> {
    pub(super) fn new(world: &World) -> Self {
        Self {
            world: world.clone(),
            stream: Rc::default(),
            patience: None,
        }
    }

    /// A second link to whatever stream this one has: what no pool may do with a seat.
    pub(super) fn twin(&self) -> Self {
        Self {
            stream: self.stream.clone(),
            ..Self::new(&self.world)
        }
    }

    /// What `work` says of the stream.
    fn on<R>(
        &self,
        work: impl FnOnce(&mut State, usize) -> Result<R, ErrorKind>,
    ) -> Result<R, ErrorKind> {
        let mut state = self.world.state();
        match self.stream.get() {
            Some(stream) => {
                state.claim(stream);
                work(&mut state, stream)
            }
            None => {
                state
                    .oracle
                    .accuse("a link was used that is not open".into());
                Err(ErrorKind::NotConnected)
            }
        }
    }

    /// True where the stream has fallen silent.
    fn is_silent(&self) -> bool {
        let stream = self.stream.get();
        stream.is_some_and(|stream| self.world.state().is_silent(stream))
    }

    /// Never ready on a stream that has fallen silent.
    async fn unless_silent(&self) {
        if self.is_silent() {
            pending().await
        }
    }

    /// An attempt to open it begins; says how long it takes.
    fn begins_to_open(&self) -> u64 {
        let mut state = self.world.state();
        if self.stream.get().is_some() {
            state.oracle.accuse("a link was opened that is open".into());
        }
        state.delay()
    }

    /// What comes of that attempt; `None` where nobody ever answers.
    fn answered(&self) -> Option<Result<(), ErrorKind>> {
        let mut state = self.world.state();
        let refusals = state.plan.refusals;
        if state.chance(refusals) {
            let is_lost = state.plan.timeouts && state.rng.bool();
            return (!is_lost).then_some(Err(ErrorKind::ConnectionRefused));
        }
        Some(state.connect().map(|stream| self.stream.set(Some(stream))))
    }

    fn poll_read(
        &self,
        context: &Context<'_>,
        window: &mut [u8],
    ) -> Poll<Result<usize, ErrorKind>> {
        let waker = context.waker();
        match self.on(|state, stream| state.read(stream, window, waker)) {
            Ok(None) => Poll::Pending,
            Ok(Some(n)) => Poll::Ready(Ok(n)),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// When a read or write that begins now gives up.
    fn deadline(&self) -> u64 {
        self.patience
            .map_or(u64::MAX, |span| self.world.after(span))
    }

    /// Lets time pass while the stream is silent, and that is for ever.
    fn block_while_silent(&self) -> Result<(), ErrorKind> {
        match self.is_silent() {
            true => self.world.block_until(u64::MAX, self.deadline()),
            false => Ok(()),
        }
    }
}

impl<const SAFE: bool> ErrorType for SimLink<SAFE> {
    type Error = ErrorKind;
}

impl<const SAFE: bool> Transport for SimLink<SAFE> {
    const CANCEL_SAFE: bool = SAFE;
    type Clock = World;

    fn clock(&self) -> World {
        self.world.clone()
    }

    fn has_news(&mut self) -> bool {
        let mut state = self.world.state();
        let stream = self.stream.get();
        state.plan.tells && stream.is_some_and(|stream| state.has_news(stream))
    }

    fn abort(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.world.state().hang_up(stream);
        }
    }
}

impl<const SAFE: bool> asynch::Link for SimLink<SAFE> {
    async fn open(&mut self, _limit: Option<Duration>) -> Result<(), ErrorKind> {
        self.world.pause().await;
        let delay = self.begins_to_open();
        if delay > 0 {
            self.world.sleep(delay).await;
        }
        match self.answered() {
            Some(answer) => answer,
            None => pending().await,
        }
    }

    async fn close(&mut self) {
        // The server says that it knows, after a while or never.
        let knows = match self.stream.get() {
            Some(stream) => self.world.state().ends(stream),
            None => Some(0),
        };
        match knows {
            Some(delay) => self.world.sleep(delay).await,
            None => pending().await,
        }
        self.abort();
    }
}

impl<const SAFE: bool> embedded_io_async::Read for SimLink<SAFE> {
    async fn read(&mut self, window: &mut [u8]) -> Result<usize, ErrorKind> {
        if SAFE {
            self.world.pause().await;
            return poll_fn(|context| self.poll_read(context, window)).await;
        }
        // What was taken lives in the future, and goes with it.
        let mut taken = vec![0; window.len()];
        let n = poll_fn(|context| self.poll_read(context, &mut taken)).await?;
        self.world.pause().await;
        window.copy_from_slice(&taken);
        Ok(n)
    }
}

impl<const SAFE: bool> embedded_io_async::Write for SimLink<SAFE> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.unless_silent().await;
        if SAFE {
            self.world.pause().await;
            return self.on(|state, stream| state.write(stream, bytes));
        }
        // It is delivered, and nobody learns of it who drops the future now.
        let n = self.on(|state, stream| state.write(stream, bytes))?;
        self.world.pause().await;
        Ok(n)
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        self.unless_silent().await;
        self.world.pause().await;
        self.on(|state, stream| {
            state.flush(stream);
            Ok(())
        })
    }
}

impl<const SAFE: bool> blocking::Link for SimLink<SAFE> {
    fn open(&mut self, limit: Option<Duration>) -> Result<(), ErrorKind> {
        let end = limit.map_or(u64::MAX, |limit| self.world.after(limit));
        let there = self.world.now_millis() + self.begins_to_open();
        self.world.block_until(there, end)?;
        match self.answered() {
            Some(answer) => answer,
            None => self.world.block_until(u64::MAX, end),
        }
    }

    fn patience(&mut self, limit: Option<Duration>) -> Result<(), ErrorKind> {
        self.patience = limit;
        Ok(())
    }

    fn pause(&mut self, span: Duration) {
        let end = self.world.after(span);
        let _ = self.world.block_until(end, u64::MAX);
    }
}

impl<const SAFE: bool> embedded_io::Read for SimLink<SAFE> {
    fn read(&mut self, window: &mut [u8]) -> Result<usize, ErrorKind> {
        let end = self.deadline();
        loop {
            match self.on(|state, stream| state.read(stream, window, Waker::noop()))? {
                Some(n) => return Ok(n),
                None if self.world.lets_pass(end) => {}
                None => return Err(ErrorKind::TimedOut),
            }
        }
    }
}

impl<const SAFE: bool> embedded_io::Write for SimLink<SAFE> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.block_while_silent()?;
        self.on(|state, stream| state.write(stream, bytes))
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.block_while_silent()?;
        self.on(|state, stream| {
            state.flush(stream);
            Ok(())
        })
    }
}
