//! A future dropped at each of its polls: whoever comes next gets the right answers.

extern crate std;

use std::format;
use std::println;
use std::string::String;
use std::vec::Vec;

use super::*;
use crate::client::Client;
use crate::command::{
    Command, Plain, echo, exec, get, incr, multi, ping, select, set, table, watch,
};
use crate::connection::sabotage;
use crate::error::{ErrorKind, SessionUse};
use crate::io::asynch;
use crate::io::scripted::{Pace, Wrong};
use crate::resp::Any;
use embedded_io::ErrorKind as Kind;

/// What is dropped half-way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    Read,
    Write,
    /// Its value is larger than the command window.
    Large,
    Tuple,
    /// So many commands, whose replies are taken one by one.
    Pipeline(usize),
    Transaction,
    /// A command that may wait, and finds what it is to wait for.
    ListWait,
    StreamWait,
    /// The first call, which opens the connection.
    Handshake,
    /// The first call after the connection broke.
    Reconnect,
    /// The first call after another borrower left a dirty session.
    Restore,
    /// Check-out, call and return in one.
    PoolCall,
}

/// How it is dropped.
#[derive(Clone, Copy, Debug)]
struct Case {
    op: Op,
    pace: Pace,
    /// The server speaks RESP2 only.
    old: bool,
    pushes: bool,
    /// Who comes next is the same borrower.
    same_lease: bool,
}

/// Longer than the command window.
const LARGE: &str = "a value that does not fit the command window of sixty-four bytes, by far: it is sent from where it is";
const TEXTS: [&str; 8] = [
    "first",
    "second text",
    LARGE,
    "x",
    "",
    "sixth",
    LARGE,
    "the last",
];

async fn act<L: asynch::Link>(client: &mut Client<'_, L>, op: Op) -> bool {
    match op {
        Op::Read => client.call(get("read").reply()).await == Ok(value_in_1("read")),
        Op::Write => client.call(set("once", "written").reply()).await == Ok(()),
        Op::Large => client.call(set("once", LARGE).reply()).await == Ok(()),
        Op::Tuple => {
            let request = (incr("n"), get("t").reply(), echo("text").reply());
            let text = heapless::String::<8>::try_from("text").unwrap();
            client.call(request).await == Ok((1, value_in_1("t"), text))
        }
        Op::Pipeline(len) => {
            let texts = TEXTS.iter().take(len);
            let mut pipeline = client.pipeline(texts.clone().map(|text| echo(*text)));
            for text in texts {
                let Some(Ok(answer)) = pipeline.next().await else {
                    return false;
                };
                if answer != text.as_bytes() {
                    return false;
                }
            }
            pipeline.next().await.is_none()
        }
        Op::Transaction => {
            let exec = exec().reply::<Option<[i64; 1]>>();
            let ran = client.call((multi(), incr("t").reply::<()>(), exec)).await;
            ran.map(|(.., counts)| counts) == Ok(Some([1]))
        }
        Op::ListWait => {
            let wait = Plain::<_, Any>::new(&table::BLPOP, ("list", 1));
            client.call(wait.reply()).await == Ok(value_in_1("list"))
        }
        Op::StreamWait => {
            let wait = Plain::<_, Any>::new(&table::XREAD, ("BLOCK", 9, "STREAMS", "s", 0));
            client.call(wait.reply()).await == Ok(value_in_1("s"))
        }
        Op::Handshake | Op::Restore | Op::Reconnect => {
            client.call(get("first").reply()).await == Ok(value_in_1("first"))
        }
        Op::PoolCall => unreachable!(),
    }
}

/// Drops at poll `k`, and again at `k / 2`. Says whether the future had come to its end, and what
/// was answered wrongly.
fn dropped_at<const SAFE: bool>(case: &Case, k: usize) -> (bool, Vec<String>) {
    let world = World::<SAFE>::new();
    world.server.store().old = case.old;
    world.server.store().pushes = case.pushes;
    let mut resources = Resources::new();
    let config = settings().db(1).client_name("cancel");
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    if case.op != Op::Handshake {
        run(pool.call(ping())).unwrap();
    }
    if case.op == Op::Restore {
        let mut lease = pool.try_get().unwrap();
        run(lease.call((watch("w"), select(3), multi()))).unwrap();
    }
    world.server.take_log();
    world.wire.reset_counts();
    world.wire.set_pace(case.pace);
    if case.op == Op::Reconnect {
        world.wire.end(Wrong::Error(Kind::ConnectionReset));
    }

    let mut wrong = Vec::new();
    let mut note = |what: &str, polled: Polled<bool>| {
        if polled == Polled::Ready(false) {
            wrong.push(format!("{what}, {case:?}, poll {k}"));
        }
    };
    let (ended, accepted);
    if case.op == Op::PoolCall {
        let polled = drop_at(k, async { pool.call(incr("pool")).await == Ok(1) });
        ended = polled.is_ready();
        accepted = world.wire.counts().out;
        note("the dropped call", polled);
    } else {
        let mut lease = pool.try_get().unwrap();
        let polled = drop_at(k, act(&mut lease, case.op));
        ended = polled.is_ready();
        accepted = world.wire.counts().out;
        note("the dropped one", polled);
        if case.same_lease {
            let polled = drop_at(k / 2, act(&mut lease, Op::Read));
            note("the second dropped one", polled);
            let next = run(lease.call(get("next").reply::<heapless::String<32>>()));
            let right = match next {
                Ok(value) => value == value_in_1("next"),
                // Whether a transaction that was dropped has come to its end, nobody knows.
                Err(error) => {
                    let lost = ErrorKind::SessionLost(SessionUse::Multi);
                    case.op == Op::Transaction && error.kind() == lost
                }
            };
            note("the next one of the lease", Polled::Ready(right));
        }
    }
    let second = drop_at(k / 2, async { pool.call(incr("second")).await == Ok(1) });
    note("the second dropped call", second);
    let right = run(pool.call(get("right").reply()));
    note(
        "the next call",
        Polled::Ready(right == Ok(value_in_1("right"))),
    );
    world.wire.set_pace(Pace::FAST);
    let right = run(pool.call((echo("a").reply(), incr("right"))));
    let a = heapless::String::<8>::try_from("a").unwrap();
    note("the one after it", Polled::Ready(right == Ok((a, 1))));

    // Nothing is said twice, and what had not left when it was dropped is not said at all.
    for once in [
        "SET once written",
        "INCR n",
        "INCR t",
        "INCR second",
        "INCR pool",
        "ECHO first",
    ] {
        let seen = world.server.seen(once);
        if seen > usize::from(accepted > 0 || once == "INCR second") {
            wrong.push(format!("{once} came {seen} times, {case:?}, poll {k}"));
        }
    }
    if !sabotage::SKIPS_NOTHING.get() {
        world.check();
        check_stats(&pool);
    }
    (ended, wrong)
}

/// Every connection begins in database 1.
fn value_in_1(key: &str) -> heapless::String<32> {
    heapless::String::try_from(server::value_in(key, 1).as_str()).unwrap()
}

/// Every poll of the case; says how many there were.
fn all_polls<const SAFE: bool>(case: &Case) -> usize {
    for k in 0.. {
        let (ended, wrong) = dropped_at::<SAFE>(case, k);
        assert!(wrong.is_empty(), "{wrong:#?}");
        if ended {
            return k + 1;
        }
    }
    unreachable!()
}

fn cases(ops: &[Op], paces: &[Pace]) -> Vec<Case> {
    let mut cases = Vec::new();
    for op in ops {
        for pace in paces {
            for (old, pushes) in [(true, false), (false, false), (false, true)] {
                for same_lease in [false, true] {
                    if !(same_lease && *op == Op::PoolCall) {
                        cases.push(Case {
                            op: *op,
                            pace: *pace,
                            old,
                            pushes,
                            same_lease,
                        });
                    }
                }
            }
        }
    }
    cases
}

fn sweep(name: &str, ops: &[Op], paces: &[Pace], at_least: usize) {
    let cases = cases(ops, paces);
    let safe: usize = cases.iter().map(all_polls::<true>).sum();
    let lossy: usize = cases.iter().map(all_polls::<false>).sum();
    println!("{name}: dropped {safe} times, {lossy} times where that loses bytes");
    assert!(safe.min(lossy) >= at_least, "only {safe} and {lossy} runs");
}

#[test]
fn a_call_dropped_at_any_poll() {
    let paces = [Pace::slow(1), Pace::slow(1).buffered(), Pace::slow(7)];
    sweep("calls", &[Op::Read, Op::Write, Op::PoolCall], &paces, 1600);
}

#[test]
fn a_large_command_dropped_at_any_poll() {
    let paces = [Pace::slow(1), Pace::slow(5).buffered()];
    sweep("large commands", &[Op::Large], &paces, 1000);
}

#[test]
fn a_tuple_dropped_at_any_poll() {
    let paces = [Pace::slow(1), Pace::slow(5).buffered()];
    sweep("tuples", &[Op::Tuple], &paces, 1000);
}

#[test]
fn a_pipeline_dropped_at_any_poll() {
    let paces = [Pace::slow(2), Pace::slow(9).buffered()];
    sweep("pipelines", &[Op::Pipeline(6)], &paces, 2000);
    let others = [1, 2, 3, 4, 5, 7, 8].map(Op::Pipeline);
    sweep("of other lengths", &others, &[Pace::slow(64)], 500);
}

#[test]
fn a_transaction_dropped_at_any_poll() {
    let paces = [Pace::slow(4), Pace::slow(9).buffered()];
    sweep("transactions", &[Op::Transaction], &paces, 300);
}

#[test]
fn a_command_that_may_wait_dropped_at_any_poll() {
    let ops = [Op::ListWait, Op::StreamWait];
    sweep("waits", &ops, &[Pace::slow(5).buffered()], 150);
}

#[test]
fn a_handshake_dropped_at_any_poll() {
    let paces = [Pace::slow(2), Pace::slow(7).buffered()];
    sweep("handshakes", &[Op::Handshake], &paces, 1800);
}

#[test]
fn a_reconnect_dropped_at_any_poll() {
    sweep("reconnects", &[Op::Reconnect], &[Pace::slow(9)], 200);
}

#[test]
fn a_clean_up_dropped_at_any_poll() {
    let paces = [Pace::slow(2), Pace::slow(7).buffered()];
    sweep("clean-ups", &[Op::Restore], &paces, 600);
}

#[test]
fn without_the_skipping_of_replies_the_same_runs_find_wrong_ones() {
    sabotage::SKIPS_NOTHING.set(true);
    let mut found = 0;
    for case in cases(&[Op::Read, Op::PoolCall], &[Pace::slow(1)]) {
        for k in 0..120 {
            found += dropped_at::<true>(&case, k).1.len();
        }
    }
    sabotage::SKIPS_NOTHING.set(false);
    println!("without the skipping, {found} wrong replies");
    assert!(found > 50, "only {found}");
}
