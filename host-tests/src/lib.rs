//! The host harness of respool: what tests, benches and the demo share.
//!
//! - [`chaos`]: a proxy that splits, delays, cuts and falls silent.
//! - [`cross`]: building for a microcontroller.
//! - [`demo`]: the built-in server, in memory, not Redis.
//! - [`figures`]: figures that may not grow.
//! - [`frames`]: the stack frames of an image.
//! - [`live`]: scenarios on a real server, written once for both worlds.
//! - [`process`]: processes of this machine.
//! - `qemu`: the firmware of `embassy-example` in QEMU, with the feature `firmware`.
//! - [`reach`]: which functions of core have code in an image.
//! - [`redis`]: a real `redis-server` for one test, on a free port, gone on drop.
//! - [`sim`]: the pool over a network, a server and a clock that are made up, all from one seed.

pub mod chaos;
pub mod cross;
pub mod demo;
pub mod figures;
pub mod frames;
pub mod live;
pub mod process;
#[cfg(feature = "firmware")]
pub mod qemu;
pub mod reach;
pub mod redis;
pub mod sim;
