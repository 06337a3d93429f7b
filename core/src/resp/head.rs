//! One line of RESP: what comes next, and how much of it. The only file that names nom.
//!
//! The parsers stream: a line that has not arrived whole is `Incomplete`, never an error. Of nom
//! they use what links without a panic path; the numbers are leaf parsers of our own, since nom's
//! would carry one.

use nom::combinator::map;
use nom::error::{ErrorKind, ParseError};
use nom::number::streaming::u8 as byte;
use nom::sequence::terminated;
use nom::{Err, IResult, Needed, Parser};

use crate::config::Limits;
use crate::error::Fault;
use crate::resp::IN_A_HURRY;

/// The first line of a value, or a mark between values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Head<'i> {
    /// `+`: a line of text.
    Simple(&'i [u8]),
    /// `-`: a line of error text.
    Error(&'i [u8]),
    /// `:`
    Integer(i64),
    /// `,`: checked to be a number, `inf`, `-inf` or `nan`.
    Double(&'i [u8]),
    /// `#`
    Boolean(bool),
    /// `(`: checked to be digits with an optional sign.
    BigNumber(&'i [u8]),
    /// `_`, `$-1` or `*-1`.
    Null,
    /// `$`, `!` or `=` with the number of bytes that follow, CR LF not counted.
    Blob(Blob, u32),
    /// `$?`: chunks follow.
    BlobStream,
    /// `;` with the number of bytes that follow; the last chunk has none.
    Chunk(u32),
    /// `*`, `%`, `~`, `>` or `|` with the number of elements or pairs.
    Aggregate(Aggregate, u32),
    /// `*?`, `%?` or `~?`: values follow until `.`.
    AggregateStream(Aggregate),
    /// `.`: the end of a streamed aggregate.
    End,
}

/// What the bytes of a blob are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blob {
    Bulk,
    Error,
    Verbatim,
}

/// What the elements of an aggregate are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregate {
    Array,
    Map,
    Set,
    Push,
    Attribute,
}

impl Aggregate {
    /// How many values stand for `len` elements or pairs; `None` where 32 bits do not hold it.
    pub(crate) fn values(self, len: u32) -> Option<u32> {
        match self {
            Self::Map | Self::Attribute => len.checked_mul(2),
            Self::Array | Self::Set | Self::Push => Some(len),
        }
    }
}

/// Why there is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoHead {
    /// The line has not arrived whole.
    Incomplete,
    /// The line is not RESP.
    Fault(Fault),
}

type Parsed<'i, T> = IResult<&'i [u8], T, Fault>;

/// CR LF, compared as a whole.
const CRLF: u16 = u16::from_le_bytes(*b"\r\n");

/// What stands at the beginning of some bytes, to those who look for bulk strings first.
pub(crate) enum Bulk<'i> {
    /// A bulk string: its payload, and what comes after its CR LF.
    Whole(&'i [u8], &'i [u8]),
    /// The head of one that has not arrived whole: its length, and what there is of it.
    Cut(u32, &'i [u8]),
    /// Something else, or something wrong.
    Other,
}

/// Looks for a bulk string within the limits. By far the commonest value: worth a way of its own,
/// inlined, that does nothing which the general one would not do.
#[cfg_attr(target_pointer_width = "64", inline(always))]
pub(crate) fn bulk<'i>(input: &'i [u8], limits: &Limits) -> Bulk<'i> {
    let Some((len, rest)) = bulk_head(input, limits) else {
        return Bulk::Other;
    };
    match rest.split_at_checked(len as usize) {
        Some((payload, after)) => match after.split_first_chunk() {
            Some((end, after)) if u16::from_le_bytes(*end) == CRLF => Bulk::Whole(payload, after),
            Some(_) => Bulk::Other,
            None => Bulk::Cut(len, rest),
        },
        None => Bulk::Cut(len, rest),
    }
}

/// The length that the head of a bulk string says, and what comes after the head. Heads of one and
/// of two digits are compared as a whole.
#[cfg_attr(target_pointer_width = "64", inline(always))]
fn bulk_head<'i>(input: &'i [u8], limits: &Limits) -> Option<(u32, &'i [u8])> {
    const TWO: u64 = u64::from_le_bytes(*b"$\0\0\r\n\0\0\0");
    const ONE: u64 = u64::from_le_bytes(*b"$\0\r\n\0\0\0\0");
    if !IN_A_HURRY {
        return None;
    }
    let start = u64::from_le_bytes(*input.first_chunk()?);
    let (a, b) = ((start >> 8) as u8, (start >> 16) as u8);
    let (len, rest) = if start & 0xff_ff00_00ff == TWO {
        let tens = digit(a)?.wrapping_mul(10);
        (tens.wrapping_add(digit(b)?), input.get(5..)?)
    } else if start & 0xffff_00ff == ONE {
        (digit(a)?, input.get(4..)?)
    } else {
        let digits = input.strip_prefix(b"$")?;
        #[cfg(test)]
        super::tests::looked(digits.len().saturating_sub(without_digits(digits).len()));
        let (rest, len) = terminated(length, crlf).parse(digits).ok()?;
        if input.len().wrapping_sub(rest.len()) > limits.line as usize {
            return None;
        }
        (len, rest)
    };
    (len <= limits.bulk).then_some((len, rest))
}

#[cfg_attr(target_pointer_width = "64", inline(always))]
fn digit(byte: u8) -> Option<u32> {
    let digit = byte.wrapping_sub(b'0');
    (digit <= 9).then_some(u32::from(digit))
}

/// The head at the beginning of `input`, and what comes after its CR LF.
#[inline(never)]
pub(crate) fn head(input: &[u8]) -> Result<(&[u8], Head<'_>), NoHead> {
    parse(input).map_err(|error| match error {
        Err::Incomplete(_) => NoHead::Incomplete,
        Err::Error(fault) | Err::Failure(fault) => NoHead::Fault(fault),
    })
}

#[cfg_attr(target_pointer_width = "64", inline(always))]
fn parse(input: &[u8]) -> Parsed<'_, Head<'_>> {
    let (rest, kind) = byte(input)?;
    let (rest, head) = match kind {
        b':' => map(integer, Head::Integer).parse(rest),
        b'+' => map(text, Head::Simple).parse(rest),
        b'-' => map(text, Head::Error).parse(rest),
        b'_' => Ok((rest, Head::Null)),
        b'#' => checked(
            rest,
            |t| matches!(t, b"t" | b"f"),
            |t| Head::Boolean(t == b"t"),
        ),
        b',' => checked(rest, is_double, Head::Double),
        b'(' => checked(rest, is_big_number, Head::BigNumber),
        b'.' => Ok((rest, Head::End)),
        b'$' | b'*' | b'%' | b'~' | b'>' | b'|' | b'!' | b'=' | b';' => counted(kind, rest),
        other => Err(Err::Failure(Fault::UnknownType(other))),
    }?;
    crlf(rest).map(|(rest, ())| (rest, head))
}

/// A head that says how much follows. There is one parser for all of them, for the sake of the
/// flash that it takes.
fn counted(kind: u8, input: &[u8]) -> Parsed<'_, Head<'_>> {
    let (rest, count) = match input {
        [b'?', rest @ ..] => (rest, Count::Unknown),
        [b'-', b'1', rest @ ..] => (rest, Count::Null),
        [b'-'] => return Err(Err::Incomplete(Needed::Unknown)),
        _ => map(length, Count::Known).parse(input)?,
    };
    // After a mark, anything but the end of the line makes a bad length of it.
    match (count, rest.first()) {
        (Count::Known(_), _) | (_, Some(b'\r')) => {}
        (_, None) => return Err(Err::Incomplete(Needed::Unknown)),
        _ => return Err(Err::Failure(Fault::BadLength)),
    }
    let head = match (kind, count) {
        (b'$', Count::Known(len)) => Head::Blob(Blob::Bulk, len),
        (b'*', Count::Known(len)) => Head::Aggregate(Aggregate::Array, len),
        (b'%', Count::Known(len)) => Head::Aggregate(Aggregate::Map, len),
        (b'~', Count::Known(len)) => Head::Aggregate(Aggregate::Set, len),
        (b'>', Count::Known(len)) => Head::Aggregate(Aggregate::Push, len),
        (b'|', Count::Known(len)) => Head::Aggregate(Aggregate::Attribute, len),
        (b'!', Count::Known(len)) => Head::Blob(Blob::Error, len),
        (b'=', Count::Known(len)) => Head::Blob(Blob::Verbatim, len),
        (b';', Count::Known(len)) => Head::Chunk(len),
        (b'$' | b'*', Count::Null) => Head::Null,
        (b'$', Count::Unknown) => Head::BlobStream,
        (b'*', Count::Unknown) => Head::AggregateStream(Aggregate::Array),
        (b'%', Count::Unknown) => Head::AggregateStream(Aggregate::Map),
        (b'~', Count::Unknown) => Head::AggregateStream(Aggregate::Set),
        _ => return Err(Err::Failure(Fault::BadLength)),
    };
    Ok((rest, head))
}

/// How much follows a head.
#[derive(Clone, Copy)]
enum Count {
    Known(u32),
    /// `-1`: there is no value.
    Null,
    /// `?`: an end mark tells.
    Unknown,
}

fn checked<'i>(
    input: &'i [u8],
    is_valid: fn(&[u8]) -> bool,
    head: fn(&'i [u8]) -> Head<'i>,
) -> Parsed<'i, Head<'i>> {
    match text(input)? {
        (rest, text) if is_valid(text) => Ok((rest, head(text))),
        _ => Err(Err::Failure(Fault::BadScalar)),
    }
}

/// Decimal digits. What does not fit 32 bits is the largest number, which is over every limit.
#[cfg_attr(target_pointer_width = "64", inline(always))]
fn length(input: &[u8]) -> Parsed<'_, u32> {
    let mut rest = input;
    let mut number = 0u32;
    while let [byte, tail @ ..] = rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            let digits = input.len().wrapping_sub(rest.len());
            return match digits {
                0 => Err(Err::Failure(Fault::BadLength)),
                // So many digits cannot have wrapped.
                1..=9 => Ok((rest, number)),
                _ => Ok((rest, saturated(input, digits))),
            };
        }
        number = number.wrapping_mul(10).wrapping_add(u32::from(digit));
        rest = tail;
    }
    Err(Err::Incomplete(Needed::Unknown))
}

#[cold]
fn saturated(input: &[u8], digits: usize) -> u32 {
    input.iter().take(digits).fold(0u32, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u32::from(digit & 0x0f))
    })
}

/// Decimal digits with an optional sign, within 64 bits.
#[cfg_attr(target_pointer_width = "64", inline(always))]
fn integer(input: &[u8]) -> Parsed<'_, i64> {
    let (negative, digits) = match input {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, input),
    };
    let mut rest = digits;
    // Counted downwards, since there is one more negative number than positive ones.
    let mut number = 0i64;
    loop {
        match rest {
            [digit @ b'0'..=b'9', tail @ ..] => {
                number = number
                    .checked_mul(10)
                    .and_then(|n| n.checked_sub(i64::from(digit & 0x0f)))
                    .ok_or(Err::Failure(Fault::BadScalar))?;
                rest = tail;
            }
            [] => return Err(Err::Incomplete(Needed::Unknown)),
            _ if rest.len() == digits.len() => return Err(Err::Failure(Fault::BadScalar)),
            _ => break,
        }
    }
    let number = if negative {
        Some(number)
    } else {
        number.checked_neg()
    };
    number
        .map(|n| (rest, n))
        .ok_or(Err::Failure(Fault::BadScalar))
}

/// Text up to the first CR or LF.
#[cfg_attr(target_pointer_width = "64", inline(always))]
fn text(input: &[u8]) -> Parsed<'_, &[u8]> {
    let at = find(input, b'\r', b'\n');
    match at.and_then(|at| input.split_at_checked(at)) {
        Some((text, rest)) => Ok((rest, text)),
        None => Err(Err::Incomplete(Needed::Unknown)),
    }
}

/// Where the first of these two stands. What is fast on long lines is long code: not for machines
/// whose lines are short.
#[cfg_attr(target_pointer_width = "64", inline(always))]
pub(crate) fn find(input: &[u8], one: u8, other: u8) -> Option<usize> {
    match IN_A_HURRY {
        true => memchr::memchr2(one, other, input),
        false => find_with_little(input, one, other),
    }
}

/// The same in little code.
fn find_with_little(input: &[u8], one: u8, other: u8) -> Option<usize> {
    input.iter().position(|byte| *byte == one || *byte == other)
}

#[cfg_attr(target_pointer_width = "64", inline(always))]
fn crlf(input: &[u8]) -> Parsed<'_, ()> {
    match input {
        [b'\r', b'\n', rest @ ..] => Ok((rest, ())),
        [] | [b'\r'] => Err(Err::Incomplete(Needed::Unknown)),
        _ => Err(Err::Failure(Fault::MissingCrLf)),
    }
}

/// `[+-]digits[.digits][(e|E)[+-]digits]`, `inf`, `-inf`, `nan` (RESP3 specification, "Doubles").
/// Servers up to Redis 7.0 may also send `-nan`, which means the same.
fn is_double(text: &[u8]) -> bool {
    let unsigned = without_sign(text);
    if unsigned == b"inf" || unsigned == b"nan" {
        return true;
    }
    let rest = without_digits(unsigned);
    if rest.len() == unsigned.len() {
        return false;
    }
    let rest = match rest {
        [b'.', fraction @ ..] => {
            let rest = without_digits(fraction);
            if rest.len() == fraction.len() {
                return false;
            }
            rest
        }
        _ => rest,
    };
    match rest {
        [] => true,
        [b'e' | b'E', exponent @ ..] => is_big_number(exponent),
        _ => false,
    }
}

pub(super) fn is_big_number(text: &[u8]) -> bool {
    let digits = without_sign(text);
    !digits.is_empty() && without_digits(digits).is_empty()
}

fn without_sign(text: &[u8]) -> &[u8] {
    match text {
        [b'+' | b'-', rest @ ..] => rest,
        _ => text,
    }
}

fn without_digits(mut text: &[u8]) -> &[u8] {
    while let [b'0'..=b'9', rest @ ..] = text {
        text = rest;
    }
    text
}

impl<'i> ParseError<&'i [u8]> for Fault {
    fn from_error_kind(_input: &'i [u8], _kind: ErrorKind) -> Self {
        Self::BadLength
    }

    fn append(_input: &'i [u8], _kind: ErrorKind, other: Self) -> Self {
        other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(input: &[u8]) -> Result<Head<'_>, NoHead> {
        head(input).map(|(rest, head)| {
            assert!(rest.is_empty(), "left over: {rest:?}");
            head
        })
    }

    #[test]
    fn every_type_has_a_head() {
        let cases: &[(&[u8], Head<'_>)] = &[
            (b"+OK\r\n", Head::Simple(b"OK")),
            (b"+\r\n", Head::Simple(b"")),
            (b"-ERR no\r\n", Head::Error(b"ERR no")),
            (b":0\r\n", Head::Integer(0)),
            (b":+7\r\n", Head::Integer(7)),
            (b":-0\r\n", Head::Integer(0)),
            (b":-9223372036854775808\r\n", Head::Integer(i64::MIN)),
            (b":9223372036854775807\r\n", Head::Integer(i64::MAX)),
            (b",3.25\r\n", Head::Double(b"3.25")),
            (b",-1e-9\r\n", Head::Double(b"-1e-9")),
            (b",10\r\n", Head::Double(b"10")),
            (b",1.5E+10\r\n", Head::Double(b"1.5E+10")),
            (b",inf\r\n", Head::Double(b"inf")),
            (b",-inf\r\n", Head::Double(b"-inf")),
            (b",nan\r\n", Head::Double(b"nan")),
            (b",1e999\r\n", Head::Double(b"1e999")),
            (b"#t\r\n", Head::Boolean(true)),
            (b"#f\r\n", Head::Boolean(false)),
            (
                b"(-12345678901234567890\r\n",
                Head::BigNumber(b"-12345678901234567890"),
            ),
            (b"_\r\n", Head::Null),
            (b"$-1\r\n", Head::Null),
            (b"*-1\r\n", Head::Null),
            (b"$0\r\n", Head::Blob(Blob::Bulk, 0)),
            (b"$0005\r\n", Head::Blob(Blob::Bulk, 5)),
            (
                b"$18446744073709551616\r\n",
                Head::Blob(Blob::Bulk, u32::MAX),
            ),
            (b"!21\r\n", Head::Blob(Blob::Error, 21)),
            (b"=15\r\n", Head::Blob(Blob::Verbatim, 15)),
            (b"$?\r\n", Head::BlobStream),
            (b";4\r\n", Head::Chunk(4)),
            (b"*3\r\n", Head::Aggregate(Aggregate::Array, 3)),
            (b"%2\r\n", Head::Aggregate(Aggregate::Map, 2)),
            (b"~1\r\n", Head::Aggregate(Aggregate::Set, 1)),
            (b">4\r\n", Head::Aggregate(Aggregate::Push, 4)),
            (b"|1\r\n", Head::Aggregate(Aggregate::Attribute, 1)),
            (b"*?\r\n", Head::AggregateStream(Aggregate::Array)),
            (b"%?\r\n", Head::AggregateStream(Aggregate::Map)),
            (b"~?\r\n", Head::AggregateStream(Aggregate::Set)),
            (b".\r\n", Head::End),
        ];
        for (bytes, expected) in cases {
            assert_eq!(whole(bytes), Ok(*expected), "{:?}", bytes.escape_ascii());
            for cut in 0..bytes.len() {
                assert_eq!(
                    head(&bytes[..cut]),
                    Err(NoHead::Incomplete),
                    "{:?} cut at {cut}",
                    bytes.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn what_is_found_is_the_first_of_the_two_by_any_code() {
        let text = b"12\n4\r6\n8";
        for from in 0..=text.len() {
            let rest = &text[from..];
            let expected = [2, 4, 6].into_iter().find(|at| *at >= from);
            let expected = expected.map(|at| at - from);
            assert_eq!(find(rest, b'\r', b'\n'), expected);
            assert_eq!(find_with_little(rest, b'\r', b'\n'), expected);
        }
    }

    #[test]
    fn what_is_not_resp_is_a_fault() {
        let cases: &[(&[u8], Fault)] = &[
            (b":\r\n", Fault::BadScalar),
            (b":--1\r\n", Fault::BadScalar),
            (b":-\r\n", Fault::BadScalar),
            (b":9223372036854775808\r\n", Fault::BadScalar),
            (b":-9223372036854775809\r\n", Fault::BadScalar),
            (b":1 \r\n", Fault::MissingCrLf),
            (b"$-2\r\n", Fault::BadLength),
            (b"$-0\r\n", Fault::BadLength),
            (b"$+5\r\n", Fault::BadLength),
            (b"$ 5\r\n", Fault::BadLength),
            (b"$\r\n", Fault::BadLength),
            (b"$5x\r\n", Fault::MissingCrLf),
            (b"*-2\r\n", Fault::BadLength),
            (b"%-1\r\n", Fault::BadLength),
            (b">?\r\n", Fault::BadLength),
            (b"|?\r\n", Fault::BadLength),
            (b"!-1\r\n", Fault::BadLength),
            (b"_x\r\n", Fault::MissingCrLf),
            (b"#x\r\n", Fault::BadScalar),
            (b",\r\n", Fault::BadScalar),
            (b",1.\r\n", Fault::BadScalar),
            (b",.5\r\n", Fault::BadScalar),
            (b",1e\r\n", Fault::BadScalar),
            (b",infinity\r\n", Fault::BadScalar),
            (b"(\r\n", Fault::BadScalar),
            (b"(12a\r\n", Fault::BadScalar),
            (b"+a\nb\r\n", Fault::MissingCrLf),
            (b"+a\rb\r\n", Fault::MissingCrLf),
            (b"+a\r\r\n", Fault::MissingCrLf),
            (b"+a\n", Fault::MissingCrLf),
            (b".x\r\n", Fault::MissingCrLf),
        ];
        for (bytes, fault) in cases {
            assert_eq!(
                head(bytes),
                Err(NoHead::Fault(*fault)),
                "{:?}",
                bytes.escape_ascii()
            );
        }
        for first in 0..=255u8 {
            let known = b"+-:$*_#,(!=%~>|;.".contains(&first);
            let unknown =
                head(&[first, b'\r', b'\n']) == Err(NoHead::Fault(Fault::UnknownType(first)));
            assert_eq!(known, !unknown, "type byte {first}");
        }
    }
}
