//! The proof that nothing can panic: it links only where no panic can be reached, and it reaches all
//! that is not async and reads no floating point number. What it works on comes from a register, so
//! that nothing can be folded away.
//!
//! It is linked and never run; `images` counts what of the crate is in it.
#![no_std]
#![no_main]

mod client;
mod commands;
mod pool;
mod sans_io;
mod server;
mod settings;

use cortex_m as _;
use images::end;
use panic_never as _;

use images::soup::Soup;

#[cortex_m_rt::entry]
fn main() -> ! {
    let soup = Soup::new();
    server::requests(&soup);
    server::replies(&soup);
    sans_io::exchange(&soup);
    sans_io::encoded(&soup);
    sans_io::decoded(&soup);
    settings::url(&soup);
    settings::words(&soup);
    client::client(&soup);
    pool::pools(&soup);
    end(0)
}
