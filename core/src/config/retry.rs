//! What is tried again, and with which pauses.

use core::time::Duration;

/// Which calls are tried again after a connection broke.
///
/// What is certain is tried again under all but `Never`: a call of which no byte was sent, and
/// opening a connection. The number and the time of all tries are limited by the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Retry {
    /// None.
    Never,
    /// Those of which nothing was sent.
    WhenUnsent,
    /// Also those that only read, those that the caller called
    /// [idempotent](crate::Request::idempotent), and those that the server says it did not run
    /// (`LOADING`, `BUSY`, `MOVED`, `TRYAGAIN`, ...).
    #[default]
    WhenSafe,
    /// All. **A write may be applied twice**: an `INCR` counts two, an `LPUSH` pushes two.
    Always,
}

/// The pauses between attempts to open a connection. After the n-th failure in a row it is any
/// time up to `base` * 2^(n-1), but not over `cap` ("full jitter"); after a login that was refused,
/// any time up to `cap`. All connections of a pool count together. An attempt has failed also where
/// its call was dropped, or where the server hung up before it answered a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Backoff {
    /// The longest pause after the first failure. Zero is no pause, ever.
    pub base: Duration,
    /// The longest pause of all.
    pub cap: Duration,
}

impl Backoff {
    /// From 100 ms to 10 s.
    pub const DEFAULT: Self = Self {
        base: Duration::from_millis(100),
        cap: Duration::from_secs(10),
    };
}

impl Default for Backoff {
    fn default() -> Self {
        Self::DEFAULT
    }
}
