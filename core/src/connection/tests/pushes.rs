//! Messages that answer nothing, and several replies at once.

use super::*;
use crate::command::{incr, ping, unwatch, watch};

#[test]
fn pushes_before_between_and_after_replies_are_no_replies() {
    let push = b">2\r\n+message\r\n*1\r\n$5\r\nhello\r\n";
    let described = [b"|1\r\n+k\r\n:1\r\n", &push[..]].concat();
    let streamed = b">1\r\n$?\r\n;3\r\nabc\r\n;0\r\n";
    let replies = [&b"$1\r\na\r\n"[..], b":2\r\n", b"+PONG\r\n"];
    for push in [&push[..], &described, streamed] {
        for places in 0..16 {
            let mut bytes = Vec::new();
            for (i, reply) in replies.iter().chain([&&b""[..]]).enumerate() {
                if places & (1 << i) != 0 {
                    bytes.extend_from_slice(push);
                }
                bytes.extend_from_slice(reply);
            }
            for mut peer in Peer::splits(&bytes) {
                let mut space = Space::new(256, 128);
                let mut connection = space.open(&DEFAULTS);
                let request = (get("k"), incr("n").outcome(), ping());
                let got = peer.call(&mut connection, &request, |out| format!("{out:?}"));
                assert_eq!(got.as_deref(), Ok("(Some([97]), Ok(2), ())"));
                // What has not come yet comes at rest, or in the next call.
                let rest = [peer.bytes, b"$4\r\nnext\r\n"].concat();
                peer.bytes = &rest;
                assert_eq!(peer.get(&mut connection).as_deref(), Ok("next"));
                let pushes = u32::from(connection.tally().pushes);
                assert_eq!(pushes, u32::count_ones(places));
            }
        }
    }
}

#[test]
fn a_push_that_has_come_in_part_rests_until_the_next_call() {
    let push = b">2\r\n+message\r\n$5\r\nhello\r\n";
    for cut in 1..push.len() {
        let first = [b"$1\r\nv\r\n", &push[..cut]].concat();
        let mut space = Space::new(64, 64);
        let mut connection = space.open(&DEFAULTS);
        assert_eq!(Peer::new(&first).get(&mut connection).as_deref(), Ok("v"));
        connection.pass_unasked();
        assert!(connection.is_open());
        let then = [&push[cut..], b"$1\r\nw\r\n"].concat();
        assert_eq!(Peer::new(&then).get(&mut connection).as_deref(), Ok("w"));
        assert_eq!(connection.tally().pushes, 1);
    }
}

#[test]
fn what_an_attribute_describes_at_rest_is_surplus_once_it_begins() {
    let attribute = b"|1\r\n+k\r\n:1\r\n";
    for stray in [&b"$5\r\nhello\r\n"[..], b"*2\r\n+a\r\n+b\r\n"] {
        for cut in 1..=stray.len() {
            let mut space = Space::new(64, 64);
            let mut connection = space.open(&DEFAULTS);
            let first = [b"$1\r\nv\r\n", &attribute[..], &stray[..cut]].concat();
            assert_eq!(Peer::new(&first).get(&mut connection).as_deref(), Ok("v"));
            let then = [&stray[cut..], b"$1\r\nw\r\n"].concat();
            let surplus = Error::not_sent(ErrorKind::Protocol(Fault::Surplus));
            assert_eq!(Peer::new(&then).get(&mut connection), Err(surplus));
            assert!(!connection.is_open());
        }
    }
}

#[test]
fn a_push_larger_than_the_window_may_come_at_rest() {
    let push = [b">2\r\n+message\r\n$99\r\n", &[b'x'; 99][..], b"\r\n"].concat();
    let attribute = b"|1\r\n+k\r\n:1\r\n";
    for push in [push.clone(), [&attribute[..], &push].concat()] {
        for piece in 1..=64 {
            let mut space = Space::new(64, 64);
            let mut connection = space.open(&DEFAULTS);
            let mut rest = &push[..];
            while !rest.is_empty() {
                let room = connection.idle_room();
                let n = room.len().min(rest.len()).min(piece);
                room[..n].copy_from_slice(&rest[..n]);
                rest = &rest[n..];
                connection.got(n).unwrap();
                connection.pass_unasked();
                assert!(connection.is_open(), "in pieces of {piece}");
            }
            let mut peer = Peer::new(b"$1\r\nv\r\n");
            assert_eq!(peer.get(&mut connection).as_deref(), Ok("v"));
            assert_eq!(connection.tally().pushes, 1);
        }
    }
}

#[test]
fn a_push_larger_than_the_window_costs_no_reply() {
    let push = [b">2\r\n+message\r\n$99\r\n", &[b'x'; 99][..], b"\r\n"].concat();
    let bytes = [&push[..], b"$1\r\nv\r\n"].concat();
    // It is not what the budget for replies is for.
    let config = Config::new().skip_budget(SkipBudget {
        bytes: 0,
        ..SkipBudget::DEFAULT
    });
    for mut peer in Peer::splits(&bytes) {
        let mut space = Space::new(64, 64);
        let mut connection = space.open(&config);
        assert_eq!(peer.get(&mut connection).as_deref(), Ok("v"));
        peer.bytes = &bytes;
        assert_eq!(peer.get(&mut connection).as_deref(), Ok("v"));
        assert_eq!(connection.tally().pushes, 2);
    }
}

#[test]
fn one_failed_reply_does_not_hide_the_others() {
    let bytes = b"$1\r\na\r\n-WRONGTYPE no\r\n*2\r\n-ERR in it\r\n:1\r\n";
    for mut peer in Peer::splits(bytes) {
        let mut space = Space::new(64, 128);
        let mut connection = space.open(&DEFAULTS);
        let request = (get("k"), incr("n").outcome(), raw("EXEC").outcome());
        peer.drive(&mut connection, &request, Until::Whole).unwrap();
        let (value, failed, exec) = connection.reply(&request).unwrap();
        assert_eq!(value, Some(&b"a"[..]));
        assert_eq!(failed.unwrap_err().code(), Some(Code::WrongType));
        assert_eq!(exec.unwrap().rest(), b"*2\r\n-ERR in it\r\n:1\r\n");
        // Without `outcome` the first error is the answer.
        let request = (get("k"), incr("n"), raw("EXEC"));
        assert_eq!(
            connection.reply(&request).unwrap_err().code(),
            Some(Code::WrongType)
        );
        assert!(connection.is_in_step());
    }
}

#[test]
fn replies_can_be_had_one_by_one() {
    let large = [b"$90\r\n", &[b'x'; 90][..], b"\r\n"].concat();
    let bytes = [
        &b"$1\r\na\r\n"[..],
        &large,
        b"-ERR no\r\n>1\r\n+x\r\n",
        &large,
        b"$1\r\nb\r\n",
    ]
    .concat();
    let request = (get("1"), get("2"), get("3"), get("4"), get("5"));
    // Enough for each of the large ones, and not for both together.
    let config = Config::new().skip_budget(SkipBudget {
        bytes: 150,
        ..SkipBudget::DEFAULT
    });
    for mut peer in Peer::splits(&bytes) {
        let mut space = Space::new(64, 64);
        let mut connection = space.open(&config);
        let mut got = Vec::new();
        for left in (0..5).rev() {
            peer.drive(&mut connection, &request, Until::Next).unwrap();
            assert_eq!(connection.awaited(), left);
            got.push(match connection.reply(&get("")) {
                Ok(value) => format!("{}", value.unwrap().escape_ascii()),
                Err(error) => format!("{error}"),
            });
        }
        let too_large = "reply of 97 bytes does not fit the window of 64 bytes (answered)";
        let error = "the server answered ERR (answered)";
        assert_eq!(got, ["a", too_large, error, too_large, "b"]);
        assert!(connection.is_in_step());
    }
}

#[test]
fn a_failed_command_has_not_undone_the_session_also_behind_an_attribute() {
    for (reply, holds) in [
        (&b"+OK\r\n"[..], false),
        (b"-ERR no\r\n", true),
        (b"!3\r\nERR\r\n", true),
        (b"|1\r\n+k\r\n:1\r\n-ERR no\r\n", true),
        (b">1\r\n-x\r\n+OK\r\n", false),
    ] {
        for mut peer in Peer::splits(reply) {
            let mut space = Space::new(64, 64);
            let mut connection = space.open(&DEFAULTS);
            let mut first = Peer::new(b"+OK\r\n");
            first
                .drive(&mut connection, &watch("k"), Until::Whole)
                .unwrap();
            peer.drive(&mut connection, &unwatch(), Until::Whole)
                .unwrap();
            assert_eq!(connection.session.held().any(Marks::WATCH), holds);
        }
    }
}

#[test]
fn a_push_that_comes_in_pieces_while_calls_are_dropped_is_passed_over() {
    const PUSH: &[u8] = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\nfoo\r\n";
    let n = PUSH.len();
    let request = get("k");
    let config = Config::new();
    let pieces = (0..n).flat_map(|a| (a..n).flat_map(move |b| (b..n).map(move |c| [a, b, c])));
    for (pieces, before) in pieces.flat_map(|pieces| [0, 10, 20].map(|before| (pieces, before))) {
        let mut space = Space::new(64, 64);
        let mut connection = space.open(&config);
        // The first piece comes with the answer to the call before.
        let mut first = format!("${before}\r\n{}\r\n", "v".repeat(before)).into_bytes();
        first.extend_from_slice(&PUSH[..pieces[0]]);
        answer(&mut connection, &first);
        connection.hand_over();
        let mut sent = pieces[0];
        for until in [pieces[1], pieces[2], n] {
            while sent < until {
                connection.pass_unasked();
                assert!(connection.is_open(), "{pieces:?}");
                let room = connection.idle_room();
                let len = room.len().min(until - sent);
                room[..len].copy_from_slice(&PUSH[sent..sent + len]);
                connection.got(len).unwrap();
                sent += len;
                // A call is dropped before a byte of it is accepted.
                if sent < n {
                    let wanted = connection.step(&request, Until::Whole);
                    assert!(matches!(wanted, Ok(Want::Write(_))), "{pieces:?}");
                    connection.settle(true);
                    connection.hand_over();
                }
            }
        }
        answer(&mut connection, b"$1\r\nv\r\n");
        assert_eq!(
            connection.reply(&request),
            Ok(Some(&b"v"[..])),
            "{pieces:?}"
        );
        assert!(connection.is_in_step());
    }
}

/// Brings a call to its end, which is answered by these bytes.
fn answer(connection: &mut Connection<'_>, mut bytes: &[u8]) {
    let request = get("k");
    for _ in 0..10_000 {
        match connection.step(&request, Until::Whole).unwrap() {
            Want::Write(command) => {
                let n = command.len();
                connection.wrote(n).unwrap();
            }
            Want::Flush => connection.flushed(),
            Want::Read(window) => {
                let n = window.len().min(bytes.len());
                window[..n].copy_from_slice(&bytes[..n]);
                bytes = &bytes[n..];
                connection.got(n).unwrap();
            }
            Want::Done => {
                assert!(bytes.is_empty());
                return;
            }
        }
    }
    panic!("it goes on for ever");
}
