//! What a command answers: families of types that borrow from the window, and what a caller owns.
//!
//! A [`Reply`] is a marker that says how to decode; its `Out<'r>` is what the caller gets, and may
//! borrow from the reply window. [`FromReply`] is the owned counterpart, and [`Owned`] lists the
//! families whose value outlives the connection.

use core::marker::PhantomData;

use crate::error::{Error, ErrorKind, Type, ValueFault};
use crate::resp::decode::{Decoder, Elements, Item};

/// A family of replies.
pub trait Reply {
    /// What the caller gets; may borrow from the window.
    type Out<'r>;

    /// True where `decode` leaves the decoder in the middle of the value, since what it gives
    /// decodes the rest while it is used.
    const LAZY: bool = false;

    /// Decodes the next value.
    fn decode<'r>(decoder: &mut Decoder<'r>) -> Result<Self::Out<'r>, Error>;

    /// Decodes the next value, and leaves the decoder behind it, whatever comes of it.
    #[doc(hidden)]
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    fn decode_one_of_many<'r>(decoder: &mut Decoder<'r>) -> Result<Self::Out<'r>, Error> {
        match Self::LAZY {
            true => Self::decode(&mut decoder.value()?),
            false => {
                let mut after = decoder.clone();
                let out = Self::decode(decoder);
                if out.is_err() {
                    // It may have stopped anywhere in the value.
                    after.pass_one();
                    *decoder = after;
                }
                out
            }
        }
    }
}

/// What a caller can own: `.reply::<T>()` asks for it.
pub trait FromReply: Sized {
    /// Decodes the next value.
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error>;

    /// Decodes the next element of an aggregate. A pair may take two.
    #[doc(hidden)]
    fn from_element(decoder: &mut Decoder<'_>, _elements: &mut Elements) -> Result<Self, Error> {
        Self::from_reply(decoder)
    }
}

/// Replies that do not borrow from the connection, so that they outlive it.
#[diagnostic::on_unimplemented(
    message = "this reply borrows from the connection, which `pool.call` gives back",
    label = "a borrowed reply",
    note = "own it: `.reply::<heapless::String<32>>()`, or take a lease with `pool.get()`"
)]
pub trait Owned: Reply {
    /// What the caller owns.
    type Value;

    /// Decodes the next value.
    fn own(decoder: &mut Decoder<'_>) -> Result<Self::Value, Error>;
}

/// Families of strings that can also be had as text.
pub trait AsText: Reply {
    /// The same reply as UTF-8.
    type Text: Reply;
}

/// A string of bytes, borrowed: `&[u8]`.
#[derive(Clone, Copy, Debug)]
pub enum Bytes {}

/// A string of UTF-8, borrowed: `&str`.
#[derive(Clone, Copy, Debug)]
pub enum Text {}

/// A status such as `OK`, of which only the absence of an error matters: `()`.
#[derive(Clone, Copy, Debug)]
pub enum Status {}

/// Any value, one item at a time: a [`Decoder`] over it.
#[derive(Clone, Copy, Debug)]
pub enum Any {}

/// What the caller owns: `Out` is `T` itself, so that a `let` can name it.
#[derive(Clone, Copy, Debug)]
pub struct Own<T>(PhantomData<T>);

/// `Ok` with the reply, or `Err` with the server's error: for one command of several, whose
/// failure shall not hide the others' replies.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<R>(PhantomData<R>);

/// The replies of several commands, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Each<T>(PhantomData<T>);

/// An array or set of any length, decoded element by element while iterating.
#[derive(Clone, Copy, Debug)]
pub struct Items<R>(PhantomData<R>);

/// A map of any length, decoded pair by pair while iterating; in RESP2 a flat array.
#[derive(Clone, Copy, Debug)]
pub struct Entries<K, V>(PhantomData<(K, V)>);

impl Reply for Bytes {
    type Out<'r> = &'r [u8];

    fn decode<'r>(decoder: &mut Decoder<'r>) -> Result<&'r [u8], Error> {
        decoder.string()
    }
}

impl Reply for Text {
    type Out<'r> = &'r str;

    fn decode<'r>(decoder: &mut Decoder<'r>) -> Result<&'r str, Error> {
        text(decoder.string()?)
    }
}

impl Reply for Status {
    type Out<'r> = ();

    fn decode(decoder: &mut Decoder<'_>) -> Result<(), Error> {
        decoder.string().map(|_| ())
    }
}

impl Reply for Any {
    type Out<'r> = Decoder<'r>;

    fn decode<'r>(decoder: &mut Decoder<'r>) -> Result<Decoder<'r>, Error> {
        let value = decoder.value()?;
        match value.clone().item()? {
            error @ Item::Error(_) => Err(error.is_not(Type::Null)),
            _ => Ok(value),
        }
    }
}

impl<T: FromReply> Reply for Own<T> {
    type Out<'r> = T;

    fn decode(decoder: &mut Decoder<'_>) -> Result<T, Error> {
        T::from_reply(decoder)
    }
}

impl<R: Reply> Reply for Option<R> {
    type Out<'r> = Option<R::Out<'r>>;
    const LAZY: bool = R::LAZY;

    fn decode<'r>(decoder: &mut Decoder<'r>) -> Result<Self::Out<'r>, Error> {
        match is_null(decoder)? {
            true => Ok(None),
            false => R::decode(decoder).map(Some),
        }
    }
}

impl<R: Reply> Reply for Outcome<R> {
    type Out<'r> = Result<R::Out<'r>, Error>;

    fn decode<'r>(decoder: &mut Decoder<'r>) -> Result<Self::Out<'r>, Error> {
        // On an error the decoder may have stopped anywhere in the value.
        let mut value = decoder.value()?;
        Ok(R::decode(&mut value))
    }
}

impl<R: Reply> Reply for Items<R> {
    type Out<'r> = ItemsIter<'r, R>;
    const LAZY: bool = true;

    fn decode<'r>(decoder: &mut Decoder<'r>) -> Result<Self::Out<'r>, Error> {
        let elements = decoder.elements()?;
        Ok(ItemsIter {
            decoder: decoder.clone(),
            elements,
            family: PhantomData,
        })
    }
}

impl<K: Reply, V: Reply> Reply for Entries<K, V> {
    type Out<'r> = EntriesIter<'r, K, V>;
    const LAZY: bool = true;

    fn decode<'r>(decoder: &mut Decoder<'r>) -> Result<Self::Out<'r>, Error> {
        let elements = decoder.elements()?;
        Ok(EntriesIter {
            decoder: decoder.clone(),
            elements,
            family: PhantomData,
        })
    }
}

impl AsText for Bytes {
    type Text = Text;
}

impl<R: AsText> AsText for Option<R> {
    type Text = Option<R::Text>;
}

impl<R: AsText> AsText for Items<R> {
    type Text = Items<R::Text>;
}

impl<K: AsText, V: AsText> AsText for Entries<K, V> {
    type Text = Entries<K::Text, V::Text>;
}

/// Iterates over the elements of an array or set.
#[derive(Debug)]
pub struct ItemsIter<'r, R> {
    decoder: Decoder<'r>,
    elements: Elements,
    family: PhantomData<fn() -> R>,
}

/// Iterates over the pairs of a map.
#[derive(Debug)]
pub struct EntriesIter<'r, K, V> {
    decoder: Decoder<'r>,
    elements: Elements,
    family: PhantomData<fn() -> (K, V)>,
}

impl<'r, R: Reply> Iterator for ItemsIter<'r, R> {
    type Item = Result<R::Out<'r>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.elements
            .next(&mut self.decoder)
            .then(|| R::decode_one_of_many(&mut self.decoder))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.elements.left().map(|left| left as usize);
        (left.unwrap_or(0), left)
    }
}

impl<'r, K: Reply, V: Reply> Iterator for EntriesIter<'r, K, V> {
    type Item = Result<(K::Out<'r>, V::Out<'r>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if !self.elements.next(&mut self.decoder) {
            return None;
        }
        let key = K::decode_one_of_many(&mut self.decoder);
        if !self.elements.next(&mut self.decoder) {
            return Some(Err(wrong_value(ValueFault::WrongLength)));
        }
        let value = V::decode_one_of_many(&mut self.decoder);
        Some(key.and_then(|key| value.map(|value| (key, value))))
    }
}

impl Owned for Status {
    type Value = ();

    fn own(decoder: &mut Decoder<'_>) -> Result<(), Error> {
        Self::decode(decoder)
    }
}

impl<T: FromReply> Owned for Own<T> {
    type Value = T;

    fn own(decoder: &mut Decoder<'_>) -> Result<T, Error> {
        T::from_reply(decoder)
    }
}

impl<R: Owned> Owned for Option<R> {
    type Value = Option<R::Value>;

    fn own(decoder: &mut Decoder<'_>) -> Result<Self::Value, Error> {
        match is_null(decoder)? {
            true => Ok(None),
            false => R::own(decoder).map(Some),
        }
    }
}

impl<R: Owned> Owned for Outcome<R> {
    type Value = Result<R::Value, Error>;

    fn own(decoder: &mut Decoder<'_>) -> Result<Self::Value, Error> {
        let mut value = decoder.value()?;
        Ok(R::own(&mut value))
    }
}

/// Scalars are families of themselves.
macro_rules! scalar_families {
    ($($type:ty),*) => { $(
        impl Reply for $type {
            type Out<'r> = $type;

            fn decode(decoder: &mut Decoder<'_>) -> Result<$type, Error> {
                <$type>::from_reply(decoder)
            }
        }
        impl Owned for $type {
            type Value = $type;

            fn own(decoder: &mut Decoder<'_>) -> Result<$type, Error> {
                <$type>::from_reply(decoder)
            }
        }
    )* };
}

scalar_families!((), bool, u16, i16, u32, i32, u64, i64, usize, f64);

/// Tuples: one array of that many elements, and, in [`Each`], that many replies.
macro_rules! tuple_families {
    ($(($($name:ident)+) $len:literal;)*) => { $(
        impl<$($name: Reply),+> Reply for ($($name,)+) {
            type Out<'r> = ($($name::Out<'r>,)+);

            fn decode<'r>(decoder: &mut Decoder<'r>) -> Result<Self::Out<'r>, Error> {
                exactly(decoder, $len)?;
                <Each<Self>>::decode(decoder)
            }
        }
        impl<$($name: Owned),+> Owned for ($($name,)+) {
            type Value = ($($name::Value,)+);

            fn own(decoder: &mut Decoder<'_>) -> Result<Self::Value, Error> {
                exactly(decoder, $len)?;
                <Each<Self>>::own(decoder)
            }
        }
        impl<$($name: Reply),+> Reply for Each<($($name,)+)> {
            type Out<'r> = ($($name::Out<'r>,)+);

            fn decode<'r>(decoder: &mut Decoder<'r>) -> Result<Self::Out<'r>, Error> {
                Ok(($($name::decode_one_of_many(decoder)?,)+))
            }
        }
        impl<$($name: Owned),+> Owned for Each<($($name,)+)> {
            type Value = ($($name::Value,)+);

            fn own(decoder: &mut Decoder<'_>) -> Result<Self::Value, Error> {
                Ok(($($name::own(decoder)?,)+))
            }
        }
    )* };
}

tuple_families! {
    (A B) 2;
    (A B C) 3;
    (A B C D) 4;
    (A B C D E) 5;
    (A B C D E F) 6;
    (A B C D E F G) 7;
    (A B C D E F G H) 8;
}

/// The next value is an array of `len` elements.
pub(crate) fn exactly(decoder: &mut Decoder<'_>, len: u32) -> Result<(), Error> {
    match decoder.elements()?.left() {
        Some(left) if left == len => Ok(()),
        _ => Err(wrong_value(ValueFault::WrongLength)),
    }
}

/// Whether the next value is null; passes over it only then.
pub(crate) fn is_null(decoder: &mut Decoder<'_>) -> Result<bool, Error> {
    let mut ahead = decoder.clone();
    let null = ahead.item()? == Item::Null;
    if null {
        *decoder = ahead;
    }
    Ok(null)
}

pub(crate) fn text(bytes: &[u8]) -> Result<&str, Error> {
    core::str::from_utf8(bytes).map_err(|_| wrong_value(ValueFault::NotUtf8))
}

#[cold]
pub(crate) fn wrong_value(fault: ValueFault) -> Error {
    Error::answered(ErrorKind::WrongValue(fault))
}
