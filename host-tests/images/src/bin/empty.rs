//! The empty image: what has to be subtracted from the others.
#![no_std]
#![no_main]

use cortex_m as _;
use images::{Uart, end};
use panic_never as _;

#[cortex_m_rt::entry]
fn main() -> ! {
    let _ = Uart::new();
    end(0)
}
