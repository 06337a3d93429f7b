//! A pool of two connections, async: the same exchange.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use cortex_m as _;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use images::{Uart, block_on, end, exit};
use respool::command::{get, ping, set};
use respool::{Config, Error, Pool, PoolResources};

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut RESOURCES: PoolResources<'static, 2, 256, 256> = PoolResources::new();
    let links = [Uart::new(), Uart::new()];
    let pool = Pool::new(RESOURCES, links, Config::new());
    match block_on(exchange(&pool)) {
        Ok(true) => end(0),
        Ok(false) => end(2),
        Err(_) => end(1),
    }
}

/// Whether the server gave back what it was given.
async fn exchange(pool: &Pool<'_, NoopRawMutex, Uart, 2>) -> Result<bool, Error> {
    pool.call(ping()).await?;
    pool.call(set("key", "value")).await?;
    let mut lease = pool.get().await?;
    let value = lease.call(get("key")).await?;
    Ok(value == Some(b"value"))
}

/// An `async fn` can be polled after its end, which is a panic; nothing else here can.
#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    exit(101)
}
