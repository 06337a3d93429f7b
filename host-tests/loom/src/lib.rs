//! respool's pool under threads that run in every order, or in very many.
//!
//! The scenarios are plain functions over a [`Runtime`]: one of [loom](under_loom), which goes
//! through all orders with a bounded number of preemptions, and one of [shuttle](under_shuttle),
//! which draws orders at random. The pool is the public one, over connections in memory that
//! answer at once; all that a scenario can be preempted at is the pool's lock, its wakers, and the
//! connections themselves, each of which finds out whether two hold it.

pub mod scenarios;
pub mod under_loom;
pub mod under_shuttle;
pub mod wire;
pub mod world;

use core::future::Future;

use embassy_sync::blocking_mutex::raw::RawMutex;

/// Threads and locks whose order somebody else decides.
pub trait Runtime: Sized + 'static {
    /// What the pool locks.
    type Mutex: RawMutex + Send + Sync + 'static;
    /// What is in each connection.
    type Spot: Spot;

    /// Runs `work` in a thread of its own. Called, the result waits for its end.
    fn spawn(work: impl FnOnce() + Send + 'static) -> impl FnOnce();

    /// Runs a future in this thread, which is parked while it waits.
    fn block_on<F: Future>(future: F) -> F::Output;
}

/// A place where one may be at a time, and nobody guards it.
pub trait Spot: Default + Send + Sync + 'static {
    /// Goes there and away again.
    ///
    /// # Panics
    /// If another is there, or was there and this one cannot know of it.
    fn visit(&self);
}
