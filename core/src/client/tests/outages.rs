//! The server is away: how often it is tried, by whom, and what a caller is told when.

extern crate std;

use core::cell::Cell;
use std::vec::Vec;

use super::*;
use crate::command::{Command, Request, blpop, get, incr, ping};
use crate::config::Retry;
use crate::error::{Code, ErrorKind, Io, Reached, Refusal};
use crate::io::scripted::{At, Script, Step, Wrong};
use crate::io::{Blocking, Dial, DialAsync};
use crate::time::{Clock, Duration, NoClock};
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
            assert_eq!(error.reached(), Reached::NotSent);
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
    // Calls that may not wait so long do not try either.
    for millis in [0, 5, 50] {
        let patience = Duration::from_millis(millis);
        let opens = storm(with_pauses().retry_for(patience), 2_000);
        assert!((6..40).contains(&opens), "{opens} attempts in 2 s");
    }
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

/// Calls again and again until so many seconds are over, and gives the errors, each with the number
/// of attempts to open a connection so far.
fn errors(
    world: &World,
    seconds: u64,
    mut call: impl FnMut() -> crate::Error,
) -> Vec<(ErrorKind, u32)> {
    let mut errors = Vec::new();
    while world.clock.now().as_millis() < seconds * 1000 {
        let error = call();
        assert_eq!(error.reached(), Reached::NotSent);
        errors.push((error.kind(), world.wire.counts().opens));
    }
    errors
}

#[test]
fn a_call_that_may_not_wait_for_the_end_of_the_pause_says_so_and_makes_no_attempt() {
    let config = with_pauses().retry_for(Duration::from_millis(20));
    let world = World::<true>::new();
    away(&world, 1_000);
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    let asynch = errors(&world, 60, || {
        world.clock.run(pool.call(incr("n"))).unwrap().unwrap_err()
    });
    let world = World::<true>::new();
    away(&world, 1_000);
    let mut resources = Resources::new();
    let links = [Blocking(world.wire.clone())];
    let pool = TestPool::<_>::new(&mut resources, links, config);
    let blocking = errors(&world, 60, || pool.call(incr("n")).unwrap_err());

    for errors in [asynch, blocking] {
        let mut before = 0;
        for (kind, opens) in &errors {
            let io = match *opens == before {
                true => Io::TooSoon,
                false => Io::Refused,
            };
            assert_eq!(*kind, ErrorKind::Connect(io));
            before = *opens;
        }
        assert!((8..60).contains(&before), "{before} attempts in 60 s");
        // It waited for as long as it may, and did not spin.
        let calls = errors.len();
        assert!((1_000..3_100).contains(&calls), "{calls} calls in 60 s");
    }
    let told = crate::Error::not_sent(ErrorKind::Connect(Io::TooSoon));
    assert_eq!(
        std::format!("{told}"),
        "cannot connect: not tried so soon after an attempt that failed (not sent)"
    );
}

#[test]
fn a_call_that_learned_why_says_that_where_it_may_not_wait_on() {
    let (clock, most) = (TestClock::new(), Duration::from_secs(100));
    let reset = Step::Fail(Kind::ConnectionReset);
    let steps = [Step::Login, Step::Command("GET k"), reset];
    let wire = Wire::new(Script::new(&steps), &clock);
    let mut resources = Resources::new();
    let config = with_pauses()
        .backoff(most, most)
        .retry_for(Duration::from_millis(1));
    let pool = TestPool::<_>::new(&mut resources, [wire.clone()], config);
    let call = || {
        let called = clock.run(pool.call(get("k").reply::<()>()));
        let error = called.unwrap().unwrap_err();
        (error.kind(), error.reached())
    };
    let broke = ErrorKind::Transport(Io::Reset);
    assert_eq!(call(), (broke, Reached::MaybeSent));
    let too_soon = ErrorKind::Connect(Io::TooSoon);
    assert_eq!(call(), (too_soon, Reached::NotSent));
    assert_eq!((wire.counts().opens, pool.stats().retries), (1, 0));
}

#[test]
fn where_nothing_can_sleep_the_server_is_left_alone_all_the_same() {
    let (clock, dials) = (TestClock::new(), Cell::new(0));
    let dial = |_| -> Result<TestWire, Kind> {
        dials.set(dials.get() + 1);
        Err(Kind::ConnectionRefused)
    };
    let mut resources = Resources::new();
    let links = [Blocking(Dial::new(dial, clock.clone()))];
    let pool = TestPool::<_>::new(&mut resources, links, with_pauses());
    for calls in 0..60_000 {
        let error = pool.call(incr("n")).unwrap_err();
        let is_new = matches!(error.kind(), ErrorKind::Connect(Io::Refused));
        assert!(is_new || error.kind() == ErrorKind::Connect(Io::TooSoon));
        assert!(is_new || calls > 0);
        clock.advance_ms(1);
    }
    let dials = dials.get();
    assert!((8..60).contains(&dials), "{dials} attempts in 60 s");
}

#[test]
fn without_a_clock_a_call_tries_so_often_and_no_more() {
    let dials = Cell::new(0);
    let dial = || -> Result<TestWire, Kind> {
        dials.set(dials.get() + 1);
        Err(Kind::ConnectionRefused)
    };
    let mut resources = Resources::new();
    let links = [Blocking(Dial::new(|_| dial(), NoClock))];
    let pool = TestPool::<_>::new(&mut resources, links, with_pauses().retries(2));
    let mut resources = Resources::new();
    let links = [DialAsync::new(|| async { dial() }, NoClock)];
    let asynch = TestPool::<_>::new(&mut resources, links, with_pauses().retries(2));
    for calls in 1..10 {
        let refused = ErrorKind::Connect(Io::Refused);
        assert_eq!(pool.call(incr("n")).unwrap_err().kind(), refused);
        assert_eq!(run(asynch.call(incr("n"))).unwrap_err().kind(), refused);
        assert_eq!(dials.get(), calls * 6);
    }
}

#[test]
fn attempts_that_are_dropped_count_as_failed() {
    const ATTEMPTS: usize = 2_000;
    let in_opening = |wire: &TestWire| wire.fail(At::Open(1), Wrong::Stall);
    let in_the_login = |wire: &TestWire| wire.fail(At::Write(1), Wrong::Stall);
    for stall in [&in_opening as &dyn Fn(&TestWire), &in_the_login] {
        let world = World::<true>::new();
        let wires = [(); 2].map(|()| world.another_wire());
        for wire in wires.iter().chain([&world.wire]) {
            (0..ATTEMPTS).for_each(|_| stall(wire));
        }
        let attempts = |wire: &TestWire| ATTEMPTS - wire.faults_left();
        let mut resources = Resources::new();
        let pool = TestPool::<_, 2>::new(&mut resources, wires.clone(), with_pauses());
        let mut memory = crate::connection::Memory::<512, 64>::new();
        let config = with_pauses();
        let mut client = crate::client::Client::new(&mut memory, world.wire.clone(), &config);
        while world.clock.now().as_millis() < 60_000 {
            {
                let mut calls = [pin!(pool.call(incr("n"))), pin!(pool.call(incr("n")))];
                for call in &mut calls {
                    assert_eq!(poll(call.as_mut(), 100), Polled::Stuck);
                }
                let called = poll(pin!(async { client.call(ping()).await.map(drop) }), 100);
                assert_eq!(called, Polled::Stuck);
                world.clock.advance_ms(50);
            }
        }
        for wire in wires.iter().chain([&world.wire]) {
            let attempts = attempts(wire);
            assert!((6..60).contains(&attempts), "{attempts} attempts in 60 s");
        }
    }
}

#[test]
fn a_dropped_attempt_of_long_ago_holds_up_nobody() {
    let world = World::<true>::new();
    let mut memory = crate::connection::Memory::<512, 64>::new();
    let most = Duration::from_secs(1_000);
    let config = with_pauses().backoff(most, most).seed(1);
    let mut client = crate::client::Client::new(&mut memory, world.wire.clone(), &config);
    world.wire.fail(At::Open(1), Wrong::Stall);
    let called = poll(pin!(async { client.call(ping()).await.map(drop) }), 100);
    assert_eq!(called, Polled::Stuck);
    world.clock.advance(most);
    let began = world.clock.now();
    let called = world
        .clock
        .run(async { client.call(ping()).await.map(drop) });
    assert_eq!(called, Ok(Ok(())));
    assert_eq!(world.clock.now(), began);
}

#[test]
fn a_server_that_lets_in_and_hangs_up_is_not_stormed() {
    let steps = [Step::Login, Step::Command("GET k"), Step::End, Step::Open].repeat(10_000);
    for waits in [false, true] {
        let clock = TestClock::new();
        let wire = Wire::new(Script::new(&steps), &clock);
        let mut resources = Resources::new();
        // Tried again within the call, or by the next one.
        let retries = if waits { 3 } else { 0 };
        let config = with_pauses().retries(retries);
        let pool = TestPool::<_>::new(&mut resources, [wire.clone()], config);
        while clock.now().as_millis() < 60_000 {
            let error = clock.run(pool.call(get("k").reply::<()>())).unwrap();
            let kind = error.unwrap_err().kind();
            assert_eq!(kind, ErrorKind::Transport(Io::Closed));
            clock.advance_ms(10);
        }
        let opens = wire.counts().opens;
        assert!((8..60).contains(&opens), "{opens} attempts in 60 s");
        check_stats(&pool);
    }
}

#[test]
fn a_caller_without_patience_says_nothing_against_the_server() {
    // What blocks costs its connection when it is dropped, and is asked again on another one.
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let most = Duration::from_secs(1_000);
    let config = with_pauses().backoff(most, most);
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    for calls in 1..10 {
        let call = drop_at(100, pool.call(blpop(["q"], 0).reply::<()>()));
        assert_eq!(call, Polled::Stuck);
        assert_eq!(world.server.seen("BLPOP q 0"), calls);
        world.clock.advance_ms(1);
    }
    assert_eq!(pool.stats().opened, 9);
    // Nor does a reply that is too large for this window.
    let huge = "$70000\r\n";
    for calls in 1..5 {
        world.server.store().canned = std::vec![("GET", huge)];
        let error = world.clock.run(pool.call(get("k").reply::<()>())).unwrap();
        assert!(matches!(
            error.unwrap_err().kind(),
            ErrorKind::ReplyTooLarge { .. }
        ));
        assert_eq!(pool.stats().opened, 9 + calls);
    }
    // Nor does a deadline of its own that was too short.
    for calls in 1..5 {
        world.server.store().canned = std::vec![("INCR slow", "")];
        let short = incr("slow").timeout(Duration::from_millis(1));
        let error = world.clock.run(pool.call(short)).unwrap();
        assert_eq!(error.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(pool.stats().opened, 13 + calls);
    }
}
