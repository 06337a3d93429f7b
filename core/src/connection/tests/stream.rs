//! What a peer sends that it should not, and streams that end.

use super::*;
use crate::error::Refusal;

#[test]
fn hostile_bytes_close_the_connection_and_blame_the_peer() {
    let cases: &[(&[u8], Fault)] = &[
        (b"$-2\r\n", Fault::BadLength),
        (b"*-5\r\n", Fault::BadLength),
        (b"$x\r\n", Fault::BadLength),
        (b"$18446744073709551616\r\n", Fault::BulkTooLong),
        (b"$536870913\r\n", Fault::BulkTooLong),
        (b"*4294967295\r\n", Fault::TooManyElements),
        (b"%2147483648\r\n", Fault::TooManyElements),
        (b"$1\r\nvx\r\n", Fault::MissingCrLf),
        (b"*1\r\n$1\r\nv\n\r\n", Fault::MissingCrLf),
        (b"HTTP/1.1 400\r\n", Fault::UnknownType(b'H')),
        (b"\x15\x03\x03\0\x02", Fault::UnknownType(0x15)),
        (b":12a\r\n", Fault::MissingCrLf),
        (b"#y\r\n", Fault::BadScalar),
        (b".\r\n", Fault::Misplaced),
        (b"*1\r\n>1\r\n+x\r\n", Fault::Misplaced),
        (
            b"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
            Fault::TooDeep,
        ),
        (&[b'+'; 64], Fault::LineTooLong),
        (b"$000", Fault::LineTooLong),
    ];
    for (bytes, fault) in cases {
        let zeros = [*bytes, &[b'0'; 64]].concat();
        let bytes = if *fault == Fault::LineTooLong {
            &zeros
        } else {
            *bytes
        };
        for mut peer in Peer::splits(bytes) {
            let mut space = Space::new(64, 64);
            let mut connection = space.open(&DEFAULTS);
            let error = peer.get(&mut connection).unwrap_err();
            assert_eq!(error, protocol(*fault), "{}", bytes.escape_ascii());
            assert_eq!(error.blame(), Blame::Peer);
            assert!(!connection.is_open());
            let again = peer.get(&mut connection);
            assert_eq!(again, Err(transport(Io::NotConnected, Reached::NotSent)));
            // Opened anew, nothing is left of it.
            connection.opened();
            connection.ready();
            assert_eq!(
                Peer::new(b"$1\r\nv\r\n").get(&mut connection).as_deref(),
                Ok("v")
            );
        }
    }
}

#[test]
fn the_limits_are_those_of_the_settings() {
    let limits = Limits {
        depth: 1,
        bulk: 3,
        elements: 2,
        line: 8,
    };
    let config = Config::new().limits(limits);
    let cases: &[(&[u8], Fault)] = &[
        (b"$4\r\n", Fault::BulkTooLong),
        (b"*3\r\n", Fault::TooManyElements),
        (b"*1\r\n*1\r\n", Fault::TooDeep),
        (b"+123456\r\n", Fault::LineTooLong),
        (b"-ERR 56\r\n", Fault::LineTooLong),
    ];
    for (bytes, fault) in cases {
        for mut peer in Peer::splits(bytes) {
            let mut space = Space::new(64, 64);
            let mut connection = space.open(&config);
            assert_eq!(peer.get(&mut connection), Err(protocol(*fault)));
        }
    }
    let mut space = Space::new(64, 64);
    let mut connection = space.open(&config);
    assert_eq!(
        Peer::new(b"$3\r\nabc\r\n").get(&mut connection).as_deref(),
        Ok("abc")
    );
}

#[test]
fn a_stream_that_ends_within_a_reply_may_have_been_applied() {
    let replies = b"$5\r\nhello\r\n*2\r\n+a\r\n%1\r\n:1\r\n$?\r\n;1\r\nx\r\n;0\r\n";
    let request = (get("a"), raw("b"));
    for end in 0..replies.len() {
        for mut peer in Peer::splits(&replies[..end]) {
            let mut space = Space::new(64, 64);
            let mut connection = space.open(&DEFAULTS);
            let error = peer.drive(&mut connection, &request, Until::Whole);
            assert_eq!(error, Err(transport(Io::Closed, Reached::MaybeSent)));
            assert!(!connection.is_open());
            assert_eq!(connection.tally().lost + connection.tally().answered, 2);
        }
    }
}

#[test]
fn a_write_that_fails_says_whether_anything_left() {
    let mut space = Space::new(64, 64);
    let mut connection = space.open(&DEFAULTS);
    let request = get("key");
    assert!(matches!(
        connection.step(&request, Until::Whole),
        Ok(Want::Write(_))
    ));
    assert_eq!(
        connection.broke(Io::Reset),
        transport(Io::Reset, Reached::NotSent)
    );
    assert!(!connection.is_open());
    for accepted in 1..=22 {
        connection.opened();
        connection.ready();
        assert!(matches!(
            connection.step(&request, Until::Whole),
            Ok(Want::Write(_))
        ));
        connection.wrote(accepted).unwrap();
        assert_eq!(
            connection.broke(Io::Reset),
            transport(Io::Reset, Reached::MaybeSent)
        );
        assert!(!connection.is_open());
    }
}

#[test]
fn a_stream_that_ends_at_rest_is_found_by_the_next_read() {
    let mut space = Space::new(64, 64);
    let mut connection = space.open(&DEFAULTS);
    assert_eq!(
        Peer::new(b"$1\r\nv\r\n").get(&mut connection).as_deref(),
        Ok("v")
    );
    assert_eq!(
        connection.got(0),
        Err(transport(Io::Closed, Reached::MaybeSent))
    );
    assert!(!connection.is_open());
}

#[test]
fn a_transport_that_lies_is_at_fault() {
    let long = [b'x'; 500];
    type Lie = fn(&mut Connection<'_>) -> Result<(), Error>;
    let lies: [Lie; 6] = [
        |connection| connection.wrote(0),
        |connection| connection.wrote(1000),
        |connection| connection.wrote(usize::MAX),
        // Twice for one offer.
        |connection| connection.wrote(40).and(connection.wrote(460)),
        |connection| connection.got(65),
        |connection| connection.got(usize::MAX),
    ];
    // At each step of a command that is larger than its window, part of it from where it is.
    for lie in lies {
        for steps in 0..12 {
            let mut space = Space::new(64, 64);
            let mut connection = space.open(&DEFAULTS);
            let request = set("key", &long[..]);
            for _ in 0..steps {
                let n = match connection.step(&request, Until::Whole).unwrap() {
                    Want::Write(bytes) => bytes.len().min(50),
                    Want::Flush => 0,
                    _ => break,
                };
                match n {
                    0 => connection.flushed(),
                    n => connection.wrote(n).unwrap(),
                }
            }
            let _ = connection.step(&request, Until::Whole).unwrap();
            let error = lie(&mut connection).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Transport(Io::Misbehaved));
            assert!(!connection.is_open());
        }
    }
}

#[test]
fn more_replies_than_were_asked_for_close_the_connection_before_anything_is_sent() {
    for surplus in [
        &b"+OK\r\n"[..],
        b"$",
        b"-ERR late\r\n",
        b"x",
        b">1\r\n+x\r\n+OK\r\n",
    ] {
        let bytes = [b"$1\r\nv\r\n", surplus].concat();
        let mut space = Space::new(64, 64);
        let mut connection = space.open(&DEFAULTS);
        let mut peer = Peer::new(&bytes);
        assert_eq!(peer.get(&mut connection).as_deref(), Ok("v"));
        assert!(!connection.is_in_step());
        let error = peer.get(&mut connection).unwrap_err();
        let surplus = ErrorKind::Protocol(Fault::Surplus);
        assert_eq!(error, Error::new(surplus, Reached::NotSent));
        assert!(!connection.is_open());
    }
}

#[test]
fn what_is_said_before_any_request_refuses_the_login() {
    let cases: &[(&[u8], Refusal)] = &[
        (
            b"-ERR max number of clients reached\r\n",
            Refusal::TooManyClients,
        ),
        (
            b"-DENIED Redis is running in protected mode\r\n",
            Refusal::Other(Code::Denied),
        ),
        (
            b"-LOADING Redis is loading\r\n",
            Refusal::Other(Code::Loading),
        ),
        (
            b"-NOAUTH Authentication required.\r\n",
            Refusal::PasswordNeeded,
        ),
    ];
    for (bytes, refusal) in cases {
        let refused = Err(Error::not_sent(ErrorKind::Handshake(*refusal)));
        for pieces in Peer::splits(bytes).map(|peer| peer.pieces) {
            // As the answer to the handshake, and where that could not be written.
            for listening in [false, true] {
                let mut space = Space::new(64, 64);
                let mut connection = space.open(&DEFAULTS);
                connection.unready();
                let mut setup = if listening {
                    connection.listen();
                    Setup::greeting(&DEFAULTS)
                } else {
                    Setup::handshake(&DEFAULTS)
                };
                let mut peer = Peer::split(bytes, pieces.iter().rev().copied().collect());
                let got = peer.bring_to_its_end(&mut connection, Work::Setup(&mut setup));
                assert_eq!(got, refused);
            }
        }
    }
}

#[test]
fn a_write_that_was_dropped_may_have_left() {
    let mut space = Space::new(64, 64);
    for doubt in [false, true] {
        let mut connection = space.open(&DEFAULTS);
        let request = set("k", "v");
        assert!(matches!(
            connection.step(&request, Until::Whole),
            Ok(Want::Write(_))
        ));
        if doubt {
            connection.doubt();
        }
        let reached = match doubt {
            true => Reached::MaybeSent,
            false => Reached::NotSent,
        };
        assert_eq!(connection.timed_out().reached(), reached);
    }
}

#[test]
fn what_passes_through_is_not_printed() {
    let mut memory = Memory::<64, 64>::new();
    let mut connection = Connection::new(&mut memory);
    let secret = raw("AUTH").arg("geheim");
    assert!(connection.step(&secret, Until::Whole).is_ok());
    for text in [format!("{connection:?}"), format!("{secret:?}")] {
        assert!(
            !text.contains("geheim") && !text.contains("103, 101"),
            "{text}"
        );
    }
    let text = format!("{memory:?}");
    assert!(!text.contains("103, 101"), "{text}");
}

#[test]
fn what_has_not_left_when_a_call_is_dropped_never_leaves() {
    let mut space = Space::new(64, 64);
    let mut connection = space.open(&DEFAULTS);
    let dropped = set("k", "v1");
    let Ok(Want::Write(bytes)) = connection.step(&dropped, Until::Whole) else {
        panic!("a write")
    };
    let n = bytes.len();
    connection.wrote(n - 1).unwrap();
    connection.settle(true);
    assert!(
        !connection.is_open(),
        "the last byte would apply it at any later time"
    );
}

#[test]
fn owed_replies_are_skipped_and_what_was_written_is_flushed_first() {
    let mut space = Space::new(64, 64);
    let mut connection = space.open(&DEFAULTS);
    let dropped = get("dropped");
    let Ok(Want::Write(bytes)) = connection.step(&dropped, Until::Whole) else {
        panic!("a write")
    };
    let n = bytes.len();
    connection.wrote(n).unwrap();
    connection.settle(true);
    let request = get("k");
    // The flush of the dropped call, and only then the wait for its reply.
    assert!(matches!(
        connection.step(&request, Until::Whole),
        Ok(Want::Flush)
    ));
    connection.flushed();
    assert!(matches!(
        connection.step(&request, Until::Whole),
        Ok(Want::Read(_))
    ));
    let mut peer = Peer::split(b"$4\r\nlate\r\n$1\r\nv\r\n", vec![1]);
    assert_eq!(peer.get(&mut connection).as_deref(), Ok("v"));
    assert_eq!(peer.sent, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    // The end of the stream while skipping: the new request has not left.
    assert!(matches!(
        connection.step(&dropped, Until::Whole),
        Ok(Want::Write(_))
    ));
    connection.wrote(n).unwrap();
    connection.settle(true);
    assert_eq!(
        peer.get(&mut connection),
        Err(transport(Io::Closed, Reached::NotSent))
    );
}

#[test]
fn what_is_being_skipped_is_not_trusted_once_a_read_was_dropped_that_loses_bytes() {
    for (loses_bytes, owes) in [(false, true), (true, false)] {
        let mut space = Space::new(64, 64);
        let mut connection = space.open(&DEFAULTS);
        let request = get("k");
        let Ok(Want::Write(bytes)) = connection.step(&request, Until::Whole) else {
            panic!("a write")
        };
        let n = bytes.len();
        connection.wrote(n).unwrap();
        connection.flushed();
        connection.settle(true);
        assert!(matches!(
            connection.step(&request, Until::Whole),
            Ok(Want::Read(_))
        ));
        connection.settle(!loses_bytes);
        assert_eq!((connection.is_open(), connection.owes()), (owes, owes));
    }
}

#[test]
fn a_server_that_knows_no_hello_and_goes_has_refused_nobody() {
    for said in [
        &b"-ERR unknown command 'HELLO'\r\n-NOAUTH Authentication required.\r\n"[..],
        b"-NOPROTO unsupported protocol version\r\n",
    ] {
        let config = Config::new();
        let mut memory = Memory::<128, 64>::new();
        let mut connection = Connection::closed(&mut memory, &config);
        connection.listen();
        let mut setup = Setup::greeting(&config);
        assert_eq!(setup.advance(&mut connection), Ok(Next::Read));
        let Ok(Want::Read(window)) = connection.offer(Next::Read, &setup) else {
            panic!("something is wanted other than to read");
        };
        window[..said.len()].copy_from_slice(said);
        connection.got(said.len()).unwrap();
        assert_eq!(setup.advance(&mut connection), Ok(Next::Done));
    }
}

#[test]
fn a_password_that_the_server_has_not_is_a_wrong_one() {
    use crate::config::Protocol;

    let none = "AUTH <password> called without any password configured for the default user.";
    let none = format!("-ERR {none} Are you sure your configuration is correct?\r\n");
    let cases: [(&[u8], Refusal); 3] = [
        (none.as_bytes(), Refusal::WrongPassword),
        (b"-ERR Protocol error\r\n", Refusal::Other(Code::Err)),
        (b"-WRONGPASS no\r\n", Refusal::WrongPassword),
    ];
    for (bytes, refusal) in cases {
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let config = Config::new().password("p").protocol(protocol);
            let mut space = Space::new(128, 64);
            let mut connection = space.open(&config);
            let mut setup = Setup::handshake(&config);
            let got = Peer::new(bytes).bring_to_its_end(&mut connection, Work::Setup(&mut setup));
            let refused = Error::not_sent(ErrorKind::Handshake(refusal));
            assert_eq!(got, Err(refused), "{protocol:?}");
        }
    }
}

#[test]
fn a_login_without_a_name_is_one_that_old_servers_know() {
    use crate::config::Protocol;

    let old = Config::new().protocol(Protocol::Resp2);
    let new = Config::new().protocol(Protocol::Resp3);
    let cases: [(Config<'_>, &[u8]); 5] = [
        (old.password("p"), b"*2\r\n$4\r\nAUTH\r\n$1\r\np\r\n"),
        (
            old.username("u").password("p"),
            b"*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$1\r\np\r\n",
        ),
        (old, b"*1\r\n$4\r\nPING\r\n"),
        (
            new.password("p"),
            b"*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$1\r\np\r\n",
        ),
        (new, b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"),
    ];
    for (config, login) in cases {
        let mut space = Space::new(64, 64);
        let mut connection = space.open(&config);
        let mut setup = Setup::handshake(&config);
        let mut peer = Peer::new(b"");
        let ended = peer.bring_to_its_end(&mut connection, Work::Setup(&mut setup));
        assert!(ended.is_err() && peer.sent.starts_with(login));
    }
}

#[test]
fn what_is_a_courtesy_of_a_login_may_be_refused_and_the_rest_may_not() {
    use crate::config::Protocol;

    let named = Config::new().client_name("n");
    let new = named.protocol(Protocol::Resp3).db(3);
    let old = named.protocol(Protocol::Resp2);
    let hello = "%1\r\n$5\r\nproto\r\n:3\r\n";
    let no_names = "-NOPERM no\r\n-ERR unknown subcommand\r\n-ERR unknown\r\n";
    let cases = [
        (new, format!("{hello}{no_names}+OK\r\n"), None),
        (
            new,
            format!("{hello}+OK\r\n+OK\r\n+OK\r\n-ERR DB index is out of range\r\n"),
            Some(Refusal::BadDatabase),
        ),
        (
            new,
            format!("{hello}+OK\r\n+OK\r\n+OK\r\n-NOPERM no\r\n"),
            Some(Refusal::NoPermission),
        ),
        (old, format!("+PONG\r\n{no_names}"), None),
        // It was answered: no password is needed.
        (old, format!("-NOPERM no\r\n{no_names}"), None),
        (old, format!("-LOADING yet\r\n{no_names}"), None),
        (
            old,
            format!("-NOAUTH yes\r\n{no_names}"),
            Some(Refusal::PasswordNeeded),
        ),
    ];
    for (config, bytes, refusal) in cases {
        let mut space = Space::new(128, 256);
        let mut connection = space.open(&config);
        let mut setup = Setup::handshake(&config);
        let mut peer = Peer::new(bytes.as_bytes());
        let got = peer.bring_to_its_end(&mut connection, Work::Setup(&mut setup));
        let refused = refusal.map(|why| Error::not_sent(ErrorKind::Handshake(why)));
        assert_eq!(got, refused.map_or(Ok(()), Err), "{bytes:?}");
    }
}
