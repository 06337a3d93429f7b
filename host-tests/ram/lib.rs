//! How many bytes respool's parts take: each is the size of a static, which the test reads from the
//! assembly that the compiler writes for the target.
#![no_std]
#![forbid(unsafe_code)]

use embedded_io::{ErrorKind, ErrorType};
use respool::io::{Transport, asynch};
use respool::time::{Duration, NoClock};
use respool::{Client, Memory};

/// A link that takes no memory.
pub struct Nothing;

const CLIENT: usize = size_of::<Client<'static, Nothing>>();
const MEMORY: usize = size_of::<Memory<64, 64>>();

/// The client of a connection: its state, and three slices of its memory.
#[used]
pub static RAM_OF_CLIENT: [u8; CLIENT] = [0; CLIENT];

/// The memory of a connection with the smallest windows and eight levels of nesting.
#[used]
pub static RAM_OF_MEMORY: [u8; MEMORY] = [0; MEMORY];

impl ErrorType for Nothing {
    type Error = ErrorKind;
}

impl Transport for Nothing {
    type Clock = NoClock;

    fn clock(&self) -> NoClock {
        NoClock
    }

    fn abort(&mut self) {}
}

impl embedded_io_async::Read for Nothing {
    async fn read(&mut self, _window: &mut [u8]) -> Result<usize, ErrorKind> {
        Err(ErrorKind::NotConnected)
    }
}

impl embedded_io_async::Write for Nothing {
    async fn write(&mut self, _bytes: &[u8]) -> Result<usize, ErrorKind> {
        Err(ErrorKind::NotConnected)
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl asynch::Link for Nothing {
    async fn open(&mut self, _limit: Option<Duration>) -> Result<(), ErrorKind> {
        Err(ErrorKind::ConnectionRefused)
    }
}
