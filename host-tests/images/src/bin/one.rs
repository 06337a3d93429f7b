//! One connection, blocking: connect, `HELLO 3`, `PING`, `SET`, `GET`. It links only where no panic
//! can be reached.
#![no_std]
#![no_main]

use core::mem::MaybeUninit;

use cortex_m as _;
use images::{Uart, end};
use panic_never as _;
use respool::command::{get, ping, set};
use respool::io::Blocking;
use respool::{Client, Config, Error, Memory};

static CONFIG: Config<'static> = Config::new();

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: Memory<256, 256> = Memory::new();
    // Beside its memory, so that the stack is that of the calls.
    static mut CLIENT: MaybeUninit<Client<'static, Blocking<Uart>>> = MaybeUninit::uninit();
    let client = CLIENT.write(Client::new(MEMORY, Blocking(Uart::new()), &CONFIG));
    match exchange(client) {
        Ok(true) => end(0),
        Ok(false) => end(2),
        Err(_) => end(1),
    }
}

/// Whether the server gave back what it was given.
fn exchange(client: &mut Client<'static, Blocking<Uart>>) -> Result<bool, Error> {
    client.call(ping())?;
    client.call(set("key", "value"))?;
    let value = client.call(get("key"))?;
    Ok(value == Some(b"value"))
}
