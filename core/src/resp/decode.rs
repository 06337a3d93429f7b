//! A cursor over replies that were scanned whole: it only moves forward and allocates nothing.

use crate::config::Limits;
use crate::error::{Code, Error, ErrorKind, Fault, Type};
use crate::resp::head::{Aggregate, Blob, Bulk, Head, bulk, head};
use crate::resp::scan::STREAMS;

/// Reads values, one after the other, from the bytes of whole replies.
///
/// Attributes and pushes are passed over: they answer nothing.
#[derive(Clone, Debug)]
pub struct Decoder<'r> {
    rest: &'r [u8],
}

/// One value, or the beginning of an aggregate whose elements come next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Item<'r> {
    /// A simple, bulk or verbatim string (of which the format is left out).
    String(&'r [u8]),
    /// An error, simple or blob: its whole text.
    Error(&'r [u8]),
    /// An integer.
    Integer(i64),
    /// A double, as the server spells it.
    Double(&'r [u8]),
    /// A boolean.
    Boolean(bool),
    /// An integer of any size, as digits with an optional sign.
    BigNumber(&'r [u8]),
    /// Null, in any of its three spellings.
    Null,
    /// An array of so many elements.
    Array(Elements),
    /// A map; its keys and values count as elements.
    Map(Elements),
    /// A set of so many elements.
    Set(Elements),
    /// The end of a streamed aggregate.
    End,
}

/// How many elements of an aggregate are still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elements {
    /// `None` where only an end mark tells.
    left: Option<u32>,
}

impl<'r> Decoder<'r> {
    /// Reads from `bytes`, which hold whole values.
    pub fn new(bytes: &'r [u8]) -> Self {
        Self { rest: bytes }
    }

    /// True where nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is left.
    pub fn rest(&self) -> &'r [u8] {
        self.rest
    }

    /// The next value, or the head of the next aggregate.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    pub fn item(&mut self) -> Result<Item<'r>, Error> {
        match self.bulk() {
            Some(bytes) => Ok(Item::String(bytes)),
            None => self.any_item(),
        }
    }

    #[inline(never)]
    fn any_item(&mut self) -> Result<Item<'r>, Error> {
        loop {
            return Ok(match self.head()? {
                Head::Simple(text) => Item::String(text),
                Head::Error(text) => Item::Error(text),
                Head::Integer(number) => Item::Integer(number),
                Head::Double(text) => Item::Double(text),
                Head::Boolean(value) => Item::Boolean(value),
                Head::BigNumber(digits) => Item::BigNumber(digits),
                Head::Null => Item::Null,
                Head::Blob(kind, len) => {
                    let bytes = self.take(len)?;
                    match kind {
                        Blob::Bulk => Item::String(bytes),
                        Blob::Error => Item::Error(bytes),
                        Blob::Verbatim => Item::String(bytes.get(4..).ok_or_else(truncated)?),
                    }
                }
                Head::Aggregate(kind, len) => {
                    let values = kind.values(len).ok_or_else(truncated)?;
                    let elements = Elements { left: Some(values) };
                    match kind {
                        Aggregate::Array => Item::Array(elements),
                        Aggregate::Map => Item::Map(elements),
                        Aggregate::Set => Item::Set(elements),
                        Aggregate::Push | Aggregate::Attribute => {
                            self.skip_values(values)?;
                            continue;
                        }
                    }
                }
                Head::AggregateStream(kind) => {
                    let elements = Elements { left: None };
                    match kind {
                        Aggregate::Map => Item::Map(elements),
                        Aggregate::Set => Item::Set(elements),
                        _ => Item::Array(elements),
                    }
                }
                Head::End => Item::End,
                // The scanner has made plain strings of these.
                Head::BlobStream | Head::Chunk(_) => return Err(truncated()),
            });
        }
    }

    /// Passes over one value, and reads in what it passed over.
    pub fn value(&mut self) -> Result<Decoder<'r>, Error> {
        let before = self.rest;
        self.skip_values(1)?;
        let len = before.len().saturating_sub(self.rest.len());
        before.get(..len).map(Decoder::new).ok_or_else(truncated)
    }

    /// Passes over one value; over all that is left, where that is none.
    #[cold]
    pub(crate) fn pass_one(&mut self) {
        if self.skip_values(1).is_err() {
            self.rest = &[];
        }
    }

    /// The next value is an aggregate, or an error that says what it is instead.
    pub fn elements(&mut self) -> Result<Elements, Error> {
        match self.item()? {
            Item::Array(elements) | Item::Set(elements) | Item::Map(elements) => Ok(elements),
            other => Err(other.is_not(Type::Array)),
        }
    }

    /// The next value is a string, or an error that says what it is instead.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    pub fn string(&mut self) -> Result<&'r [u8], Error> {
        match self.bulk() {
            Some(bytes) => Ok(bytes),
            None => self.any_string(),
        }
    }

    #[inline(never)]
    fn any_string(&mut self) -> Result<&'r [u8], Error> {
        match self.any_item()? {
            Item::String(bytes) => Ok(bytes),
            other => Err(other.is_not(Type::String)),
        }
    }

    /// The next value, where it is a bulk string.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    fn bulk(&mut self) -> Option<&'r [u8]> {
        let Bulk::Whole(bytes, rest) = bulk(self.rest, &SCANNED) else {
            return None;
        };
        self.rest = rest;
        Some(bytes)
    }

    /// Passes over `values` values without recursion: what counts is only how many are left, and,
    /// for each streamed aggregate, how many are left outside of it.
    fn skip_values(&mut self, values: u32) -> Result<(), Error> {
        // Each takes some of the bytes, so there are not more of them than `usize` counts.
        let mut left = values as usize;
        let mut outside = [0usize; STREAMS];
        let mut streams = 0usize;
        while left > 0 {
            // Within a streamed aggregate the count of one stays until the end mark.
            let mut more = 0usize;
            if self.bulk().is_some() {
                left = left.saturating_sub(1);
                continue;
            }
            match self.head()? {
                Head::Blob(_, len) => {
                    self.take(len)?;
                }
                Head::Aggregate(kind, len) => {
                    more = kind.values(len).ok_or_else(truncated)? as usize;
                    // These stand before the value that is meant.
                    if matches!(kind, Aggregate::Attribute | Aggregate::Push) {
                        more = more.saturating_add(1);
                    }
                }
                Head::AggregateStream(_) => {
                    *outside.get_mut(streams).ok_or_else(truncated)? = left;
                    streams = streams.saturating_add(1);
                    left = usize::MAX;
                    continue;
                }
                Head::End => {
                    streams = streams.checked_sub(1).ok_or_else(truncated)?;
                    left = outside.get(streams).copied().ok_or_else(truncated)?;
                }
                _ => {}
            }
            left = left.saturating_sub(1).saturating_add(more);
        }
        Ok(())
    }

    #[cfg_attr(target_pointer_width = "64", inline(always))]
    fn head(&mut self) -> Result<Head<'r>, Error> {
        let (rest, found) = head(self.rest).map_err(|_| truncated())?;
        #[cfg(test)]
        super::tests::looked(self.rest.len().saturating_sub(rest.len()));
        self.rest = rest;
        Ok(found)
    }

    #[cfg_attr(target_pointer_width = "64", inline(always))]
    fn take(&mut self, len: u32) -> Result<&'r [u8], Error> {
        let (bytes, rest) = self
            .rest
            .split_at_checked(len as usize)
            .ok_or_else(truncated)?;
        self.rest = rest.strip_prefix(b"\r\n").ok_or_else(truncated)?;
        Ok(bytes)
    }
}

impl Item<'_> {
    /// What type of value this is.
    pub fn kind(&self) -> Type {
        match self {
            Self::String(_) => Type::String,
            Self::Error(_) => Type::Error,
            Self::Integer(_) => Type::Integer,
            Self::Double(_) => Type::Double,
            Self::Boolean(_) => Type::Boolean,
            Self::BigNumber(_) => Type::BigNumber,
            Self::Null => Type::Null,
            Self::Array(_) => Type::Array,
            Self::Map(_) => Type::Map,
            Self::Set(_) => Type::Set,
            Self::End => Type::End,
        }
    }

    /// The error of a caller who expected another type: the server's, where it answered with one.
    #[cold]
    pub fn is_not(&self, expected: Type) -> Error {
        Error::answered(match self {
            Self::Error(text) => ErrorKind::Server(Code::of(text)),
            _ => ErrorKind::WrongType {
                expected,
                got: self.kind(),
            },
        })
    }
}

impl Elements {
    /// How many are left; `None` where only an end mark tells.
    pub fn left(&self) -> Option<u32> {
        self.left
    }

    /// Says whether another one comes, and counts it.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    pub fn next(&mut self, decoder: &mut Decoder<'_>) -> bool {
        match &mut self.left {
            Some(left) => match left.checked_sub(1) {
                Some(less) => {
                    *left = less;
                    true
                }
                None => false,
            },
            None => match decoder.rest.strip_prefix(b".\r\n") {
                Some(rest) => {
                    decoder.rest = rest;
                    self.left = Some(0);
                    false
                }
                None => !decoder.is_empty(),
            },
        }
    }
}

/// What was scanned is within the limits.
const SCANNED: Limits = Limits {
    bulk: u32::MAX,
    ..Limits::DEFAULT
};

#[cold]
fn truncated() -> Error {
    Error::answered(ErrorKind::Protocol(Fault::Truncated))
}
