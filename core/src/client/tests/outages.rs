//! The server is away: how often it is tried, by whom, and what a caller is told when.

extern crate std;

use std::vec::Vec;

use super::*;
use crate::command::{Command, get, incr, ping};
use crate::config::Retry;
use crate::error::{Code, ErrorKind, Io, Reached, Refusal};
use crate::io::Blocking;
use crate::io::scripted::{At, Wrong};
use crate::time::{Clock, Duration};
use embedded_io::ErrorKind as Kind;

const REFUSED: Wrong = Wrong::Error(Kind::ConnectionRefused);

fn away(world: &World, times: u32) {
    world.wire.reset_counts();
    (1..=times).for_each(|n| world.wire.fail(At::Open(n), REFUSED));
}

fn with_pauses() -> Config<'static> {
    Config::new().backoff(Duration::from_millis(100), Duration::from_secs(10))
}

#[test]
fn a_server_that_is_away_for_a_moment_is_waited_for() {
    for seed in 0..20 {
        let world = World::<true>::new();
        away(&world, 3);
        let mut resources = Resources::new();
        let config = with_pauses().seed(seed);
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
        assert_eq!(world.clock.run(pool.call(incr("n"))), Ok(Ok(1)));
        let stats = pool.stats();
        assert_eq!((stats.failed, stats.retries, stats.opened), (3, 3, 1));
        // Up to 100, 200 and 400 ms.
        assert!(world.clock.now().as_millis() <= 700);
        check_stats(&pool);

        let world = World::<true>::new();
        away(&world, 3);
        let mut resources = Resources::new();
        let links = [Blocking(world.wire.clone())];
        let pool = TestPool::<_>::new(&mut resources, links, config);
        assert_eq!(pool.call(incr("n")), Ok(1));
        assert_eq!(pool.stats().failed, 3);
    }
}

#[test]
fn tries_are_limited_by_number_and_by_time() {
    for retries in 0..5 {
        let world = World::<true>::new();
        away(&world, 100);
        let mut resources = Resources::new();
        let config = with_pauses().retries(retries);
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
        let error = world.clock.run(pool.call(incr("n"))).unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect(Io::Refused));
        assert_eq!(error.reached(), Reached::NotSent);
        assert_eq!(world.wire.counts().opens, u32::from(retries) + 1);
    }
    // However many tries there may be, none begins after `retry_for`.
    for seed in 0..20 {
        let world = World::<true>::new();
        away(&world, 10_000);
        let mut resources = Resources::new();
        let config = with_pauses().seed(seed).retries(u8::MAX);
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
        let error = world.clock.run(pool.call(incr("n"))).unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect(Io::Refused));
        assert!(world.clock.now().as_millis() <= 10_000);
        let opens = world.wire.counts().opens;
        assert!((4..60).contains(&opens), "{opens} times in 10 s");
    }
    let world = World::<true>::new();
    away(&world, 100);
    let mut resources = Resources::new();
    let config = with_pauses().retry(Retry::Never);
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    let _ = world.clock.run(pool.call(incr("n"))).unwrap().unwrap_err();
    assert_eq!(world.wire.counts().opens, 1);
}

/// For so long, eight tasks on four connections call as soon as they were told that it failed;
/// says how often a connection was to be opened.
fn storm(config: Config<'static>, millis: u64) -> u32 {
    let world = World::<true>::new();
    let wires = [(); 4].map(|()| world.another_wire());
    for wire in &wires {
        (1..5_000).for_each(|n| wire.fail(At::Open(n), REFUSED));
    }
    let mut resources = Resources::new();
    let pool = TestPool::<_, 4>::new(&mut resources, wires.clone(), config);
    let calls = (0..8).map(|_| async {
        while world.clock.now().as_millis() < millis {
            let error = pool.call(incr("n")).await.unwrap_err();
            assert!(matches!(
                error.kind(),
                ErrorKind::Connect(_) | ErrorKind::Pool(_)
            ));
        }
    });
    let mut calls: Vec<_> = calls.map(std::boxed::Box::pin).collect();
    let all = core::future::poll_fn(|context| {
        calls.retain_mut(|call| call.as_mut().poll(context).is_pending());
        match calls.is_empty() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    });
    world.clock.run(all).unwrap();
    wires.iter().map(|wire| wire.counts().opens).sum()
}

#[test]
fn connections_of_a_pool_do_not_storm_a_server_that_is_away() {
    let opens = storm(with_pauses(), 60_000);
    // Pauses are up to 10 s and 5 s on average: four connections try some 12 times each, and a
    // few times more at the beginning.
    assert!((20..150).contains(&opens), "{opens} attempts in 60 s");
    // With pauses that are not worth the name, it is a storm.
    let ms = Duration::from_millis(1);
    let opens = storm(with_pauses().backoff(ms, ms), 300);
    assert!(opens > 250, "{opens} attempts in 0.3 s");
}

#[test]
fn what_one_connection_learned_holds_for_the_others() {
    let mut waited = Duration::ZERO;
    for seed in 0..50 {
        let world = World::<true>::new();
        let wires = [world.another_wire(), world.another_wire()];
        let mut resources = Resources::new();
        let most = Duration::from_secs(8);
        let config = with_pauses().backoff(most, most).retries(0).seed(seed);
        let pool = TestPool::<_, 2>::new(&mut resources, wires.clone(), config);
        wires[1].fail(At::Open(1), REFUSED);
        // The last one is lent first.
        let last = pool.try_get().unwrap();
        let mut other = pool.try_get().unwrap();
        drop(last);
        let clock = &world.clock;
        assert!(clock.run(pool.call(ping())).unwrap().is_err());
        let began = clock.now();
        let asked = clock.run(async { other.call(ping()).await.map(drop) });
        asked.unwrap().unwrap();
        waited += clock.now().since(began);
        // Now the server is there, for both.
        let began = clock.now();
        drop(other);
        let both = [pool.try_get().unwrap(), pool.try_get().unwrap()];
        for mut lease in both {
            let asked = clock.run(async { lease.call(ping()).await.map(drop) });
            asked.unwrap().unwrap();
        }
        assert_eq!(clock.now(), began);
    }
    let average = waited / 50;
    assert!((3..5).contains(&average.as_secs()), "{average:?}");
}

#[test]
fn a_refused_password_is_told_at_once_and_not_tried_soon() {
    let world = World::<true>::new();
    world.server.store().password = Some("secret");
    let mut resources = Resources::new();
    let config = with_pauses().password("wrong").seed(3);
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    let error = world.clock.run(pool.call(incr("n"))).unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Handshake(Refusal::WrongPassword));
    assert_eq!(
        (world.clock.now().as_millis(), world.wire.counts().opens),
        (0, 1)
    );
    assert_eq!((pool.stats().closed_refused, pool.stats().failed), (1, 1));
    // Calls that come in a loop do not become logins in a loop.
    let mut calls = 0;
    while world.clock.now().as_millis() < 100_000 {
        let error = world.clock.run(pool.call(incr("n"))).unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Handshake(Refusal::WrongPassword));
        calls += 1;
    }
    assert!((10..60).contains(&calls), "{calls} logins in 100 s");
    check_stats(&pool);
}

#[test]
fn a_server_that_takes_nobody_now_is_tried_again() {
    for said in [
        "-ERR max number of clients reached\r\n",
        "-LOADING Redis is loading the dataset in memory\r\n",
        "-BUSY Redis is busy running a script.\r\n",
        "-MASTERDOWN Link with MASTER is down\r\n",
    ] {
        let world = World::<true>::new();
        world.server.store().canned = std::vec![("HELLO", said); 2];
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], with_pauses());
        assert_eq!(world.clock.run(pool.call(incr("n"))), Ok(Ok(1)), "{said}");
        assert_eq!((pool.stats().failed, pool.stats().closed_refused), (2, 2));
        check_stats(&pool);
    }
}

#[test]
fn a_server_that_runs_nothing_now_is_asked_again_later() {
    let loading = (
        "INCR",
        "-LOADING Redis is loading the dataset in memory\r\n",
    );
    let mut longest = 0;
    for seed in 0..50 {
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(
            &mut resources,
            [world.wire.clone()],
            with_pauses().seed(seed),
        );
        world.clock.run(pool.call(ping())).unwrap().unwrap();
        world.server.store().canned = std::vec![loading; 3];
        assert_eq!(world.clock.run(pool.call(incr("n"))), Ok(Ok(1)));
        assert_eq!((pool.stats().retries, pool.stats().opened), (3, 1));
        longest = longest.max(world.clock.now().as_millis());
        assert_eq!(world.server.seen("INCR n"), 4);
    }
    assert!((300..=700).contains(&longest), "{longest} ms");
    // Four times in a row is too often: the server's word is the answer.
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], with_pauses());
    world.server.store().canned = std::vec![loading; 4];
    let error = world.clock.run(pool.call(incr("n"))).unwrap().unwrap_err();
    assert_eq!(
        (error.code(), error.reached()),
        (Some(Code::Loading), Reached::Answered)
    );
}

#[test]
fn a_pause_that_is_dropped_leaves_a_pool_that_works() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], with_pauses());
    for k in 0..6 {
        away(&world, 3);
        let _ = drop_at(k, pool.call(incr("n")));
        world.clock.advance_ms(50);
    }
    world.wire.heal();
    let value = world.clock.run(pool.call(get("k").reply()));
    assert_eq!(value, Ok(Ok(owned("k"))));
    check_stats(&pool);
}

#[test]
fn a_client_of_its_own_keeps_its_own_pauses() {
    let world = World::<true>::new();
    away(&world, 100);
    let mut memory = crate::connection::Memory::<512, 64>::new();
    let config = with_pauses().retries(0);
    let mut client = crate::client::Client::new(&mut memory, world.wire.clone(), &config);
    let mut calls = 0;
    while world.clock.now().as_millis() < 60_000 {
        let called = world
            .clock
            .run(async { client.call(ping()).await.map(drop) });
        assert!(called.unwrap().is_err());
        calls += 1;
    }
    assert!((8..60).contains(&calls), "{calls} attempts in 60 s");
}
