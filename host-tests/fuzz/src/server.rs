//! The other side. Requests as they arrive, whole and in pieces: the same words, the same faults.
//! Replies as they are written: whole or not at all, and they read back as what was meant.
//!
//! Input: a byte for the side. For requests: a byte each for window, limits and split, and what the
//! client says. For replies: a byte each for protocol and buffer, then choices.

use respool::config::{Limits, Protocol};
use respool::resp::{Decoder, Full, Item, Replies};
use respool::server::Requests;

use crate::input::Input;

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() & 1 {
        0 => requests(&mut input),
        _ => replies(&mut input),
    }
}

fn requests(input: &mut Input<'_>) {
    let window = [32, 64, 128, 1024, 8192][input.below(5)];
    let how = input.byte();
    let limits = match how & 1 {
        0 => Limits::DEFAULT,
        _ => Limits {
            bulk: 40,
            elements: 4,
            line: 48,
            ..Limits::DEFAULT
        },
    };
    let budget = match how & 2 {
        0 => 64 * 1024,
        _ => u32::from(how),
    };
    let mut random = u32::from(input.byte()).wrapping_mul(0x9e37_79b9) | 1;
    let wire = input.rest();
    let received = |piece: &mut dyn FnMut(usize) -> usize| {
        let mut window = vec![0; window];
        let requests = Requests::new(&mut window)
            .limits(limits)
            .skip_budget(budget);
        words(requests, wire, piece)
    };
    let whole = received(&mut |room| room);
    assert_eq!(whole, received(&mut |_| 1), "byte by byte");
    let in_pieces = received(&mut |room| {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        (random as usize >> 8) % room.min(24) + 1
    });
    assert_eq!(whole, in_pieces, "in pieces");
}

/// All words of all requests, and the faults between them.
fn words(
    mut requests: Requests<'_>,
    mut wire: &[u8],
    piece: &mut dyn FnMut(usize) -> usize,
) -> Vec<Vec<u8>> {
    let mut said = Vec::new();
    let given = wire.len();
    let mut steps = 0;
    loop {
        steps += 1;
        assert!(steps <= 2 * given + 8, "{steps} steps for {given} bytes");
        match requests.next() {
            Ok(Some(request)) => {
                let count = request.words().len();
                assert!(count > 0, "a request without a name");
                assert_eq!(request.words().count(), count, "words that are not there");
                said.push(format!("{count} words").into());
                said.extend(request.words().map(Vec::from));
            }
            Ok(None) => {
                if wire.is_empty() {
                    return said;
                }
                let room = requests.spare();
                assert!(!room.is_empty(), "it waits, and has no room");
                let n = piece(room.len()).min(room.len()).min(wire.len());
                room[..n].copy_from_slice(&wire[..n]);
                wire = &wire[n..];
                requests.filled(n);
            }
            Err(fault) => {
                said.push(format!("{fault:?}").into());
                if fault.closes() {
                    assert_eq!(requests.next().err(), Some(fault), "a fault that passes");
                    return said;
                }
            }
        }
    }
}

/// What a reader finds where a reply was written.
#[derive(Debug, PartialEq)]
enum Read {
    String(Vec<u8>),
    Error(Vec<u8>),
    Integer(i64),
    Double(Vec<u8>),
    Boolean(bool),
    BigNumber(Vec<u8>),
    Null,
    Array(u32),
    Map(u32),
    Set(u32),
}

fn replies(input: &mut Input<'_>) {
    let is_resp2 = input.byte() & 1 == 0;
    let protocol = match is_resp2 {
        true => Protocol::Resp2,
        false => Protocol::Resp3,
    };
    let mut buffer = vec![0; usize::from(input.byte()) * 2];
    let mut replies = Replies::new(&mut buffer, protocol);
    let mut meant = Vec::new();
    while !input.is_empty() {
        let before = replies.written().len();
        let (written, what) = write(&mut replies, is_resp2, input);
        match written {
            Ok(()) => meant.push(what),
            Err(Full) => assert_eq!(replies.written().len(), before, "a part of {what:?}"),
        }
    }
    let mut decoder = Decoder::new(replies.written());
    for what in meant {
        let read = match decoder.item().expect("what was written reads") {
            Item::String(bytes) => Read::String(bytes.into()),
            Item::Error(text) => Read::Error(text.into()),
            Item::Integer(number) => Read::Integer(number),
            Item::Double(text) => Read::Double(text.into()),
            Item::Boolean(value) => Read::Boolean(value),
            Item::BigNumber(digits) => Read::BigNumber(digits.into()),
            Item::Null => Read::Null,
            Item::Array(elements) => Read::Array(elements.left().expect("a count")),
            Item::Map(elements) => Read::Map(elements.left().expect("a count")),
            Item::Set(elements) => Read::Set(elements.left().expect("a count")),
            Item::End => panic!("an end mark"),
        };
        assert_eq!(read, what);
    }
    assert!(decoder.is_empty(), "more than was meant");
}

/// Writes one reply, and says what it means in this protocol.
fn write(
    replies: &mut Replies<'_>,
    is_resp2: bool,
    input: &mut Input<'_>,
) -> (Result<(), Full>, Read) {
    let line = |parts: &[&[u8]]| {
        let mut text = parts.concat();
        text.iter_mut()
            .filter(|byte| matches!(byte, b'\r' | b'\n'))
            .for_each(|byte| *byte = b' ');
        text
    };
    let either = |resp2: Read, resp3: Read| if is_resp2 { resp2 } else { resp3 };
    let which = input.byte();
    let len = usize::from(which >> 4);
    match which & 0x0f {
        0 => {
            let text = input.take(len);
            (replies.simple(text), Read::String(line(&[text])))
        }
        1 => {
            let text = input.take(len);
            (
                replies.error("ERR", text),
                Read::Error(line(&[b"ERR ", text])),
            )
        }
        2 => {
            let mut number = [0; 8];
            let bytes = input.take(8);
            number[..bytes.len()].copy_from_slice(bytes);
            let number = i64::from_le_bytes(number);
            (replies.integer(number), Read::Integer(number))
        }
        3 => {
            let bytes = input.take(len * 4);
            (replies.bulk(bytes), Read::String(bytes.into()))
        }
        4 => (replies.null(), Read::Null),
        5 => (replies.null_array(), Read::Null),
        6 => (replies.array(len), Read::Array(len as u32)),
        7 => {
            let twice = len as u32 * 2;
            (
                replies.map(len),
                either(Read::Array(twice), Read::Map(twice)),
            )
        }
        8 => {
            let count = len as u32;
            (
                replies.set(len),
                either(Read::Array(count), Read::Set(count)),
            )
        }
        9 => {
            let mut bits = [0; 8];
            let bytes = input.take(8);
            bits[..bytes.len()].copy_from_slice(bytes);
            let number = f64::from_le_bytes(bits);
            let at = replies.written().len();
            let written = replies.double(number);
            // It reads back as the same number, however it is spelled.
            let mut decoder = Decoder::new(&replies.written()[at..]);
            let text = match decoder.item() {
                Ok(Item::String(text) | Item::Double(text)) => text.to_vec(),
                _ => Vec::new(),
            };
            if written.is_ok() {
                let text = core::str::from_utf8(&text).expect("digits");
                let read: f64 = text.parse().expect("a number");
                assert!(
                    read.to_bits() == number.to_bits() || read.is_nan() && number.is_nan(),
                    "{number:?} as {text}"
                );
            }
            (
                written,
                either(Read::String(text.clone()), Read::Double(text)),
            )
        }
        10 => {
            let value = which & 0x10 != 0;
            (
                replies.boolean(value),
                either(Read::Integer(value.into()), Read::Boolean(value)),
            )
        }
        11 => {
            let digits = input.take(len);
            let unsigned = digits
                .strip_prefix(b"-")
                .or_else(|| digits.strip_prefix(b"+"))
                .unwrap_or(digits);
            let is_number = !unsigned.is_empty() && unsigned.iter().all(u8::is_ascii_digit);
            let text = Read::String(digits.into());
            let what = match is_number {
                true => either(text, Read::BigNumber(digits.into())),
                false => text,
            };
            (replies.big_number(digits), what)
        }
        12 => {
            let text = input.take(len);
            (replies.verbatim(b"txt", text), Read::String(text.into()))
        }
        13 => {
            let text = input.take(len);
            let whole = [b"ERR ", text].concat();
            let what = either(Read::Error(line(&[&whole])), Read::Error(whole.clone()));
            (replies.blob_error("ERR", text), what)
        }
        // In pieces, where all of them fit.
        14 => {
            let bytes = input.take(len);
            if replies.room() < len + 16 {
                return (Err(Full), Read::String(bytes.into()));
            }
            let written = replies.bulk_head(bytes.len());
            let (first, second) = bytes.split_at(bytes.len() / 2);
            assert_eq!(replies.piece(first), first.len());
            assert_eq!(replies.piece(second), second.len());
            (written.and(replies.bulk_end()), Read::String(bytes.into()))
        }
        // A push answers nothing: its elements are its own.
        _ => {
            if is_resp2 || replies.room() < 16 {
                return (Err(Full), Read::Null);
            }
            let written = replies.push(1).and(replies.null()).and(replies.integer(7));
            (written, Read::Integer(7))
        }
    }
}
