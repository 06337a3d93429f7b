//! The pool: a fixed number of clients, shared by any number of tasks.

use core::fmt;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};

use embassy_sync::blocking_mutex::raw::RawMutex;

use crate::client::line::count;
#[cfg(feature = "std")]
use crate::client::parked::parked;
use crate::client::{Client, Stats};
use crate::command::Request;
use crate::config::Config;
use crate::connection::{Memory, Until};
use crate::error::{Error, ErrorKind, PoolError};
use crate::io::{Blocking, Transport, asynch, blocking, until};
use crate::log::event;
use crate::pool::{Outage, Seats};
use crate::resp::Owned;
use crate::time::{Clock, Duration, Instant, Timer};

/// The memory of a pool: the windows of its `N` connections, and its settings. For a `static`, by
/// way of a cell of your choice, or a local.
#[derive(Debug)]
pub struct PoolResources<
    'c,
    const N: usize,
    const RX: usize,
    const TX: usize,
    const DEPTH: usize = 8,
> {
    memories: [Memory<RX, TX, DEPTH>; N],
    /// Not there yet, so that a `static` of windows is zeroes, which take no flash.
    ground: MaybeUninit<Ground<'c>>,
}

/// What the connections of a pool stand on.
#[derive(Debug)]
pub(crate) struct Ground<'c> {
    config: Config<'c>,
    outage: Outage,
}

impl<'c> Ground<'c> {
    pub(crate) fn new(config: Config<'c>) -> Self {
        Self {
            config,
            outage: Outage::new(),
        }
    }
}

/// A fixed number of connections, shared by any number of tasks or threads.
///
/// `M` says among whom: `NoopRawMutex` on one executor, `CriticalSectionRawMutex` across cores,
/// interrupts and threads. At most `W` tasks wait at once; they are served first come, first
/// served. The connection that was given back last is lent first.
pub struct Pool<'w, M: RawMutex, L: Transport, const N: usize, const W: usize = 8> {
    seats: Seats<M, Client<'w, L>, N, W, Shared>,
    config: &'w Config<'w>,
    clock: Option<L::Clock>,
}

/// What all borrowers share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    stats: Stats,
    /// Connections of an earlier generation are closed when they come back.
    generation: u32,
    closed: bool,
}

/// A connection, lent for a while; free again when dropped, in whatever state it is left.
///
/// It behaves as a [`Client`]. What the borrower did to the session (`SELECT`, `WATCH`, `MULTI`,
/// ...) is undone before the next one's first command. Where the connection breaks after such a
/// command, it is not replaced silently: the error is
/// [`SessionLost`](crate::ErrorKind::SessionLost) until the lease is dropped.
pub struct Lease<'p, 'w, M: RawMutex, L: Transport, const N: usize, const W: usize = 8> {
    pool: &'p Pool<'w, M, L, N, W>,
    /// Only `None` once it is given back.
    client: Option<Client<'w, L>>,
}

impl Shared {
    /// Adds up what the client counted, and brings it to the present generation, which it says; a
    /// closed pool has none.
    fn note<L: Transport>(&mut self, client: &mut Client<'_, L>) -> Option<u32> {
        let tally = core::mem::take(client.line.connection.tally());
        self.stats.add(tally);
        client.generation = self.generation;
        (!self.closed).then_some(self.generation)
    }
}

impl<const N: usize, const RX: usize, const TX: usize, const DEPTH: usize>
    PoolResources<'_, N, RX, TX, DEPTH>
{
    /// Zeroed memory.
    pub const fn new() -> Self {
        Self {
            memories: [const { Memory::new() }; N],
            ground: MaybeUninit::uninit(),
        }
    }
}

impl<const N: usize, const RX: usize, const TX: usize, const DEPTH: usize> Default
    for PoolResources<'_, N, RX, TX, DEPTH>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<'w, M: RawMutex, L: Transport, const N: usize, const W: usize> Pool<'w, M, L, N, W> {
    /// A pool of connections over `links`, all closed as yet: each is opened when it is first
    /// lent and used.
    pub fn new<const RX: usize, const TX: usize, const DEPTH: usize>(
        resources: &'w mut PoolResources<'w, N, RX, TX, DEPTH>,
        links: [L; N],
        config: Config<'w>,
    ) -> Self {
        let PoolResources { memories, ground } = resources;
        Self::over(memories, links, ground.write(Ground::new(config)))
    }

    /// The same, over memory that lies apart.
    pub(crate) fn over<const RX: usize, const TX: usize, const DEPTH: usize>(
        memories: &'w mut [Memory<RX, TX, DEPTH>],
        links: [L; N],
        ground: &'w Ground<'w>,
    ) -> Self {
        let Ground { config, outage } = ground;
        let clock = links.first().map(Transport::clock);
        let clients = memories.iter_mut().zip(links).enumerate();
        let seats = Seats::new(clients.map(|(number, (memory, link))| {
            Client::new(memory, link, config).of_pool(number, outage)
        }));
        Self {
            seats,
            config,
            clock,
        }
    }

    /// A connection, if one is free now and nobody waits for it.
    ///
    /// # Errors
    /// [`PoolError::Busy`] at once where none is; [`PoolError::Closed`].
    pub fn try_get(&self) -> Result<Lease<'_, 'w, M, L, N, W>, Error> {
        self.seats
            .try_take()
            .map(|client| self.lend(client))
            .map_err(not_sent)
    }

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        self.seats.with(|shared| shared.stats)
    }

    /// Closes the connections that nobody uses now. They are opened again when they are used.
    pub fn disconnect_idle(&self) {
        // One at a time, so that a pool that is free is never found busy. All that are idle now
        // have their turn, and what comes back meanwhile takes nobody's.
        for _ in 0..self.seats.counts().idle {
            let Some(client) = self.seats.take_idle() else {
                return;
            };
            self.give_back_closed(client);
        }
    }

    /// Closes all connections: those in use when they come back, never under their user's feet.
    /// They are opened again when they are used.
    pub fn disconnect_all(&self) {
        self.seats
            .with(|shared| shared.generation = shared.generation.wrapping_add(1));
        self.disconnect_idle();
    }

    /// Refuses new borrowers and those who wait.
    fn shut(&self) {
        self.seats.with(|shared| shared.closed = true);
        self.seats.close();
    }

    /// What `close` has to say at its end.
    fn drained(&self) -> Result<(), Error> {
        // One may have come back just as the pool was closed, too late to be told.
        self.disconnect_idle();
        let counts = self.seats.counts();
        match counts.seats.saturating_sub(counts.idle) {
            0 => Ok(()),
            connections => Err(not_sent(PoolError::StillLent { connections })),
        }
    }

    fn lend(&self, mut client: Client<'w, L>) -> Lease<'_, 'w, M, L, N, W> {
        if client.line.connection.is_open() {
            count(&mut client.line.connection.tally().reused);
            client.line.rested = true;
        }
        Lease {
            pool: self,
            client: Some(client),
        }
    }

    fn give_back(&self, mut client: Client<'w, L>) {
        client.hand_over();
        // Under one lock: who closes all connections, or the pool, either finds this one idle or
        // has been heard of here.
        let outdated = self.seats.give_back_if(client, |shared, client| {
            let lent_in = client.generation;
            shared.note(client) == Some(lent_in)
        });
        if let Some(client) = outdated {
            self.give_back_closed(client);
        }
    }

    // Apart, so that the stack of those that are given back open is smaller.
    #[inline(never)]
    fn give_back_closed(&self, mut client: Client<'w, L>) {
        client.disconnect();
        self.seats.with(|shared| {
            shared.note(&mut client);
        });
        self.seats.give_back(client);
    }

    /// Counts one who waits, and gives up waiting where there is nothing to wait for.
    fn waits(&self, error: PoolError) -> Result<(), Error> {
        match error {
            PoolError::Busy { .. } if N > 0 => {
                event!(trace, "all connections are in use");
                self.seats.with(|shared| {
                    shared.stats.waits = shared.stats.waits.wrapping_add(1);
                });
                Ok(())
            }
            other => Err(not_sent(other)),
        }
    }

    fn waited_in_vain(&self) -> Error {
        self.seats.with(|shared| {
            shared.stats.wait_timeouts = shared.stats.wait_timeouts.wrapping_add(1);
        });
        event!(warn, "gave up waiting for a connection");
        let after = self.config.pool_timeout.unwrap_or_default().as_millis();
        let after_ms = u32::try_from(after).unwrap_or(u32::MAX);
        not_sent(PoolError::WaitTimedOut { after_ms })
    }

    /// The moment `span` from now, where there is a clock.
    fn deadline(&self, span: Option<Duration>) -> Option<Instant> {
        let clock = self.clock.as_ref().filter(|_| L::Clock::TICKS)?;
        Some(clock.now().after(span?))
    }
}

impl<'w, M: RawMutex, L: asynch::Link, const N: usize, const W: usize> Pool<'w, M, L, N, W> {
    /// A connection, as soon as it is this caller's turn, or the settings' `pool_timeout` is over.
    ///
    /// # Errors
    /// [`PoolError::WaitTimedOut`]; [`PoolError::QueueFull`] at once where `W` wait already;
    /// [`PoolError::Closed`]. None of them says anything about the server.
    ///
    /// # Cancel safety
    /// Dropped, the caller has left the queue, and the next one's turn is not lost.
    pub async fn get(&self) -> Result<Lease<'_, 'w, M, L, N, W>, Error> {
        let client = match self.seats.try_take() {
            Ok(client) => client,
            Err(error) => {
                self.waits(error)?;
                let deadline = self.deadline(self.config.pool_timeout);
                match self.in_time(deadline, self.seats.ticket()).await {
                    Some(client) => client.map_err(not_sent)?,
                    None => return Err(self.waited_in_vain()),
                }
            }
        };
        Ok(self.lend(client))
    }

    /// One exchange on any connection: check out, send, read, put back.
    ///
    /// Only replies that can be owned: others borrow from a connection that is given back here.
    /// Tried again, within the settings' limits, where that cannot apply anything twice: nothing was
    /// sent, the request only reads or is called [idempotent](Request::idempotent), or the server
    /// said that it did not run it. Other policies are the settings' [`Retry`](crate::config::Retry).
    ///
    /// # Errors
    /// As [`Client::call`], and as [`Pool::get`].
    ///
    /// # Cancel safety
    /// Dropped at any point, the next borrower gets its own answers. The command may have been
    /// applied.
    pub async fn call<R: Request>(&self, request: R) -> Result<<R::Reply as Owned>::Value, Error>
    where
        R::Reply: Owned,
    {
        let mut lease = self.get().await?;
        lease.exchange(&request, Until::Whole).await?;
        lease.own(&request)
    }

    /// Closes the pool: refuses new borrowers, wakes those who wait, closes what is idle in good
    /// order, and waits until all connections are back, for `limit` at most. Those that come back
    /// later are closed then.
    ///
    /// # Errors
    /// [`PoolError::StillLent`] after `limit`.
    ///
    /// # Cancel safety
    /// Dropped, the pool is closed all the same.
    pub async fn close(&self, limit: Duration) -> Result<(), Error> {
        self.shut();
        let deadline = self.deadline(Some(limit));
        let all = async {
            self.part().await;
            self.seats.all_back().await;
        };
        let _ = self.in_time(deadline, all).await;
        self.drained()
    }

    /// Closes in good order what is idle.
    async fn part(&self) {
        // All are taken at once, so that each is closed, as soon as it is given back, also where
        // this is dropped.
        let mut idle = heapless::Vec::<_, N>::new();
        while let Some(client) = self.seats.take_idle() {
            let lease = Lease {
                pool: self,
                client: Some(client),
            };
            if idle.push(lease).is_err() {
                break;
            }
        }
        for lease in &mut idle {
            lease.close().await;
        }
    }

    fn in_time<O>(
        &self,
        deadline: Option<Instant>,
        operation: impl Future<Output = O>,
    ) -> impl Future<Output = Option<O>> {
        let clock = self.clock.as_ref().zip(deadline);
        until(clock.map(|(clock, at)| clock.sleep_until(at)), operation)
    }
}

impl<'w, M: RawMutex, L: blocking::Link, const N: usize, const W: usize>
    Pool<'w, M, Blocking<L>, N, W>
{
    /// A connection, as soon as it is this thread's turn, or the settings' `pool_timeout` is over.
    /// The thread is parked while it waits.
    ///
    /// # Errors
    /// [`PoolError::WaitTimedOut`]; [`PoolError::QueueFull`] at once where `W` wait already;
    /// [`PoolError::Closed`]. None of them says anything about the server.
    #[cfg(feature = "std")]
    pub fn get(&self) -> Result<Lease<'_, 'w, M, Blocking<L>, N, W>, Error> {
        match self.seats.try_take() {
            Ok(client) => return Ok(self.lend(client)),
            Err(error) => self.waits(error)?,
        }
        match parked(self.config.pool_timeout, self.seats.ticket()) {
            Some(Ok(client)) => Ok(self.lend(client)),
            Some(Err(error)) => Err(not_sent(error)),
            None => Err(self.waited_in_vain()),
        }
    }

    /// One exchange on any connection: check out, send, read, put back. Without `std` it does not
    /// wait for a connection.
    ///
    /// Only replies that can be owned: others borrow from a connection that is given back here.
    /// Tried again, within the settings' limits, where that cannot apply anything twice: nothing was
    /// sent, the request only reads or is called [idempotent](Request::idempotent), or the server
    /// said that it did not run it. Other policies are the settings' [`Retry`](crate::config::Retry).
    ///
    /// # Errors
    /// As [`Client::call`], and as `get` or [`Pool::try_get`].
    pub fn call<R: Request>(&self, request: R) -> Result<<R::Reply as Owned>::Value, Error>
    where
        R::Reply: Owned,
    {
        #[cfg(feature = "std")]
        let mut lease = self.get()?;
        #[cfg(not(feature = "std"))]
        let mut lease = self.try_get()?;
        lease.exchange(&request, Until::Whole)?;
        lease.own(&request)
    }

    /// Closes the pool: refuses new borrowers, wakes those who wait, and waits until all
    /// connections are back, for `limit` at most (without `std` not at all). Those that come back
    /// later are closed then.
    ///
    /// # Errors
    /// [`PoolError::StillLent`] after `limit`.
    pub fn close(&self, limit: Duration) -> Result<(), Error> {
        self.shut();
        self.disconnect_idle();
        #[cfg(feature = "std")]
        let _ = parked(Some(limit), self.seats.all_back());
        #[cfg(not(feature = "std"))]
        let _ = limit;
        self.drained()
    }
}

fn not_sent(error: PoolError) -> Error {
    Error::not_sent(ErrorKind::Pool(error))
}

impl<'w, M: RawMutex, L: Transport, const N: usize, const W: usize> Deref
    for Lease<'_, 'w, M, L, N, W>
{
    type Target = Client<'w, L>;

    fn deref(&self) -> &Client<'w, L> {
        match &self.client {
            Some(client) => client,
            None => never(),
        }
    }
}

impl<M: RawMutex, L: Transport, const N: usize, const W: usize> DerefMut
    for Lease<'_, '_, M, L, N, W>
{
    fn deref_mut(&mut self) -> &mut Self::Target {
        match &mut self.client {
            Some(client) => client,
            None => never(),
        }
    }
}

impl<M: RawMutex, L: Transport, const N: usize, const W: usize> Drop for Lease<'_, '_, M, L, N, W> {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            self.pool.give_back(client);
        }
    }
}

/// Only `drop` takes the client out of a lease, and nobody can look at a lease after that. A panic
/// here could not be told from one that can happen.
#[cold]
fn never() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

impl<M: RawMutex, L: Transport, const N: usize, const W: usize> fmt::Debug
    for Pool<'_, M, L, N, W>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("counts", &self.seats.counts())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl<M: RawMutex, L: Transport, const N: usize, const W: usize> fmt::Debug
    for Lease<'_, '_, M, L, N, W>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}
