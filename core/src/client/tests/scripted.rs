//! What users rely on in their tests: that a script notices what differs, and that time and polls
//! pass as it says.

extern crate std;

use core::future::pending;
use std::format;
use std::string::ToString;

use embedded_io::ErrorKind as Kind;

use super::*;
use crate::client::Client;
use crate::command::{Command, get, ping, set};
use crate::config::Protocol;
use crate::connection::Memory;
use crate::error::{ErrorKind, Io, Reached};
use crate::io::Blocking;
use crate::io::scripted::{Mismatch, Pace, Script, Serve, Step, Stuck};
use crate::time::{Clock, Duration, Instant, Timer};

const CONFIG: &Config<'static> = &Config::new();
const GET: Step<'static> = Step::Command("GET k");
const VALUE: Step<'static> = Step::Answer(b"$1\r\nv\r\n");

/// What a GET gives, in both worlds, and what the script says to it.
fn get_by(config: &Config<'_>, pace: Pace, steps: &[Step<'_>]) -> [(Got, Result<(), Mismatch>); 2] {
    let clock = TestClock::new();
    let wire = Wire::new(Script::new(steps), &clock);
    wire.set_pace(pace);
    let mut memory = Memory::<128, 64>::new();
    let mut client = Client::new(&mut memory, wire.clone(), config);
    let got = clock.run(async { client.call(get("k").reply()).await });
    let asynch = (got.unwrap(), wire.peer().finished());

    let wire = Wire::new(Script::new(steps), &clock);
    wire.set_pace(pace);
    let mut memory = Memory::<128, 64>::new();
    let mut client = Client::new(&mut memory, Blocking(wire.clone()), config);
    let got = client.call(get("k").reply());
    [asynch, (got, wire.peer().finished())]
}

type Got = Result<heapless::String<8>, crate::Error>;

#[test]
fn a_script_is_followed_in_both_worlds_and_all_paces() {
    let login = [Step::Login, GET, VALUE];
    let resp2 = Config::new().protocol(Protocol::Resp2);
    let full = Config::new().password("p").client_name("n");
    let full2 = full.protocol(Protocol::Resp2);
    let slowly = [
        Step::Login,
        GET,
        Step::Pending(3),
        Step::Answer(b"$1\r"),
        Step::Wait(Duration::from_millis(70)),
        Step::Answer(b"\nv\r\n"),
    ];
    for config in [CONFIG, &resp2, &full, &full2] {
        for steps in [&login[..], &slowly[..]] {
            for pace in [Pace::FAST, Pace::slow(1), Pace::slow(3).buffered()] {
                for (got, finished) in get_by(config, pace, steps) {
                    assert_eq!(got.unwrap(), "v");
                    assert_eq!(finished, Ok(()));
                }
            }
        }
    }
}

#[test]
fn a_script_says_where_it_was_left() {
    let cases: [(&[Step<'_>], usize, &[u8]); 5] = [
        (
            &[Step::Login, Step::Command("GET x"), VALUE],
            1,
            b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
        ),
        (&[Step::Login, GET, VALUE, Step::Command("PING")], 3, b""),
        (
            &[Step::Login, Step::Bytes(b"*9"), VALUE],
            1,
            b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
        ),
        (&[Step::Login], 1, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"),
        // The command is repeated on a connection that nobody expects.
        (&[Step::Login, GET, Step::End], 3, b"(opened anew)"),
    ];
    for (steps, step, came) in cases {
        for (_, finished) in get_by(CONFIG, Pace::FAST, steps) {
            let mismatch = finished.unwrap_err();
            assert_eq!((mismatch.step, &*mismatch.came), (step, came), "{steps:?}");
            assert!(
                mismatch
                    .to_string()
                    .starts_with(&format!("at step {step}: expected "))
            );
        }
    }
}

#[test]
fn a_stream_breaks_where_the_script_says() {
    let config = Config::new();
    for (broken, io) in [
        (Step::Fail(Kind::ConnectionReset), Io::Reset),
        (Step::End, Io::Closed),
    ] {
        let steps = [
            Step::Login,
            Step::Command("SET k v"),
            Step::Answer(b"+O"),
            broken,
        ];
        let clock = TestClock::new();
        let wire = Wire::new(Script::new(&steps), &clock);
        let mut memory = Memory::<128, 64>::new();
        let mut client = Client::new(&mut memory, wire.clone(), &config);
        let error = clock.run(async { client.call(set("k", "v")).await.unwrap_err() });
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Transport(io));
        assert_eq!(error.reached(), Reached::MaybeSent);
        // The login, and what came of the answer.
        assert_eq!(wire.counts().into, 33 + 5 + 5 + 2);
        wire.peer().finished().unwrap();
    }
}

#[test]
fn time_jumps_when_all_sleep_and_no_sooner() {
    let clock = TestClock::new();
    let at = Instant::from_millis;
    assert_eq!(clock.run(clock.sleep_until(at(50))), Ok(()));
    assert_eq!(clock.now(), at(50));
    assert_eq!(clock.run(pending::<()>()), Err(Stuck));
    assert_eq!(clock.now(), at(50));
    clock.advance_ms(7);
    assert_eq!(clock.now(), at(57));
    assert_eq!(clock.run(clock.sleep_until(at(57))), Ok(()));
    assert!(!clock.jump());
}

#[test]
fn a_server_by_a_function_grants_logins_and_speaks_the_protocol_asked_for() {
    for (protocol, null) in [(Protocol::Resp2, "$-1\r\n"), (Protocol::Resp3, "_\r\n")] {
        let clock = TestClock::new();
        let mut asked = 0;
        let wire = Wire::lossy(
            Serve::new(|words, replies| match words {
                [b"GET", b"none"] => {
                    replies.null().unwrap();
                    asked += 1;
                    assert_eq!(replies.written(), null.as_bytes());
                }
                _ => replies.simple(b"PONG").unwrap(),
            }),
            &clock,
        );
        wire.set_pace(Pace::slow(2));
        let mut resources = PoolResources::<1, 128, 64>::new();
        let config = Config::new().protocol(protocol);
        let pool = Pool::<NoopRawMutex, _, 1>::new(&mut resources, [wire.clone()], config);
        let none = clock.run(pool.call(get("none").reply::<Option<i64>>()));
        assert_eq!(none, Ok(Ok(None)));
        clock.run(pool.call(ping())).unwrap().unwrap();
        drop(pool);
        drop(wire);
        assert_eq!(asked, 1);
    }
}
