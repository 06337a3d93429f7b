//! A pool that threads can share, and its connections.

use core::ops::Deref;
use std::sync::Arc;

use respool::config::Protocol;
use respool::error::PoolError;
use respool::io::{Blocking, Transport};
use respool::{Config, Error, ErrorKind, Pool, PoolResources};

use crate::Runtime;
use crate::wire::{Shared, Wire};

/// A pool of `N` connections, as it is in the async world.
pub type World<R, const N: usize> = Any<R, Wire<<R as Runtime>::Spot>, N>;
/// The same in the blocking world.
pub type BlockingWorld<R, const N: usize> = Any<R, Blocking<Wire<<R as Runtime>::Spot>>, N>;

/// Behind an [`Arc`], whose clones go to the threads.
pub struct Any<R: Runtime, L: Transport + 'static, const N: usize> {
    /// Only `None` while it is dropped.
    pool: Option<Pool<'static, R::Mutex, L, N, 4>>,
    /// What the pool borrows: made for it, and freed after it.
    resources: *mut Resources<N>,
    wires: Vec<Arc<Shared<R::Spot>>>,
}

type Resources<const N: usize> = PoolResources<'static, N, 64, 64>;

// SAFETY: the pointer is used only where this is dropped. All else is `Send`.
unsafe impl<R: Runtime, L: Transport + Send, const N: usize> Send for Any<R, L, N> {}
// SAFETY: as above; all that is lent is the pool, which is `Sync` where its links are `Send` and
// its mutex is one of threads.
unsafe impl<R: Runtime, L: Transport + Send, const N: usize> Sync for Any<R, L, N> {}

impl<R: Runtime, const N: usize> World<R, N> {
    /// All connections are idle, and closed as yet.
    pub fn new() -> Arc<Self> {
        Self::over(|wire| wire)
    }
}

impl<R: Runtime, const N: usize> BlockingWorld<R, N> {
    /// All connections are idle, and closed as yet.
    pub fn new() -> Arc<Self> {
        Self::over(Blocking)
    }
}

impl<R: Runtime, L: Transport, const N: usize> Any<R, L, N> {
    fn over(link: fn(Wire<R::Spot>) -> L) -> Arc<Self> {
        let mut wires = Vec::new();
        let links = core::array::from_fn(|_| {
            let (wire, shared) = Wire::new();
            wires.push(shared);
            link(wire)
        });
        let resources = Box::into_raw(Box::new(Resources::new()));
        // SAFETY: it was made above, nobody else knows of it, and it is freed after the pool.
        let lent = unsafe { &mut *resources };
        let config = Config::new().protocol(Protocol::Resp2);
        Arc::new(Self {
            pool: Some(Pool::new(lent, links, config)),
            resources,
            wires,
        })
    }

    /// How many connections are open, as their peers see it. Not while threads run.
    pub fn open(&self) -> usize {
        self.wires.iter().filter(|wire| wire.is_open()).count()
    }

    /// All seats are there, and nobody stands in line.
    ///
    /// # Panics
    /// If not.
    pub fn check_all_free(&self) {
        let leases: Vec<_> = (0..N).map(|_| self.try_get()).collect();
        for lease in &leases {
            assert!(lease.is_ok(), "a seat was lost, or somebody stands in line");
        }
        let busy = PoolError::Busy {
            connections: N as u16,
        };
        assert_eq!(pool_error(self.try_get()), Some(busy), "a seat too many");
        drop(leases);
        self.check_stats();
    }

    /// The pool and the peers agree about what is open.
    ///
    /// # Panics
    /// If not.
    pub fn check_stats(&self) {
        let stats = self.stats();
        assert_eq!(stats.open as usize, self.open(), "{stats:?}");
        assert_eq!(stats.sent, stats.answered, "{stats:?}");
    }
}

/// What the pool itself said, if anything.
pub fn pool_error<T>(result: Result<T, Error>) -> Option<PoolError> {
    match result.err()?.kind() {
        ErrorKind::Pool(error) => Some(error),
        other => panic!("{other:?}"),
    }
}

impl<R: Runtime, L: Transport, const N: usize> Deref for Any<R, L, N> {
    type Target = Pool<'static, R::Mutex, L, N, 4>;

    fn deref(&self) -> &Self::Target {
        self.pool.as_ref().expect("it is there until the end")
    }
}

impl<R: Runtime, L: Transport, const N: usize> Drop for Any<R, L, N> {
    fn drop(&mut self) {
        drop(self.pool.take());
        // SAFETY: it came from a box, and the pool, which alone borrowed from it, is gone: leases
        // and futures borrow from this, so none of them is left.
        drop(unsafe { Box::from_raw(self.resources) });
    }
}
