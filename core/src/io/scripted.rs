//! A transport in memory and a clock that is moved by hand, for tests: of this crate, and of what
//! you build on it.
//!
//! The links of your program are a type parameter of its pool, so its logic can run under
//! `cargo test` without a server, without a network and without waiting. Ask for the feature
//! `scripted` among the `[dev-dependencies]`; it brings `std` with it.
//!
//! - A [`Wire`] is the transport, for both worlds: [`asynch::Link`](crate::io::asynch::Link), and in
//!   [`Blocking`](crate::io::Blocking) also [`blocking::Link`](crate::io::blocking::Link). Its
//!   [`Pace`] says in which pieces bytes move and how often a future is pending, and
//!   [`fail`](Wire::fail) says at which call or byte what goes [`Wrong`].
//! - At its other end is a [`Peer`]: a [`Script`] says word for word what has to come and what is
//!   answered, [`Serve`] answers whatever comes by a function of yours. Or write your own.
//! - A [`TestClock`] stands still until it is told to [`advance`](TestClock::advance); what is
//!   [run](TestClock::run) by it jumps to the next deadline whenever all sleep.
//!
//! Nothing here depends on chance, and nothing takes time. What can never go on ends the test
//! instead of hanging it: [`TestClock::run`] says [`Stuck`], a blocking call panics, and so do the
//! millionth call of a wire and the four-millionth look at a clock that stands still.
//!
//! # A device, async
//!
//! ```
//! use embassy_sync::blocking_mutex::raw::{NoopRawMutex, RawMutex};
//! use embedded_io::ErrorKind;
//! use respool::command::{get, incr};
//! use respool::io::asynch::Link;
//! use respool::io::scripted::{Pace, Script, Step, TestClock, Wire};
//! use respool::{Command, Config, Error, Pool, PoolResources};
//!
//! /// What the firmware does, whatever its links are.
//! async fn watch_over<M: RawMutex, L: Link>(pool: &Pool<'_, M, L, 1>) -> Result<bool, Error> {
//!     let limit: Option<u32> = pool.call(get("limit").reply()).await?;
//!     let is_hot = limit.is_some_and(|limit| limit < 90);
//!     if is_hot {
//!         pool.call(incr("alarms")).await?;
//!     }
//!     Ok(is_hot)
//! }
//!
//! let script = Script::new(&[
//!     Step::Login,
//!     Step::Command("GET limit"),
//!     Step::Answer(b"$2\r\n80\r\n"),
//!     // This connection ends without an answer. The count may be 1 or 0 now: it is not repeated.
//!     Step::Command("INCR alarms"),
//!     Step::Fail(ErrorKind::ConnectionReset),
//!     // The next round is on a new connection.
//!     Step::Open,
//!     Step::Login,
//!     Step::Command("GET limit"),
//!     Step::Answer(b"$3\r\n100\r\n"),
//! ]);
//! let clock = TestClock::new();
//! let wire = Wire::new(script, &clock);
//! // One byte a call, and each call pending once.
//! wire.set_pace(Pace::slow(1));
//!
//! let mut resources = PoolResources::<1, 256, 256>::new();
//! let pool = Pool::<NoopRawMutex, _, 1>::new(&mut resources, [wire.clone()], Config::new());
//! let error = clock.run(watch_over(&pool)).unwrap().unwrap_err();
//! assert_eq!(error.reached(), respool::Reached::MaybeSent);
//! assert_eq!(clock.run(watch_over(&pool)).unwrap(), Ok(false));
//! wire.peer().finished().unwrap();
//! ```
//!
//! # The same, blocking
//!
//! ```
//! # use embassy_sync::blocking_mutex::raw::NoopRawMutex;
//! # use embedded_io::ErrorKind;
//! use respool::command::get;
//! use respool::io::Blocking;
//! use respool::io::scripted::{At, Serve, TestClock, Wire, Wrong};
//! # use respool::{Command, Config, Pool, PoolResources};
//!
//! let clock = TestClock::new();
//! let wire = Wire::new(
//!     Serve::new(|words, replies| match words {
//!         [b"GET", b"temp"] => replies.bulk(b"21.5").unwrap(),
//!         _ => replies.error("ERR", b"unknown command").unwrap(),
//!     }),
//!     &clock,
//! );
//! let mut resources = PoolResources::<1, 256, 256>::new();
//! let links = [Blocking(wire.clone())];
//! let pool = Pool::<NoopRawMutex, _, 1>::new(&mut resources, links, Config::new());
//! assert_eq!(pool.call(get("temp").reply()), Ok(21.5));
//!
//! // The next read fails. What only reads is simply asked again, on a new connection.
//! wire.reset_counts();
//! wire.fail(At::Read(1), Wrong::Error(ErrorKind::ConnectionReset));
//! assert_eq!(pool.call(get("temp").reply()), Ok(21.5));
//! assert_eq!((wire.counts().opens, wire.faults_left()), (1, 0));
//! ```

// This runs in tests, where a sum that is off may panic, and what cannot go on has to.
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

extern crate std;

mod answers;
mod clock;
mod script;
mod serve;
mod wire;
mod words;

use embedded_io::ErrorKind;

pub use answers::Answers;
pub use clock::{Stuck, TestClock};
pub use script::{Mismatch, Script, Step};
pub use serve::Serve;
pub use wire::Wire;

/// The other end of a [`Wire`].
pub trait Peer {
    /// A new stream begins: what was said on the one before is over. What is added to `answers`
    /// is said without having been asked.
    fn open(&mut self, answers: &mut Answers);

    /// Bytes came. Answers are added to `answers`, now or at any later time.
    fn take(&mut self, bytes: &[u8], answers: &mut Answers);
}

/// In which pieces bytes move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Pace {
    /// Bytes in one call at most; not 0.
    pub bytes: usize,
    /// Each call is pending once, and wakes its task at once.
    pub pending: bool,
    /// What is written reaches the peer only when it is flushed.
    pub buffered: bool,
}

/// Where something goes wrong, counted from the last [`Wire::reset_counts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum At {
    /// The n-th time it is opened, from 1.
    Open(u32),
    /// The n-th read, from 1.
    Read(u32),
    /// The n-th write, from 1.
    Write(u32),
    /// The n-th flush, from 1.
    Flush(u32),
    /// The n-th time that a blocking link is told how long it may wait, from 1. Only an
    /// [error](Wrong::Error) comes of it, once: the stream goes on.
    Patience(u32),
    /// After n bytes towards the peer.
    Out(u32),
    /// After n bytes from the peer.
    In(u32),
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wrong {
    /// This error, from now on, until the transport is opened again.
    Error(ErrorKind),
    /// The end of the stream: reads give 0 for ever, writes go nowhere. As an open, or a write: 0
    /// bytes were accepted.
    End,
    /// A lie: so many bytes were moved. None was.
    Claim(usize),
    /// It never comes to an end, as an open, a write or a flush; later ones do.
    Stall,
}

/// What happened on a [`Wire`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Counts {
    /// Times that it was opened, or should have been.
    pub opens: u32,
    /// Times that it was closed while it was open.
    pub aborts: u32,
    /// Reads that gave something.
    pub reads: u32,
    /// Writes.
    pub writes: u32,
    /// Flushes.
    pub flushes: u32,
    /// Times that a blocking link was told how long it may wait.
    pub patiences: u32,
    /// Bytes that were accepted.
    pub out: u32,
    /// Bytes that were read.
    pub into: u32,
    /// Reads and writes on a transport that was not open.
    pub misuses: u32,
}

impl Pace {
    /// Everything at once.
    pub const FAST: Self = Self {
        bytes: usize::MAX,
        pending: false,
        buffered: false,
    };

    /// So many bytes with each second poll.
    pub const fn slow(bytes: usize) -> Self {
        Self {
            bytes,
            pending: true,
            buffered: false,
        }
    }

    /// The same, but nothing leaves without a flush.
    pub const fn buffered(self) -> Self {
        Self {
            buffered: true,
            ..self
        }
    }
}
