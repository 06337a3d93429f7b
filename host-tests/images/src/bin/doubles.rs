//! Floating point numbers, read: by the core library, whose bounds checks the compiler cannot rule
//! out. `images` looks that no other panic is left.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use cortex_m as _;
use images::end;
use images::look::Look;
use images::soup::{Link, Soup};
use respool::command::{get, hincrbyfloat, incrbyfloat};
use respool::io::Blocking;
use respool::{Client, Command, Config, Memory};

#[cortex_m_rt::entry]
fn main() -> ! {
    let s = Soup::new();
    let mut memory = Memory::<256, 256>::new();
    let config = Config::new();
    let mut client = Client::new(&mut memory, Blocking(Link), &config);
    client.call(incrbyfloat(s.text(), s.double())).look();
    client
        .call(hincrbyfloat(s.text(), s.text(), s.double()))
        .look();
    client.call(get(s.text()).reply::<f64>()).look();
    end(0)
}

#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    images::say_and_end(info)
}
