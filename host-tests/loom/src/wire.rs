//! A connection in memory, which answers each command at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use embedded_io::{ErrorKind, ErrorType};
use respool::io::{Transport, asynch, blocking};
use respool::time::{Duration, NoClock};

use crate::Spot;

/// One end is in the pool; the other tells the scenario how things stand.
pub struct Wire<S> {
    shared: Arc<Shared<S>>,
    /// Commands that were written and not answered, and how much of the next answer was read.
    owed: usize,
    read: usize,
    /// Answers that were read whole since it was opened.
    answered: usize,
}

/// What both ends see. Neither loom nor shuttle is told of the flag: it is looked at only where
/// nobody else runs.
pub struct Shared<S> {
    spot: S,
    open: AtomicBool,
}

/// Every command is a `PING`, but for the two that name the library, which follow the first one.
fn answer(number: usize) -> &'static [u8] {
    match number {
        1 | 2 => b"+OK\r\n",
        _ => b"+PONG\r\n",
    }
}

impl<S: Spot> Wire<S> {
    /// A closed connection, and what its peer sees of it.
    pub fn new() -> (Self, Arc<Shared<S>>) {
        let shared = Arc::new(Shared {
            spot: S::default(),
            open: AtomicBool::new(false),
        });
        let wire = Self {
            shared: shared.clone(),
            owed: 0,
            read: 0,
            answered: 0,
        };
        (wire, shared)
    }

    fn opened(&mut self) {
        self.shared.spot.visit();
        let was_open = self.shared.open.swap(true, Relaxed);
        assert!(!was_open, "opened twice");
        (self.owed, self.read, self.answered) = (0, 0, 0);
    }

    fn take(&mut self, window: &mut [u8]) -> Result<usize, ErrorKind> {
        self.shared.spot.visit();
        assert!(self.owed > 0, "nothing will ever come");
        let answer = answer(self.answered);
        let left = &answer[self.read..];
        let count = left.len().min(window.len());
        window[..count].copy_from_slice(&left[..count]);
        self.read += count;
        if self.read == answer.len() {
            (self.owed, self.read) = (self.owed - 1, 0);
            self.answered += 1;
        }
        Ok(count)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.shared.spot.visit();
        // One asterisk a command; no argument here has one.
        self.owed += bytes.iter().filter(|byte| **byte == b'*').count();
        Ok(bytes.len())
    }
}

impl<S> Shared<S> {
    /// Not while threads run.
    pub fn is_open(&self) -> bool {
        self.open.load(Relaxed)
    }
}

impl<S> ErrorType for Wire<S> {
    type Error = ErrorKind;
}

impl<S: Spot> Transport for Wire<S> {
    const CANCEL_SAFE: bool = true;
    type Clock = NoClock;

    fn clock(&self) -> NoClock {
        NoClock
    }

    fn abort(&mut self) {
        self.shared.spot.visit();
        self.shared.open.store(false, Relaxed);
    }
}

impl<S: Spot> asynch::Link for Wire<S> {
    async fn open(&mut self, _limit: Option<Duration>) -> Result<(), ErrorKind> {
        self.opened();
        Ok(())
    }
}

impl<S: Spot> embedded_io_async::Read for Wire<S> {
    async fn read(&mut self, window: &mut [u8]) -> Result<usize, ErrorKind> {
        self.take(window)
    }
}

impl<S: Spot> embedded_io_async::Write for Wire<S> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.put(bytes)
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl<S: Spot> blocking::Link for Wire<S> {
    fn open(&mut self, _limit: Option<Duration>) -> Result<(), ErrorKind> {
        self.opened();
        Ok(())
    }
}

impl<S: Spot> embedded_io::Read for Wire<S> {
    fn read(&mut self, window: &mut [u8]) -> Result<usize, ErrorKind> {
        self.take(window)
    }
}

impl<S: Spot> embedded_io::Write for Wire<S> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.put(bytes)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}
