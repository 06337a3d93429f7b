//! Drops that no skipping of replies can mend, and what is bounded about skipping.

extern crate std;

use core::mem;
use std::boxed::Box;

use super::*;
use crate::client::Stats;
use crate::command::{
    Blocks, Command, Plain, Request, Spec, echo, get, incr, raw, set, table, wait,
};
use crate::config::SkipBudget;
use crate::io::Blocking;
use crate::io::scripted::Pace;
use crate::resp::Any;

static BLPOP: Spec = Spec {
    blocks: Blocks::SECONDS_LAST,
    ..Spec::write(&["BLPOP"], -3)
};

fn blpop() -> Plain<(&'static str, u32), Any> {
    Plain::new(&BLPOP, ("list", 0))
}

#[test]
fn a_dropped_blocking_command_costs_its_connection() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], Config::new());
    run(pool.call(incr("n"))).unwrap();
    let mut lease = pool.try_get().unwrap();
    assert_eq!(
        drop_at(100, async { lease.call(blpop()).await.is_ok() }),
        Polled::Stuck
    );
    assert_eq!(run(lease.call(get("k").reply())), Ok(owned("k")));
    assert_eq!(world.wire.counts().opens, 2);
    drop(lease);
    check_stats(&pool);
    assert_eq!(pool.stats().lost, 1);
}

/// It would take what comes later, and give it to nobody.
#[test]
fn a_command_that_waits_for_nobody_is_hung_up_on_at_once() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], Config::new());
    run(pool.call(incr("n"))).unwrap();
    let mut call = Box::pin(pool.call(blpop().reply::<()>()));
    assert_eq!(poll(call.as_mut(), 100), Polled::Stuck);
    assert!(world.wire.is_open());
    drop(call);
    assert!(!world.wire.is_open());
    check_stats(&pool);
}

#[test]
fn a_blocking_command_of_which_nothing_was_sent_costs_nothing() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], Config::new());
    run(pool.call(incr("n"))).unwrap();
    world.wire.set_pace(Pace::slow(1));
    let mut lease = pool.try_get().unwrap();
    assert_eq!(
        drop_at(1, async { lease.call(blpop()).await.is_ok() }),
        Polled::Pending
    );
    assert_eq!(run(lease.call(get("k").reply())), Ok(owned("k")));
    assert_eq!(world.wire.counts().opens, 1);
    assert_eq!(world.server.seen("BLPOP list 0"), 0);
}

/// Whether the reply to a request that was dropped without an answer is waited for by the next.
fn is_owed<R: Request>(request: R) -> bool {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], Config::new());
    run(pool.call(incr("n"))).unwrap();
    world.server.store().silent = true;
    let mut lease = pool.try_get().unwrap();
    let call = async { lease.call(request).await.is_ok() };
    assert_eq!(drop_at(100, call), Polled::Stuck);
    drop(lease);
    world.server.store().silent = false;
    match drop_at(100, pool.call(get("k").reply())) {
        Polled::Ready(value) => {
            assert_eq!((value, world.wire.counts().opens), (Ok(owned("k")), 2));
            false
        }
        Polled::Stuck => true,
        Polled::Pending => panic!("it goes on for ever"),
    }
}

#[test]
fn whatever_may_wait_costs_its_connection() {
    let xread = |words| Plain::<_, Any>::new(&table::XREAD, words);
    let stream = ("STREAMS", "s", 0);
    assert!(is_owed(get("k").reply::<()>()));
    assert!(is_owed((get("k").reply::<()>(), incr("n"))));
    assert!(is_owed(Plain::<_, Any>::new(&table::XREAD, stream)));
    assert!(!is_owed(xread(("BLOCK", 0, "STREAMS", "s", 0))));
    assert!(!is_owed(xread(("BLOCK", 5, "STREAMS", "s", 0))));
    assert!(!is_owed(blpop()));
    assert!(!is_owed(Plain::<_, Any>::new(&table::BRPOP, ("list", 2))));
    assert!(!is_owed(wait(1, 50)));
    // Among others, and where nobody knows.
    assert!(!is_owed((get("k").reply::<()>(), blpop().reply::<()>())));
    assert!(!is_owed(raw("EVAL").args(["return 1", "0"])));
}

/// Lets `calls` calls be dropped that were sent and not answered; says how often was opened.
fn unanswered(calls: usize, budget: SkipBudget, text: &str) -> (u32, Stats) {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let config = Config::new().skip_budget(budget);
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    run(pool.call(incr("n"))).unwrap();
    for _ in 0..calls {
        // Sent whole, dropped before the answer is read. What the call before left is skipped first.
        world.wire.set_pace(Pace::slow(usize::MAX));
        let seen = || world.server.seen(&std::format!("ECHO {text}"));
        let before = seen();
        let mut lease = pool.try_get().unwrap();
        let mut call = pin!(lease.call((echo(text), echo(text))));
        while seen() < before + 2 {
            assert!(matches!(poll(call.as_mut(), 1), Polled::Pending));
        }
    }
    world.wire.set_pace(Pace::FAST);
    assert_eq!(run(pool.call(get("k").reply())), Ok(owned("k")));
    world.check();
    check_stats(&pool);
    (world.wire.counts().opens, pool.stats())
}

#[test]
fn more_replies_than_the_budget_cost_the_connection() {
    let budget = |replies| SkipBudget {
        replies,
        ..SkipBudget::DEFAULT
    };
    let (opens, stats) = unanswered(1, budget(2), "x");
    assert_eq!((opens, stats.skipped, stats.lost), (1, 2, 0));
    for replies in [0, 1] {
        let (opens, stats) = unanswered(1, budget(replies), "x");
        assert_eq!((opens, stats.skipped, stats.lost), (2, 0, 2));
    }
}

#[test]
fn more_bytes_than_the_budget_cost_the_connection() {
    let budget = |bytes| SkipBudget {
        bytes,
        ..SkipBudget::DEFAULT
    };
    let text = "x".repeat(40);
    // `$40`, the text, and two ends of lines, twice.
    let (opens, stats) = unanswered(1, budget(94), &text);
    assert_eq!((opens, stats.skipped), (1, 2));
    let (opens, stats) = unanswered(1, budget(93), &text);
    assert_eq!((opens, stats.lost), (2, 1));
}

#[test]
fn what_is_skipped_need_not_fit_the_window() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], Config::new());
    let text = "x".repeat(5000);
    run(pool.call(set("k", text.as_str()))).unwrap();
    for pace in [Pace::slow(usize::MAX), Pace::slow(100), Pace::slow(1)] {
        // A command that was sent half costs its connection; this is about those that were sent.
        let half_sent = world.wire.counts().opens;
        let skipped = pool.stats().skipped;
        let mut k = 0;
        for _ in 0..60 {
            k += 1;
            world.wire.set_pace(pace);
            drop_at(k, pool.call(get("k").reply::<()>()));
            world.wire.set_pace(Pace::FAST);
            assert_eq!(run(pool.call(get("other").reply())), Ok(owned("other")));
        }
        let half_sent = world.wire.counts().opens - half_sent;
        assert!(half_sent < 30, "{half_sent} connections");
        assert!(pool.stats().skipped > skipped);
    }
    check_stats(&pool);
}

#[test]
fn a_large_argument_sent_half_costs_its_connection() {
    let text = "x".repeat(500);
    let mut closed = 0;
    for k in 0..300 {
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], Config::new());
        run(pool.call(incr("n"))).unwrap();
        world.wire.reset_counts();
        world.wire.set_pace(Pace::slow(4));
        drop_at(k, pool.call(set("large", text.as_str())));
        let out = world.wire.counts().out;
        world.wire.set_pace(Pace::FAST);
        let value = run(pool.call(get("large").reply::<heapless::String<500>>())).unwrap();
        let opens = world.wire.counts().opens;
        // 30 bytes stand before the argument, and its end goes through the window.
        let half = out > 0 && out < 30 + 500 - 64;
        assert!(opens == 1 || !half, "after {out} bytes");
        if opens == 1 || out == 0 {
            assert_eq!(value, "large@0");
        } else {
            assert_eq!(value, text.as_str());
        }
        closed += opens;
        world.check();
        check_stats(&pool);
    }
    assert!(closed > 100, "only {closed}");
}

#[test]
fn a_forgotten_future_or_lease_costs_a_seat_at_most() {
    for k in 0..120 {
        let world = World::<true>::new();
        let mut resources = Resources::<2>::new();
        let wires = [world.wire.clone(), world.another_wire()];
        let pool = TestPool::<_, 2>::new(&mut resources, wires, Config::new());
        run(pool.call(incr("n"))).unwrap();
        world.wire.set_pace(Pace::slow(1));

        // The future of a call is forgotten, its lease is not.
        let mut lease = pool.try_get().unwrap();
        let mut call = Box::pin(lease.call(incr("n")));
        let _ = poll(call.as_mut(), k).is_ready();
        mem::forget(call);
        assert_eq!(
            run(lease.call(get("k").reply())),
            Ok(owned("k")),
            "poll {k}"
        );
        drop(lease);
        assert_eq!(run(pool.call(get("k").reply())), Ok(owned("k")), "poll {k}");

        // The future of a whole check-out is forgotten: its seat is lost, the other one is not.
        let mut call = Box::pin(pool.call(incr("n")));
        let ended = poll(call.as_mut(), k).is_ready();
        mem::forget(call);
        for _ in 0..3 {
            assert_eq!(run(pool.call(get("k").reply())), Ok(owned("k")), "poll {k}");
        }
        let seats = (0..2).map_while(|_| pool.try_get().ok()).map(mem::forget);
        assert_eq!(seats.count(), if ended || k == 0 { 2 } else { 1 });
        world.check();
    }
}

/// A blocking pipeline is given up after each of its replies.
fn a_blocking_pipeline_given_up<const SAFE: bool>() {
    for taken in 0..=7 {
        let world = World::<SAFE>::new();
        let mut resources = Resources::new();
        let links = [Blocking(world.wire.clone())];
        let pool = TestPool::<_>::new(&mut resources, links, Config::new());
        for round in 0..3 {
            let mut lease = pool.try_get().unwrap();
            let mut pipeline = lease.pipeline((0..7).map(|_| incr("n")));
            for _ in 0..taken {
                assert!(pipeline.next().unwrap().is_ok());
            }
            assert_eq!(
                lease.call(get("k").reply()),
                Ok(owned("k")),
                "{taken} {round}"
            );
            let mut pipeline = lease.pipeline((0..7).map(|_| incr("n")));
            for _ in 0..taken {
                assert!(pipeline.next().unwrap().is_ok());
            }
            drop(lease);
            assert_eq!(
                pool.call(get("k").reply()),
                Ok(owned("k")),
                "{taken} {round}"
            );
        }
        world.check();
        check_stats(&pool);
    }
}

#[test]
fn a_blocking_pipeline_given_up_half_way_shifts_nothing() {
    a_blocking_pipeline_given_up::<true>();
    a_blocking_pipeline_given_up::<false>();
}
