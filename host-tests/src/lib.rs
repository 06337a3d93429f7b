//! The host harness of respool: what tests, benches and the demo share.
//!
//! - [`redis`]: a real `redis-server` for one test, on a free port, gone on drop.

pub mod redis;
