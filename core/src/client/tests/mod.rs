//! Cancellation, breakage and hygiene, over a transport and to a server in memory: each future
//! dropped at each of its polls, each byte and each call gone wrong.

extern crate std;

mod cancel;
mod deadlines;
mod drops;
mod edges;
mod encoding;
mod errors;
#[cfg(feature = "log")]
mod events;
mod health;
mod histories;
mod once;
mod outages;
mod polls;
mod pools;
mod refusals;
mod retry;
mod scripted;
mod server;
mod session;
mod turns;

use core::future::Future;
use core::pin::{Pin, pin};
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::task::Wake;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;

use crate::client::{Pool, PoolResources};
use crate::config::Config;
use crate::io::Transport;
use crate::io::scripted::{TestClock, Wire};
use server::{Server, Session, value};

type TestWire<const SAFE: bool = true> = Wire<Session, SAFE>;
type TestPool<'w, L, const N: usize = 1, const W: usize = 8> = Pool<'w, NoopRawMutex, L, N, W>;
/// Small windows, so that little suffices to be too large for them.
type Resources<'c, const N: usize = 1> = PoolResources<'c, N, 512, 64>;

/// Settings under which nothing waits for a clock that stands still: one more try, at once.
fn settings() -> Config<'static> {
    let none = core::time::Duration::ZERO;
    Config::new().retries(1).backoff(none, none)
}

/// A server, a wire to it, and a clock.
struct World<const SAFE: bool = true> {
    server: Server,
    clock: TestClock,
    wire: TestWire<SAFE>,
}

impl<const SAFE: bool> World<SAFE> {
    fn new() -> Self {
        let server = Server::default();
        let clock = TestClock::default();
        let wire = Wire::of_kind(server.session(), &clock);
        Self {
            server,
            clock,
            wire,
        }
    }

    /// Another wire to the same server.
    fn another_wire(&self) -> TestWire<SAFE> {
        Wire::of_kind(self.server.session(), &self.clock)
    }

    /// What holds after anything: the client used an open transport only, and the server
    /// understood all it got.
    fn check(&self) {
        assert_eq!(self.wire.counts().misuses, 0);
        let garbled = &self.server.look().garbled;
        assert!(garbled.is_empty(), "the server got {garbled:?}");
    }
}

/// Asserts what holds for a pool while no lease is out and no reply is owed.
fn check_stats<L: Transport, const N: usize, const W: usize>(pool: &TestPool<'_, L, N, W>) {
    let stats = pool.stats();
    assert_eq!(stats.opened, stats.open + stats.closed, "{stats:?}");
    let accounted = stats.answered + stats.skipped + stats.lost;
    assert_eq!(stats.sent, accounted, "{stats:?}");
}

/// What came of polling a future.
#[derive(Debug, PartialEq)]
enum Polled<T> {
    Ready(T),
    /// It would go on.
    Pending,
    /// It waits, and nobody will wake it.
    Stuck,
}

impl<T> Polled<T> {
    #[track_caller]
    fn ready(self) -> T {
        match self {
            Self::Ready(output) => output,
            Self::Pending => panic!("polled too few times"),
            Self::Stuck => panic!("nobody will wake this future"),
        }
    }

    fn is_ready(&self) -> bool {
        matches!(self, Self::Ready(_))
    }
}

/// A waker that remembers being woken.
#[derive(Default)]
struct Flag(AtomicBool);

impl Flag {
    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Polls `future` up to `k` times, as an executor would: only when it was woken.
fn poll<F: Future>(mut future: Pin<&mut F>, k: usize) -> Polled<F::Output> {
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(flag.clone());
    let mut context = Context::from_waker(&waker);
    for _ in 0..k {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Polled::Ready(output);
        }
        if !flag.take() {
            return Polled::Stuck;
        }
    }
    Polled::Pending
}

/// Polls `future` up to `k` times and drops it.
fn drop_at<F: Future>(k: usize, future: F) -> Polled<F::Output> {
    poll(pin!(future), k)
}

/// Runs `future` to its end.
#[track_caller]
fn run<F: Future>(future: F) -> F::Output {
    drop_at(100_000, future).ready()
}

/// The value that names `key`, as a reply owns it.
fn owned(key: &str) -> heapless::String<32> {
    heapless::String::try_from(value(key).as_str()).unwrap()
}
