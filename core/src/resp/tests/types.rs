//! Every type of RESP2 and RESP3, and what may stand around it.

use super::*;

const CASES: &[(&[u8], &str)] = &[
    (b"+OK\r\n", "'OK'"),
    (b"+\r\n", "''"),
    (b"-ERR no\r\n", "!ERR no"),
    (b":-42\r\n", "-42"),
    (b":+7\r\n", "7"),
    (b"$0\r\n\r\n", "''"),
    (b"$4\r\n\r\n\0\xff\r\n", r"'\r\n\x00\xff'"),
    (b"$0000000000000000000005\r\nhello\r\n", "'hello'"),
    (b"$-1\r\n", "null"),
    (b"*-1\r\n", "null"),
    (b"_\r\n", "null"),
    (b"*0\r\n", "[]"),
    (
        b"*3\r\n:1\r\n*2\r\n+a\r\n-E b\r\n$-1\r\n",
        "[1 ['a' !E b] null]",
    ),
    (b"#t\r\n", "true"),
    (b"#f\r\n", "false"),
    (b",-1.5e-3\r\n", ",-1.5e-3"),
    (b",inf\r\n", ",inf"),
    (b",nan\r\n", ",nan"),
    (b"(-12345678901234567890\r\n", "#-12345678901234567890"),
    (b"!5\r\nE \r\nx\r\n", r"!E \r\nx"),
    (b"=6\r\ntxt:ab\r\n", "'ab'"),
    (b"=4\r\nmkd:\r\n", "''"),
    (b"%0\r\n", "{}"),
    (
        b"%2\r\n+k\r\n:1\r\n$1\r\nl\r\n*1\r\n_\r\n",
        "{'k' 1 'l' [null]}",
    ),
    (b"~2\r\n+a\r\n#t\r\n", "('a' true)"),
    (b"~0\r\n", "()"),
    // Attributes answer nothing, wherever they stand.
    (b"|0\r\n+a\r\n", "'a'"),
    (b"|1\r\n+ttl\r\n:3\r\n+a\r\n", "'a'"),
    (b"|1\r\n+k\r\n:1\r\n|1\r\n+l\r\n:2\r\n*1\r\n:3\r\n", "[3]"),
    (
        b"|1\r\n+k\r\n%1\r\n|1\r\n+n\r\n:0\r\n+x\r\n*2\r\n:1\r\n:2\r\n-E\r\n",
        "!E",
    ),
    (
        b"*3\r\n:1\r\n|1\r\n+ttl\r\n:3\r\n:2\r\n|1\r\n+ttl\r\n*1\r\n:9\r\n*0\r\n",
        "[1 2 []]",
    ),
    (
        b"%1\r\n|1\r\n+a\r\n+b\r\n+k\r\n|1\r\n+a\r\n+b\r\n+v\r\n",
        "{'k' 'v'}",
    ),
    // The same of bulk strings, which are passed several at once.
    (
        b"|1\r\n$2\r\nkk\r\n$2\r\nvv\r\n*2\r\n$2\r\nab\r\n$3\r\ncde\r\n",
        "['ab' 'cde']",
    ),
    (
        b"*3\r\n$2\r\nab\r\n|1\r\n$2\r\nkk\r\n$2\r\nvv\r\n$2\r\ncd\r\n$2\r\nef\r\n",
        "['ab' 'cd' 'ef']",
    ),
    (
        b"*?\r\n$2\r\nab\r\n$3\r\ncde\r\n$4\r\nfghi\r\n.\r\n",
        "['ab' 'cde' 'fghi']",
    ),
    (
        b"*?\r\n*2\r\n|1\r\n$1\r\na\r\n$1\r\nb\r\n$2\r\ncd\r\n$2\r\nef\r\n.\r\n",
        "[['cd' 'ef']]",
    ),
    // Streamed strings.
    (b"$?\r\n;0\r\n", "''"),
    (
        b"$?\r\n;4\r\nHell\r\n;5\r\no wor\r\n;2\r\nld\r\n;0\r\n",
        "'Hello world'",
    ),
    (b"$?\r\n;1\r\n\r\r\n;1\r\n\n\r\n;0\r\n", r"'\r\n'"),
    (
        b"*3\r\n$?\r\n;2\r\nab\r\n;0\r\n+x\r\n$?\r\n;1\r\nc\r\n;1\r\nd\r\n;0\r\n",
        "['ab' 'x' 'cd']",
    ),
    (
        b"$?\r\n;12\r\n0123456789ab\r\n;0010\r\n0123456789\r\n;00\r\n",
        "'0123456789ab0123456789'",
    ),
    // Streamed aggregates.
    (b"*?\r\n.\r\n", "[]"),
    (b"*?\r\n:1\r\n:2\r\n.\r\n", "[1 2]"),
    (b"~?\r\n+a\r\n.\r\n", "('a')"),
    (b"%?\r\n+k\r\n:1\r\n+l\r\n:2\r\n.\r\n", "{'k' 1 'l' 2}"),
    (
        b"*2\r\n*?\r\n~?\r\n*1\r\n%?\r\n+k\r\n$?\r\n;1\r\nv\r\n;0\r\n.\r\n.\r\n.\r\n:9\r\n",
        "[[([{'k' 'v'}])] 9]",
    ),
    (
        b"*?\r\n*?\r\n.\r\n*0\r\n|1\r\n+a\r\n+b\r\n*?\r\n.\r\n.\r\n",
        "[[] [] []]",
    ),
];

#[test]
fn every_type_is_the_same_in_any_split() {
    for (bytes, expected) in CASES {
        assert_eq!(events(bytes, &Limits::DEFAULT), [reply(expected)]);
    }
    let all: Vec<u8> = CASES
        .iter()
        .flat_map(|(bytes, _)| bytes.iter().copied())
        .collect();
    let replies: Vec<_> = CASES.iter().map(|(_, text)| reply(text)).collect();
    assert_eq!(events(&all, &Limits::DEFAULT), replies);
}

#[test]
fn pushes_stand_before_between_and_after_replies() {
    let bytes = b">2\r\n+pubsub\r\n:1\r\n+a\r\n>1\r\n*2\r\n$?\r\n;1\r\nx\r\n;0\r\n_\r\n\
        |1\r\n+k\r\n:1\r\n>1\r\n+x\r\n|1\r\n+k\r\n:1\r\n+b\r\n>1\r\n=5\r\ntxt:x\r\n";
    let expected = [
        Event::Push,
        reply("'a'"),
        Event::Push,
        Event::Push,
        reply("'b'"),
        Event::Push,
    ];
    assert_eq!(events(bytes, &Limits::DEFAULT), expected);
}

#[test]
fn a_push_between_two_replies_is_no_value_of_its_own() {
    let bytes = b">1\r\n+x\r\n|1\r\n+k\r\n:1\r\n>2\r\n*1\r\n+y\r\n+z\r\n:1\r\n>1\r\n+x\r\n:2\r\n";
    let mut decoder = Decoder::new(bytes);
    let mut first = decoder.value().unwrap();
    assert_eq!(first.item(), Ok(Item::Integer(1)));
    assert!(first.is_empty());
    let mut second = decoder.value().unwrap();
    assert_eq!(second.item(), Ok(Item::Integer(2)));
    assert!(decoder.is_empty());
}

#[test]
fn work_grows_with_the_bytes_and_not_with_their_square() {
    let array = [&b"*12500\r\n"[..], &b"$2\r\nab\r\n".repeat(12_500)].concat();
    let line = [&b"+"[..], &[b'x'; 100_000], b"\r\n"].concat();
    let error = [&b"*1\r\n-"[..], &[b'x'; 100_000], b"\r\n"].concat();
    let digits = [&b"$"[..], &[b'0'; 50_000], b"3\r\nabc\r\n"].concat();
    let chunk = [&b"$?\r\n;"[..], &[b'0'; 50_000], b"3\r\nabc\r\n;0\r\n"].concat();
    let chunks = [&b"$?\r\n"[..], &b";1\r\nx\r\n".repeat(15_000), b";0\r\n"].concat();
    let verbatim = [&b"*10000\r\n"[..], &b"=5\r\ntxt:a\r\n".repeat(10_000)].concat();
    for bytes in [array, line, error, digits, chunk, chunks, verbatim] {
        for piece in [1, 7, 1000, bytes.len()] {
            LOOKED.set(0);
            let mut scanner = Scanner::default();
            let (mut window, mut levels) = (bytes.clone(), [0; 8]);
            let mut given = 0;
            while given < bytes.len() {
                given = (given + piece).min(bytes.len());
                let scanned = scanner
                    .scan(&mut window[..given], &mut levels, &Limits::DEFAULT, true)
                    .unwrap();
                assert_eq!(scanned == Scanned::Reply, given == bytes.len());
                assert!(
                    LOOKED.get() / bytes.len() <= 4,
                    "of {} bytes, {given} gave {} looks in pieces of {piece}",
                    bytes.len(),
                    LOOKED.get()
                );
            }
        }
    }
}

#[test]
fn an_error_is_known_also_behind_an_attribute() {
    let cases: &[(&[u8], bool)] = &[
        (b"-ERR no\r\n", true),
        (b"!1\r\nE\r\n", true),
        (b"|1\r\n+k\r\n-v\r\n-ERR no\r\n", true),
        (b"|1\r\n+k\r\n-v\r\n+OK\r\n", false),
        (b">1\r\n-x\r\n+OK\r\n", false),
        (b"*1\r\n-ERR no\r\n", false),
        (b"-ERR no\r\n$1\r\na\r\n", false),
    ];
    for (bytes, is_error) in cases {
        let mut bytes = bytes.to_vec();
        let mut scanner = Scanner::default();
        let mut scan = || scanner.scan(&mut bytes, &mut [0; 8], &Limits::DEFAULT, true);
        while scan() != Ok(Scanned::More) {}
        assert_eq!(scanner.failed(), *is_error, "{}", bytes.escape_ascii());
    }
}
