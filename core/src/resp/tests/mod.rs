//! The whole layer by byte arrays: bytes in, values out, in any split.

extern crate std;

mod args;
mod faults;
mod forms;
mod owned;
mod random;
#[cfg(target_pointer_width = "64")]
mod shortcuts;
mod types;

use core::cell::Cell;
use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use crate::config::Limits;
use crate::error::Fault;
use crate::resp::{Decoder, Item, Scanned, Scanner};

std::thread_local! {
    static LOOKED: Cell<usize> = const { Cell::new(0) };
}

/// Counts bytes that are looked at one by one: all but those that a shortcut takes.
pub(super) fn looked(bytes: usize) {
    LOOKED.set(LOOKED.get() + bytes);
}

/// What a stream of bytes gives.
#[derive(Clone, Debug, PartialEq)]
enum Event {
    Reply(String),
    Push,
    Fault(Fault),
    /// Bytes were left that end no value.
    Rest,
}

fn reply(text: &str) -> Event {
    Event::Reply(text.into())
}

/// Scans `bytes` as they arrive in pieces of these lengths, and then the rest at once.
fn arriving(bytes: &[u8], pieces: &[usize], limits: &Limits) -> Vec<Event> {
    let mut levels = vec![0; usize::from(limits.depth)];
    let mut scanner = Scanner::default();
    let mut window = Vec::new();
    let mut events = Vec::new();
    let mut rest = bytes;
    for piece in pieces.iter().copied().chain([bytes.len()]) {
        let (now, later) = rest.split_at(piece.min(rest.len()));
        rest = later;
        window.extend_from_slice(now);
        loop {
            let scanned = scanner.scan(&mut window, &mut levels, limits, true);
            let at = scanner.at();
            assert!(at <= window.len(), "no more is consumed than was given");
            assert!(events.len() <= bytes.len(), "it goes on for ever");
            match scanned {
                Ok(Scanned::More) => break,
                Ok(Scanned::Push) => events.push(Event::Push),
                Ok(Scanned::Reply) => events.push(Event::Reply(tree(&window[..at]))),
                Err(fault) => {
                    events.push(Event::Fault(fault));
                    return events;
                }
            }
            window.drain(..at);
            scanner.forget(at);
        }
    }
    if !window.is_empty() {
        events.push(Event::Rest);
    }
    events
}

/// What `bytes` give: the same whole, at every single split, and one byte at a time.
fn events(bytes: &[u8], limits: &Limits) -> Vec<Event> {
    let whole = arriving(bytes, &[], limits);
    for cut in 1..bytes.len() {
        let split = arriving(bytes, &[cut], limits);
        assert_eq!(split, whole, "{} cut at {cut}", bytes.escape_ascii());
    }
    let dribbled = arriving(bytes, &vec![1; bytes.len()], limits);
    assert_eq!(dribbled, whole, "{} dribbled", bytes.escape_ascii());
    whole
}

/// The value in `bytes` as text.
fn tree(bytes: &[u8]) -> String {
    let mut decoder = Decoder::new(bytes);
    let text = value(&mut decoder);
    assert!(decoder.is_empty(), "{} is one value", bytes.escape_ascii());
    let passed = Decoder::new(bytes).value().unwrap();
    assert_eq!(passed.rest(), bytes, "and is passed over as one");
    text
}

fn value(decoder: &mut Decoder<'_>) -> String {
    let item = decoder.item().unwrap();
    let (mut elements, brackets) = match item {
        Item::Array(elements) => (elements, "[]"),
        Item::Set(elements) => (elements, "()"),
        Item::Map(elements) => (elements, "{}"),
        Item::String(bytes) => return format!("'{}'", bytes.escape_ascii()),
        Item::Error(bytes) => return format!("!{}", bytes.escape_ascii()),
        Item::Integer(number) => return number.to_string(),
        Item::Double(digits) => return format!(",{}", digits.escape_ascii()),
        Item::BigNumber(digits) => return format!("#{}", digits.escape_ascii()),
        Item::Boolean(value) => return value.to_string(),
        Item::Null => return "null".into(),
        Item::End => return "end".into(),
    };
    let mut values = Vec::new();
    while elements.next(decoder) {
        values.push(value(decoder));
    }
    format!("{}{}{}", &brackets[..1], values.join(" "), &brackets[1..])
}
