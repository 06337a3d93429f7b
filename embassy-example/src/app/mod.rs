//! What the firmware does: the same source for every board. `mode=` chooses.

mod counter;
mod node;
mod ping;

use embassy_executor::Spawner;

use crate::board::Board;

/// The status of a firmware that did what it was asked for.
const DONE: u32 = 0;
/// The status of one that could not; the log says why.
const FAILED: u32 = 1;
/// The status of one that was asked for what it does not know.
const UNKNOWN_MODE: u32 = 2;

/// The keys of all modes, and of QEMU's board.
const KEYS: [&str; 16] = [
    "mode", "redis", "user", "password", "name", "entries", "interval", "keep", "timeout",
    "backoff", "pause", "beat", "look", "net", "dns", "seed",
];

/// Runs the mode that the settings name, to its end if it has one. Returns the status for
/// [`exit`](crate::board::exit).
pub async fn run(spawner: Spawner, board: Board) -> u32 {
    let mode = board.args.get("mode").unwrap_or("node");
    defmt::info!("mode={}", mode);
    for key in board.args.strangers(&KEYS) {
        defmt::warn!("{}: no setting is called so", key);
    }
    match mode {
        "node" => {
            node::run(spawner, &board).await;
            DONE
        }
        "counter" => counter::run(spawner, &board).await,
        "ping" => match ping::run(&board).await {
            Ok(()) => DONE,
            Err(failure) => {
                defmt::error!("ping: {}", failure);
                FAILED
            }
        },
        // Shows that a fault ends the firmware: an instruction that no Cortex-M has.
        "fault" => cortex_m::asm::udf(),
        _ => {
            defmt::error!("no mode is called {}", mode);
            UNKNOWN_MODE
        }
    }
}
