//! Pairs of an array: each in an array of its own, or flat.

use core::marker::PhantomData;

use crate::error::{Error, ValueFault};
use crate::resp::decode::{Decoder, Elements, Item};
use crate::resp::reply::{AsText, Reply, wrong_value};

/// An array of pairs of any length, decoded pair by pair while iterating: an array of arrays, as
/// RESP3 has it, or a flat one, as RESP2 does (`HRANDFIELD WITHVALUES`). The first of a pair is not
/// an array itself.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<A, B>(PhantomData<fn() -> (A, B)>);

/// Iterates over pairs.
#[derive(Debug)]
pub struct PairsIter<'r, A, B> {
    decoder: Decoder<'r>,
    elements: Elements,
    family: PhantomData<fn() -> (A, B)>,
}

impl<A: Reply, B: Reply> Reply for Pairs<A, B> {
    type Out<'r> = PairsIter<'r, A, B>;

    fn decode<'r>(decoder: &mut Decoder<'r>) -> Result<Self::Out<'r>, Error> {
        let mut decoder = decoder.value()?;
        let elements = decoder.elements()?;
        Ok(PairsIter {
            decoder,
            elements,
            family: PhantomData,
        })
    }
}

impl<A: AsText, B: AsText> AsText for Pairs<A, B> {
    type Text = Pairs<A::Text, B::Text>;
}

impl<'r, A: Reply, B: Reply> Iterator for PairsIter<'r, A, B> {
    type Item = Result<(A::Out<'r>, B::Out<'r>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.elements.next(&mut self.decoder).then(|| self.pair())
    }
}

impl<'r, A: Reply, B: Reply> PairsIter<'r, A, B> {
    fn pair(&mut self) -> Result<(A::Out<'r>, B::Out<'r>), Error> {
        let mut ahead = self.decoder.clone();
        if let Item::Array(_) = ahead.item()? {
            return <(A, B)>::decode_one_of_many(&mut self.decoder);
        }
        let first = A::decode_one_of_many(&mut self.decoder);
        if !self.elements.next(&mut self.decoder) {
            return Err(wrong_value(ValueFault::WrongLength));
        }
        let second = B::decode_one_of_many(&mut self.decoder);
        first.and_then(|first| second.map(|second| (first, second)))
    }
}
