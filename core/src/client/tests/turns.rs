//! Who waits in line has its turn, whatever becomes of the one before it; and closing, dropped.

extern crate std;

use core::time::Duration;
use std::boxed::Box;

use super::*;
use crate::client::Lease;
use crate::command::{Command, blpop, get, incr, ping};
use crate::error::{ErrorKind, Io, PoolError};
use crate::io::asynch::Link;
use crate::io::scripted::{At, Pace, Wrong};
use embedded_io::{ErrorKind as Kind, ErrorType};
use embedded_io_async::{Read, Write};

const RESET: Wrong = Wrong::Error(Kind::ConnectionReset);

/// What becomes of the one who has the connection.
#[derive(Clone, Copy, Debug)]
enum End {
    Returns,
    DroppedWhileSending,
    DroppedWhileWaiting,
    Broken,
    TimedOut,
    Hostile,
    Surplus,
}

const ENDS: [End; 7] = [
    End::Returns,
    End::DroppedWhileSending,
    End::DroppedWhileWaiting,
    End::Broken,
    End::TimedOut,
    End::Hostile,
    End::Surplus,
];

/// Lets a borrower come to this end, and its connection back.
fn come_to<const SAFE: bool>(
    end: End,
    world: &World<SAFE>,
    mut lease: Lease<'_, '_, NoopRawMutex, TestWire<SAFE>, 1>,
) {
    world.wire.reset_counts();
    let canned = |reply| world.server.store().canned.push(("INCR held", reply));
    match end {
        End::Returns => assert_eq!(run(lease.call(incr("held"))), Ok(1)),
        End::DroppedWhileSending => {
            world.wire.set_pace(Pace::slow(1));
            assert_eq!(drop_at(5, lease.call(incr("held"))), Polled::Pending);
            world.wire.set_pace(Pace::FAST);
        }
        End::DroppedWhileWaiting => {
            let call = async { lease.call(blpop(["held"], 0)).await.is_ok() };
            assert_eq!(drop_at(9, call), Polled::Stuck);
        }
        End::Broken => {
            world.wire.fail(At::Read(1), RESET);
            assert!(run(lease.call(incr("held"))).is_err());
        }
        End::TimedOut => {
            world.server.store().silent = true;
            let mut call = pin!(lease.call(incr("held")));
            assert_eq!(poll(call.as_mut(), 9), Polled::Stuck);
            world.clock.advance_ms(5000);
            let error = poll(call, 9).ready().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            world.server.store().silent = false;
        }
        End::Hostile => {
            canned("x\r\n");
            assert!(run(lease.call(incr("held"))).is_err());
        }
        End::Surplus => {
            canned(":1\r\n:1\r\n");
            assert_eq!(run(lease.call(incr("held"))), Ok(1));
        }
    }
}

fn three_have_their_turn_after<const SAFE: bool>(end: End) {
    let world = World::<SAFE>::new();
    let mut resources = Resources::new();
    let config = settings().pool_timeout(Duration::from_secs(3600));
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    let mut lease = pool.try_get().unwrap();
    run(lease.call(ping())).unwrap();
    let mut calls = [(); 3].map(|()| Box::pin(pool.call(incr("n"))));
    for call in &mut calls {
        assert_eq!(poll(call.as_mut(), 9), Polled::Stuck);
    }
    come_to(end, &world, lease);
    // The last one may be polled first: it is not its turn yet.
    for call in calls.iter_mut().skip(1).rev() {
        assert_eq!(poll(call.as_mut(), 9), Polled::Stuck, "{end:?}");
    }
    for (call, n) in calls.iter_mut().zip(1..) {
        assert_eq!(poll(call.as_mut(), 100).ready(), Ok(n), "{end:?}");
    }
    world.check();
    check_stats(&pool);
}

#[test]
fn the_line_moves_on_in_order_whatever_became_of_the_one_before() {
    for end in ENDS {
        three_have_their_turn_after::<true>(end);
        three_have_their_turn_after::<false>(end);
    }
}

#[test]
fn where_the_server_is_away_all_in_line_are_told() {
    for end in [End::Broken, End::TimedOut, End::Hostile] {
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let config = settings().pool_timeout(Duration::from_secs(3600));
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
        let mut lease = pool.try_get().unwrap();
        run(lease.call(ping())).unwrap();
        let mut calls = [(); 3].map(|()| Box::pin(pool.call(incr("n"))));
        for call in &mut calls {
            assert_eq!(poll(call.as_mut(), 9), Polled::Stuck);
        }
        come_to(end, &world, lease);
        let refused = Wrong::Error(Kind::ConnectionRefused);
        (1..7).for_each(|n| world.wire.fail(At::Open(n), refused));
        for call in &mut calls {
            let error = poll(call.as_mut(), 100).ready().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Connect(Io::Refused), "{end:?}");
        }
        assert_eq!(run(pool.call(incr("n"))), Ok(1));
        check_stats(&pool);
    }
}

#[test]
fn who_waits_for_a_connection_that_is_never_opened_waits_no_longer_than_he_said() {
    let world = World::<true>::new();
    world.wire.fail(At::Open(1), Wrong::Stall);
    let mut resources = Resources::new();
    let config = settings()
        .retries(0)
        .pool_timeout(Duration::from_millis(300));
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    let mut first = pin!(pool.call(incr("n")));
    let mut second = pin!(pool.call(incr("n")));
    assert_eq!(poll(first.as_mut(), 9), Polled::Stuck);
    assert_eq!(poll(second.as_mut(), 9), Polled::Stuck);
    world.clock.advance_ms(300);
    let error = poll(second, 9).ready().unwrap_err();
    let late = ErrorKind::Pool(PoolError::WaitTimedOut { after_ms: 300 });
    assert_eq!(error.kind(), late);
    assert_eq!(poll(first.as_mut(), 9), Polled::Stuck);
    world.clock.advance_ms(4700);
    let error = poll(first, 9).ready().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect(Io::TimedOut));
    assert_eq!(run(pool.call(incr("n"))), Ok(1));
}

fn a_waiting_call_dropped<const SAFE: bool>() -> usize {
    for k in 0.. {
        let world = World::<SAFE>::new();
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
        let mut lease = pool.try_get().unwrap();
        run(lease.call(ping())).unwrap();
        let mut first = Box::pin(pool.call(incr("first")));
        assert_eq!(poll(first.as_mut(), 9), Polled::Stuck);
        let mut second = Box::pin(pool.call(get("k").reply()));
        assert_eq!(poll(second.as_mut(), 9), Polled::Stuck);
        drop(lease);
        world.wire.set_pace(Pace::slow(1));
        let ended = poll(first.as_mut(), k).is_ready();
        drop(first);
        assert_eq!(poll(second.as_mut(), 999).ready(), Ok(owned("k")), "{k}");
        assert!(world.server.seen("INCR first") <= 1);
        world.check();
        check_stats(&pool);
        if ended {
            return k;
        }
    }
    unreachable!()
}

#[test]
fn a_call_that_waited_for_its_turn_dropped_at_any_poll() {
    assert!(a_waiting_call_dropped::<true>() > 20);
    assert!(a_waiting_call_dropped::<false>() > 20);
}

/// A wire whose close in good order takes a few polls.
struct Slow(TestWire);

impl ErrorType for Slow {
    type Error = Kind;
}

impl Transport for Slow {
    const CANCEL_SAFE: bool = true;
    type Clock = TestClock;

    fn clock(&self) -> TestClock {
        self.0.clock()
    }

    fn abort(&mut self) {
        self.0.abort();
    }
}

impl Read for Slow {
    async fn read(&mut self, window: &mut [u8]) -> Result<usize, Kind> {
        self.0.read(window).await
    }
}

impl Write for Slow {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Kind> {
        self.0.write(bytes).await
    }

    async fn flush(&mut self) -> Result<(), Kind> {
        self.0.flush().await
    }
}

impl Link for Slow {
    async fn open(&mut self, limit: Option<Duration>) -> Result<(), Kind> {
        self.0.open(limit).await
    }

    async fn close(&mut self) {
        let mut left = 3;
        core::future::poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(());
            }
            left -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        self.0.abort();
    }
}

#[test]
fn a_close_dropped_at_any_poll_leaves_nothing_open() {
    for k in 1.. {
        let world = World::<true>::new();
        let wires = [world.wire.clone(), world.another_wire()];
        let mut resources = Resources::<2>::new();
        let links = wires.clone().map(Slow);
        let pool = TestPool::<_, 2>::new(&mut resources, links, settings());
        let mut leases = [pool.try_get().unwrap(), pool.try_get().unwrap()];
        for lease in &mut leases {
            run(lease.call(ping())).unwrap();
        }
        drop(leases);
        let ended = drop_at(k, pool.close(Duration::from_secs(1))).is_ready();
        assert!(!wires.iter().any(TestWire::is_open), "dropped at {k}");
        let error = run(pool.call(ping())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Pool(PoolError::Closed));
        assert_eq!(pool.stats().open, 0);
        check_stats(&pool);
        if ended {
            assert!(k > 6, "only {k} polls");
            return;
        }
    }
}
