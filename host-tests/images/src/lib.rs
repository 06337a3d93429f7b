//! The board that the images run on, QEMU's `mps2-an386`: a wire of volatile registers, a timer,
//! and a way out. No network stack, so that an image is the client and nothing else. For the proofs,
//! values of which nothing is known.
#![no_std]

pub mod look;
pub mod soup;

use core::arch::asm;
use core::convert::Infallible;
use core::future::poll_fn;
use core::panic::PanicInfo;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embedded_io::ErrorType;
use respool::io::{Transport, asynch, blocking};
use respool::time::{Duration, NoClock};

/// The machine's first UART. QEMU connects its other end to the server, so nothing that crosses it
/// can be folded away.
#[derive(Debug)]
pub struct Uart {
    registers: *mut u32,
}

/// Registers of the CMSDK UART, in words.
const DATA: usize = 0;
const STATE: usize = 1;
const CONTROL: usize = 2;
const DIVISOR: usize = 4;
const STATE_FULL_OUT: u32 = 1;
const STATE_FULL_IN: u32 = 2;
const CONTROL_OUT_AND_IN: u32 = 3;

impl Uart {
    /// The UART, switched on.
    pub fn new() -> Self {
        let uart = Self {
            registers: 0x4000_4000 as *mut u32,
        };
        uart.set(DIVISOR, 16);
        uart.set(CONTROL, CONTROL_OUT_AND_IN);
        uart
    }

    fn get(&self, register: usize) -> u32 {
        // SAFETY: a register of the machine, which only this image uses.
        unsafe { self.registers.wrapping_add(register).read_volatile() }
    }

    fn set(&self, register: usize, value: u32) {
        // SAFETY: as above.
        unsafe { self.registers.wrapping_add(register).write_volatile(value) }
    }

    /// Writes the bytes that there is room for, at least one if there is any.
    fn put(&self, bytes: &[u8]) -> Option<usize> {
        let mut written = 0;
        for byte in bytes {
            if self.get(STATE) & STATE_FULL_OUT != 0 {
                break;
            }
            self.set(DATA, u32::from(*byte));
            written += 1;
        }
        (written > 0).then_some(written)
    }

    /// Reads the bytes that have come, at least one if there is any.
    fn take(&self, window: &mut [u8]) -> Option<usize> {
        let mut read = 0;
        for byte in window {
            if self.get(STATE) & STATE_FULL_IN == 0 {
                break;
            }
            *byte = self.get(DATA) as u8;
            read += 1;
        }
        (read > 0).then_some(read)
    }
}

impl Default for Uart {
    fn default() -> Self {
        Self::new()
    }
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl embedded_io::Read for Uart {
    fn read(&mut self, window: &mut [u8]) -> Result<usize, Infallible> {
        loop {
            if let Some(n) = self.take(window) {
                return Ok(n);
            }
        }
    }
}

impl embedded_io::Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        loop {
            if let Some(n) = self.put(bytes) {
                return Ok(n);
            }
        }
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl embedded_io_async::Read for Uart {
    async fn read(&mut self, window: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|context| asked_again(context, self.take(window))).await
    }
}

impl embedded_io_async::Write for Uart {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        poll_fn(|context| asked_again(context, self.put(bytes))).await
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Transport for Uart {
    const CANCEL_SAFE: bool = true;
    type Clock = NoClock;

    fn clock(&self) -> NoClock {
        NoClock
    }

    fn abort(&mut self) {}
}

impl blocking::Link for Uart {
    fn open(&mut self, _limit: Option<Duration>) -> Result<(), Infallible> {
        Ok(())
    }
}

impl asynch::Link for Uart {
    async fn open(&mut self, _limit: Option<Duration>) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Without an interrupt, whoever waits is woken at once to look again.
fn asked_again(context: &mut Context<'_>, moved: Option<usize>) -> Poll<Result<usize, Infallible>> {
    match moved {
        Some(n) => Poll::Ready(Ok(n)),
        None => {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    }
}

/// Polls a future to its end.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// What the machine's first timer counts, down from the highest number: 25 a microsecond.
pub fn ticks() -> u32 {
    const TIMER: *mut u32 = 0x4000_0000 as *mut u32;
    const CONTROL: usize = 0;
    const VALUE: usize = 1;
    const RELOAD: usize = 2;
    // SAFETY: registers of the machine, which only this image uses.
    unsafe {
        if TIMER.wrapping_add(CONTROL).read_volatile() == 0 {
            TIMER.wrapping_add(RELOAD).write_volatile(u32::MAX);
            TIMER.wrapping_add(VALUE).write_volatile(u32::MAX);
            TIMER.wrapping_add(CONTROL).write_volatile(1);
        }
        TIMER.wrapping_add(VALUE).read_volatile()
    }
}

/// Says how deep the stack has been, and ends the machine with this status.
pub fn end(status: u32) -> ! {
    say(b'S', deepest_stack());
    exit(status)
}

/// Prints a letter and eight hexadecimal digits.
pub fn say(letter: u8, number: u32) {
    put(letter);
    for shift in 0..8 {
        let digit = (number << (4 * shift) >> 28) as u8;
        put(if digit < 10 {
            b'0' + digit
        } else {
            b'a' - 10 + digit
        });
    }
    put(b'\n');
}

/// Ends the machine with this status.
pub fn exit(status: u32) -> ! {
    const EXIT_EXTENDED: usize = 0x20;
    const APPLICATION_EXIT: u32 = 0x20026;
    loop {
        semihosting(EXIT_EXTENDED, [APPLICATION_EXIT, status].as_ptr().cast());
    }
}

/// The end of a panic, of which it says something: nothing is said of one in two words, so the
/// compiler would make one of all that can panic, and nobody could tell which ones are left.
pub fn say_and_end(info: &PanicInfo<'_>) -> ! {
    say(b'P', (&raw const *info).addr() as u32);
    exit(101)
}

/// Bytes of the stack that were ever used: before `main`, all of it was painted.
fn deepest_stack() -> u32 {
    unsafe extern "C" {
        static _stack_start: u32;
        static _stack_end: u32;
    }
    let (top, mut at) = (&raw const _stack_start, &raw const _stack_end);
    // SAFETY: words of the stack, which begins at `_stack_start` and grows down to `_stack_end`.
    while at < top && unsafe { at.read_volatile() } == cortex_m_rt::STACK_PAINT_VALUE {
        at = at.wrapping_add(1);
    }
    (top as usize - at as usize) as u32
}

fn put(byte: u8) {
    const WRITE_BYTE: usize = 3;
    semihosting(WRITE_BYTE, (&raw const byte).cast());
}

fn semihosting(operation: usize, argument: *const ()) {
    // SAFETY: QEMU only reads what is pointed to.
    unsafe { asm!("bkpt #0xab", inout("r0") operation => _, in("r1") argument, options(nostack)) }
}

/// A fault ends the machine, with a status of its own.
#[cortex_m_rt::exception]
unsafe fn HardFault(_frame: &cortex_m_rt::ExceptionFrame) -> ! {
    exit(3)
}
