//! Replies into `std` types, for hosts.

use core::hash::Hash;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::string::String;
use std::vec::Vec;

use crate::error::{Error, Type, ValueFault};
use crate::resp::decode::{Decoder, Elements, Item};
use crate::resp::own::each;
use crate::resp::reply::{FromReply, text, wrong_value};

impl FromReply for String {
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        text(decoder.string()?).map(Self::from)
    }
}

impl FromReply for Vec<u8> {
    /// A string of bytes as they are, not an array of numbers.
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        decoder.string().map(Self::from)
    }
}

impl<T: FromReply> FromReply for Vec<T> {
    /// An array, set or map; of a map as pairs, `Vec<(K, V)>`.
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        // Nothing is reserved on the word of the peer.
        let mut values = Self::new();
        each(decoder, |value| {
            values.push(value);
            Ok(())
        })?;
        Ok(values)
    }
}

impl<K: FromReply + Eq + Hash, V: FromReply> FromReply for HashMap<K, V> {
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        let mut values = Self::new();
        each(decoder, |(key, value)| {
            values.insert(key, value);
            Ok(())
        })?;
        Ok(values)
    }
}

impl<T: FromReply + Eq + Hash> FromReply for HashSet<T> {
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        Vec::<T>::from_reply(decoder).map(|values| values.into_iter().collect())
    }
}

impl<K: FromReply + Ord, V: FromReply> FromReply for BTreeMap<K, V> {
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        Vec::<(K, V)>::from_reply(decoder).map(|values| values.into_iter().collect())
    }
}

impl<T: FromReply + Ord> FromReply for BTreeSet<T> {
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        Vec::<T>::from_reply(decoder).map(|values| values.into_iter().collect())
    }
}

/// Any reply at all, as a tree: for tools and tests.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A string of bytes.
    String(Vec<u8>),
    /// An error, whole.
    Error(String),
    /// An integer.
    Integer(i64),
    /// A double.
    Double(f64),
    /// A boolean.
    Boolean(bool),
    /// An integer of any size, as digits.
    BigNumber(String),
    /// Null.
    Null,
    /// An array.
    Array(Vec<Value>),
    /// A map, in the server's order.
    Map(Vec<(Value, Value)>),
    /// A set, in the server's order.
    Set(Vec<Value>),
}

/// An aggregate whose elements are still coming.
struct Open {
    elements: Elements,
    kind: Type,
    values: Vec<Value>,
}

impl FromReply for Value {
    /// Any value but an error at the top; errors within an aggregate are values.
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        // A stack of our own: the peer decides how deep it nests.
        let mut open = Vec::<Open>::new();
        loop {
            let item = decoder.item()?;
            let mut value = match item {
                Item::Array(elements) | Item::Map(elements) | Item::Set(elements) => {
                    open.push(Open {
                        elements,
                        kind: item.kind(),
                        values: Vec::new(),
                    });
                    None
                }
                Item::Error(_) if open.is_empty() => return Err(item.is_not(Type::Null)),
                other => Some(scalar(other)?),
            };
            loop {
                let Some(top) = open.last_mut() else {
                    return value.ok_or_else(|| Item::End.is_not(Type::Array));
                };
                top.values.extend(value.take());
                if top.elements.next(decoder) {
                    break;
                }
                value = open.pop().map(aggregate).transpose()?;
            }
        }
    }
}

fn scalar(item: Item<'_>) -> Result<Value, Error> {
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(match item {
        Item::String(bytes) => Value::String(bytes.to_vec()),
        Item::Error(text) => Value::Error(lossy(text)),
        Item::Integer(number) => Value::Integer(number),
        Item::Double(digits) => Value::Double(text(digits)?.parse().unwrap_or(f64::NAN)),
        Item::Boolean(value) => Value::Boolean(value),
        Item::BigNumber(digits) => Value::BigNumber(lossy(digits)),
        Item::Null => Value::Null,
        other => return Err(other.is_not(Type::String)),
    })
}

fn aggregate(open: Open) -> Result<Value, Error> {
    Ok(match open.kind {
        Type::Map if !open.values.len().is_multiple_of(2) => {
            return Err(wrong_value(ValueFault::WrongLength));
        }
        Type::Map => {
            let mut values = open.values.into_iter();
            let mut pairs = Vec::new();
            while let (Some(key), Some(value)) = (values.next(), values.next()) {
                pairs.push((key, value));
            }
            Value::Map(pairs)
        }
        Type::Set => Value::Set(open.values),
        _ => Value::Array(open.values),
    })
}
