//! What the firmware does: the same source for every board. `mode=` chooses.

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

/// Runs the mode that the settings name, to its end if it has one. Returns the status for
/// [`exit`](crate::board::exit).
pub async fn run(spawner: Spawner, board: Board) -> u32 {
    let mode = board.args.get("mode").unwrap_or("node");
    defmt::info!("mode={}", mode);
    match mode {
        "node" => {
            node::run(spawner, &board).await;
            DONE
        }
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
