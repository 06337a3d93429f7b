extern crate std;

use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

use super::*;
use crate::config::Protocol;
use crate::resp::Replies;

/// What came out, one entry a request or fault.
type Seen = Vec<Result<Vec<Vec<u8>>, Fault>>;

/// Gives `pieces` to `requests`, and takes all there is after each.
fn feed<'p>(requests: &mut Requests<'_>, pieces: impl IntoIterator<Item = &'p [u8]>) -> Seen {
    let mut seen = Seen::new();
    for mut piece in pieces {
        while !piece.is_empty() {
            let spare = requests.spare();
            assert!(!spare.is_empty(), "no room, and nothing to take");
            let n = spare.len().min(piece.len());
            spare[..n].copy_from_slice(&piece[..n]);
            requests.filled(n);
            piece = &piece[n..];
            loop {
                match requests.next() {
                    Ok(Some(request)) => {
                        let words: Vec<_> = request.words().map(<[u8]>::to_vec).collect();
                        assert_eq!(words.len(), request.len() + 1);
                        seen.push(Ok(words));
                    }
                    Ok(None) => break,
                    Err(fault) => {
                        seen.push(Err(fault));
                        if fault.closes() {
                            assert_eq!(requests.next(), Err(fault), "it stays broken");
                            return seen;
                        }
                    }
                }
            }
        }
    }
    seen
}

fn whole(wire: &[u8], window: usize) -> Seen {
    feed(&mut Requests::new(&mut vec![0; window]), [wire])
}

fn words(words: &[&[u8]]) -> Result<Vec<Vec<u8>>, Fault> {
    Ok(words.iter().map(|word| word.to_vec()).collect())
}

impl PartialEq for Request<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.words().eq(other.words())
    }
}

/// The bytes of a request as an array.
fn array(words: &[&[u8]]) -> Vec<u8> {
    let mut wire = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        wire.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        wire.extend_from_slice(word);
        wire.extend_from_slice(b"\r\n");
    }
    wire
}

const MIX: &[u8] = b"*1\r\n$4\r\nPING\r\n\r\n  \n*0\r\n*-1\r\n\
    *3\r\n$3\r\nSET\r\n$0\r\n\r\n$7\r\n\r\n*\0$\n\r\r\nGET k\n*2\r\n$4\r\nECHO\r\n$1\r\n\xff\r\n\
    set \"a b\" '\\'' \"\\x00\\n\"\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n";

fn mix() -> Seen {
    vec![
        words(&[b"PING"]),
        words(&[b"SET", b"", b"\r\n*\0$\n\r"]),
        words(&[b"GET", b"k"]),
        words(&[b"ECHO", b"\xff"]),
        words(&[b"set", b"a b", b"'", b"\0\n"]),
        words(&[b"PING"]),
        words(&[b"QUIT"]),
    ]
}

#[test]
fn requests_are_the_same_in_any_split() {
    // 38 bytes hold the longest request of the mix, and no byte more.
    for window in [38, 39, 50, 4096] {
        assert_eq!(whole(MIX, window), mix());
        for split in 0..=MIX.len() {
            let (first, second) = MIX.split_at(split);
            let seen = feed(&mut Requests::new(&mut vec![0; window]), [first, second]);
            assert_eq!(seen, mix(), "window {window}, split at {split}");
        }
        for step in 1..9 {
            let seen = feed(&mut Requests::new(&mut vec![0; window]), MIX.chunks(step));
            assert_eq!(seen, mix(), "window {window}, {step} bytes at a time");
        }
    }
}

#[test]
fn single_bytes_cost_no_more_than_many() {
    // Quadratic work would take hours here.
    let value = vec![b'\n'; 1 << 20];
    let line = [b"ECHO ".to_vec(), vec![b'x'; 60_000], b"\n".to_vec()].concat();
    let many: Vec<&[u8]> = vec![b"x"; 50_000];
    let wire = [array(&[b"SET", b"k", &value]), line, array(&many)].concat();
    let seen = feed(&mut Requests::new(&mut vec![0; 2 << 20]), wire.chunks(1));
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0], words(&[b"SET", b"k", &value]));
    assert_eq!(seen[2], words(&many));
}

#[test]
fn faults_are_worded_as_redis_does() {
    const COUNT: &str = "-ERR Protocol error: invalid multibulk length\r\n";
    const LENGTH: &str = "-ERR Protocol error: invalid bulk length\r\n";
    let cases: &[(&[u8], &str)] = &[
        (b"*x\r\n", COUNT),
        (b"*\r\n", COUNT),
        (b"*+1\r\n", COUNT),
        (b"*01\r\n", COUNT),
        (b"*-0\r\n", COUNT),
        (b"*--1\r\n", COUNT),
        (b"*-+1\r\n", COUNT),
        (b"*1 \r\n", COUNT),
        (b"*1\n", COUNT),
        (b"*2147483648\r\n", COUNT),
        (b"*9223372036854775808\r\n", COUNT),
        (b"*1111111111111111111111111111111111", COUNT),
        (b"*1\r\n$-1\r\n", LENGTH),
        (b"*1\r\n$\r\n", LENGTH),
        (b"*1\r\n$4x\r\n", LENGTH),
        (b"*1\r\n$+4\r\n", LENGTH),
        (b"*1\r\n$04\r\n", LENGTH),
        (b"*1\r\n$536870913\r\n", LENGTH),
        (b"*1\r\n$18446744073709551616\r\n", LENGTH),
        (b"*1\r\n$444444444444444444444444444444", LENGTH),
        (b"*1\r\nx", "-ERR Protocol error: expected '$', got 'x'\r\n"),
        (
            b"*1\r\n*1\r\n",
            "-ERR Protocol error: expected '$', got '*'\r\n",
        ),
        (
            b"*1\r\n\r\n",
            "-ERR Protocol error: expected '$', got ' '\r\n",
        ),
        (
            b"*1\r\n$4\r\nPINGPING\r\n",
            "-ERR Protocol error: expected CR LF after a bulk\r\n",
        ),
        (
            b"*1\r\n$4\r\nPING\n\n",
            "-ERR Protocol error: expected CR LF after a bulk\r\n",
        ),
        (
            b"SET k \"v\n",
            "-ERR Protocol error: unbalanced quotes in request\r\n",
        ),
    ];
    for (wire, expected) in cases {
        let text = wire.escape_ascii();
        for step in [1, wire.len()] {
            let before = [&b"PING\r\n"[..], wire, b"PING\r\n"].concat();
            let seen = feed(&mut Requests::new(&mut [0; 64]), before.chunks(step));
            let [Ok(_), Err(fault)] = &seen[..] else {
                panic!("{text}: {seen:?}")
            };
            assert!(fault.closes(), "{text}");
            let mut buffer = [0; 64];
            let mut replies = Replies::new(&mut buffer, Protocol::Resp2);
            fault.write(&mut replies).unwrap();
            assert_eq!(
                replies.written().escape_ascii().to_string(),
                expected.as_bytes().escape_ascii().to_string(),
                "{text}"
            );
        }
    }
}

#[test]
fn an_inline_request_is_as_long_as_the_limit_and_no_longer() {
    let line = |len: usize| [vec![b'x'; len - 1], b"\n".to_vec()].concat();
    let too_long: Seen = vec![Err(Fault::InlineTooLong)];
    for step in [1, 1000, 1 << 20] {
        let read = |window, limit, wire: &[u8]| {
            let limits = Limits {
                line: limit,
                ..Limits::DEFAULT
            };
            let mut window = vec![0; window];
            feed(
                &mut Requests::new(&mut window).limits(limits),
                wire.chunks(step),
            )
        };
        assert_eq!(read(100, u32::MAX, &line(100)).len(), 1);
        assert_eq!(read(100, u32::MAX, &line(101)), too_long);
        assert!(read(100, 50, &line(50))[0].is_ok());
        assert_eq!(read(100, 50, &line(51)), too_long);
        assert!(read(1 << 17, u32::MAX, &line(65535))[0].is_ok());
        assert_eq!(read(1 << 17, u32::MAX, &line(65536)), too_long);
        // Without an end, too.
        assert_eq!(read(1 << 17, u32::MAX, &[b'x'; 65536]), too_long);
    }
}

#[test]
fn limits_hold_for_counts_and_lengths() {
    let read = |wire: &[u8]| {
        let limits = Limits {
            elements: 2,
            bulk: 4,
            ..Limits::DEFAULT
        };
        feed(&mut Requests::new(&mut [0; 64]).limits(limits), [wire])
    };
    assert_eq!(
        read(&array(&[b"ECHO", b"1234"])),
        [words(&[b"ECHO", b"1234"])]
    );
    assert_eq!(read(b"*3\r\n"), [Err(Fault::BadCount)]);
    assert_eq!(read(b"*1\r\n$5\r\n"), [Err(Fault::BadLength)]);
    assert_eq!(read(b"a b c\n"), [Err(Fault::BadCount)]);
}

#[test]
fn a_request_larger_than_the_window_is_skipped_whole() {
    let value = vec![b'v'; 5000];
    let many: Vec<&[u8]> = vec![b"\r\n"; 400];
    for large in [
        array(&[b"SET", b"k", &value]),
        array(&many),
        array(&[&value, b"", b"x"]),
    ] {
        let wire = [
            &array(&[b"GET", b"a"])[..],
            &large,
            b"GET b\n",
            &large,
            b"PING\n",
        ]
        .concat();
        let expected: Seen = vec![
            words(&[b"GET", b"a"]),
            Err(Fault::TooLarge),
            words(&[b"GET", b"b"]),
            Err(Fault::TooLarge),
            words(&[b"PING"]),
        ];
        for window in [32, 33, 64, 100, large.len() - 1] {
            for step in [1, 2, 3, 7, 61, 1000, wire.len()] {
                let seen = feed(&mut Requests::new(&mut vec![0; window]), wire.chunks(step));
                assert_eq!(seen, expected, "window {window}, {step} bytes at a time");
            }
        }
        assert!(
            whole(&wire, large.len()).iter().all(Result::is_ok),
            "it fits to the byte"
        );
    }
}

#[test]
fn what_is_skipped_is_checked_and_within_the_budget() {
    // The head says it: nobody waits for the bytes.
    assert_eq!(whole(b"*1\r\n$65530\r\n", 64), [Err(Fault::SkipBudget)]);
    assert_eq!(whole(b"*1\r\n$65520\r\n", 64), []);
    let many: Vec<&[u8]> = vec![b"x"; 20_000];
    assert_eq!(whole(&array(&many), 64), [Err(Fault::SkipBudget)]);
    // A budget of none.
    let mut window = [0; 64];
    let mut requests = Requests::new(&mut window).skip_budget(0);
    assert_eq!(
        feed(&mut requests, [&array(&[&[b'x'; 100]])[..]]),
        [Err(Fault::SkipBudget)]
    );
    // A fault within what is skipped.
    let mut wire = array(&[&[b'x'; 100], b"y"]);
    *wire.last_mut().unwrap() = b'!';
    assert_eq!(whole(&wire, 64), [Err(Fault::MissingCrLf)]);
    let wire = [&b"*2\r\n$100\r\n"[..], &[b'x'; 100], b"\r\n:1\r\n"].concat();
    assert_eq!(whole(&wire, 64), [Err(Fault::NoBulk(b':'))]);
}

#[test]
fn a_tiny_window_ends_in_a_fault_and_never_in_a_standstill() {
    for window in 1..32 {
        for wire in [
            MIX,
            &array(&[&[b'x'; 99]]),
            &array(&vec![b"x".as_slice(); 99]),
        ] {
            for step in [1, 5, wire.len()] {
                // `feed` asserts that there is always room.
                let seen = feed(&mut Requests::new(&mut vec![0; window]), wire.chunks(step));
                assert!(!seen.is_empty());
            }
        }
    }
    let mut none = Requests::new(&mut []);
    assert_eq!((none.spare().len(), none.next()), (0, Ok(None)));
    none.filled(7);
    assert_eq!(
        none.next(),
        Ok(None),
        "more than there was room for does not count"
    );
}

#[test]
fn a_request_gives_its_words() {
    let mut window = [0; 64];
    let mut requests = Requests::new(&mut window);
    let wire = array(&[b"gEt", b"key", b""]);
    requests.spare()[..wire.len()].copy_from_slice(&wire);
    requests.filled(wire.len());
    let request = requests.next().unwrap().unwrap();
    assert!(request.name_is("GET") && !request.name_is("GE") && !request.name_is("SET"));
    assert_eq!(request.name(), b"gEt");
    assert_eq!((request.len(), request.is_empty()), (2, false));
    assert_eq!(request.exactly(), Some([b"key".as_slice(), b""]));
    assert_eq!(request.exactly::<1>(), None);
    assert_eq!(request.exactly::<3>(), None);
    let mut args = request.args();
    assert_eq!(
        (args.len(), args.next(), args.len()),
        (2, Some(&b"key"[..]), 1)
    );
    let shown: String = format!("{request:?} {args:?}");
    assert_eq!(shown, "Request(gEt with 2 arguments) RequestArgs(1 left)");
}
