//! What was wrong once.

extern crate std;

use std::string::String;

use super::*;
use crate::command::{Command, Encode, Spec, echo, get, incr, mget, set, table, watch};
use crate::config::Retry;
use crate::error::{Code, ErrorKind, Io, Reached, Refusal};
use crate::io::scripted::{At, Pace, Wrong};
use crate::resp::{Any, Arg, Args};
use embedded_io::ErrorKind as Kind;

/// Words, whatever command they are.
struct Words(&'static Spec, &'static [&'static str]);

impl Encode for Words {
    fn spec(&self) -> &'static Spec {
        self.0
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        for word in self.1 {
            args.push(Arg::Bytes(word.as_bytes()));
        }
    }
}

impl Command for Words {
    type Reply = Any;
}

#[test]
fn the_command_window_may_end_anywhere_in_a_command() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    for n in 0..130 {
        let text = "x".repeat(n);
        let mut lease = pool.try_get().unwrap();
        let (a, b, count) =
            run(lease.call((echo(text.as_str()), echo("second"), incr("n")))).unwrap();
        assert_eq!((a.len(), b, count), (n, b"second".as_slice(), n as i64 + 1));
        world.check();
    }
}

#[test]
fn what_a_dropped_call_wrote_is_flushed_before_its_reply_is_awaited() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    run(pool.call(incr("n"))).unwrap();
    world.wire.set_pace(Pace::slow(usize::MAX).buffered());
    // Written, and pending in the flush.
    assert_eq!(drop_at(2, pool.call(incr("n"))), Polled::Pending);
    assert_eq!(run(pool.call(incr("n"))), Ok(3));
    assert_eq!(world.wire.counts().opens, 1);
}

#[test]
fn an_old_server_with_a_password_is_logged_in_to() {
    let world = World::<true>::new();
    world.server.store().old = true;
    world.server.store().password = Some("secret");
    let mut resources = Resources::new();
    let config = settings().password("secret").client_name("old").db(2);
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    assert_eq!(run(pool.call(incr("n"))), Ok(1));
}

#[test]
fn a_session_that_another_borrower_lost_is_not_blamed_on_the_next() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    run(pool.try_get().unwrap().call(watch("k"))).unwrap();
    world.wire.end(Wrong::Error(Kind::ConnectionReset));
    let mut lease = pool.try_get().unwrap();
    for _ in 0..3 {
        assert_eq!(run(lease.call(get("k").reply())), Ok(owned("k")));
    }
}

#[test]
fn that_nothing_was_sent_is_not_said_of_the_second_try_alone() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let config = settings().retry(Retry::Always).retry_on_timeout(true);
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    run(pool.call(incr("n"))).unwrap();
    // A write that was sent and had no answer, and no connection for the second try.
    world.server.store().silent = true;
    let mut call = pin!(pool.call(incr("n")));
    assert_eq!(poll(call.as_mut(), 10), Polled::Stuck);
    world
        .wire
        .fail(At::Open(2), Wrong::Error(Kind::ConnectionRefused));
    world.clock.advance_ms(5000);
    let error = poll(call, 10).ready().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect(Io::Refused));
    assert_eq!(error.reached(), Reached::MaybeSent);
}

#[test]
fn a_claim_to_have_written_more_of_a_large_argument_than_there_is_breaks_the_connection() {
    for claim in [1000, usize::MAX] {
        for nth in 1..4 {
            let world = World::<true>::new();
            let mut resources = Resources::new();
            let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
            run(pool.call(incr("n"))).unwrap();
            world.wire.reset_counts();
            world.wire.fail(At::Write(nth), Wrong::Claim(claim));
            let text = "x".repeat(200);
            let error = run(pool.call(set("k", text.as_str()))).unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::Transport(Io::Misbehaved),
                "write {nth}"
            );
            assert_eq!(run(pool.call(incr("n"))), Ok(2));
            world.check();
        }
    }
}

/// A `next` that is dropped at each of its polls and called again: every reply once and in order,
/// or an error where the transport loses bytes; and no command twice.
fn next_dropped_and_called_again<const SAFE: bool>() -> usize {
    let long = "y".repeat(150);
    let texts = ["a", "bb", long.as_str(), "c", long.as_str(), "d"];
    let mut runs = 0;
    for k in 1..400 {
        let world = World::<SAFE>::new();
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
        let mut lease = pool.try_get().unwrap();
        run(lease.call(incr("n"))).unwrap();
        world.server.take_log();
        world.wire.set_pace(Pace::slow(3));
        let mut pipeline = lease.pipeline(texts.iter().map(|text| echo(*text)));
        let mut answers = std::vec::Vec::<String>::new();
        let mut broken = false;
        let mut dropped = false;
        loop {
            let polls = if dropped { 100_000 } else { k };
            match drop_at(polls, pipeline.next()) {
                Polled::Ready(Some(Ok(answer))) => {
                    answers.push(String::from_utf8(answer.to_vec()).unwrap());
                }
                Polled::Ready(Some(Err(error))) => {
                    assert!(!SAFE && dropped, "{error:?}");
                    broken = true;
                }
                Polled::Ready(None) => break,
                Polled::Pending => dropped = true,
                Polled::Stuck => panic!("nobody wakes it after {k} polls"),
            }
        }
        assert!(
            texts.starts_with(
                &answers
                    .iter()
                    .map(String::as_str)
                    .collect::<std::vec::Vec<_>>()
            )
        );
        assert_eq!(broken, answers.len() < texts.len(), "poll {k}");
        world.wire.set_pace(Pace::FAST);
        assert_eq!(run(lease.call(get("k").reply())), Ok(owned("k")));
        for text in ["a", "bb", "c", "d"] {
            assert!(world.server.seen(&std::format!("ECHO {text}")) <= 1);
        }
        assert!(world.server.seen(&std::format!("ECHO {long}")) <= 2);
        if !broken {
            assert_eq!(world.server.seen(&std::format!("ECHO {long}")), 2);
        }
        world.check();
        runs += usize::from(dropped);
    }
    runs
}

#[test]
fn a_dropped_next_can_be_called_again() {
    let safe = next_dropped_and_called_again::<true>();
    let lossy = next_dropped_and_called_again::<false>();
    assert!(safe > 100 && lossy > 100, "{safe} {lossy}");
}

#[test]
fn the_end_of_a_transaction_counts_only_once_it_is_sent() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    let mut lease = pool.try_get().unwrap();
    // The window holds the first two.
    let transaction = [
        Words(&table::MULTI, &[]),
        Words(&table::SET, &["k", "a value of a good length"]),
        Words(&table::EXEC, &[]),
    ];
    let mut pipeline = lease.pipeline(transaction);
    for _ in 0..2 {
        assert!(run(pipeline.next()).unwrap().is_ok());
    }
    drop(lease);
    assert_eq!(
        world.server.seen("EXEC"),
        0,
        "the window was to be too small"
    );
    assert_eq!(run(pool.call(get("other").reply())), Ok(owned("other")));
}

#[test]
fn a_push_larger_than_the_window_costs_no_reply() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    run(pool.call(incr("n"))).unwrap();
    for len in [100, 500, 600, 2000] {
        for pace in [Pace::FAST, Pace::slow(1), Pace::slow(50)] {
            world.wire.set_pace(pace);
            let push = std::format!(">2\r\n+news\r\n${len}\r\n{}\r\n", "z".repeat(len));
            world.wire.say(push.as_bytes());
            assert_eq!(
                run(pool.call(get("k").reply())),
                Ok(owned("k")),
                "{len} {pace:?}"
            );
        }
    }
    assert_eq!(world.wire.counts().opens, 1);
}

#[test]
fn a_reply_that_never_comes_is_not_the_next_ones_failure() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    run(pool.call(incr("n"))).unwrap();
    world.server.store().silent = true;
    assert_eq!(drop_at(10, pool.call(incr("n"))), Polled::Stuck);
    // It waits for the other's reply, in vain; of its own command nothing was sent.
    let mut next = pin!(pool.call(incr("m")));
    assert_eq!(poll(next.as_mut(), 10), Polled::Stuck);
    world.server.store().silent = false;
    world.clock.advance_ms(5000);
    assert_eq!(poll(next, 10), Polled::Ready(Ok(1)));
    assert_eq!(world.server.seen("INCR m"), 1);
    check_stats(&pool);
}

#[test]
fn an_array_is_one_reply_whatever_the_request_looks_like() {
    type One = [heapless::String<4>; 1];
    let v = || heapless::String::try_from("v").unwrap();
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    let mut lease = pool.try_get().unwrap();
    let arrays = |count| {
        let array = ("MGET", "*1\r\n$1\r\nv\r\n");
        world.server.store().canned = std::vec![array; count];
    };
    for _ in 0..3 {
        arrays(3);
        assert_eq!(run(lease.call(mget(["a"]).reply::<One>())), Ok([v()]));
        let two = (mget(["a"]).reply::<One>(), mget(["b"]).reply::<One>());
        assert_eq!(run(lease.call(two)), Ok(([v()], [v()])));
        arrays(1);
        let mut pipeline = lease.pipeline([mget(["a"]).reply::<One>()]);
        assert_eq!(run(pipeline.next()), Some(Ok([v()])));
        assert_eq!(run(pipeline.next()), None);
        assert_eq!(run(lease.call(get("k").reply())), Ok(owned("k")));
    }
    assert_eq!(world.wire.counts().opens, 1);
}

#[test]
fn a_server_that_knows_nothing_is_asked_in_both_protocols_and_no_more() {
    const UNKNOWN: &str = "-ERR unknown command\r\n";
    for hello in [UNKNOWN, "-NOPROTO unsupported protocol version\r\n"] {
        // It stops knowing RESP3, and nothing else: that is enough.
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
        world.server.store().canned = std::vec![("HELLO", hello)];
        assert_eq!(run(pool.call(incr("n"))), Ok(1));
        assert_eq!(
            (world.server.seen("HELLO 3"), world.server.seen("PING")),
            (1, 1)
        );
        // Nor does it know anything else.
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
        world.server.store().canned = std::vec![("HELLO", hello), ("PING", UNKNOWN)];
        let error = run(pool.call(incr("n"))).unwrap_err();
        let refused = ErrorKind::Handshake(Refusal::Other(Code::Err));
        assert_eq!((error.kind(), error.reached()), (refused, Reached::NotSent));
        assert_eq!(
            (world.server.seen("HELLO 3"), world.server.seen("PING")),
            (1, 1)
        );
        assert_eq!(world.wire.counts().opens, 1);
    }
}
