//! What a board is to the application. One module is compiled, by the feature of its name.
//!
//! Every board module has these three, and nothing else that an application may name:
//!
//! - `Executor`, with `new()` and `run(init)`: sleeps while there is nothing to do.
//! - `async fn init(Spawner) -> Board`: starts clocks, the network chip and the task of the network
//!   stack. It does not wait for a link or an address: `board.stack.wait_config_up()` does, and a
//!   node that must survive an unplugged cable does not wait for ever.
//! - `fn exit(status: u32) -> !`: QEMU ends with that status. A real board has nobody to tell: it
//!   sleeps after 0 and starts again after anything else.
//!
//! A new board is one file here, one memory map in `memory/`, one line in `build.rs`, and one
//! feature in `Cargo.toml`.

mod fault;

#[cfg(feature = "board-qemu")]
mod qemu_mps2;
#[cfg(feature = "board-qemu")]
pub use qemu_mps2::{Executor, exit, init};

#[cfg(feature = "board-pico-w5500")]
mod rp_pico_w5500;
#[cfg(feature = "board-pico-w5500")]
pub use rp_pico_w5500::{Executor, init};

#[cfg(feature = "board-stm32f429")]
mod stm32_eth;
#[cfg(feature = "board-stm32f429")]
pub use stm32_eth::{Executor, init};

#[cfg(not(feature = "board-qemu"))]
mod chip;
#[cfg(not(feature = "board-qemu"))]
pub use chip::exit;

use embassy_net::{Stack, StackResources};

use crate::args::Args;

/// A board that runs: its network, its settings, and numbers that nobody can foresee.
pub struct Board {
    /// The network. It is `Copy`, and is given to every task that needs it.
    pub stack: Stack<'static>,
    /// The settings.
    pub args: Args,
    /// Another number at every start: for the jitter of retries.
    pub seed: u64,
}

/// The sockets of the stack: one each for DHCP and DNS, and four for the application.
const SOCKETS: usize = 6;

/// The memory of the stack's sockets.
type Sockets = StackResources<SOCKETS>;
