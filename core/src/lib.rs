#![doc = include_str!("../README.md")]
//! # The map
//!
//! In the order of dependency; each folder names only those above it.
//!
//! | folder | what is in it |
//! |---|---|
//! | [`error`] | who is to blame, and how far the command got |
//! | [`config`] | settings, and the URL that holds them |
//! | [`time`] | clocks as arguments |
//! | [`resp`] | bytes to values and back |
//! | [`command`] | what commands mean |
//! | [`connection`] | one connection, sans-io |
//! | [`server`] | the other side, sans-io |
//! | `pool` | seats and the line of those who wait |
//! | [`io`] | bytes move: links and the drive loop |
//! | [`client`] | what a user calls |
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Tests may do sums without ceremony; what ships may not.
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

#[cfg(feature = "std")]
extern crate std;

pub mod client;
pub mod command;
pub mod config;
pub mod connection;
pub mod error;
pub mod io;
mod log;
#[doc(hidden)]
pub mod planted;
mod pool;
pub mod resp;
pub mod server;
pub mod time;

pub use client::{Client, Lease, Pool, PoolResources, Stats};
pub use command::{Command, Request};
pub use config::Config;
pub use connection::{Connection, Memory, Until, Want};
pub use error::{Error, ErrorKind, Reached};

/// For hosts with an operating system: pools over its blocking sockets.
#[cfg(feature = "std")]
pub mod host {
    pub use crate::client::shared::{StdPool as Pool, WINDOW, pool, pool_with};
    pub use crate::io::std::{Socket, StdClock};
}

/// For hosts with tokio: pools over its sockets.
#[cfg(feature = "tokio")]
pub mod tokio {
    pub use crate::client::shared::{
        TokioPool as Pool, tokio_pool as pool, tokio_pool_with as pool_with,
    };
    pub use crate::io::tokio::{Socket, TokioClock};
}

/// For firmware on embassy: its clock, and links over its network stack.
#[cfg(feature = "embassy-time")]
pub mod embassy {
    #[cfg(feature = "embassy-net")]
    pub use crate::io::embassy_net::{TcpError, TcpLink, TcpResources};
    pub use crate::io::embassy_time::EmbassyClock;
}
