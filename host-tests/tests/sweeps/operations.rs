//! What is done under a fault, written once for both worlds.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use respool::command::{blpop, echo, exec, get, getset, multi, select, watch};
use respool::error::Code;
use respool::io::Blocking;
use respool::resp::{Owned, Reply};
use respool::{Command, Error, ErrorKind, Lease, Pool, Reached, Request, Stats};

use crate::server::{BIG, DB};
use crate::wire::Link;

/// A pool of one connection: a seat that is not given back is missed at once.
pub type OneSeat<'w, L> = Pool<'w, NoopRawMutex, L, 1>;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    Read,
    Write,
    /// A write that may wait for others.
    Pop,
    /// A write, an echo and a read in one round trip.
    Tuple,
    /// Seven writes, which take three round trips.
    Pipeline,
    Transaction,
    /// Another database, which the next borrower must not find.
    Select,
    /// A write whose value goes straight from the caller's memory.
    Large,
    /// A reply that no window holds.
    TooLarge,
    /// An error of the server.
    ServerError,
    /// The server loads its data, and is asked once more.
    Loading,
    /// The first call, which opens the connection and logs in.
    Handshake,
    /// Behind a borrower who left a transaction, a watch and another database.
    Restore,
    /// On a connection that was idle for so long that it is asked first.
    Health,
    /// On a connection on which a reply came that nobody had asked for.
    IdleSurplus,
    /// On a connection that the server has ended.
    IdleEnd,
    /// On a connection on which a push came.
    IdlePush,
    /// One borrower waits for the other.
    Queue,
}

/// Most writes of an operation.
const MOST: usize = 7;

/// What its caller knows of a write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    /// Nothing: it was never tried, or its future was dropped.
    Open,
    Answered,
    Failed(Reached),
}

/// What an operation's caller knows, also where its future is dropped.
pub struct Report {
    fates: [Cell<Fate>; MOST],
    pub error: Cell<Option<Error>>,
    pub ended: Cell<bool>,
}

/// A borrower's view of a pool, of either world.
pub trait Lender {
    type Lease<'p>: Borrowed
    where
        Self: 'p;

    fn lease(&self) -> impl Future<Output = Result<Self::Lease<'_>, Error>>;

    fn ask<R: Request<Reply: Owned>>(
        &self,
        request: R,
    ) -> impl Future<Output = Result<<R::Reply as Owned>::Value, Error>>;

    fn numbers(&self) -> Stats;

    fn is_free(&self) -> bool;
}

/// A connection that is lent.
pub trait Borrowed {
    fn ask<R: Request>(
        &mut self,
        request: R,
    ) -> impl Future<Output = Result<<R::Reply as Reply>::Out<'_>, Error>>;

    /// Gives the answers one by one, up to the first error.
    fn ask_all<C: Command<Reply: for<'r> Reply<Out<'r> = String>>>(
        &mut self,
        commands: impl Iterator<Item = C>,
        take: impl FnMut(String),
    ) -> impl Future<Output = Result<(), Error>>;
}

impl Op {
    pub const ALL: [Self; 18] = [
        Self::Read,
        Self::Write,
        Self::Pop,
        Self::Tuple,
        Self::Pipeline,
        Self::Transaction,
        Self::Select,
        Self::Large,
        Self::TooLarge,
        Self::ServerError,
        Self::Loading,
        Self::Handshake,
        Self::Restore,
        Self::Health,
        Self::IdleSurplus,
        Self::IdleEnd,
        Self::IdlePush,
        Self::Queue,
    ];

    /// How many writes it does.
    pub fn writes(self) -> u8 {
        match self {
            Self::Read | Self::TooLarge | Self::ServerError => 0,
            Self::Transaction | Self::Queue => 2,
            Self::Pipeline => MOST as u8,
            _ => 1,
        }
    }

    /// The database that these are for.
    pub fn db(self) -> u32 {
        match self {
            Self::Select => 3,
            _ => DB,
        }
    }

    /// Errors that are its answer.
    pub fn expects(self, error: Error) -> bool {
        match (self, error.kind()) {
            (
                Self::TooLarge,
                ErrorKind::ReplyTooLarge {
                    needed,
                    window: 128,
                },
            ) => needed == BIG as u32 + 8,
            (Self::ServerError, ErrorKind::Server(Code::WrongType))
            | (Self::Loading, ErrorKind::Server(Code::Loading)) => true,
            _ => false,
        }
    }

    /// Does it, as `caller`.
    pub async fn act<P: Lender>(self, pool: &P, caller: u8, report: &Report) {
        let result = self.steps(pool, caller, report).await;
        report.error.set(result.err());
        report.ended.set(true);
    }

    async fn steps<P: Lender>(self, pool: &P, by: u8, report: &Report) -> Result<(), Error> {
        let db = self.db();
        match self {
            Self::Read => {
                let value = pool.ask(get(key(by, 1)).reply::<String>()).await?;
                assert_eq!(value, answer(by, 1, db));
            }
            Self::Pop => {
                let pop = blpop(key(by, 1), 5000);
                let request = pop.reply::<Option<(String, String)>>();
                let popped = report.all(1..=1, pool.ask(request).await)?;
                assert_eq!(popped, Some((key(by, 1), answer(by, 1, db))));
            }
            Self::Tuple => {
                let mut lease = pool.lease().await?;
                let text = format!("text of {by}");
                let request = (
                    write(by, 1),
                    echo(text.as_str()).reply::<String>(),
                    get(key(by, 9)).reply::<String>(),
                );
                let answers = report.all(1..=1, lease.ask(request).await)?;
                assert_eq!(answers, (answer(by, 1, db), text, answer(by, 9, db)));
            }
            Self::Pipeline => {
                let mut lease = pool.lease().await?;
                let mut at = 0;
                let writes = (1..=MOST as u8).map(|sequence| write(by, sequence));
                let result = lease.ask_all(writes, |value| {
                    at += 1;
                    assert_eq!(value, answer(by, at, db));
                    report.fates[at as usize - 1].set(Fate::Answered);
                });
                let result = result.await;
                report.all(at + 1..=MOST as u8, result)?;
                assert_eq!(at as usize, MOST);
            }
            Self::Transaction => {
                let mut lease = pool.lease().await?;
                let exec = exec().reply::<(String, String)>();
                let request = (multi(), write(by, 1), write(by, 2), exec);
                let (_, one, two, both) = report.all(1..=2, lease.ask(request).await)?;
                assert_eq!((one.as_str(), two.as_str()), ("QUEUED", "QUEUED"));
                assert_eq!(both, (answer(by, 1, db), answer(by, 2, db)));
            }
            Self::Select => {
                let mut lease = pool.lease().await?;
                lease.ask(select(db)).await?;
                let value = report.all(1..=1, lease.ask(write(by, 1)).await)?;
                assert_eq!(value, answer(by, 1, db));
            }
            Self::TooLarge => {
                pool.ask(get("big").reply::<String>()).await?;
            }
            Self::ServerError => {
                pool.ask(get("bad").reply::<String>()).await?;
            }
            Self::Large => {
                let value = format!("{by}.1{}", "x".repeat(BIG));
                let request = getset(key(by, 1), value).reply::<String>();
                let value = report.all(1..=1, pool.ask(request).await)?;
                assert_eq!(value, answer(by, 1, db));
            }
            Self::Queue => both(pool, by, report).await?,
            Self::Write | Self::Loading | Self::Handshake | Self::Restore | Self::Health => {
                let value = report.all(1..=1, pool.ask(write(by, 1)).await)?;
                assert_eq!(value, answer(by, 1, db));
            }
            Self::IdleSurplus | Self::IdleEnd | Self::IdlePush => {
                let value = report.all(1..=1, pool.ask(write(by, 1)).await)?;
                assert_eq!(value, answer(by, 1, db));
            }
        }
        Ok(())
    }
}

/// Two borrowers of one connection, in one task.
async fn both<P: Lender>(pool: &P, by: u8, report: &Report) -> Result<(), Error> {
    let one = |sequence| async move {
        let value = pool.ask(write(by, sequence)).await;
        let value = report.all(sequence..=sequence, value)?;
        assert_eq!(value, answer(by, sequence, DB));
        Ok(())
    };
    let (mut first, mut second) = (pin!(one(1)), pin!(one(2)));
    let mut results = [None, None];
    poll_fn(|context| {
        if results[0].is_none()
            && let Poll::Ready(result) = first.as_mut().poll(context)
        {
            results[0] = Some(result);
        }
        if results[1].is_none()
            && let Poll::Ready(result) = second.as_mut().poll(context)
        {
            results[1] = Some(result);
        }
        match results.iter().all(Option::is_some) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    results.into_iter().flatten().collect()
}

/// What a borrower leaves behind who goes in the middle of a transaction.
pub async fn leave_a_mess<P: Lender>(pool: &P) {
    let mut lease = pool.lease().await.unwrap();
    let mess = (watch("w"), select(5), multi());
    lease.ask(mess).await.unwrap();
}

/// The borrower who comes next: its answers have to be its own.
pub async fn next_one<P: Lender>(pool: &P, caller: u8, report: &Report) {
    Op::Tuple.act(pool, caller, report).await;
}

impl Report {
    pub fn new() -> Self {
        Self {
            fates: [const { Cell::new(Fate::Open) }; MOST],
            error: Cell::new(None),
            ended: Cell::new(false),
        }
    }

    pub fn fate(&self, sequence: u8) -> Fate {
        self.fates[usize::from(sequence) - 1].get()
    }

    /// Notes what became of these writes.
    fn all<T>(
        &self,
        writes: std::ops::RangeInclusive<u8>,
        result: Result<T, Error>,
    ) -> Result<T, Error> {
        let fate = match &result {
            Ok(_) => Fate::Answered,
            Err(error) => Fate::Failed(error.reached()),
        };
        for sequence in writes {
            self.fates[usize::from(sequence) - 1].set(fate);
        }
        result
    }
}

fn key(caller: u8, sequence: u8) -> String {
    format!("k{caller}.{sequence}")
}

/// A write whose value says whose it is.
fn write(caller: u8, sequence: u8) -> impl Command<Reply = Own> {
    getset(key(caller, sequence), format!("{caller}.{sequence}")).reply::<String>()
}

/// A reply that the caller owns.
type Own = respool::resp::Own<String>;

fn answer(caller: u8, sequence: u8, db: u32) -> String {
    format!("k{caller}.{sequence}@{db}")
}

impl<'w, const SAFE: bool> Lender for OneSeat<'w, Link<SAFE>> {
    type Lease<'p>
        = Lease<'p, 'w, NoopRawMutex, Link<SAFE>, 1>
    where
        Self: 'p;

    async fn lease(&self) -> Result<Self::Lease<'_>, Error> {
        self.get().await
    }

    async fn ask<R: Request<Reply: Owned>>(
        &self,
        request: R,
    ) -> Result<<R::Reply as Owned>::Value, Error> {
        self.call(request).await
    }

    fn numbers(&self) -> Stats {
        self.stats()
    }

    fn is_free(&self) -> bool {
        self.try_get().is_ok()
    }
}

impl<const SAFE: bool> Borrowed for Lease<'_, '_, NoopRawMutex, Link<SAFE>, 1> {
    async fn ask<R: Request>(&mut self, request: R) -> Result<<R::Reply as Reply>::Out<'_>, Error> {
        self.call(request).await
    }

    async fn ask_all<C: Command<Reply: for<'r> Reply<Out<'r> = String>>>(
        &mut self,
        commands: impl Iterator<Item = C>,
        mut take: impl FnMut(String),
    ) -> Result<(), Error> {
        let mut pipeline = self.pipeline(commands);
        while let Some(value) = pipeline.next().await {
            take(value?);
        }
        Ok(())
    }
}

impl<'w, const SAFE: bool> Lender for OneSeat<'w, Blocking<Link<SAFE>>> {
    type Lease<'p>
        = Lease<'p, 'w, NoopRawMutex, Blocking<Link<SAFE>>, 1>
    where
        Self: 'p;

    async fn lease(&self) -> Result<Self::Lease<'_>, Error> {
        self.get()
    }

    async fn ask<R: Request<Reply: Owned>>(
        &self,
        request: R,
    ) -> Result<<R::Reply as Owned>::Value, Error> {
        self.call(request)
    }

    fn numbers(&self) -> Stats {
        self.stats()
    }

    fn is_free(&self) -> bool {
        self.try_get().is_ok()
    }
}

impl<const SAFE: bool> Borrowed for Lease<'_, '_, NoopRawMutex, Blocking<Link<SAFE>>, 1> {
    async fn ask<R: Request>(&mut self, request: R) -> Result<<R::Reply as Reply>::Out<'_>, Error> {
        self.call(request)
    }

    async fn ask_all<C: Command<Reply: for<'r> Reply<Out<'r> = String>>>(
        &mut self,
        commands: impl Iterator<Item = C>,
        mut take: impl FnMut(String),
    ) -> Result<(), Error> {
        let mut pipeline = self.pipeline(commands);
        while let Some(value) = pipeline.next() {
            take(value?);
        }
        Ok(())
    }
}
