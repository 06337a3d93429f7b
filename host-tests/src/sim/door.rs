//! The pool of either world as a borrower sees it. In the blocking world nothing is ever pending:
//! while a call blocks, time passes and no other task runs.

use std::time::Duration;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use respool::command::get;
use respool::io::Blocking;
use respool::resp::{Owned, Reply};
use respool::{Command, Error, Lease, Pool, Request, Stats};

use super::link::SimLink;
use super::oracle::Key;

pub(super) type SimPool<'w, const SAFE: bool, const N: usize, const W: usize> =
    Pool<'w, NoopRawMutex, SimLink<SAFE>, N, W>;
pub(super) type BlockingPool<'w, const SAFE: bool, const N: usize, const W: usize> =
    Pool<'w, NoopRawMutex, Blocking<SimLink<SAFE>>, N, W>;

/// What a call answers that is over when it is back.
pub(super) type Answer<R> = Result<<<R as Request>::Reply as Owned>::Value, Error>;

/// A pool.
pub(super) trait Door {
    const SEATS: usize;
    type Desk<'p>: Desk
    where
        Self: 'p;

    async fn get(&self) -> Result<Self::Desk<'_>, Error>;
    fn try_get(&self) -> Result<Self::Desk<'_>, Error>;
    async fn call<R: Request>(&self, request: R) -> Answer<R>
    where
        R::Reply: Owned;
    fn disconnect_all(&self);
    fn disconnect_idle(&self);
    async fn close(&self, limit: Duration) -> Result<(), Error>;
    fn stats(&self) -> Stats;
}

/// A lease.
pub(super) trait Desk {
    async fn call<R: Request>(&mut self, request: R)
    -> Result<<R::Reply as Reply>::Out<'_>, Error>;
    /// Reads all keys in a pipeline, as long as `take` wants more.
    async fn read(&mut self, keys: &[Key], take: impl FnMut(Result<String, Error>) -> bool);
}

/// Both worlds, of which one says `.await` where the other has nothing to say.
macro_rules! world {
    ($link:ty, $($wait:tt)*) => {
        impl<'w, const SAFE: bool, const N: usize, const W: usize> Door
            for Pool<'w, NoopRawMutex, $link, N, W>
        {
            const SEATS: usize = N;
            type Desk<'p>
                = Lease<'p, 'w, NoopRawMutex, $link, N, W>
            where
                Self: 'p;

            async fn get(&self) -> Result<Self::Desk<'_>, Error> {
                self.get()$($wait)*
            }

            fn try_get(&self) -> Result<Self::Desk<'_>, Error> {
                self.try_get()
            }

            async fn call<R: Request>(&self, request: R) -> Answer<R>
            where
                R::Reply: Owned,
            {
                self.call(request)$($wait)*
            }

            fn disconnect_all(&self) {
                self.disconnect_all();
            }

            fn disconnect_idle(&self) {
                self.disconnect_idle();
            }

            async fn close(&self, limit: Duration) -> Result<(), Error> {
                self.close(limit)$($wait)*
            }

            fn stats(&self) -> Stats {
                self.stats()
            }
        }

        impl<const SAFE: bool, const N: usize, const W: usize> Desk
            for Lease<'_, '_, NoopRawMutex, $link, N, W>
        {
            async fn call<R: Request>(
                &mut self,
                request: R,
            ) -> Result<<R::Reply as Reply>::Out<'_>, Error> {
                (**self).call(request)$($wait)*
            }

            async fn read(
                &mut self,
                keys: &[Key],
                mut take: impl FnMut(Result<String, Error>) -> bool,
            ) {
                let commands = keys.iter().map(|key| get(key.to_string()).reply::<String>());
                let mut replies = self.pipeline(commands);
                while let Some(got) = replies.next()$($wait)* {
                    if !take(got) {
                        return;
                    }
                }
            }
        }
    };
}

world!(SimLink<SAFE>, .await);
world!(Blocking<SimLink<SAFE>>,);
