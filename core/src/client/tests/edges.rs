//! The ends of what is counted: no connections, no places in line, clocks that wrap, connections
//! that are too old while somebody waits for them, and surplus that nobody is told of.

extern crate std;

use core::time::Duration;

use super::*;
use crate::command::{Command, get, incr, ping};
use crate::config::Retry;
use crate::error::{ErrorKind, PoolError, Reached};
use crate::io::Blocking;

#[test]
fn a_pool_of_no_connections_says_so_at_once() {
    let busy = ErrorKind::Pool(PoolError::Busy { connections: 0 });
    let mut resources = Resources::<0>::new();
    let pool = TestPool::<TestWire, 0>::new(&mut resources, [], settings());
    let error = run(pool.call(ping())).unwrap_err();
    assert_eq!((error.kind(), error.reached()), (busy, Reached::NotSent));
    assert_eq!(pool.try_get().err().map(|error| error.kind()), Some(busy));

    let mut resources = Resources::<0>::new();
    let links: [Blocking<TestWire>; 0] = [];
    let pool = TestPool::<_, 0>::new(&mut resources, links, settings());
    assert_eq!(pool.call(ping()).unwrap_err().kind(), busy);
}

#[test]
fn a_pool_without_places_in_line_refuses_whoever_would_wait() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_, 1, 0>::new(&mut resources, [world.wire.clone()], settings());
    assert_eq!(run(pool.call(incr("n"))), Ok(1));
    let lease = pool.try_get().unwrap();
    let full = ErrorKind::Pool(PoolError::QueueFull { waiting: 0 });
    assert_eq!(run(pool.call(incr("n"))).unwrap_err().kind(), full);
    drop(lease);
    assert_eq!(run(pool.call(incr("n"))), Ok(2));
}

#[test]
fn who_waits_for_the_connection_that_he_holds_waits_no_longer_than_he_said() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let config = settings().pool_timeout(Duration::from_millis(300));
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    let error = world.clock.run(async {
        let _lease = pool.get().await.unwrap();
        pool.call(incr("n")).await.unwrap_err()
    });
    let late = ErrorKind::Pool(PoolError::WaitTimedOut { after_ms: 300 });
    assert_eq!(error.map(|error| error.kind()), Ok(late));
    assert_eq!(run(pool.call(incr("n"))), Ok(1));
}

#[test]
fn milliseconds_of_32_bits_may_wrap_between_two_calls() {
    let world = World::<true>::new();
    world.clock.advance_ms(u64::from(u32::MAX) - 1000);
    let mut resources = Resources::new();
    let config = settings().max_idle(Duration::from_secs(600));
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    run(pool.call(incr("n"))).unwrap();
    // Neither a connection of 49 days, nor one that is young for ever.
    world.clock.advance_ms(2000);
    run(pool.call(incr("n"))).unwrap();
    assert_eq!((pool.stats().opened, pool.stats().checked), (1, 0));
    world.clock.advance_ms(u64::from(u32::MAX) - 10_000);
    run(pool.call(incr("n"))).unwrap();
    world.clock.advance_ms(31_000);
    run(pool.call(incr("n"))).unwrap();
    assert_eq!((pool.stats().opened, pool.stats().checked), (2, 1));
    world.clock.advance_ms(600_000);
    run(pool.call(incr("n"))).unwrap();
    assert_eq!((pool.stats().opened, pool.stats().closed), (3, 2));
    check_stats(&pool);
}

#[test]
fn a_connection_that_grows_too_old_while_others_wait_for_it_is_opened_anew_for_them() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let day = Duration::from_secs(24 * 3600);
    let config = settings()
        .max_lifetime(Duration::from_secs(60))
        .pool_timeout(day);
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    run(pool.call(incr("n"))).unwrap();
    let lease = pool.try_get().unwrap();
    let mut calls = [(); 3].map(|()| std::boxed::Box::pin(pool.call(get("k").reply())));
    for call in &mut calls {
        assert_eq!(poll(call.as_mut(), 10), Polled::Stuck);
    }
    world.clock.advance_ms(61_000);
    drop(lease);
    for call in &mut calls {
        assert_eq!(poll(call.as_mut(), 100).ready(), Ok(owned("k")));
    }
    assert_eq!((pool.stats().opened, pool.stats().closed), (2, 1));
    check_stats(&pool);
}

#[test]
fn surplus_costs_its_connection_and_is_nobodys_error() {
    for push in ["", ">2\r\n+news\r\n+of nothing\r\n"] {
        // With the answer, seen when the connection comes back.
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let config = settings().retry(Retry::Never);
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
        let surplus = std::string::String::leak(["+PONG\r\n", push, "+PONG\r\n"].concat());
        world.server.store().canned = std::vec![("PING", surplus)];
        run(pool.call(ping())).unwrap();
        assert!(!world.wire.is_open());
        assert_eq!(run(pool.call(get("k").reply())), Ok(owned("k")));
        assert_eq!((pool.stats().opened, pool.stats().closed_protocol), (2, 1));
        // While it lay idle, seen when it is lent.
        world.wire.tell();
        world
            .wire
            .say([push, "$7\r\nsurplus\r\n"].concat().as_bytes());
        assert_eq!(run(pool.call(get("k").reply())), Ok(owned("k")));
        assert_eq!((pool.stats().opened, pool.stats().closed_protocol), (3, 2));
        check_stats(&pool);
    }
}
