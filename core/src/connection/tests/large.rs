//! Replies that are larger than the window.

use super::*;

#[test]
fn a_reply_larger_than_the_window_is_skipped_and_the_connection_goes_on() {
    let bulk = [b"$100\r\n", &[b'x'; 100][..], b"\r\n"].concat();
    let described = [b"|1\r\n+k\r\n:1\r\n", &bulk[..]].concat();
    let array = b"*20\r\n"
        .iter()
        .chain(b":1234\r\n".repeat(20).iter())
        .copied()
        .collect::<Vec<_>>();
    let nested = [b"*2\r\n+a\r\n", &bulk[..]].concat();
    let streamed = [&b"$?\r\n"[..], &b";9\r\n123456789\r\n".repeat(9), b";0\r\n"].concat();
    // Room is made within the head of a chunk, and behind the payload there is none to be made.
    let padded = [
        &b"$?\r\n;48\r\n"[..],
        &[b'x'; 48],
        b"\r\n;0000000001\r\nx\r\n;0\r\n",
    ]
    .concat();
    let lines = [b"*2\r\n+", &[b'x'; 40][..], b"\r\n+", &[b'y'; 40], b"\r\n"].concat();
    let errors = [
        b"*2\r\n-ERR ",
        &[b'x'; 90][..],
        b"\r\n-ERR ",
        &[b'y'; 90],
        b"\r\n",
    ]
    .concat();
    let cases = [
        (&bulk, 108),
        (&described, 120),
        (&array, 0),
        (&nested, 0),
        (&streamed, 0),
        (&padded, 0),
        (&lines, 0),
        (&errors, 0),
    ];
    for (large, needed) in cases {
        for mut peer in Peer::splits(large) {
            let mut space = Space::new(64, 64);
            let mut connection = space.open(&DEFAULTS);
            let got = peer.get(&mut connection);
            assert_eq!(got, Err(too_large(needed, 64)), "{}", large.escape_ascii());
            assert!(connection.is_open());
            peer.bytes = b"$1\r\nv\r\n";
            assert_eq!(peer.get(&mut connection).as_deref(), Ok("v"));
            assert_eq!(connection.tally().answered, 2);
        }
    }
}

#[test]
fn what_is_skipped_has_a_budget() {
    let budget = SkipBudget {
        bytes: 200,
        ..SkipBudget::DEFAULT
    };
    let config = Config::new().skip_budget(budget);
    let head = b"$300\r\n".to_vec();
    let array = b"*99\r\n"
        .iter()
        .chain(b":1\r\n".repeat(99).iter())
        .copied()
        .collect::<Vec<_>>();
    for (large, needed) in [(head, 308), (array, 0)] {
        for mut peer in Peer::splits(&large) {
            let mut space = Space::new(64, 64);
            let mut connection = space.open(&config);
            assert_eq!(peer.get(&mut connection), Err(too_large(needed, 64)));
            assert!(!connection.is_open());
        }
    }
    // Of two commands, the second may have been applied, or not.
    let mut space = Space::new(64, 64);
    let mut connection = space.open(&config);
    let error = Peer::new(b"$300\r\n").drive(&mut connection, &(get("a"), get("b")), Until::Whole);
    assert_eq!(error.unwrap_err().reached(), Reached::MaybeSent);
}

#[test]
fn an_error_line_longer_than_the_window_keeps_its_code() {
    for length in 40..260 {
        let text = [b"-WRONGTYPE ", &vec![b'x'; length][..], b"\r\n"].concat();
        for piece in [1, 2, 7, 31, 63, 64] {
            let mut space = Space::new(64, 64);
            let mut connection = space.open(&DEFAULTS);
            let mut peer = Peer::split(&text, vec![piece]);
            let error = peer.get(&mut connection).unwrap_err();
            assert_eq!(error, Error::answered(ErrorKind::Server(Code::WrongType)));
            assert!(
                connection
                    .error_text()
                    .unwrap()
                    .starts_with("WRONGTYPE xxx")
            );
            peer.bytes = b"$1\r\nv\r\n";
            assert_eq!(peer.get(&mut connection).as_deref(), Ok("v"));
        }
    }
}

#[test]
fn an_error_line_that_does_not_end_is_given_up() {
    let endless = [b"-ERR ", &vec![b'x'; 100_000][..]].concat();
    let mut config = Config::new();
    config.skip_budget.bytes = 1000;
    let mut space = Space::new(64, 64);
    let mut connection = space.open(&config);
    let mut peer = Peer::new(&endless);
    let error = peer.get(&mut connection).unwrap_err();
    assert_eq!(error, protocol(Fault::LineTooLong));
    let read = endless.len() - peer.bytes.len();
    assert!((1000..1200).contains(&read), "{read} bytes were read");
    assert!(!connection.is_open());
}

#[test]
fn a_streamed_string_that_is_skipped_is_not_put_together() {
    let limits = Limits {
        bulk: 50,
        ..Limits::DEFAULT
    };
    let config = Config::new().limits(limits);
    let streamed = [
        &b"$?\r\n"[..],
        &b";9\r\n123456789\r\n".repeat(30),
        b";0\r\n",
    ]
    .concat();
    for mut peer in Peer::splits(&streamed) {
        let mut space = Space::new(64, 64);
        let mut connection = space.open(&config);
        assert_eq!(peer.get(&mut connection), Err(too_large(0, 64)));
        peer.bytes = b"$1\r\nv\r\n";
        assert_eq!(peer.get(&mut connection).as_deref(), Ok("v"));
    }
}

#[test]
fn what_is_cut_out_of_an_error_line_counts_within_the_budget() {
    // In 64 bytes, 32 are cut out each time that the window is full: here twice.
    let line = [b"-ERR ", &[b'x'; 110][..], b"\r\n"].concat();
    for (bytes, fits) in [(63, false), (64, true)] {
        let mut config = Config::new();
        config.skip_budget.bytes = bytes;
        let mut space = Space::new(64, 64);
        let mut connection = space.open(&config);
        let error = Peer::new(&line).get(&mut connection).unwrap_err();
        assert_eq!(connection.is_open(), fits);
        let expected = match fits {
            true => Error::answered(ErrorKind::Server(Code::Err)),
            false => protocol(Fault::LineTooLong),
        };
        assert_eq!(error, expected);
    }
}

#[test]
fn a_streamed_string_is_put_together_in_every_window_that_can_hold_it() {
    for size in [0, 1, 9, 10, 47, 48, 100] {
        let payload: Vec<u8> = (b'a'..=b'z').cycle().take(size).collect();
        for chunk in [1, 3, 9, 10, 100] {
            let mut bytes = b"$?\r\n".to_vec();
            for part in payload.chunks(chunk) {
                bytes.extend_from_slice(format!(";{}\r\n", part.len()).as_bytes());
                bytes.extend_from_slice(part);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b";0\r\n");
            // The payload, `$?`, the gap that is kept, and the last head.
            for window in (size + 16).max(20)..size + 40 {
                for piece in [1, 2, 5, 16, 1000] {
                    let mut space = Space::new(window, 64);
                    let mut connection = space.open(&DEFAULTS);
                    let mut peer = Peer::split(&bytes, vec![piece]);
                    let got = peer.get(&mut connection);
                    let expected = String::from_utf8(payload.clone()).unwrap();
                    assert_eq!(
                        got,
                        Ok(expected),
                        "chunks of {chunk} in {window}, by {piece}"
                    );
                    peer.bytes = b"+OK\r\n";
                    assert_eq!(peer.get(&mut connection).as_deref(), Ok("OK"));
                }
            }
        }
    }
}

#[test]
fn every_reply_is_taken_in_every_window_that_holds_it() {
    let replies: &[&[u8]] = &[
        b"+a line of text that is not short at all\r\n",
        b"$30\r\n123456789012345678901234567890\r\n",
        b"*3\r\n:1\r\n$-1\r\n%1\r\n+k\r\n=7\r\ntxt:abc\r\n",
        b"*2\r\n$?\r\n;4\r\nabcd\r\n;4\r\nefgh\r\n;0\r\n$?\r\n;1\r\nx\r\n;0\r\n",
        b"|1\r\n+k\r\n:1\r\n*?\r\n~1\r\n,1.5\r\n_\r\n.\r\n",
    ];
    for bytes in replies {
        for window in bytes.len()..bytes.len() + 20 {
            for mut peer in Peer::splits(bytes) {
                let mut space = Space::new(window, 64);
                let mut connection = space.open(&DEFAULTS);
                let request = raw("X");
                let got = peer.call(&mut connection, &request, |value| {
                    format!("{}", value.rest().len())
                });
                assert_eq!(got, Ok(format!("{}", bytes.len())));
            }
        }
    }
}
