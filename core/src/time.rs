//! Time as an argument: nothing in this crate reads a clock by itself.
//!
//! A [`Clock`] comes with the link (`io::Transport::clock`), so that a pool over embassy-net keeps
//! embassy's time, one over tokio keeps tokio's, and a test keeps the time it likes.

use core::future::Future;
pub use core::time::Duration;

/// A moment on a monotonic clock, in milliseconds since a start that the clock chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant(u64);

impl Instant {
    /// The moment `millis` milliseconds after the clock's start.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the clock's start.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This moment and `span` more; stays at the end of time instead of wrapping.
    pub const fn after(self, span: Duration) -> Self {
        // A span over 2^64 ms does not fit the clock: the cast may only grow what saturates anyway.
        let millis = span.as_millis();
        let millis = if millis > u64::MAX as u128 {
            u64::MAX
        } else {
            millis as u64
        };
        Self(self.0.saturating_add(millis))
    }

    /// How long it was from `earlier` to this moment; zero where the clock went backwards.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Tells the time.
pub trait Clock: Clone {
    /// False where there is no clock: then no deadline is ever set.
    const TICKS: bool = true;

    /// The present moment.
    fn now(&self) -> Instant;
}

/// A clock that can also wait, for the async world.
pub trait Timer: Clock {
    /// Resolves once `at` has come. Dropping the future is always safe.
    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()>;
}

/// No clock: time stands still, so deadlines never come.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoClock;

impl Clock for NoClock {
    const TICKS: bool = false;

    fn now(&self) -> Instant {
        Instant(0)
    }
}

impl Timer for NoClock {
    fn sleep_until(&self, _at: Instant) -> impl Future<Output = ()> {
        core::future::pending()
    }
}
