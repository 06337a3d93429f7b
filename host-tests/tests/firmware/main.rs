//! The firmware of `embassy-example` in QEMU, looked at from outside.
//!
//! - [`ping`]: the board and its network, and how a firmware ends.
//! - [`node`]: the sensor node, while the server goes away and comes back.
//! - [`faults`]: the sensor node, and a server that it cannot reach; and what waiting costs.
//! - [`stream`]: what the node wrote and counted.
//! - [`readme`]: what the README of the example shows, is built and runs.

mod faults;
mod node;
mod ping;
mod readme;
mod stream;
