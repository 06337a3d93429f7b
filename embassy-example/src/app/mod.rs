//! What the firmware does: the same source for every board. `mode=` chooses.

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
pub async fn run(_spawner: Spawner, board: Board) -> u32 {
    let mode = board.args.get("mode").unwrap_or("ping");
    defmt::info!("mode={}", mode);
    match mode {
        "ping" => match ping::run(&board).await {
            Ok(()) => DONE,
            Err(failure) => {
                defmt::error!("ping: {}", failure);
                FAILED
            }
        },
        _ => {
            defmt::error!("no mode is called {}", mode);
            UNKNOWN_MODE
        }
    }
}
