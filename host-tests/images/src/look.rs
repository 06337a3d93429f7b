//! Looking at what the crate gave, so that it had to give it.

use crate::say;
use heapless::{LinearMap, String, Vec};
use respool::Error;
use respool::command::StreamId;
use respool::error::{Blame, Reached, Type};
use respool::resp::{Decoder, Elements, EntriesIter, Item, ItemsIter, PairsIter, Reply};

pub trait Look {
    fn look(self);
}

/// Looks at every byte.
#[inline(never)]
pub fn see(bytes: &[u8]) {
    for byte in bytes {
        say(b'b', u32::from(*byte));
    }
}

macro_rules! numbers {
    ($($type:ty)*) => { $(
        impl Look for $type {
            fn look(self) {
                say(b'n', self as u32);
            }
        }
    )* };
}

numbers! { bool u8 u16 i16 u32 i32 usize }

impl Look for u64 {
    fn look(self) {
        say(b'h', (self >> 32) as u32);
        say(b'l', self as u32);
    }
}

impl Look for i64 {
    fn look(self) {
        self.cast_unsigned().look();
    }
}

impl Look for f64 {
    fn look(self) {
        self.to_bits().look();
    }
}

impl Look for () {
    fn look(self) {}
}

impl Look for &[u8] {
    fn look(self) {
        see(self);
    }
}

impl Look for &str {
    fn look(self) {
        see(self.as_bytes());
    }
}

impl Look for StreamId {
    fn look(self) {
        self.ms.look();
        self.seq.look();
    }
}

impl Look for Error {
    fn look(self) {
        self.code().map(|code| code.word()).look();
        say(
            b'e',
            match (self.blame(), self.reached()) {
                (Blame::Server, Reached::Answered) => 1,
                _ => 0,
            },
        );
    }
}

impl<T: Look> Look for Option<T> {
    fn look(self) {
        if let Some(value) = self {
            value.look();
        }
    }
}

impl<T: Look, E: Look> Look for Result<T, E> {
    fn look(self) {
        match self {
            Ok(value) => value.look(),
            Err(error) => error.look(),
        }
    }
}

impl<const N: usize> Look for String<N> {
    fn look(self) {
        see(self.as_bytes());
    }
}

impl<T: Look, const N: usize> Look for Vec<T, N> {
    fn look(self) {
        for value in self {
            value.look();
        }
    }
}

impl<T: Look, const N: usize> Look for [T; N] {
    fn look(self) {
        for value in self {
            value.look();
        }
    }
}

impl<K: Look + Eq + Clone, V: Look + Clone, const N: usize> Look for LinearMap<K, V, N> {
    fn look(self) {
        for (key, value) in &self {
            key.clone().look();
            value.clone().look();
        }
    }
}

macro_rules! tuples {
    ($(($($name:ident)+);)*) => { $(
        impl<$($name: Look),+> Look for ($($name,)+) {
            #[allow(non_snake_case)]
            fn look(self) {
                let ($($name,)+) = self;
                $($name.look();)+
            }
        }
    )* };
}

tuples! {
    (A B);
    (A B C);
    (A B C D);
    (A B C D E);
    (A B C D E F);
    (A B C D E F G);
    (A B C D E F G H);
}

impl<'r, R: Reply<Out<'r>: Look>> Look for ItemsIter<'r, R> {
    fn look(self) {
        self.size_hint().0.look();
        for item in self {
            item.look();
        }
    }
}

impl<'r, K: Reply<Out<'r>: Look>, V: Reply<Out<'r>: Look>> Look for EntriesIter<'r, K, V> {
    fn look(self) {
        for entry in self {
            entry.look();
        }
    }
}

impl<'r, A: Reply<Out<'r>: Look>, B: Reply<Out<'r>: Look>> Look for PairsIter<'r, A, B> {
    fn look(self) {
        for pair in self {
            pair.look();
        }
    }
}

impl Look for Elements {
    fn look(self) {
        self.left().look();
    }
}

impl Look for Item<'_> {
    fn look(self) {
        (self.kind() as u32).look();
        self.is_not(Type::Null).look();
        match self {
            Self::String(bytes) | Self::Error(bytes) | Self::Double(bytes) => see(bytes),
            Self::BigNumber(digits) => see(digits),
            Self::Integer(number) => number.look(),
            Self::Boolean(flag) => flag.look(),
            Self::Array(elements) | Self::Set(elements) | Self::Map(elements) => elements.look(),
            _ => {}
        }
    }
}

impl Look for Decoder<'_> {
    fn look(mut self) {
        while !self.is_empty() {
            match self.item() {
                Ok(item) => item.look(),
                Err(error) => return error.look(),
            }
        }
        see(self.rest());
    }
}
