//! Bytes that no server should send, and limits.

use super::*;

#[test]
fn what_is_not_resp_is_the_same_fault_in_any_split() {
    let cases: &[(&[u8], Fault)] = &[
        (b"x\r\n", Fault::UnknownType(b'x')),
        (b"HTTP/1.1 400 Bad Request\r\n", Fault::UnknownType(b'H')),
        (b"\x15\x03\x01\r\n", Fault::UnknownType(0x15)),
        (b"\r\n", Fault::UnknownType(b'\r')),
        (b"\n", Fault::UnknownType(b'\n')),
        (b"+a\n", Fault::MissingCrLf),
        (b"+a\rb\n", Fault::MissingCrLf),
        (b"+a\r\r\n", Fault::MissingCrLf),
        (b":9223372036854775808\r\n", Fault::BadScalar),
        (b":--1\r\n", Fault::BadScalar),
        (b":\r\n", Fault::BadScalar),
        (b"_x\r\n", Fault::MissingCrLf),
        (b"#x\r\n", Fault::BadScalar),
        (b",1.\r\n", Fault::BadScalar),
        (b"(1f\r\n", Fault::BadScalar),
        (b"=3\r\ntxt\r\n", Fault::Misplaced),
        (b"=5\r\ntxtab\r\n", Fault::Misplaced),
        (b"!-1\r\n", Fault::BadLength),
        (b"$-2\r\n", Fault::BadLength),
        (b"$-0\r\n", Fault::BadLength),
        (b"$+5\r\n", Fault::BadLength),
        (b"$1x\r\n", Fault::MissingCrLf),
        (b"*-2\r\n", Fault::BadLength),
        (b"*x\r\n", Fault::BadLength),
        (b"%-1\r\n", Fault::BadLength),
        (b"$3\r\nabcd\r\n", Fault::MissingCrLf),
        (b"$0\r\nxx", Fault::MissingCrLf),
        (b"!1\r\nab\r", Fault::MissingCrLf),
        (b"=5\r\ntxt:ab\r\n", Fault::MissingCrLf),
        (b"$9223372036854775807\r\n", Fault::BulkTooLong),
        (b"$18446744073709551616\r\n", Fault::BulkTooLong),
        (b"$99999999999999999999999999\r\n", Fault::BulkTooLong),
        (b"!536870913\r\n", Fault::BulkTooLong),
        (b"=4294967295\r\n", Fault::BulkTooLong),
        (b"*4294967295\r\n", Fault::TooManyElements),
        (b"*2147483648\r\n", Fault::TooManyElements),
        (b"~18446744073709551615\r\n", Fault::TooManyElements),
        (b"%2147483648\r\n", Fault::TooManyElements),
        (b"%1073741824\r\n", Fault::TooManyElements),
        (b"|2147483648\r\n", Fault::TooManyElements),
        (b">4294967295\r\n", Fault::TooManyElements),
        (b">0\r\n", Fault::Misplaced),
        (b"*1\r\n>1\r\n+x\r\n", Fault::Misplaced),
        (b"|1\r\n>1\r\n+x\r\n", Fault::Misplaced),
        (b".\r\n", Fault::Misplaced),
        (b"*1\r\n.\r\n", Fault::Misplaced),
        (b"*?\r\n*1\r\n.\r\n", Fault::Misplaced),
        (b"*?\r\n|1\r\n+a\r\n+b\r\n.\r\n", Fault::Misplaced),
        (b"|1\r\n+a\r\n+b\r\n.\r\n", Fault::Misplaced),
        (b";1\r\nx\r\n", Fault::Misplaced),
        (b"$?\r\n+x\r\n", Fault::Misplaced),
        (b"$?\r\n$1\r\nx\r\n", Fault::Misplaced),
        (b"$?\r\n;-1\r\n", Fault::BadLength),
        (b"$?\r\n;2\r\nabc\r\n", Fault::MissingCrLf),
        (b"$?\r\n;4294967295\r\n", Fault::BulkTooLong),
        (b">?\r\n", Fault::BadLength),
        (b"|?\r\n", Fault::BadLength),
        (b"!?\r\n", Fault::BadLength),
    ];
    for (bytes, fault) in cases {
        let expected = [Event::Fault(*fault)];
        assert_eq!(
            events(bytes, &Limits::DEFAULT),
            expected,
            "{}",
            bytes.escape_ascii()
        );
        // What came before stands.
        let after = [b"+OK\r\n".as_slice(), bytes].concat();
        let expected = [reply("'OK'"), Event::Fault(*fault)];
        assert_eq!(events(&after, &Limits::DEFAULT), expected);
    }
    for first in 0..=255u8 {
        let known = b"+-:$*_#,(!=%~>|;.".contains(&first);
        let unknown = [Event::Fault(Fault::UnknownType(first))];
        let got = events(&[first], &Limits::DEFAULT);
        assert_eq!(got == unknown, !known, "type byte {first}");
    }
}

#[test]
fn the_largest_allowed_heads_only_wait() {
    for bytes in [
        &b"$536870912\r\n"[..],
        b"*2147483647\r\n",
        b"%1073741823\r\n",
        b">2147483647\r\n",
        b"$",
        b"*1",
        b"+a\r",
    ] {
        assert_eq!(events(bytes, &Limits::DEFAULT), [Event::Rest]);
    }
}

#[test]
fn the_widest_limits_are_the_same_on_every_machine() {
    let limits = Limits {
        bulk: u32::MAX,
        elements: u32::MAX,
        ..Limits::DEFAULT
    };
    // With its CR LF this is all that 32 bits hold.
    assert_eq!(events(b"$4294967293\r\n", &limits), [Event::Rest]);
    for bytes in [
        &b"$4294967294\r\n"[..],
        b"$4294967295\r\n",
        // Not five bytes, and not as many as the largest length.
        b"$4294967301\r\nhello\r\n",
        b"!4294967299\r\nERR\r\n",
        b"=4294967301\r\ntxt:a\r\n",
        b"$?\r\n;4294967295\r\n",
    ] {
        let too_long = [Event::Fault(Fault::BulkTooLong)];
        assert_eq!(events(bytes, &limits), too_long, "{}", bytes.escape_ascii());
    }
    for bytes in [&b"*2147483648\r\n"[..], b"%1073741824\r\n"] {
        let too_many = [Event::Fault(Fault::TooManyElements)];
        assert_eq!(events(bytes, &limits), too_many, "{}", bytes.escape_ascii());
    }
}

#[test]
fn nesting_has_a_limit() {
    for depth in [0u8, 1, 2, 8, 100, 255] {
        let limits = Limits {
            depth,
            ..Limits::DEFAULT
        };
        for head in ["*1\r\n", "%1\r\n:1\r\n", "~1\r\n", "|1\r\n:1\r\n"] {
            let inmost = if head.starts_with('|') {
                ":1\r\n*0\r\n"
            } else {
                "*0\r\n"
            };
            let bytes = head.repeat(usize::from(depth)) + inmost;
            let got = arriving(bytes.as_bytes(), &[], &limits);
            assert!(
                !matches!(got[..], [Event::Fault(_)]),
                "{head:?} {depth} deep"
            );
            let bytes = head.repeat(usize::from(depth) + 1);
            let too_deep = [Event::Fault(Fault::TooDeep)];
            assert_eq!(arriving(bytes.as_bytes(), &[], &limits), too_deep);
        }
    }
    let bomb = "*1\r\n".repeat(1_000_000);
    let too_deep = [Event::Fault(Fault::TooDeep)];
    assert_eq!(arriving(bomb.as_bytes(), &[], &Limits::DEFAULT), too_deep);
    assert_eq!(
        arriving(bomb.as_bytes(), &[1; 64], &Limits::DEFAULT),
        too_deep
    );
    let streams = "*?\r\n".repeat(4);
    assert_eq!(events(streams.as_bytes(), &Limits::DEFAULT), [Event::Rest]);
    let streams = "*?\r\n".repeat(5);
    assert_eq!(events(streams.as_bytes(), &Limits::DEFAULT), too_deep);
}

#[test]
fn memory_for_levels_is_a_limit_too() {
    let limits = Limits {
        depth: 255,
        ..Limits::DEFAULT
    };
    let mut bytes = *b"*1\r\n*1\r\n*1\r\n:1\r\n";
    let scanned = Scanner::default().scan(&mut bytes, &mut [0; 2], &limits, true);
    assert_eq!(scanned, Err(Fault::TooDeep));
}

#[test]
fn smaller_limits_hold_on_the_head() {
    let limits = Limits {
        depth: 2,
        bulk: 5,
        elements: 4,
        line: 16,
    };
    let cases: &[(&[u8], Event)] = &[
        (b"$5\r\nabcde\r\n", reply("'abcde'")),
        (b"$6\r\n", Event::Fault(Fault::BulkTooLong)),
        (b"$6\r\nabcdef\r\n", Event::Fault(Fault::BulkTooLong)),
        (b"!6\r\n", Event::Fault(Fault::BulkTooLong)),
        (b"=6\r\n", Event::Fault(Fault::BulkTooLong)),
        (b"$?\r\n;3\r\nabc\r\n;2\r\nde\r\n;0\r\n", reply("'abcde'")),
        (
            b"$?\r\n;3\r\nabc\r\n;3\r\ndef\r\n;0\r\n",
            Event::Fault(Fault::BulkTooLong),
        ),
        (b"*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n", reply("[1 2 3 4]")),
        (b"*5\r\n", Event::Fault(Fault::TooManyElements)),
        (b"%3\r\n", Event::Fault(Fault::TooManyElements)),
        (b"*1\r\n*1\r\n*0\r\n", reply("[[[]]]")),
        (b"*1\r\n*1\r\n*1\r\n", Event::Fault(Fault::TooDeep)),
        (b"+0123456789abc\r\n", reply("'0123456789abc'")),
        (b"+0123456789abcd\r\n", Event::Fault(Fault::LineTooLong)),
        (b"+0123456789abcde", Event::Fault(Fault::LineTooLong)),
        (
            b"*1\r\n-0123456789abcdefghi\r\n",
            Event::Fault(Fault::LineTooLong),
        ),
        (b"$0000000000001\r\na\r\n", reply("'a'")),
        (
            b"$00000000000001\r\na\r\n",
            Event::Fault(Fault::LineTooLong),
        ),
        (
            b"*1\r\n$00000000000001\r\na\r\n",
            Event::Fault(Fault::LineTooLong),
        ),
        (
            b"$?\r\n;00000000000001\r\na\r\n",
            Event::Fault(Fault::LineTooLong),
        ),
        (b"(123456789012345678\r\n", Event::Fault(Fault::LineTooLong)),
    ];
    for (bytes, expected) in cases {
        assert_eq!(
            events(bytes, &limits),
            core::slice::from_ref(expected),
            "{}",
            bytes.escape_ascii()
        );
    }
}
