//! The first reply, read by us and by the parsers of the crates `redis` and `redis-protocol`.
//!
//! Where we find a reply, they must find the same value, and `redis-protocol` as many bytes; where
//! we wait for more bytes, they must not find a reply. What we refuse they may take, but for a type
//! that does not exist. Where they do not follow the specification, or follow it on another road,
//! they are not asked: the lists below say when and why.
//!
//! Input: what the server says.

use std::collections::HashSet;

use redis_protocol::resp3::decode::complete;
use redis_protocol::resp3::types::OwnedFrame;
use respool::error::Fault;
use respool::resp::{Decoder, Elements, Item};
use respool::{Connection, ErrorKind, Memory, Until, Want};

use crate::decode::Asks;

/// Runs one input.
pub fn run(wire: &[u8]) {
    if ANYONE.iter().any(|(_, differs)| differs(wire)) {
        return;
    }
    let ours = ours(wire);
    if !REDIS.iter().any(|(_, differs)| differs(wire, &ours)) {
        compare(wire, "redis", &ours, redis(wire));
    }
    if !PROTOCOL.iter().any(|(_, differs)| differs(wire, &ours)) {
        compare(wire, "redis-protocol", &ours, protocol(wire));
    }
}

/// Why, and for which inputs.
type Never = (&'static str, fn(&[u8]) -> bool);

/// Why, and for which inputs with what we make of them.
type Differs = (&'static str, fn(&[u8], &Ours) -> bool);

/// Where neither is asked.
const ANYONE: &[Never] = &[
    (
        "They recurse, and redis only counts to 100: no input with many aggregates.",
        |wire| wire.iter().filter(|byte| b"*%~>|".contains(byte)).count() > 32,
    ),
    (
        "They may reserve what a head promises: no long numbers behind a mark.",
        |wire| {
            wire.windows(7).any(|bytes| {
                b"*%~>|".contains(&bytes[0]) && bytes[1..].iter().all(u8::is_ascii_digit)
            })
        },
    ),
];

/// Where `redis` is not asked.
const REDIS: &[Differs] = &[
    ("It knows no streamed strings and aggregates.", |wire, _| {
        contains(wire, b"?\r\n")
    }),
    (
        "Its texts are UTF-8, or made so: lines, errors, verbatim strings.",
        |wire, _| core::str::from_utf8(wire).is_err(),
    ),
    (
        "The format of its verbatim strings ends at the first colon, not after three letters.",
        |wire, _| wire.contains(&b'='),
    ),
    (
        "The kind of its pushes is a string, and an empty push is one.",
        |wire, _| wire.contains(&b'>'),
    ),
    (
        "It takes lengths with a sign, and all that are negative for null or for no push.",
        |wire, ours| ours.is_waiting() && wire.iter().any(|byte| b"+-".contains(byte)),
    ),
];

/// Where `redis-protocol` is not asked.
const PROTOCOL: &[Differs] = &[
    (
        "It takes the null of RESP2, `-1`, for the mark of a stream; and streams it gives in parts.",
        |wire, _| contains(wire, b"-1\r\n") || contains(wire, b"?\r\n"),
    ),
    (
        "Its maps and sets are hashed: of equal keys one is kept, and an aggregate cannot be one.",
        |_, ours| matches!(ours, Ours::Reply(tree, _) if tree.has_keys_that_collide()),
    ),
    ("The same within a push, which we pass over.", |wire, _| {
        wire.contains(&b'>') && wire.iter().any(|byte| b"%~".contains(byte))
    }),
    ("Its errors and numbers are UTF-8.", |wire, _| {
        core::str::from_utf8(wire).is_err()
    }),
    ("Its verbatim strings are `txt` or `mkd`.", |wire, _| {
        wire.contains(&b'=')
    }),
    (
        "It attaches attributes to values, but none to a null or another attribute; an empty one \
         swallows what comes next, and keys are hashed.",
        |wire, _| {
            let attributes = wire.iter().filter(|byte| **byte == b'|').count();
            attributes > 1
                || attributes == 1
                    && (contains(wire, b"|0") || wire.iter().any(|byte| b"_*%~>".contains(byte)))
        },
    ),
];

fn compare(wire: &[u8], who: &str, ours: &Ours, theirs: Theirs) {
    let text = wire.escape_ascii();
    match (ours, theirs) {
        (Ours::Reply(tree, len), Theirs::Reply(other, their_len)) => {
            assert!(
                *tree == other,
                "{who} has another value of {text}:\n{tree:?}\n{other:?}"
            );
            if let Some(their_len) = their_len {
                assert_eq!(*len, their_len, "{who} takes another length of {text}");
            }
        }
        (Ours::Reply(tree, _), Theirs::None) => {
            panic!("{who} finds no reply in {text}, we find {tree:?}")
        }
        (Ours::Waits, Theirs::Reply(other, _)) => {
            panic!("{who} finds {other:?} in {text}, we wait")
        }
        (Ours::Fault(ErrorKind::Protocol(Fault::UnknownType(byte))), Theirs::Reply(other, _)) => {
            panic!("{who} knows the type {byte} in {text}: {other:?}")
        }
        (Ours::Waits | Ours::Fault(_), _) => {}
    }
}

#[derive(Debug)]
enum Ours {
    /// A value, and the bytes to its end.
    Reply(Tree, usize),
    Waits,
    Fault(ErrorKind),
}

enum Theirs {
    Reply(Tree, Option<usize>),
    None,
}

impl Ours {
    fn is_waiting(&self) -> bool {
        matches!(self, Self::Waits)
    }
}

/// A value, as all three can say it.
#[derive(Debug, PartialEq)]
enum Tree {
    String(Vec<u8>),
    /// They differ in what they make of its text.
    Error,
    Integer(i64),
    /// Its bits; one spelling of what is not a number.
    Double(u64),
    Boolean(bool),
    BigNumber(Vec<u8>),
    Null,
    Array(Vec<Tree>),
    /// Keys and values in turn, in some order of the keys.
    Map(Vec<(Tree, Tree)>),
    Set(Vec<Tree>),
}

impl Tree {
    fn double(number: f64) -> Self {
        let number = if number.is_nan() { f64::NAN } else { number };
        Self::Double(number.to_bits())
    }

    /// A map of keys and values in turn.
    fn map_of(values: Vec<Tree>) -> Self {
        let mut values = values.into_iter();
        let pair = || Some((values.next()?, values.next()?));
        Self::map(core::iter::from_fn(pair).collect())
    }

    fn map(mut pairs: Vec<(Tree, Tree)>) -> Self {
        pairs.sort_by_cached_key(|(key, _)| format!("{key:?}"));
        Self::Map(pairs)
    }

    fn set(mut values: Vec<Tree>) -> Self {
        values.sort_by_cached_key(|value| format!("{value:?}"));
        Self::Set(values)
    }

    /// Without recursion, since it is about ours.
    fn has_keys_that_collide(&self) -> bool {
        let mut open = vec![self];
        while let Some(tree) = open.pop() {
            let keys: Vec<_> = match tree {
                Self::Map(pairs) => pairs.iter().map(|(key, _)| key).collect(),
                Self::Set(values) => values.iter().collect(),
                _ => Vec::new(),
            };
            let different: HashSet<_> = keys.iter().map(|key| format!("{key:?}")).collect();
            if different.len() < keys.len() || keys.iter().any(|key| key.cannot_be_a_key()) {
                return true;
            }
            match tree {
                Self::Array(values) | Self::Set(values) => open.extend(values),
                Self::Map(pairs) => open.extend(pairs.iter().flat_map(|(key, value)| [key, value])),
                _ => {}
            }
        }
        false
    }

    fn cannot_be_a_key(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Map(_) | Self::Set(_))
    }
}

fn ours(mut wire: &[u8]) -> Ours {
    let mut memory = Memory::<4096, 64>::new();
    let mut connection = Connection::new(&mut memory);
    let request = Asks(1);
    let given = wire.len().min(4096);
    loop {
        match connection.step(&request, Until::Whole) {
            Ok(Want::Write(bytes)) => {
                let n = bytes.len();
                connection.wrote(n).expect("as many as were offered");
            }
            Ok(Want::Flush) => connection.flushed(),
            Ok(Want::Read(_)) if wire.is_empty() => return Ours::Waits,
            Ok(Want::Read(window)) => {
                let n = window.len().min(wire.len());
                window[..n].copy_from_slice(&wire[..n]);
                wire = &wire[n..];
                connection.got(n).expect("as many as there was room for");
            }
            Ok(Want::Done) => {
                return match connection.reply(&request) {
                    Ok(answer) => Ours::Reply(tree(answer.clone()), answer.rest().len().min(given)),
                    Err(error) => Ours::Fault(error.kind()),
                };
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => return Ours::Fault(error.kind()),
        }
    }
}

/// An aggregate whose elements are still to come.
struct Open {
    elements: Elements,
    whole: fn(Vec<Tree>) -> Tree,
    values: Vec<Tree>,
}

/// Our value as a tree, without recursion.
fn tree(mut decoder: Decoder<'_>) -> Tree {
    let mut open: Vec<Open> = Vec::new();
    loop {
        let mut begin = |elements, whole| {
            let values = Vec::new();
            open.push(Open {
                elements,
                whole,
                values,
            });
            None
        };
        let mut value = match decoder.item().expect("what was scanned decodes") {
            Item::Array(elements) => begin(elements, Tree::Array),
            Item::Set(elements) => begin(elements, Tree::set),
            Item::Map(elements) => begin(elements, Tree::map_of),
            Item::String(bytes) => Some(Tree::String(bytes.into())),
            Item::Error(_) => Some(Tree::Error),
            Item::Integer(number) => Some(Tree::Integer(number)),
            Item::Double(text) => {
                let text = core::str::from_utf8(text).expect("digits");
                Some(Tree::double(text.parse().expect("a number")))
            }
            Item::Boolean(value) => Some(Tree::Boolean(value)),
            Item::BigNumber(digits) => Some(Tree::BigNumber(digits.into())),
            Item::Null => Some(Tree::Null),
            Item::End => panic!("an end where nothing is open"),
        };
        while let Some(top) = open.last_mut() {
            top.values.extend(value.take());
            if top.elements.next(&mut decoder) {
                break;
            }
            value = open.pop().map(|open| (open.whole)(open.values));
        }
        if let Some(value) = value {
            return value;
        }
    }
}

fn redis(wire: &[u8]) -> Theirs {
    use redis::Value;

    fn tree(value: Value) -> Tree {
        let pair = |(key, value)| (tree(key), tree(value));
        let all = |values: Vec<Value>| values.into_iter().map(tree).collect();
        match value {
            Value::Nil => Tree::Null,
            Value::Int(number) => Tree::Integer(number),
            Value::BulkString(bytes) => Tree::String(bytes),
            Value::SimpleString(text) => Tree::String(text.into()),
            Value::VerbatimString { text, .. } => Tree::String(text.into()),
            Value::Okay => Tree::String(b"OK".into()),
            Value::Array(values) => Tree::Array(all(values)),
            Value::Set(values) => Tree::set(all(values)),
            Value::Map(pairs) => Tree::map(pairs.into_iter().map(pair).collect()),
            Value::Attribute { data, .. } => tree(*data),
            Value::Double(number) => Tree::double(number),
            Value::Boolean(value) => Tree::Boolean(value),
            Value::BigNumber(digits) => Tree::BigNumber(digits),
            Value::ServerError(_) => Tree::Error,
            other => panic!("no tree is made of {other:?}"),
        }
    }
    match redis::parse_redis_value(wire) {
        Ok(Value::Push { .. }) | Err(_) => Theirs::None,
        Ok(value) => Theirs::Reply(tree(value), None),
    }
}

fn protocol(mut wire: &[u8]) -> Theirs {
    fn tree(frame: OwnedFrame) -> Tree {
        let pair = |(key, value)| (tree(key), tree(value));
        match frame {
            OwnedFrame::BlobString { data, .. }
            | OwnedFrame::SimpleString { data, .. }
            | OwnedFrame::VerbatimString { data, .. } => Tree::String(data),
            OwnedFrame::BlobError { .. } | OwnedFrame::SimpleError { .. } => Tree::Error,
            OwnedFrame::Boolean { data, .. } => Tree::Boolean(data),
            OwnedFrame::Null => Tree::Null,
            OwnedFrame::Number { data, .. } => Tree::Integer(data),
            OwnedFrame::Double { data, .. } => Tree::double(data),
            OwnedFrame::BigNumber { data, .. } => Tree::BigNumber(data),
            OwnedFrame::Array { data, .. } => Tree::Array(data.into_iter().map(tree).collect()),
            OwnedFrame::Set { data, .. } => Tree::set(data.into_iter().map(tree).collect()),
            OwnedFrame::Map { data, .. } => Tree::map(data.into_iter().map(pair).collect()),
            // Only where we find a fault.
            OwnedFrame::Push { .. } | OwnedFrame::Hello { .. } | OwnedFrame::ChunkedString(_) => {
                Tree::Array(Vec::new())
            }
        }
    }
    let mut has_passed = false;
    loop {
        match complete::decode(wire) {
            Ok(Some((OwnedFrame::Push { .. }, len))) => {
                has_passed = true;
                wire = &wire[len..];
            }
            Ok(Some((frame, len))) => {
                return Theirs::Reply(tree(frame), (!has_passed).then_some(len));
            }
            Ok(None) | Err(_) => return Theirs::None,
        }
    }
}

fn contains(wire: &[u8], text: &[u8]) -> bool {
    wire.windows(text.len()).any(|window| window == text)
}
