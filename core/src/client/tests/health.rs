//! What lay idle is looked at before it is used: asked after a while, opened anew when it is old.

extern crate std;

use super::*;
use crate::command::{Command, blpop, exec, get, incr, multi, ping, raw, select, watch};
use crate::error::{ErrorKind, SessionUse};
use crate::io::Blocking;
use crate::io::scripted::{At, Pace, Script, Step, Wire, Wrong};
use crate::time::{Clock, Duration};
use embedded_io::ErrorKind as Kind;

const RESET: Wrong = Wrong::Error(Kind::ConnectionReset);

#[test]
fn only_a_connection_that_was_idle_for_long_is_asked() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let config = settings().health_check_interval(Duration::from_secs(10));
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    run(pool.call(incr("n"))).unwrap();
    world.server.take_log();
    for (pause, asked) in [(0, false), (9_999, false), (10_000, true), (9_999, false)] {
        world.clock.advance_ms(pause);
        run(pool.call(incr("n"))).unwrap();
        let expected: &[&str] = match asked {
            true => &["PING", "INCR n"],
            false => &["INCR n"],
        };
        assert_eq!(world.server.take_log(), expected, "after {pause} ms");
    }
    assert_eq!((pool.stats().checked, pool.stats().opened), (1, 1));

    // The same in the other world, where checks can also be switched off.
    for (config, checked) in [(config, 1), (config.no_health_check(), 0)] {
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let links = [Blocking(world.wire.clone())];
        let pool = TestPool::<_>::new(&mut resources, links, config);
        pool.call(incr("n")).unwrap();
        world.clock.advance_ms(10_000);
        pool.call(incr("n")).unwrap();
        assert_eq!(pool.stats().checked, checked);
    }
}

#[test]
fn a_dead_connection_is_found_before_a_write_is_entrusted_to_it() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    run(pool.call(incr("n"))).unwrap();
    // It breaks unnoticed. Used at once, a write may have been sent.
    world.wire.reset_counts();
    world.wire.fail(At::Read(1), RESET);
    assert!(run(pool.call(incr("n"))).is_err());
    run(pool.call(ping())).unwrap();
    // Used after a while, the check finds it, and the write is sent once, over a new connection.
    world.clock.advance_ms(30_000);
    world.wire.reset_counts();
    world.wire.fail(At::Read(1), RESET);
    let seen = world.server.seen("INCR n");
    run(pool.call(incr("n"))).unwrap();
    assert_eq!(world.server.seen("INCR n"), seen + 1);
    assert_eq!((pool.stats().retries, pool.stats().closed_broken), (0, 2));
    check_stats(&pool);
}

#[test]
fn a_peer_that_vanished_is_found_within_the_connect_timeout() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let config = settings().connect_timeout(Duration::from_millis(700));
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    run(pool.call(incr("n"))).unwrap();
    world.clock.advance_ms(30_000);
    world.wire.reset_counts();
    world.wire.fail(At::Flush(1), Wrong::Stall);
    assert_eq!(world.clock.run(pool.call(incr("n"))), Ok(Ok(2)));
    assert_eq!(world.clock.now().as_millis(), 30_700);
    assert_eq!(pool.stats().closed_timed_out, 1);
}

#[test]
fn a_check_that_is_dropped_leaves_the_connection_in_step() {
    for k in 0..12 {
        let world = World::<true>::new();
        world.wire.set_pace(Pace::slow(3));
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
        run(pool.call(incr("n"))).unwrap();
        world.clock.advance_ms(30_000);
        let _ = drop_at(k, pool.call(get("a").reply::<()>()));
        assert_eq!(
            run(pool.call(get("b").reply())),
            Ok(owned("b")),
            "dropped at {k}"
        );
        check_stats(&pool);
    }
}

/// Its answer is not looked at any more, so that what came in its place would not be told from it.
#[test]
fn a_check_that_is_dropped_lets_nothing_pass_that_came_before_its_answer() {
    for k in 0..60 {
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
        run(pool.call(incr("n"))).unwrap();
        world.clock.advance_ms(30_000);
        world.wire.set_pace(Pace::slow(1));
        world.wire.say(b"$5\r\nstray\r\n");
        let _ = drop_at(k, pool.call(get("a").reply::<()>()));
        let answer = run(pool.call(get("b").reply()));
        assert_eq!(answer, Ok(owned("b")), "dropped at {k}");
        check_stats(&pool);
    }
}

#[test]
fn a_lease_that_lost_its_session_to_a_check_says_so() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    run(async {
        let mut lease = pool.get().await.unwrap();
        lease.call(watch("k")).await.unwrap();
        world.clock.advance_ms(30_000);
        world.wire.reset_counts();
        world.wire.fail(At::Read(1), RESET);
        let error = lease.call(incr("n")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SessionLost(SessionUse::Watch));
        assert_eq!(world.server.seen("INCR n"), 0);
    });
}

/// Where a link cannot tell that something came, the check finds out by its answer, and the one
/// behind it does not get `PONG`.
#[test]
fn what_came_while_it_lay_idle_does_not_pass_for_the_answer_to_a_check() {
    let large = large_bulk();
    for stray in [
        "$5\r\nstray\r\n",
        "+OK\r\n",
        ":1\r\n",
        "_\r\n",
        "*0\r\n",
        "-ERR late\r\n",
        "-LOADING late\r\n",
        "-NOPERM late\r\n",
        &large,
    ] {
        for old in [false, true] {
            let world = World::<true>::new();
            world.server.store().old = old;
            let mut resources = Resources::new();
            let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
            run(pool.call(incr("n"))).unwrap();
            world.clock.advance_ms(30_000);
            // What comes behind it is not there yet when it is looked at.
            world.wire.set_pace(Pace::slow(1));
            world.wire.say(stray.as_bytes());
            assert_eq!(run(pool.call(get("k").reply())), Ok(owned("k")), "{stray}");
            assert_eq!(run(pool.call(incr("n"))), Ok(2), "{stray}");
            assert_eq!((pool.stats().opened, pool.stats().retries), (2, 0));
            check_stats(&pool);
        }
    }
}

/// The same where something has to be undone. What says `OK` in place of another `OK` cannot be told.
#[test]
fn what_came_while_it_lay_idle_does_not_pass_for_the_answer_to_a_clean_up() {
    let large = large_bulk();
    for stray in ["$5\r\nstray\r\n", ":1\r\n", "-ERR late\r\n", &large] {
        for undone in ["UNWATCH", "DISCARD", "SELECT 0", "RESET"] {
            let world = World::<true>::new();
            let mut resources = Resources::new();
            let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
            run(async {
                let mut lease = pool.get().await.unwrap();
                match undone {
                    "UNWATCH" => lease.call(watch("k")).await.unwrap(),
                    "DISCARD" => lease.call(multi()).await.unwrap(),
                    "SELECT 0" => lease.call(select(3)).await.unwrap(),
                    _ => drop(lease.call(raw("PING")).await.unwrap()),
                }
            });
            world.wire.set_pace(Pace::slow(1));
            world.wire.say(stray.as_bytes());
            let answer = run(pool.call(get("k").reply()));
            assert_eq!(answer, Ok(owned("k")), "{stray} before {undone}");
            assert_eq!(world.server.seen(undone), 1);
            assert_eq!((pool.stats().opened, pool.stats().retries), (2, 0));
            check_stats(&pool);
        }
    }
}

#[test]
fn half_of_an_attribute_that_came_while_it_lay_idle_is_no_part_of_an_answer() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    world.wire.tell();
    run(pool.call(incr("n"))).unwrap();
    for half in [
        "|1\r\n+ttl\r\n",
        "|1\r\n$?\r\n;2\r\ntt\r\n;0\r\n",
        "|1\r\n$3\r\ntt",
    ] {
        let rest = match half.ends_with("tt") {
            true => "l\r\n:3600\r\n:2\r\n",
            false => ":3600\r\n:2\r\n",
        };
        world.wire.say(half.as_bytes());
        world.server.store().canned = std::vec![("INCR n", rest)];
        assert_eq!(run(pool.call(incr("n"))), Ok(2), "{half:?}");
    }
    // Whole, it describes nothing that anybody waits for.
    world.wire.say(b"|1\r\n+ttl\r\n:3600\r\n");
    assert_eq!(run(pool.call(incr("n"))), Ok(2));
    assert_eq!(pool.stats().opened, 1);
    // What it describes is surplus, where that is no push.
    world.wire.say(b"|1\r\n+ttl\r\n:3600\r\n$5\r\nst");
    world.server.store().canned = std::vec![];
    assert_eq!(run(pool.call(get("k").reply())), Ok(owned("k")));
    assert_eq!((pool.stats().opened, pool.stats().closed_protocol), (2, 1));
    // So is one that never ends.
    let endless = std::format!("|1\r\n$9999\r\n{}", "x".repeat(600));
    world.wire.say(endless.as_bytes());
    assert_eq!(run(pool.call(get("k").reply())), Ok(owned("k")));
    assert_eq!((pool.stats().opened, pool.stats().closed_protocol), (3, 2));
}

#[test]
fn nothing_is_asked_between_the_commands_of_a_transaction() {
    for raw_multi in [false, true] {
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
        let mut lease = pool.try_get().unwrap();
        run(async {
            match raw_multi {
                false => lease.call(multi()).await.unwrap(),
                true => drop(lease.call(raw("MULTI")).await.unwrap()),
            }
            world.clock.advance_ms(30_000);
            lease.call(incr("n").reply::<()>()).await.unwrap();
            world.clock.advance_ms(30_000);
            let counts = lease.call(exec().reply::<Option<[i64; 1]>>()).await;
            assert_eq!(counts, Ok(Some([1])));
        });
        assert_eq!(pool.stats().checked, 0);
    }
}

#[test]
fn a_connection_that_was_waited_on_for_long_is_fresh() {
    let steps = [
        Step::Login,
        Step::Command("BLPOP jobs 40"),
        Step::Wait(Duration::from_secs(39)),
        Step::Answer(b"*-1\r\n"),
        Step::Command("INCR n"),
        Step::Answer(b":1\r\n"),
    ];
    let clock = TestClock::new();
    let wire = Wire::new(Script::new(&steps), &clock);
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [wire], settings());
    let count = clock.run(async {
        let mut lease = pool.get().await.unwrap();
        let popped = lease.call(blpop(["jobs"], 40_000).reply::<Option<()>>());
        assert_eq!(popped.await, Ok(None));
        lease.call(incr("n")).await
    });
    assert_eq!(count, Ok(Ok(1)));
}

/// A bulk string that is larger than the reply window.
fn large_bulk() -> std::string::String {
    std::format!("$600\r\n{}\r\n", "x".repeat(600))
}

#[test]
fn what_has_to_be_undone_first_is_no_second_round_trip() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    run(async { pool.get().await.unwrap().call(select(3)).await.map(drop) }).unwrap();
    world.clock.advance_ms(30_000);
    world.server.take_log();
    run(pool.call(incr("n"))).unwrap();
    assert_eq!(world.server.take_log(), ["SELECT 0", "INCR n"]);
    assert_eq!(pool.stats().checked, 0);
}

#[test]
fn a_connection_that_was_idle_or_open_for_too_long_is_opened_anew() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let config = settings().max_idle(Duration::from_secs(20));
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    for (pause, opened) in [(0, 1), (17_999, 1), (20_000, 2), (17_999, 2)] {
        world.clock.advance_ms(pause);
        run(pool.call(incr("n"))).unwrap();
        assert_eq!(pool.stats().opened, opened, "after {pause} ms");
    }
    let stats = pool.stats();
    let causes = stats.closed_broken + stats.closed_timed_out + stats.closed_dropped;
    assert_eq!((stats.closed, causes, stats.retries), (1, 0, 0));
    check_stats(&pool);

    // Each is up to a tenth shorter, by chance, so that not all end at once.
    let pauses_taken = |config: Config<'static>, pause: fn(u64) -> u64| {
        let taken = (0..50).map(|seed| {
            let world = World::<true>::new();
            let mut resources = Resources::new();
            let config = config.seed(seed);
            let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
            run(pool.call(incr("n"))).unwrap();
            let is_last = |n: &u64| {
                world.clock.advance_ms(pause(*n));
                run(pool.call(incr("n"))).unwrap();
                pool.stats().opened == 2
            };
            (1..).find(is_last).unwrap()
        });
        taken.collect::<std::collections::BTreeSet<u64>>()
    };
    let limit = Duration::from_secs(10);
    // In use all the time.
    let ages = pauses_taken(settings().max_lifetime(limit), |_| 10);
    assert!(ages.iter().all(|n| (900..=1000).contains(n)), "{ages:?}");
    assert!(ages.len() > 25, "{ages:?}");
    // Idle for longer and longer.
    let idle = pauses_taken(settings().max_idle(limit), |n| 8_900 + 10 * n);
    assert!(idle.iter().all(|n| (10..=110).contains(n)), "{idle:?}");
    assert!(idle.len() > 25, "{idle:?}");
}

#[test]
fn a_lease_is_never_retired_under_its_users_feet() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let config = settings()
        .no_health_check()
        .max_idle(Duration::from_secs(1))
        .max_lifetime(Duration::from_secs(1));
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    run(async {
        let mut lease = pool.get().await.unwrap();
        lease.call(select(3)).await.unwrap();
        world.clock.advance_ms(60_000);
        let value: heapless::String<32> = lease.call(get("k").reply()).await.unwrap();
        assert_eq!(value, "k@3");
    });
    assert_eq!(pool.stats().opened, 1);
}

#[test]
fn a_link_that_says_that_there_is_news_and_then_waits_holds_nobody_up() {
    fn check<const SAFE: bool>() {
        let world = World::<SAFE>::new();
        world.wire.tell();
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
        run(pool.call(incr("n"))).unwrap();
        // The read is pending once, and dropped there.
        world.wire.say(b">2\r\n+news\r\n+of nothing\r\n");
        world.wire.set_pace(Pace::slow(1));
        assert!(!drop_at(1, pool.call(get("a").reply::<()>())).is_ready());
        world.wire.set_pace(Pace::FAST);
        assert_eq!(run(pool.call(get("b").reply())), Ok(owned("b")));
        assert_eq!((pool.stats().opened, pool.stats().closed_dropped), (2, 1));
        check_stats(&pool);
    }
    check::<true>();
    check::<false>();
}

#[test]
fn news_that_do_not_come_cost_the_connect_timeout() {
    let steps = [
        Step::Login,
        Step::Command("INCR n"),
        Step::Answer(b":1\r\n"),
        Step::Wait(Duration::from_secs(20)),
        Step::Answer(b">1\r\n+news\r\n"),
        Step::Open,
        Step::Login,
        Step::Command("INCR n"),
        Step::Answer(b":2\r\n"),
    ];
    let clock = TestClock::new();
    let wire = Wire::new(Script::new(&steps), &clock);
    wire.tell();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [wire.clone()], settings());
    assert_eq!(clock.run(pool.call(incr("n"))), Ok(Ok(1)));
    assert_eq!(clock.run(pool.call(incr("n"))), Ok(Ok(2)));
    assert_eq!(clock.now().as_millis(), 5000);
    assert_eq!(wire.peer().finished(), Ok(()));

    let clock = TestClock::new();
    let wire = Wire::new(Script::new(&steps), &clock);
    wire.tell();
    let mut resources = Resources::new();
    let links = [Blocking(wire.clone())];
    let pool = TestPool::<_>::new(&mut resources, links, settings());
    assert_eq!((pool.call(incr("n")), pool.call(incr("n"))), (Ok(1), Ok(2)));
    assert_eq!(clock.now().as_millis(), 5000);
}
