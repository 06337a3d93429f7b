//! Replies as they arrive, whole and in pieces: the same answers, the same faults at the same
//! bytes, and what was passed as well-formed is decoded to its end.
//!
//! The scanner is reached as a server reaches it: through a [`Connection`] that waits for replies.
//!
//! Input: a byte for the window and for how replies are taken, a byte for the split, and what the
//! server says.

use std::collections::HashMap;

use respool::command::{Encode, Parts, Request, Spec, table};
use respool::error::Fault;
use respool::resp::{Args, Decoder, FromReply, Item, Reply, Value};
use respool::{Connection, ErrorKind, Memory, Until, Want};

/// Replies that a connection waits for in one exchange.
const REPLIES: u16 = 4;

/// Runs one input.
pub fn run(data: &[u8]) {
    let [choice, split, wire @ ..] = data else {
        return;
    };
    let until = match choice & 1 {
        0 => Until::Next,
        _ => Until::Whole,
    };
    match choice >> 1 & 3 {
        0 => same_in_any_split::<64>(wire, *split, until),
        1 => same_in_any_split::<256>(wire, *split, until),
        _ => same_in_any_split::<4096>(wire, *split, until),
    }
    decode_anything(wire);
}

fn same_in_any_split<const RX: usize>(wire: &[u8], split: u8, until: Until) {
    let whole = received::<RX>(wire, until, true, |room| room);
    let bytes = received::<RX>(wire, until, false, |_| 1);
    assert!(
        whole.agrees(&bytes, wire, RX),
        "{whole:?}, byte by byte {bytes:?}"
    );
    let mut random = u32::from(split).wrapping_mul(0x9e37_79b9) | 1;
    let pieces = received::<RX>(wire, until, false, |room| {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        (random as usize >> 8) % room.min(24) + 1
    });
    assert!(
        whole.agrees(&pieces, wire, RX),
        "{whole:?}, in pieces {pieces:?}"
    );
}

/// What came of the bytes.
#[derive(Debug)]
struct Received {
    /// The answers, item by item, in a spelling of our own.
    items: Vec<u8>,
    answers: u16,
    end: End,
}

#[derive(Debug, PartialEq)]
enum End {
    /// All replies came.
    All,
    /// The connection waits for more.
    Waits,
    /// It was closed.
    Failed(ErrorKind),
}

impl Received {
    /// The same answers and the same end. A fault in a line may be found before the line has come
    /// to its end, or only there; in a line that is too long, that is the other fault.
    ///
    /// Of an error's line that is longer than the window the middle is dropped, unseen where it came
    /// in pieces: what stands behind a fault in it is then seen by one of both only.
    fn agrees(&self, other: &Self, wire: &[u8], window: usize) -> bool {
        if wire
            .split(|byte| *byte == b'\n')
            .any(|line| line.len() + 1 >= window)
        {
            let len = self.items.len().min(other.items.len());
            return self.items[..len] == other.items[..len];
        }
        let too_long = End::Failed(ErrorKind::Protocol(Fault::LineTooLong));
        let same_end = match (&self.end, &other.end) {
            (End::Failed(_), End::Waits) | (End::Waits, End::Failed(_)) => !wire.ends_with(b"\n"),
            (one, other) => *one == *other || *one == too_long || *other == too_long,
        };
        same_end && self.answers == other.answers && self.items == other.items
    }
}

/// Gives `wire` to a connection, of each read as many bytes as `piece` says. Where `is_whole`, the
/// answers are also read in other ways.
fn received<const RX: usize>(
    mut wire: &[u8],
    until: Until,
    is_whole: bool,
    mut piece: impl FnMut(usize) -> usize,
) -> Received {
    let mut memory = Memory::<RX, 64>::new();
    let mut connection = Connection::new(&mut memory);
    let request = Asks(REPLIES);
    let (mut items, mut answers) = (Vec::new(), 0);
    let mut steps = 0;
    let given = wire.len();
    let end = loop {
        steps += 1;
        assert!(steps <= 2 * given + 32, "{steps} steps for {given} bytes");
        match connection.step(&request, until) {
            Ok(Want::Write(bytes)) => {
                let n = bytes.len();
                connection.wrote(n).expect("as many as were offered");
            }
            Ok(Want::Flush) => connection.flushed(),
            Ok(Want::Read(window)) => {
                assert!(!window.is_empty(), "a read into nothing");
                if wire.is_empty() {
                    break End::Waits;
                }
                let n = piece(window.len()).min(window.len()).min(wire.len());
                let (now, later) = wire.split_at(n);
                window[..n].copy_from_slice(now);
                wire = later;
                connection.got(n).expect("as many as there was room for");
            }
            Ok(Want::Done) => {
                match connection.reply(&request) {
                    Ok(answer) => {
                        assert!(answer.rest().len() <= given, "more than was given");
                        spell(answer.clone(), &mut items);
                        if is_whole {
                            by_value(answer);
                        }
                    }
                    // It is known where the next one begins.
                    Err(error) => items.extend_from_slice(format!("{:?}", error.kind()).as_bytes()),
                }
                answers += 1;
                if until == Until::Whole || answers == REPLIES {
                    break End::All;
                }
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                assert!(!connection.is_open(), "a fault closes the connection");
                break End::Failed(error.kind());
            }
        }
    };
    Received {
        items,
        answers,
        end,
    }
}

/// Writes down all items of an answer.
fn spell(mut answer: Decoder<'_>, items: &mut Vec<u8>) {
    while !answer.is_empty() {
        let item = answer.item().expect("what was scanned decodes");
        let (kind, bytes) = match item {
            Item::String(bytes) => (b'$', bytes),
            Item::Error(bytes) => (b'!', bytes),
            Item::Double(bytes) => (b',', bytes),
            Item::BigNumber(bytes) => (b'(', bytes),
            Item::Integer(number) => {
                items.push(b':');
                items.extend_from_slice(&number.to_le_bytes());
                continue;
            }
            Item::Boolean(value) => (b'#', if value { &b"t"[..] } else { b"f" }),
            Item::Null => (b'_', &b""[..]),
            Item::End => (b'.', &b""[..]),
            Item::Array(elements) | Item::Map(elements) | Item::Set(elements) => {
                items.extend_from_slice(&elements.left().unwrap_or(u32::MAX).to_le_bytes());
                (b'*', &b""[..])
            }
        };
        items.push(kind);
        items.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        items.extend_from_slice(bytes);
    }
}

/// Reads an answer value by value: it ends at the same place.
fn by_value(mut values: Decoder<'_>) {
    while !values.is_empty() {
        let value = values.value().expect("what was scanned can be passed over");
        assert!(!value.is_empty(), "a value of no bytes");
        as_types(&value);
    }
}

/// Asks for the value as types that it may not have.
fn as_types(value: &Decoder<'_>) {
    let _ = Value::from_reply(&mut value.clone());
    let _ = Vec::<(String, f64)>::from_reply(&mut value.clone());
    let _ = HashMap::<String, Option<u16>>::from_reply(&mut value.clone());
    let _ = <Option<(i64, bool)>>::decode(&mut value.clone());
}

/// A decoder over bytes that nobody has looked at.
fn decode_anything(wire: &[u8]) {
    let mut decoder = Decoder::new(wire);
    let mut steps = 0;
    while !decoder.is_empty() && decoder.item().is_ok() {
        steps += 1;
        assert!(steps <= wire.len(), "an item of no bytes");
    }
    let _ = Decoder::new(wire).value();
    as_types(&Decoder::new(wire));
}

/// So many commands at once, of which nothing is known but that each is answered.
pub(crate) struct Asks(pub(crate) u16);

/// The bytes of an answer.
pub(crate) enum Raw {}

struct Ask;

impl Parts for Asks {
    fn count(&self) -> u16 {
        self.0
    }

    fn part(&self, index: u16) -> Option<&dyn Encode> {
        (index < self.0).then_some(&Ask)
    }
}

impl Request for Asks {
    type Reply = Raw;
}

impl Reply for Raw {
    type Out<'r> = Decoder<'r>;

    fn decode<'r>(decoder: &mut Decoder<'r>) -> Result<Decoder<'r>, respool::Error> {
        Ok(decoder.clone())
    }
}

impl Encode for Ask {
    fn spec(&self) -> &'static Spec {
        &table::PING
    }

    fn args<'a>(&'a self, _args: &mut Args<'_, 'a>) {}
}
