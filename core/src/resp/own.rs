//! Replies into types that a caller owns: numbers, `heapless` containers, arrays and tuples.

use crate::error::{Error, ErrorKind, Type, ValueFault};
use crate::resp::decode::{Decoder, Elements, Item};
use crate::resp::reply::{FromReply, exactly, is_null, text, wrong_value};

impl FromReply for () {
    /// Any value but an error.
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<(), Error> {
        let mut value = decoder.value()?;
        match value.item()? {
            error @ Item::Error(_) => Err(error.is_not(Type::String)),
            _ => Ok(()),
        }
    }
}

impl FromReply for bool {
    /// A boolean, or the integers 0 and 1 that stand for it in RESP2.
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<bool, Error> {
        match decoder.item()? {
            Item::Boolean(value) => Ok(value),
            Item::Integer(0) => Ok(false),
            Item::Integer(1) => Ok(true),
            Item::Integer(_) => Err(wrong_value(ValueFault::UnknownWord)),
            other => Err(other.is_not(Type::Boolean)),
        }
    }
}

impl FromReply for i64 {
    /// An integer, or a string of digits, as `GET` answers for a counter.
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<i64, Error> {
        match decoder.item()? {
            Item::Integer(number) => Ok(number),
            Item::String(digits) | Item::BigNumber(digits) => parse(digits),
            other => Err(other.is_not(Type::Integer)),
        }
    }
}

impl FromReply for u64 {
    /// An integer that is not negative, or a string of digits.
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<u64, Error> {
        match decoder.item()? {
            Item::Integer(number) => u64::try_from(number).map_err(|_| not_a_number()),
            Item::String(digits) | Item::BigNumber(digits) => parse(digits),
            other => Err(other.is_not(Type::Integer)),
        }
    }
}

/// The smaller integers are the larger ones, checked.
macro_rules! smaller_integers {
    ($($type:ty),*) => { $(
        impl FromReply for $type {
            fn from_reply(decoder: &mut Decoder<'_>) -> Result<$type, Error> {
                <$type>::try_from(i64::from_reply(decoder)?).map_err(|_| not_a_number())
            }
        }
    )* };
}

smaller_integers!(i16, u16, i32, u32, usize);

impl FromReply for f64 {
    /// A double, or the string that stands for it in RESP2, or an integer.
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<f64, Error> {
        match decoder.item()? {
            Item::Double(digits) | Item::String(digits) => parse(digits),
            Item::Integer(number) => Ok(number as f64),
            other => Err(other.is_not(Type::Double)),
        }
    }
}

impl<T: FromReply> FromReply for Option<T> {
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        match is_null(decoder)? {
            true => Ok(None),
            false => T::from_reply(decoder).map(Some),
        }
    }
}

impl<const N: usize> FromReply for heapless::String<N> {
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        Self::try_from(text(decoder.string()?)?).map_err(|_| over_capacity())
    }
}

impl<T: FromReply, const N: usize> FromReply for heapless::Vec<T, N> {
    /// An array, set or map; of a map as pairs, `Vec<(K, V), N>`.
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        let mut values = Self::new();
        each(decoder, |value| {
            values.push(value).map_err(|_| over_capacity())
        })?;
        Ok(values)
    }
}

impl<T: FromReply, const N: usize> FromReply for [T; N] {
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        exactly(decoder, N as u32)?;
        let mut values = heapless::Vec::<T, N>::new();
        for _ in 0..N {
            values
                .push(T::from_reply(decoder)?)
                .map_err(|_| over_capacity())?;
        }
        values
            .into_array()
            .map_err(|_| wrong_value(ValueFault::WrongLength))
    }
}

impl<K: FromReply + Eq, V: FromReply, const N: usize> FromReply for heapless::LinearMap<K, V, N> {
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        let mut values = Self::new();
        each(decoder, |(key, value)| {
            values
                .insert(key, value)
                .map(|_| ())
                .map_err(|_| over_capacity())
        })?;
        Ok(values)
    }
}

impl<const N: usize> FromReply for heapless::Vec<u8, N> {
    /// A string of bytes as they are, not an array of numbers.
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        Self::from_slice(decoder.string()?).map_err(|_| over_capacity())
    }
}

impl<A: FromReply, B: FromReply> FromReply for (A, B) {
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        exactly(decoder, 2)?;
        Ok((A::from_reply(decoder)?, B::from_reply(decoder)?))
    }

    /// A pair within an array stands in an array of its own, or flat, as the maps of RESP2 do.
    fn from_element(decoder: &mut Decoder<'_>, elements: &mut Elements) -> Result<Self, Error> {
        let mut ahead = decoder.clone();
        if let Item::Array(_) = ahead.item()? {
            return Self::from_reply(decoder);
        }
        let first = A::from_reply(decoder)?;
        match elements.next(decoder) {
            true => Ok((first, B::from_reply(decoder)?)),
            false => Err(wrong_value(ValueFault::WrongLength)),
        }
    }
}

macro_rules! longer_tuples {
    ($(($($name:ident)+) $len:literal;)*) => { $(
        impl<$($name: FromReply),+> FromReply for ($($name,)+) {
            fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
                exactly(decoder, $len)?;
                Ok(($($name::from_reply(decoder)?,)+))
            }
        }
    )* };
}

longer_tuples! {
    (A B C) 3;
    (A B C D) 4;
    (A B C D E) 5;
    (A B C D E F) 6;
}

/// Decodes every element of the next value.
pub(crate) fn each<T: FromReply>(
    decoder: &mut Decoder<'_>,
    mut take: impl FnMut(T) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut elements = decoder.elements()?;
    while elements.next(decoder) {
        take(T::from_element(decoder, &mut elements)?)?;
    }
    Ok(())
}

fn parse<T: core::str::FromStr>(digits: &[u8]) -> Result<T, Error> {
    text(digits)?.parse().map_err(|_| not_a_number())
}

#[cold]
fn not_a_number() -> Error {
    wrong_value(ValueFault::NotANumber)
}

#[cold]
fn over_capacity() -> Error {
    Error::answered(ErrorKind::WrongValue(ValueFault::OverCapacity))
}
