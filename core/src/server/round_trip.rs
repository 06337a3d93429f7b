//! Commands into bytes by the encoder, and back by the other side.

extern crate std;

use std::vec;
use std::vec::Vec;

use crate::command::{Encode, get, mset, raw, set};
use crate::error::CommandFault;
use crate::resp::{Cursor, Frame};
use crate::server::Requests;

fn encoded(command: &dyn Encode) -> Result<Vec<u8>, CommandFault> {
    let frame = Frame {
        words: command.spec().words,
        args: &|args| command.args(args),
    };
    let mut window = vec![0; 8192];
    let (len, whole) = Cursor::default().write(&frame, frame.count()?, &mut window)?;
    assert!(whole);
    window.truncate(len);
    Ok(window)
}

/// The words that a server reads.
fn words(command: &dyn Encode) -> Vec<Vec<u8>> {
    let bytes = encoded(command).unwrap();
    let mut window = vec![0; 16384];
    let mut requests = Requests::new(&mut window);
    requests.spare()[..bytes.len()].copy_from_slice(&bytes);
    requests.filled(bytes.len());
    let request = requests.next().unwrap().unwrap();
    let words = request.words().map(Vec::from).collect();
    assert!(requests.next().unwrap().is_none(), "and nothing else");
    words
}

#[test]
fn every_byte_is_data() {
    let all: Vec<u8> = (0..=255).collect();
    for value in [
        &b""[..],
        b"\r\n",
        b"\0",
        b"\xff",
        b"*3\r\n$3\r\n",
        b"$-1\r\n",
        b"'\"",
        &all,
    ] {
        assert_eq!(words(&set(value, value)), [b"SET", value, value]);
        assert_eq!(
            words(&mset([(value, "v"), (b"k".as_slice(), "w")])),
            [b"MSET", value, b"v", b"k", b"w"]
        );
        assert_eq!(
            words(&get((value, ":", value))),
            [b"GET".to_vec(), [value, b":", value].concat()]
        );
    }
    for len in [9, 10, 98, 99, 100, 101, 999, 1000, 1001] {
        let value = vec![b'x'; len];
        assert_eq!(words(&set("k", &value[..]))[2], value);
        let args = vec!["a"; len];
        assert_eq!(words(&raw("X").args(&args[..])).len(), len + 1);
    }
}

#[test]
fn numbers_are_the_shortest_text_that_reads_back() {
    assert_eq!(
        words(&set(i64::MIN, i64::MAX))[1..],
        [&b"-9223372036854775808"[..], b"9223372036854775807"]
    );
    assert_eq!(
        words(&set(u64::MAX, 0))[1..],
        [&b"18446744073709551615"[..], b"0"]
    );
    let floats = [
        0.1,
        -0.0,
        1.0,
        1e300,
        5e-324,
        f64::MAX,
        0.1 + 0.2,
        1e21,
        -2.5,
    ];
    for float in floats {
        let text = words(&set("k", float)).pop().unwrap();
        let text = core::str::from_utf8(&text).unwrap();
        assert_eq!(
            text.parse::<f64>().unwrap().to_bits(),
            float.to_bits(),
            "{text}"
        );
        assert!(text.len() <= std::format!("{float:?}").len() + 1, "{text}");
    }
    assert_eq!(words(&set("k", 0.1f32))[2], b"0.1");
    assert_eq!(
        words(&set(f64::INFINITY, f64::NEG_INFINITY))[1..],
        [&b"inf"[..], b"-inf"]
    );
    assert_eq!(encoded(&set("k", f64::NAN)), Err(CommandFault::NotANumber));
    assert_eq!(
        encoded(&raw("X").arg(1).arg(f32::NAN)),
        Err(CommandFault::NotANumber)
    );
}

#[test]
fn a_name_alone_is_a_command() {
    assert_eq!(encoded(&raw("X")).unwrap(), b"*1\r\n$1\r\nX\r\n");
    assert_eq!(
        encoded(&raw("X").args::<[&str; 0]>([])).unwrap(),
        b"*1\r\n$1\r\nX\r\n"
    );
    assert_eq!(
        encoded(&raw("X").arg("")).unwrap(),
        b"*2\r\n$1\r\nX\r\n$0\r\n\r\n"
    );
}

#[test]
fn a_million_arguments_are_counted() {
    let args = vec!["a"; 1_000_001];
    let command = &raw("X").args(&args[..]) as &dyn Encode;
    let frame = Frame {
        words: command.spec().words,
        args: &|args| command.args(args),
    };
    let count = frame.count().unwrap();
    let mut window = [0; 64];
    let written = Cursor::default().write(&frame, count, &mut window);
    assert_eq!(written, Ok((64, false)));
    assert!(window.starts_with(b"*1000002\r\n$1\r\nX\r\n$1\r\na\r\n"));
}

#[test]
fn it_can_go_on_in_windows_of_any_size() {
    let long = [b'v'; 250];
    let command = mset([
        (("key:", 7), &long[..]),
        (("", 0), b""),
        (("k", -1), &long[..99]),
    ]);
    let whole = encoded(&command).unwrap();
    let frame = Frame {
        words: command.spec().words,
        args: &|args| command.args(args),
    };
    let count = frame.count().unwrap();
    for size in 1..whole.len() + 10 {
        let mut cursor = Cursor::default();
        let mut bytes = Vec::new();
        loop {
            let mut window = vec![0; size];
            let (len, done) = cursor.write(&frame, count, &mut window).unwrap();
            bytes.extend_from_slice(&window[..len]);
            if done {
                break;
            }
        }
        assert_eq!(bytes, whole, "windows of {size}");
    }
}
