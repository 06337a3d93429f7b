//! The host harness of respool: what tests, benches and the demo share.
//!
//! - [`demo`]: the built-in server, in memory, not Redis.
//! - [`redis`]: a real `redis-server` for one test, on a free port, gone on drop.

pub mod demo;
pub mod redis;
