//! A place for firmware that talks to Redis through respool; the firmware follows.
#![no_std]
#![forbid(unsafe_code)]

pub use respool;
