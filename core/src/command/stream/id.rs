//! The ids of a stream's entries.

use core::fmt;

use crate::error::{Error, ErrorKind, ValueFault};
use crate::resp::{Arg, Args, Decoder, FromReply, Owned, Pieces, Reply, ToArg, ToArgs};

/// The id of an entry of a stream, `ms-seq`: a time, and a number that tells entries of the same
/// time apart. Ids are ordered as the entries of a stream are.
///
/// It is an argument of its own, and a reply: `xadd(..).reply::<StreamId>()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StreamId {
    /// Unix time in milliseconds, where the server or a convention of yours makes the ids; to the
    /// server it is any number.
    pub ms: u64,
    /// The number among the entries of the same `ms`.
    pub seq: u64,
}

/// What id an entry gets that [`xadd`](super::xadd) adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NewId {
    /// `*`: the server's time, and the next free `seq`.
    Auto,
    /// `ms-*`: this time, and the next free `seq` (since Redis 7.0).
    AutoSeq(u64),
    /// This id; refused unless it is larger than all that the stream ever had.
    At(StreamId),
}

impl StreamId {
    /// The id `ms-seq`.
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// The id that this text spells, `ms-seq`; `None` where it spells none.
    pub fn parse(text: &[u8]) -> Option<Self> {
        // Not `str::split_once`: the compiler cannot see that its checks never fail.
        let (ms, seq) = text.split_at_checked(memchr::memchr(b'-', text)?)?;
        let number = |digits| core::str::from_utf8(digits).ok()?.parse().ok();
        Some(Self {
            ms: number(ms)?,
            seq: number(seq.get(1..)?)?,
        })
    }
}

impl From<StreamId> for NewId {
    fn from(id: StreamId) -> Self {
        Self::At(id)
    }
}

impl fmt::Display for StreamId {
    /// As it is sent: the `Display` of a `u64` holds a check that the compiler cannot rule out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = Ok(());
        self.pieces(&mut |piece| {
            let text = core::str::from_utf8(piece).unwrap_or_default();
            shown = shown.and_then(|()| f.write_str(text));
        });
        shown
    }
}

impl Pieces for StreamId {
    fn pieces(&self, give: &mut dyn FnMut(&[u8])) {
        (self.ms, "-", self.seq).pieces(give);
    }
}

impl ToArg for StreamId {
    fn to_arg(&self) -> Arg<'_> {
        Arg::Pieces(self)
    }
}

impl ToArgs for StreamId {
    fn to_args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.push(self.to_arg());
    }
}

impl Pieces for NewId {
    fn pieces(&self, give: &mut dyn FnMut(&[u8])) {
        match self {
            Self::Auto => give(b"*"),
            Self::AutoSeq(ms) => (*ms, "-*").pieces(give),
            Self::At(id) => id.pieces(give),
        }
    }
}

impl ToArg for NewId {
    fn to_arg(&self) -> Arg<'_> {
        Arg::Pieces(self)
    }
}

impl FromReply for StreamId {
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        let fault = ErrorKind::WrongValue(ValueFault::NotANumber);
        Self::parse(decoder.string()?).ok_or(Error::answered(fault))
    }
}

impl Reply for StreamId {
    type Out<'r> = Self;

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        Self::from_reply(decoder)
    }
}

impl Owned for StreamId {
    type Value = Self;

    fn own(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        Self::from_reply(decoder)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    #[test]
    fn an_id_reads_as_it_is_written() {
        for id in [
            StreamId::default(),
            StreamId::new(1_526_919_030_474, 55),
            StreamId::new(u64::MAX, u64::MAX),
        ] {
            assert_eq!(StreamId::parse(id.to_string().as_bytes()), Some(id));
        }
        for text in ["", "-", "7", "7-", "-7", "7-*", "7-7-7", "7--7", "x-7"] {
            assert_eq!(StreamId::parse(text.as_bytes()), None, "{text}");
        }
        let too_large = b"18446744073709551616-0";
        assert_eq!(StreamId::parse(too_large), None);
        assert_eq!(StreamId::parse(b"7-\xff"), None);
    }

    #[test]
    fn what_is_no_id_is_an_error() {
        let id = |wire: &[u8]| StreamId::from_reply(&mut Decoder::new(wire)).map_err(|e| e.kind());
        assert_eq!(id(b"$3\r\n5-7\r\n"), Ok(StreamId::new(5, 7)));
        let wrong = ErrorKind::WrongValue(ValueFault::NotANumber);
        assert_eq!(id(b"$2\r\n57\r\n"), Err(wrong));
        assert!(matches!(id(b"-ERR no\r\n"), Err(ErrorKind::Server(_))));
        assert!(id(b"$-1\r\n").is_err());
    }

    #[test]
    fn ids_are_ordered_as_a_stream_is() {
        assert!(StreamId::new(1, 9) < StreamId::new(2, 0));
        assert!(StreamId::new(2, 0) < StreamId::new(2, 1));
    }
}
