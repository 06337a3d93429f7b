//! The firmware of `embassy-example` in QEMU, looked at from outside.
//!
//! - [`ping`]: the board and its network, and how a firmware ends.
//! - [`node`]: the sensor node, while the server goes away and comes back.
//! - [`faults`]: the sensor node, and a server that it cannot reach; and what waiting costs.
//! - [`ids`]: the ids of its entries, where somebody else's are in the way.
//! - [`together`]: what its tasks share.
//! - [`script`]: `embassy-example/run`: what it boots, what it says, and what it leaves behind.
//! - [`stream`]: what the node wrote and counted.
//! - [`readme`]: what the README of the example shows, is built and runs.

mod faults;
mod ids;
mod node;
mod ping;
mod readme;
mod script;
mod stream;
mod together;
