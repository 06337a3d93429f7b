//! Firmware that talks to Redis through respool.
//!
//! - [`app`]: what it does, the same for every board; one file for each mode.
//! - [`args`]: the settings, words like `mode=ping`.
//! - [`board`]: what a board is to the application; one module for each board.
#![no_std]
#![no_main]

mod app;
mod args;
mod board;

use embassy_executor::Spawner;
use static_cell::StaticCell;

#[cortex_m_rt::entry]
fn main() -> ! {
    static EXECUTOR: StaticCell<board::Executor> = StaticCell::new();
    EXECUTOR
        .init(board::Executor::new())
        .run(|spawner| spawner.spawn(defmt::unwrap!(start(spawner))))
}

#[embassy_executor::task]
async fn start(spawner: Spawner) {
    let board = board::init(spawner).await;
    let status = app::run(spawner, board).await;
    board::exit(status)
}
