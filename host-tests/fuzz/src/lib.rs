//! What fuzzers call: each target is a plain function over bytes that panics where a promise of
//! respool is broken. Those in `programs` give these functions to libFuzzer; the tests of the
//! harness give them the corpus.
//!
//! Only the public API of respool is used.

pub mod compare;
pub mod connection;
pub mod decode;
pub mod encode;
pub mod hostile;
mod input;
mod peer;
pub mod pool;
pub mod seeds;
pub mod server;
pub mod url;
mod wire;

/// A target: its name, which is that of its folder of the corpus, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 8] = [
    ("decode", decode::run),
    ("compare", compare::run),
    ("connection", connection::run),
    ("hostile", hostile::run),
    ("pool", pool::run),
    ("url", url::run),
    ("server", server::run),
    ("encode", encode::run),
];
