//! What is tried once more, and what is not.

extern crate std;

use super::*;
use crate::client::Stats;
use crate::command::{Command, Request, echo, get, incr, ping, raw};
use crate::config::Retry;
use crate::error::{Code, Error, ErrorKind, Io, Reached};
use crate::io::scripted::{At, Wrong};
use crate::resp::Owned;
use embedded_io::ErrorKind as Kind;

const RESET: Wrong = Wrong::Error(Kind::ConnectionReset);

/// Makes a call on an open connection after `arm` has prepared what goes wrong. A future that
/// waits for its timeout gets it.
fn call<R: Request>(
    world: &World,
    config: Config<'_>,
    request: R,
    arm: impl FnOnce(&World),
) -> (Result<<R::Reply as Owned>::Value, Error>, Stats)
where
    R::Reply: Owned,
{
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    run(pool.call(ping())).unwrap();
    world.wire.reset_counts();
    world.server.take_log();
    arm(world);
    let mut call = pin!(pool.call(request));
    let result = loop {
        match poll(call.as_mut(), 1000) {
            Polled::Ready(result) => break result,
            Polled::Stuck => {
                // Whoever tries again is answered.
                world.server.store().silent = false;
                world.clock.advance_ms(5000);
            }
            Polled::Pending => panic!("it goes on for ever"),
        }
    };
    world.check();
    (result, pool.stats())
}

#[test]
fn a_read_over_a_broken_transport_is_tried_once_more() {
    for at in [
        At::Write(1),
        At::Read(1),
        At::Flush(1),
        At::Out(5),
        At::In(3),
    ] {
        for wrong in [RESET, Wrong::End] {
            let world = World::<true>::new();
            let arm = |world: &World| world.wire.fail(at, wrong);
            let (result, stats) = call(&world, settings(), get("k").reply(), arm);
            assert_eq!(result, Ok(owned("k")), "{at:?} {wrong:?}");
            let flushed = at == At::Flush(1) && wrong == Wrong::End;
            assert_eq!(stats.retries, u32::from(!flushed));
            assert_eq!(world.wire.counts().opens, u32::from(!flushed));
            assert!(world.server.seen("GET k") <= 2);
        }
    }
}

#[test]
fn a_read_is_not_tried_twice_more() {
    let world = World::<true>::new();
    let arm = |world: &World| {
        // The second read is the handshake's.
        world.wire.fail(At::Read(1), RESET);
        world.wire.fail(At::Read(3), RESET);
    };
    let (result, stats) = call(&world, settings(), get("k").reply::<()>(), arm);
    let error = result.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Transport(_)), "{error:?}");
    assert_eq!(error.reached(), Reached::MaybeSent);
    assert_eq!(stats.retries, 1);
    assert_eq!(world.server.seen("GET k"), 2);
    assert_eq!(world.wire.counts().opens, 1);
}

#[test]
fn a_write_is_tried_once_more_where_nothing_of_it_was_sent() {
    for at in [At::Write(1), At::Out(0)] {
        for wrong in [RESET, Wrong::End] {
            let world = World::<true>::new();
            let arm = |world: &World| world.wire.fail(at, wrong);
            let (result, stats) = call(&world, settings(), incr("n"), arm);
            assert_eq!(result, Ok(1), "{at:?} {wrong:?}");
            assert_eq!(stats.retries, 1);
            assert_eq!(world.server.seen("INCR n"), 1);
        }
    }
}

#[test]
fn a_write_that_may_have_been_sent_is_not_tried_again() {
    for at in [At::Out(1), At::Flush(1), At::Read(1), At::In(1)] {
        let world = World::<true>::new();
        let arm = |world: &World| world.wire.fail(at, RESET);
        let (result, stats) = call(&world, settings(), incr("n"), arm);
        assert_eq!(result.unwrap_err().reached(), Reached::MaybeSent, "{at:?}");
        assert_eq!(stats.retries, 0);
        assert_eq!(world.server.seen("INCR n"), usize::from(at != At::Out(1)));
    }
}

#[test]
fn what_the_server_refused_unrun_is_tried_once_more() {
    const LOADING: (&str, &str) = (
        "INCR",
        "-LOADING Redis is loading the dataset in memory\r\n",
    );
    for times in 1..4 {
        let world = World::<true>::new();
        let arm = |world: &World| world.server.store().canned = std::vec![LOADING; times];
        let (result, stats) = call(&world, settings(), incr("n"), arm);
        match times {
            1 => assert_eq!(result, Ok(1)),
            _ => assert_eq!(result.unwrap_err().code(), Some(Code::Loading)),
        }
        assert_eq!(stats.retries, 1);
        assert_eq!(world.server.seen("INCR n"), 2);
        assert_eq!(world.wire.counts().opens, 0);
    }
    // Of two commands, the other one has run.
    let world = World::<true>::new();
    let arm = |world: &World| world.server.store().canned = std::vec![LOADING];
    let (result, stats) = call(&world, settings(), (incr("n"), incr("m")), arm);
    assert_eq!(result.unwrap_err().code(), Some(Code::Loading));
    assert_eq!(stats.retries, 0);
    assert_eq!(world.server.seen("INCR m"), 1);
}

#[test]
fn what_an_untyped_command_answers_is_its_own_affair() {
    // A script may answer in any words, after it has run.
    let world = World::<true>::new();
    let arm = |world: &World| world.server.store().canned = std::vec![("INCR", "-TRYAGAIN\r\n")];
    let (result, stats) = call(&world, settings(), raw("INCR").arg("n").reply::<i64>(), arm);
    assert_eq!(result.unwrap_err().code(), Some(Code::TryAgain));
    assert_eq!((stats.retries, world.server.seen("INCR n")), (0, 1));
}

#[test]
fn what_came_while_a_connection_was_idle_answers_nobody() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    assert_eq!(run(pool.call(get("a").reply())), Ok(owned("a")));
    world.wire.tell();
    world.wire.say(b">2\r\n+news\r\n+of nothing\r\n");
    assert_eq!(run(pool.call(get("b").reply())), Ok(owned("b")));
    assert_eq!(world.wire.counts().opens, 1);
    world.wire.say(b"$7\r\nsurplus\r\n");
    assert_eq!(run(pool.call(get("c").reply())), Ok(owned("c")));
    assert_eq!(world.wire.counts().opens, 2);
}

#[test]
fn other_errors_of_the_server_are_not_tried_again() {
    let world = World::<true>::new();
    let arm = |world: &World| world.server.store().canned = std::vec![("GET", "-ERR no\r\n")];
    let (result, stats) = call(&world, settings(), get("k").reply::<()>(), arm);
    assert_eq!(result.unwrap_err().code(), Some(Code::Err));
    assert_eq!((stats.retries, world.server.seen("GET k")), (0, 1));
}

#[test]
fn a_timeout_is_tried_again_only_where_the_settings_say_so() {
    let silent = |world: &World| world.server.store().silent = true;
    for retry in [false, true] {
        let config = settings().retry(Retry::Always).retry_on_timeout(retry);
        let world = World::<true>::new();
        let (result, stats) = call(&world, config, incr("n"), silent);
        match retry {
            true => assert_eq!(
                result,
                Ok(2),
                "it was applied twice, as the settings say it may be"
            ),
            false => {
                let error = result.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::TimedOut);
                assert_eq!(error.reached(), Reached::MaybeSent);
            }
        }
        assert_eq!((stats.timeouts, stats.retries), (1, u32::from(retry)));
        assert_eq!(world.server.seen("INCR n"), 1 + usize::from(retry));

        let world = World::<true>::new();
        let (result, _) = call(&world, config, get("k").reply(), silent);
        match retry {
            true => assert_eq!(result, Ok(owned("k"))),
            false => assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut),
        }
    }
}

#[test]
fn a_tuple_is_tried_again_as_a_whole_or_not_at_all() {
    let broken = |world: &World| world.wire.fail(At::Read(1), RESET);
    let world = World::<true>::new();
    let reads = (get("a").reply(), get("b").reply());
    let (result, stats) = call(&world, settings(), reads, broken);
    assert_eq!(result, Ok((owned("a"), owned("b"))));
    assert_eq!((stats.retries, world.server.seen("GET a")), (1, 2));

    let world = World::<true>::new();
    let with_a_write = (get("a").reply::<()>(), incr("n"));
    let (result, stats) = call(&world, settings(), with_a_write, broken);
    assert_eq!(result.unwrap_err().reached(), Reached::MaybeSent);
    assert_eq!((stats.retries, world.server.seen("INCR n")), (0, 1));

    // Sent or not is said of all of it.
    let world = World::<true>::new();
    let unsent = |world: &World| world.wire.fail(At::Write(1), RESET);
    let (result, stats) = call(&world, settings(), (echo("a").reply(), incr("n")), unsent);
    assert_eq!(
        result,
        Ok((heapless::String::<1>::try_from("a").unwrap(), 1))
    );
    assert_eq!((stats.retries, world.server.seen("INCR n")), (1, 1));
}

#[test]
fn a_tuple_of_which_an_earlier_try_may_have_run_is_not_settled_by_a_refused_write() {
    const READ_ONLY: &str = "-READONLY You can't write against a read only replica.\r\n";
    const WRONG_TYPE: &str = "-WRONGTYPE no\r\n";
    let always = settings().retry(Retry::Always);
    let request = || {
        let get = get("k").reply::<heapless::String<8>>();
        (get.outcome(), incr("n").outcome())
    };
    let doubt = Error::new(ErrorKind::Server(Code::ReadOnly), Reached::MaybeSent);
    let wrong = Error::answered(ErrorKind::Server(Code::WrongType));
    let value = heapless::String::<8>::try_from("k@0").unwrap();
    for (get, incr, expected) in [
        (None, Some(READ_ONLY), Err(doubt)),
        (Some(WRONG_TYPE), Some(READ_ONLY), Err(doubt)),
        // The write has run; nothing that the read could have done is in doubt.
        (Some(WRONG_TYPE), None, Ok((Err(wrong), Ok(2)))),
        (None, None, Ok((Ok(value), Ok(2)))),
    ] {
        let world = World::<true>::new();
        let lost = |world: &World| {
            world.wire.fail(At::Read(1), RESET);
            // The first try runs, and its answers are lost.
            let mut canned = std::vec![("GET", "$3\r\nk@0\r\n"), ("INCR", ":1\r\n")];
            canned.push(("GET", get.unwrap_or("$3\r\nk@0\r\n")));
            canned.push(("INCR", incr.unwrap_or(":2\r\n")));
            world.server.store().canned = canned;
        };
        let (result, stats) = call(&world, always, request(), lost);
        assert_eq!((result, stats.retries), (expected, 1));
    }
}

#[test]
fn a_server_that_is_silent_at_the_login_costs_the_connect_timeout_once() {
    let world = World::<true>::new();
    world.server.store().silent = true;
    let mut resources = Resources::new();
    let config = settings()
        .retries(0)
        .connect_timeout(core::time::Duration::from_millis(700));
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    let mut call = pin!(pool.call(incr("n")));
    assert_eq!(poll(call.as_mut(), 10), Polled::Stuck);
    world.clock.advance_ms(699);
    assert_eq!(poll(call.as_mut(), 10), Polled::Stuck);
    world.clock.advance_ms(1);
    let error = poll(call, 10).ready().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect(Io::TimedOut));
    assert_eq!(error.reached(), Reached::NotSent);
    assert!(!world.wire.is_open());
    assert_eq!(world.wire.counts().opens, 1);
    check_stats(&pool);
}

#[test]
fn each_policy_repeats_what_it_says() {
    // What may have been sent, by policy: a read, a write, a write called idempotent.
    let policies = [
        (Retry::Never, [false, false, false]),
        (Retry::WhenUnsent, [false, false, false]),
        (Retry::WhenSafe, [true, false, true]),
        (Retry::Always, [true, true, true]),
    ];
    let broken = |world: &World| world.wire.fail(At::Read(1), RESET);
    let late = |world: &World| world.server.store().silent = true;
    for (policy, [read, write, idempotent]) in policies {
        let config = settings().retry(policy);
        let world = World::<true>::new();
        let (result, stats) = call(&world, config, get("k").reply::<()>(), broken);
        assert_eq!(result.is_ok() || stats.retries == 1, read, "{policy:?}");

        let world = World::<true>::new();
        let (_, stats) = call(&world, config, incr("n"), broken);
        assert_eq!(stats.retries, u32::from(write), "{policy:?}");
        assert_eq!(world.server.seen("INCR n"), 1 + usize::from(write));

        let world = World::<true>::new();
        let (_, stats) = call(&world, config, incr("n").idempotent(), broken);
        assert_eq!(stats.retries, u32::from(idempotent), "{policy:?}");
        assert_eq!(world.server.seen("INCR n"), 1 + usize::from(idempotent));

        // A timeout is another matter, and only in question where `retry_on_timeout` says so.
        for retry_on_timeout in [false, true] {
            let config = config.retry_on_timeout(retry_on_timeout);
            let world = World::<true>::new();
            let (_, stats) = call(&world, config, incr("n").idempotent(), late);
            assert_eq!(stats.retries, u32::from(idempotent && retry_on_timeout));
            let world = World::<true>::new();
            let (_, stats) = call(&world, config, incr("n"), late);
            assert_eq!(stats.retries, u32::from(write && retry_on_timeout));
        }

        // Of what was not sent, all but `Never` are sure.
        let world = World::<true>::new();
        let unsent = |world: &World| world.wire.fail(At::Write(1), RESET);
        let (result, stats) = call(&world, config, incr("n"), unsent);
        assert_eq!(result.is_ok(), policy != Retry::Never, "{policy:?}");
        assert_eq!(stats.retries, u32::from(policy != Retry::Never));

        // Of what the server refused unrun, those that trust the server's word.
        let world = World::<true>::new();
        let loading = |world: &World| {
            world.server.store().canned = std::vec![("INCR", "-LOADING wait\r\n")];
        };
        let (result, _) = call(&world, config, incr("n"), loading);
        let trusts = matches!(policy, Retry::WhenSafe | Retry::Always);
        assert_eq!(result.is_ok(), trusts, "{policy:?}");
    }
}

#[test]
fn a_whole_transaction_is_no_session_that_could_be_lost() {
    use crate::command::{exec, multi, watch};
    type Ran = Option<[i64; 1]>;
    let transaction = || (multi(), incr("n").reply::<()>(), exec().reply::<Ran>());
    let broken = |world: &World| world.wire.fail(At::Read(1), RESET);
    // Under `Always` and where it is called idempotent, it is sent again as a whole.
    let world = World::<true>::new();
    let (_, stats) = call(
        &world,
        settings().retry(Retry::Always),
        transaction_owned(),
        broken,
    );
    assert_eq!(stats.retries, 1);
    // And by itself it is not; but the lease goes on with a new connection.
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    run(async {
        let mut lease = pool.get().await.unwrap();
        lease.call(ping()).await.unwrap();
        world.wire.reset_counts();
        broken(&world);
        let error = lease.call(transaction()).await.unwrap_err();
        assert_eq!(error.reached(), Reached::MaybeSent);
        assert_eq!(lease.call(incr("m")).await, Ok(1));
        // What was watched before it is lost with the connection, and that is said.
        lease.call(watch("k")).await.unwrap();
        world.wire.reset_counts();
        broken(&world);
        assert!(lease.call(transaction()).await.is_err());
        let error = lease.call(incr("m")).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::SessionLost(_)),
            "{error:?}"
        );
    });
}

/// `MULTI`, `INCR n`, `EXEC`, with replies that can be owned.
fn transaction_owned() -> impl Request<Reply: Owned> {
    use crate::command::{exec, multi};
    (
        multi().reply::<()>(),
        incr("n").reply::<()>(),
        exec().reply::<Option<[i64; 1]>>(),
    )
}

#[test]
fn what_may_have_been_sent_once_is_not_called_unsent_for_a_later_try() {
    let mut ran = 0;
    for write in 2..8 {
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let config = settings().retry(Retry::Always).retries(3);
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
        run(pool.call(ping())).unwrap();
        world.wire.reset_counts();
        // The answer is lost, then the second try breaks, and then nobody listens.
        world
            .wire
            .fail(At::Read(1), Wrong::Error(Kind::ConnectionReset));
        world
            .wire
            .fail(At::Write(write), Wrong::Error(Kind::ConnectionReset));
        for open in 2..9 {
            world
                .wire
                .fail(At::Open(open), Wrong::Error(Kind::ConnectionRefused));
        }
        let Err(error) = run(pool.call(incr("n"))) else {
            continue;
        };
        assert!(world.server.seen("INCR n") > 0);
        assert_eq!(error.reached(), Reached::MaybeSent, "{write}: {error:?}");
        ran += usize::from(matches!(error.kind(), ErrorKind::Connect(_)));
    }
    assert!(ran > 1, "only {ran}");
}

#[test]
fn an_error_is_about_all_tries_and_one_that_may_have_run_is_not_settled_by_a_refusal() {
    const LOADING: &str = "-LOADING Redis is loading the dataset in memory\r\n";
    const OTHER: &str = "-READONLY You can't write against a read only replica.\r\n";
    let always = settings().retry(Retry::Always);
    for (said, code) in [(LOADING, Code::Loading), (OTHER, Code::ReadOnly)] {
        // The first try runs, and its answer is lost.
        let world = World::<true>::new();
        let lost = |world: &World| {
            world.wire.fail(At::Read(1), RESET);
            world.server.store().canned = std::vec![("INCR", ":1\r\n"), ("INCR", said)];
        };
        let (result, stats) = call(&world, always, incr("n"), lost);
        let error = result.unwrap_err();
        assert_eq!((error.code(), stats.retries), (Some(code), 1));
        assert_eq!(error.reached(), Reached::MaybeSent, "{error}");
        assert_eq!(world.server.seen("INCR n"), 2);

        // A read that has run has changed nothing.
        let world = World::<true>::new();
        let lost = |world: &World| {
            world.wire.fail(At::Read(1), RESET);
            world.server.store().canned = std::vec![("GET", "$1\r\nv\r\n"), ("GET", said)];
        };
        let (result, stats) = call(&world, always, get("k").reply::<()>(), lost);
        let error = result.unwrap_err();
        assert_eq!((error.code(), stats.retries), (Some(code), 1));
        assert_eq!(error.reached(), Reached::Answered, "{error}");

        // Of one that was not sent before, the answer says all.
        let world = World::<true>::new();
        let unsent = |world: &World| {
            world.wire.fail(At::Write(1), RESET);
            world.server.store().canned = std::vec![("INCR", said)];
        };
        let (result, stats) = call(&world, always, incr("n"), unsent);
        let error = result.unwrap_err();
        assert_eq!((error.code(), stats.retries), (Some(code), 1));
        assert_eq!(error.reached(), Reached::Answered, "{error}");
    }
}
