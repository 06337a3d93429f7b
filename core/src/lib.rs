//! respool: a Redis/Valkey client for machines that count bytes.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Tests may do sums without ceremony; what ships may not.
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

#[cfg(feature = "std")]
extern crate std;

pub mod command;
pub mod config;
pub mod connection;
pub mod error;
mod pool;
pub mod resp;
pub mod server;
pub mod time;

pub use config::Config;
pub use error::{Error, ErrorKind, Reached};
