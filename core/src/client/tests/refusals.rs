//! What the server says no with, to an open connection: whose error it is, what is closed for it,
//! and that whoever comes next has his own answer.

extern crate std;

use std::string::ToString;

use super::*;
use crate::command::{Command, exec, get, incr, multi, ping, watch};
use crate::config::{Protocol, Retry};
use crate::error::{Code, ErrorKind, Fault, Io, Reached, Refusal, SessionUse};
use crate::io::scripted::Pace;
use crate::io::{Blocking, Dial};
use crate::time::{Clock, Duration, Instant};
use embedded_io::{ErrorKind as Kind, ErrorType, Read, Write};

/// As Redis 7.0 and 8.10 and Valkey 9.1 word them, and whether the server has run nothing.
const REFUSALS: &[(&str, Code, bool)] = &[
    ("-ERR syntax error\r\n", Code::Err, false),
    (
        "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
        Code::WrongType,
        false,
    ),
    ("-NOPERM no\r\n", Code::NoPerm, false),
    ("-LOADING Redis is loading\r\n", Code::Loading, true),
    (
        "-BUSY Redis is busy running a script.\r\n",
        Code::Busy,
        true,
    ),
    (
        "-BUSY Valkey is busy running a script.\r\n",
        Code::Busy,
        true,
    ),
    (
        "-MASTERDOWN Link with MASTER is down\r\n",
        Code::MasterDown,
        true,
    ),
    ("-TRYAGAIN Multiple keys\r\n", Code::TryAgain, true),
    ("-MOVED 3999 127.0.0.1:6381\r\n", Code::Moved, true),
    ("-ASK 3999 127.0.0.1:6381\r\n", Code::Ask, true),
    (
        "-CLUSTERDOWN The cluster is down\r\n",
        Code::ClusterDown,
        true,
    ),
    ("-CROSSSLOT Keys in request\r\n", Code::CrossSlot, false),
    ("-READONLY You can't write\r\n", Code::ReadOnly, false),
    ("-OOM command not allowed\r\n", Code::Oom, false),
    ("-MISCONF Redis is configured\r\n", Code::Misconf, false),
    ("-NOREPLICAS Not enough\r\n", Code::NoReplicas, false),
    ("-NOSCRIPT No matching script.\r\n", Code::NoScript, false),
    (
        "-EXECABORT Transaction discarded\r\n",
        Code::ExecAbort,
        false,
    ),
    ("-BUSYGROUP Consumer Group name\r\n", Code::BusyGroup, false),
    ("-NOGROUP No such key\r\n", Code::NoGroup, false),
    ("-BUSYKEY Target key name\r\n", Code::BusyKey, false),
    ("-UNKILLABLE Sorry\r\n", Code::Unkillable, false),
    ("-NOTBUSY No scripts\r\n", Code::NotBusy, false),
    ("-UNBLOCKED client unblocked\r\n", Code::Unblocked, false),
    ("-WRONGPASS invalid\r\n", Code::WrongPass, false),
    ("-NOPROTO unsupported\r\n", Code::NoProto, false),
    ("-OWN word of a script\r\n", Code::Other, false),
    ("!10\r\nERR in a\r\n\r\n", Code::Err, false),
];

#[test]
fn each_refusal_is_its_callers_and_keeps_the_connection() {
    for (said, code, is_unrun) in REFUSALS {
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
        run(pool.call(ping())).unwrap();
        world.server.store().canned = std::vec![("INCR n", *said)];
        let result = run(pool.call(incr("n")));
        match is_unrun {
            // Asked again, and the same server at that: no word sends a command elsewhere.
            true => assert_eq!(result, Ok(1), "{said}"),
            false => {
                let error = result.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Server(*code), "{said}");
                assert_eq!(error.reached(), Reached::Answered);
            }
        }
        assert_eq!(pool.stats().retries, u32::from(*is_unrun), "{said}");
        assert_eq!(run(pool.call(get("k").reply())), Ok(owned("k")), "{said}");
        assert_eq!(world.wire.counts().opens, 1, "{said}");
        check_stats(&pool);
    }
}

#[test]
fn the_text_of_a_refusal_is_the_leases_to_read() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let config = settings().retry(Retry::Never);
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    for said in [
        "MOVED 3999 127.0.0.1:6381",
        "NOAUTH Authentication required.",
    ] {
        let mut lease = pool.try_get().unwrap();
        world.server.store().canned =
            std::vec![("INCR n", std::format!("-{said}\r\n").leak() as &'static str)];
        assert!(run(lease.call(incr("n"))).is_err());
        assert_eq!(
            lease.error_text().map(ToString::to_string).as_deref(),
            Some(said)
        );
        assert_eq!(run(lease.call(get("k").reply())), Ok(owned("k")));
        assert_eq!(lease.error_text(), None);
    }
}

/// A server that has forgotten the login, or that is about to close: the connection is of no use.
#[test]
fn who_is_turned_away_in_use_gets_a_connection_with_a_new_login() {
    for said in [
        "-NOAUTH Authentication required.\r\n",
        "-ERR Protocol error: invalid bulk length\r\n",
    ] {
        for is_same_lease in [false, true] {
            let world = World::<true>::new();
            world.server.store().password = Some("secret");
            let mut resources = Resources::new();
            let config = settings().retry(Retry::Never).password("secret");
            let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
            run(pool.call(ping())).unwrap();
            world.server.store().canned = std::vec![("INCR n", said)];
            let mut lease = pool.try_get().unwrap();
            let error = run(lease.call(incr("n"))).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Server(_)), "{said}");
            assert_eq!(error.reached(), Reached::Answered);
            if is_same_lease {
                assert_eq!(run(lease.call(incr("n"))), Ok(1), "{said}");
            }
            drop(lease);
            assert_eq!(run(pool.call(get("k").reply())), Ok(owned("k")), "{said}");
            assert_eq!(world.wire.counts().opens, 2, "{said}");
            assert_eq!(pool.stats().closed_refused, 1);
            check_stats(&pool);
        }
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let links = [Blocking(world.wire.clone())];
        let pool = TestPool::<_>::new(&mut resources, links, settings());
        // It is the caller's to know, also where what was not run is asked again.
        world.server.store().canned = std::vec![("INCR n", said)];
        let error = pool.call(incr("n")).unwrap_err();
        assert_eq!(error.reached(), Reached::Answered);
        assert_eq!((pool.stats().retries, world.server.seen("INCR n")), (0, 1));
        world.server.store().canned = std::vec![("INCR n", said)];
        assert!(pool.call((incr("n"), get("k").reply::<()>())).is_err());
        assert_eq!(pool.call(get("k").reply()), Ok(owned("k")));
        assert_eq!(world.wire.counts().opens, 3, "{said}");
    }
}

#[test]
fn a_guard_that_went_with_the_login_is_a_session_lost() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    let mut lease = pool.try_get().unwrap();
    run(lease.call(watch("k"))).unwrap();
    world.server.store().canned = std::vec![("INCR n", "-NOAUTH Authentication required.\r\n")];
    assert!(run(lease.call(incr("n"))).is_err());
    let error = run(lease.call(incr("n"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionLost(SessionUse::Watch));
    assert_eq!(world.server.seen("INCR n"), 1);
    drop(lease);
    assert_eq!(run(pool.call(incr("n"))), Ok(1));
}

#[test]
fn an_error_at_any_place_of_a_pipeline_takes_nobody_elses_reply() {
    const KEYS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    const CALLS: [&str; 8] = [
        "INCR a", "INCR b", "INCR c", "INCR d", "INCR e", "INCR f", "INCR g", "INCR h",
    ];
    for count in 1..=KEYS.len() {
        for (failing, call) in CALLS[..count].iter().enumerate() {
            let said = [(*call, "-WRONGTYPE no\r\n")];
            let expected = |n: usize, result: Result<i64, crate::Error>| match n == failing {
                true => assert_eq!(result.unwrap_err().code(), Some(Code::WrongType)),
                false => assert_eq!(result, Ok(1)),
            };
            let world = World::<true>::new();
            let mut resources = Resources::new();
            let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
            world.server.store().canned = said.to_vec();
            run(async {
                let mut lease = pool.get().await.unwrap();
                let mut pipeline = lease.pipeline(KEYS[..count].iter().map(|key| incr(*key)));
                for n in 0..count {
                    expected(n, pipeline.next().await.unwrap());
                }
                assert!(pipeline.next().await.is_none());
            });
            assert_eq!(run(pool.call(get("k").reply())), Ok(owned("k")));
            assert_eq!(world.wire.counts().opens, 1);

            let world = World::<true>::new();
            let mut resources = Resources::new();
            let links = [Blocking(world.wire.clone())];
            let pool = TestPool::<_>::new(&mut resources, links, settings());
            world.server.store().canned = said.to_vec();
            let mut lease = pool.try_get().unwrap();
            let mut pipeline = lease.pipeline(KEYS[..count].iter().map(|key| incr(*key)));
            for n in 0..count {
                expected(n, pipeline.next().unwrap());
            }
            drop(lease);
            assert_eq!(pool.call(get("k").reply()), Ok(owned("k")));
            assert_eq!(world.wire.counts().opens, 1);
        }
    }
    // The same of a tuple, which is one answer.
    for (failing, call) in CALLS[..3].iter().enumerate() {
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
        world.server.store().canned = std::vec![(*call, "-WRONGTYPE no\r\n")];
        let each = run(async {
            let mut lease = pool.get().await.unwrap();
            let [a, b, c] = [0, 1, 2].map(|n| incr(KEYS[n]).outcome());
            let (a, b, c) = lease.call((a, b, c)).await.unwrap();
            [a.ok(), b.ok(), c.ok()]
        });
        let expected = [0, 1, 2].map(|n| (n != failing).then_some(1));
        assert_eq!(each, expected);
        assert_eq!(run(pool.call(get("k").reply())), Ok(owned("k")));
    }
}

#[test]
fn a_transaction_that_fails_within_as_a_whole_or_by_its_guard_shifts_nothing() {
    type Ran = Option<[i64; 2]>;
    for (said, expected) in [
        ("*2\r\n:1\r\n-WRONGTYPE no\r\n", Err(Code::WrongType)),
        ("*2\r\n-WRONGTYPE no\r\n:1\r\n", Err(Code::WrongType)),
        ("-EXECABORT Transaction discarded\r\n", Err(Code::ExecAbort)),
        ("*-1\r\n", Ok(None)),
        ("_\r\n", Ok(None)),
        ("*2\r\n:4\r\n:5\r\n", Ok(Some([4, 5]))),
    ] {
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
        // It queues nothing by itself, so that it can say what it likes at the end.
        world.server.store().canned = std::vec![
            ("MULTI", "+OK\r\n"),
            ("INCR a", "+QUEUED\r\n"),
            ("INCR b", "+QUEUED\r\n"),
            ("EXEC", said),
        ];
        let queued = (incr("a").reply::<()>(), incr("b").reply::<()>());
        let request = (multi(), queued.0, queued.1, exec().reply::<Ran>());
        let got = run(async {
            let mut lease = pool.get().await.unwrap();
            lease.call(request).await.map(|(.., ran)| ran)
        });
        assert_eq!(
            got.map_err(|error| error.code().unwrap()),
            expected,
            "{said}"
        );
        assert_eq!(run(pool.call(get("k").reply())), Ok(owned("k")), "{said}");
        // Whether the transaction is over is not taken from an error: the server is told to discard
        // it and says that there is none, so the connection is opened anew.
        let opens = 1 + u32::from(expected == Err(Code::ExecAbort));
        assert_eq!(world.wire.counts().opens, opens, "{said}");
        check_stats(&pool);
    }
}

/// A server that is full: it has said so and gone, and nothing can be written any more.
struct Full {
    says: &'static [u8],
}

impl ErrorType for Full {
    type Error = Kind;
}

impl Read for Full {
    fn read(&mut self, window: &mut [u8]) -> Result<usize, Kind> {
        self.says.read(window).map_err(|never| match never {})
    }
}

impl Write for Full {
    fn write(&mut self, _bytes: &[u8]) -> Result<usize, Kind> {
        Err(Kind::BrokenPipe)
    }

    fn flush(&mut self) -> Result<(), Kind> {
        Ok(())
    }
}

#[test]
fn what_a_server_said_before_it_went_is_the_error_of_a_login_that_could_not_be_sent() {
    let full = ErrorKind::Handshake(Refusal::TooManyClients);
    for (says, kind) in [
        (&b"-ERR max number of clients reached\r\n"[..], full),
        (b"-ERR max", ErrorKind::Connect(Io::NotConnected)),
        (b"", ErrorKind::Connect(Io::NotConnected)),
    ] {
        let link = Dial::new(|_| Ok(Full { says }), TestClock::new());
        let mut resources = Resources::new();
        let config = settings().retries(0);
        let pool = TestPool::<_>::new(&mut resources, [Blocking(link)], config);
        let error = pool.call(incr("n")).unwrap_err();
        assert_eq!((error.kind(), error.reached()), (kind, Reached::NotSent));
    }
}

#[test]
fn a_refused_login_is_left_alone_for_long_from_the_first_time_on() {
    let mut waited = Duration::ZERO;
    for seed in 0..50 {
        let world = World::<true>::new();
        world.server.store().password = Some("secret");
        let mut resources = Resources::new();
        let config = settings()
            .backoff(Duration::from_millis(1), Duration::from_secs(8))
            .seed(seed);
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
        for _ in 0..2 {
            let error = world.clock.run(pool.call(ping())).unwrap().unwrap_err();
            let needed = ErrorKind::Handshake(Refusal::PasswordNeeded);
            assert_eq!(error.kind(), needed);
        }
        assert_eq!(world.wire.counts().opens, 2);
        waited += world.clock.now().since(Instant::default());
    }
    let average = waited / 50;
    assert!((3..5).contains(&average.as_secs()), "{average:?}");
}

/// Whoever listens there, what it says is the error of opening, and no command is sent to it.
#[test]
fn a_banner_larger_than_the_window_is_nobodys_reply() {
    for (pace, old) in [
        (Pace::FAST, false),
        (Pace::slow(1), false),
        (Pace::slow(1), true),
    ] {
        let world = World::<true>::new();
        world.server.store().old = old;
        let banner = std::format!("$600\r\n{}\r\n", "x".repeat(600));
        world.server.store().greeting = std::string::String::leak(banner);
        world.wire.set_pace(pace);
        let mut resources = Resources::new();
        let config = settings().retries(0);
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
        let error = run(pool.call(incr("n"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol(Fault::Surplus));
        assert_eq!(world.server.seen("INCR n"), 0);
    }
}

/// Redis names its modules there, which may be many.
#[test]
fn a_greeting_larger_than_the_window_lets_in() {
    for head in ["%1", "*2"] {
        for pace in [Pace::FAST, Pace::slow(1)] {
            let world = World::<true>::new();
            let hello = std::format!("{head}\r\n+modules\r\n$600\r\n{}\r\n", "x".repeat(600));
            world.server.store().canned = std::vec![("HELLO", std::string::String::leak(hello))];
            world.wire.set_pace(pace);
            let mut resources = Resources::new();
            let config = settings().retries(0);
            let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
            assert_eq!(run(pool.call(incr("n"))), Ok(1));
            assert_eq!(pool.stats().opened, 1);
        }
    }
}

#[test]
fn a_banner_is_the_error_of_opening_and_nobodys_reply() {
    let unknown = |first| ErrorKind::Protocol(Fault::UnknownType(first));
    let refused = ErrorKind::Handshake;
    let banners = [
        ("HTTP/1.1 400 Bad Request\r\n\r\n", unknown(b'H')),
        ("\x15\x03\x01\0\x02\x02\x28", unknown(0x15)),
        ("SSH-2.0-OpenSSH_9.2\r\n", unknown(b'S')),
        ("220 mail ESMTP\r\n", unknown(b'2')),
        ("\n", unknown(b'\n')),
        (
            "-ERR max number of clients reached\r\n",
            refused(Refusal::TooManyClients),
        ),
        (
            "-DENIED Redis is running in protected mode\r\n",
            refused(Refusal::Other(Code::Denied)),
        ),
        ("-BUSY wait\r\n", refused(Refusal::Other(Code::Busy))),
        ("+OK\r\n", refused(Refusal::NoProtocol)),
        ("*-1\r\n", refused(Refusal::NoProtocol)),
        ("*1\r\n>1\r\n+x\r\n", ErrorKind::Protocol(Fault::Misplaced)),
    ];
    for (banner, kind) in banners {
        for (pace, protocol) in [
            (Pace::FAST, Protocol::Resp3),
            (Pace::slow(1), Protocol::Resp3),
            (Pace::slow(1), Protocol::Resp2),
        ] {
            let world = World::<true>::new();
            world.server.store().greeting = banner;
            world.server.store().silent = true;
            world.wire.set_pace(pace);
            let mut resources = Resources::new();
            let config = settings().retries(0).protocol(protocol);
            let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
            let error = run(pool.call(incr("n"))).unwrap_err();
            let kind = match (kind, protocol) {
                // Where nothing is asked but whether it is there, it is no answer to that.
                (ErrorKind::Handshake(Refusal::NoProtocol), Protocol::Resp2) => {
                    ErrorKind::Protocol(Fault::Surplus)
                }
                _ => kind,
            };
            let told = (error.kind(), error.reached());
            assert_eq!(told, (kind, Reached::NotSent), "{banner:?}");
            assert_eq!(world.server.seen("INCR n"), 0);
            assert!(!world.wire.is_open());
            world.server.store().greeting = "";
            world.server.store().silent = false;
            assert_eq!(run(pool.call(incr("n"))), Ok(1), "{banner:?}");
            check_stats(&pool);
        }
    }
}

#[test]
fn a_login_that_is_refused_for_good_is_not_tried_again_by_the_same_call() {
    let refusals = [
        ("HELLO", "-WRONGPASS no\r\n", Refusal::WrongPassword),
        ("HELLO", "-NOAUTH no\r\n", Refusal::PasswordNeeded),
        ("HELLO", "-NOPERM no\r\n", Refusal::NoPermission),
        ("HELLO", "+OK\r\n", Refusal::NoProtocol),
        ("HELLO", "-DENIED no\r\n", Refusal::Other(Code::Denied)),
        (
            "SELECT",
            "-ERR DB index is out of range\r\n",
            Refusal::BadDatabase,
        ),
    ];
    for (command, said, refusal) in refusals {
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let config = settings().retries(3).db(1);
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
        world.server.store().canned = std::vec![(command, said)];
        let error = run(pool.call(incr("n"))).unwrap_err();
        let refused = ErrorKind::Handshake(refusal);
        assert_eq!((error.kind(), error.reached()), (refused, Reached::NotSent));
        assert_eq!(world.wire.counts().opens, 1, "{said}");
        // The server has changed its mind, and the next call is not told of what was before.
        assert_eq!(run(pool.call(incr("n"))), Ok(1), "{said}");
        check_stats(&pool);
    }
}
