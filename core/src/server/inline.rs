//! Inline requests: words between blanks, for people who type at a socket.
//!
//! The rules are those of Redis's `sdssplitargs`: `"..."` knows `\n \r \t \b \a \xHH` and `\` before
//! any other byte, `'...'` knows `\'`, and both must be followed by a blank. An argument that holds
//! blanks or quotes cannot stay as it was typed, so it is rewritten where it stands:
//!
//! ```text
//! SET k "a \x41"\n    as it arrives
//! SET k "<4><0>a A    a mark, the length in two bytes, the bytes; the rest becomes blanks
//! ```
//! The two quotes and the byte behind them are the room for mark and length. All other arguments
//! stay, and none of them begins with the mark.

use crate::server::Fault;

/// A length in two bytes: the longest inline request that can be rewritten. Redis takes 64 KiB.
pub(crate) const LONGEST: usize = u16::MAX as usize;

/// In front of an argument that was rewritten.
const MARK: u8 = b'"';

/// Decodes a line, its LF included, in place; says how many arguments it has.
pub(crate) fn decode(line: &mut [u8]) -> Result<u32, Fault> {
    let mut count = 0u32;
    let mut at = 0usize;
    while let Some(start) = argument(line, at) {
        at = unquote(line, start)?;
        count = count.saturating_add(1);
    }
    Ok(count)
}

/// Takes the next argument of a decoded line.
pub(crate) fn next<'l>(line: &mut &'l [u8]) -> Option<&'l [u8]> {
    let rest = line.get(argument(line, 0)?..)?;
    let (argument, rest) = match rest {
        [MARK, low, high, rest @ ..] => {
            rest.split_at_checked(usize::from(u16::from_le_bytes([*low, *high])))?
        }
        _ => {
            let end = rest
                .iter()
                .position(|byte| ends_word(*byte))
                .unwrap_or(rest.len());
            rest.split_at_checked(end)?
        }
    };
    *line = rest;
    Some(argument)
}

/// Where the next argument begins.
fn argument(line: &[u8], from: usize) -> Option<usize> {
    let blanks = line.get(from..)?.iter().position(|byte| !is_blank(*byte))?;
    Some(from.saturating_add(blanks))
}

/// How the bytes of an argument are read.
#[derive(Clone, Copy, PartialEq)]
enum Quote {
    None,
    Double,
    Single,
}

/// Decodes the argument at `start`; says where what follows it begins.
fn unquote(line: &mut [u8], start: usize) -> Result<usize, Fault> {
    let mut quote = Quote::None;
    let mut from = start;
    let mut to = start;
    loop {
        let rest = line.get(from..).unwrap_or_default();
        let (byte, taken) = match (quote, rest) {
            (Quote::None, []) => return Ok(from),
            (Quote::None, [byte, ..]) if ends_word(*byte) => return Ok(from),
            (Quote::None, [mark @ (b'"' | b'\''), ..]) => {
                quote = if *mark == b'"' {
                    Quote::Double
                } else {
                    Quote::Single
                };
                from = from.saturating_add(1);
                continue;
            }
            (_, []) => return Err(Fault::UnbalancedQuotes),
            (Quote::Double, [b'"', after @ ..]) | (Quote::Single, [b'\'', after @ ..]) => {
                if !after.first().is_some_and(|byte| is_blank(*byte)) {
                    return Err(Fault::UnbalancedQuotes);
                }
                let end = from.saturating_add(2);
                mark(line, start, to.saturating_sub(start), end);
                return Ok(end);
            }
            (Quote::Double, [b'\\', b'x', high, low, ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                (hex(*high).wrapping_shl(4) | hex(*low), 4)
            }
            (Quote::Double, [b'\\', letter, ..]) => (escaped(*letter), 2),
            (Quote::Single, [b'\\', b'\'', ..]) => (b'\'', 2),
            (_, [byte, ..]) => (*byte, 1),
        };
        // Never ahead of what is read: every byte taken was at least one.
        if let Some(place) = line.get_mut(to) {
            *place = byte;
        }
        to = to.saturating_add(1);
        from = from.saturating_add(taken);
    }
}

/// Makes of the `len` bytes at `start` a marked argument, and blanks of what is left up to `end`.
fn mark(line: &mut [u8], start: usize, len: usize, end: usize) {
    let Some(place) = line.get_mut(start..end) else {
        return;
    };
    let Some((head, bytes)) = place.split_at_mut_checked(3) else {
        return;
    };
    // To the right, so from the last byte on: the first three are those that stand in the head.
    for i in (0..len).rev() {
        let byte = match i.checked_sub(3) {
            None => head.get(i).copied(),
            Some(i) => bytes.get(i).copied(),
        };
        if let (Some(byte), Some(place)) = (byte, bytes.get_mut(i)) {
            *place = byte;
        }
    }
    let [low, high] = (len as u16).to_le_bytes();
    if let [first, second, third] = head {
        (*first, *second, *third) = (MARK, low, high);
    }
    bytes.get_mut(len..).unwrap_or_default().fill(b' ');
}

/// What C's `isspace` calls a space.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// A word ends before fewer bytes than may stand between words.
fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

fn escaped(letter: u8) -> u8 {
    match letter {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

fn hex(digit: u8) -> u8 {
    char::from(digit).to_digit(16).unwrap_or(0) as u8
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use super::*;

    #[track_caller]
    fn split(line: &[u8], expected: &[&[u8]]) {
        let mut line = line.to_vec();
        assert_eq!(
            decode(&mut line),
            Ok(expected.len() as u32),
            "{:?}",
            line.escape_ascii()
        );
        let mut rest = &line[..];
        let args: Vec<_> = std::iter::from_fn(|| next(&mut rest)).collect();
        assert_eq!(args, expected, "{:?}", line.escape_ascii());
    }

    #[test]
    fn words_between_blanks() {
        split(b"\n", &[]);
        split(b" \t \r\n", &[]);
        split(b"PING\r\n", &[b"PING"]);
        split(b"  GET \t k \n", &[b"GET", b"k"]);
        split(b"a \x0bb\x0bc\n", &[b"a", b"b\x0bc"]);
        split(b"a\0b \xff\n", &[b"a\0b", b"\xff"]);
    }

    #[test]
    fn quotes_hold_any_byte() {
        split(b"SET k \"a b\"\r\n", &[b"SET", b"k", b"a b"]);
        split(b"\"\"\n", &[b""]);
        split(b"'' '' x\n", &[b"", b"", b"x"]);
        split(b"\"\\x00\\xfF\\x4\\xg1\"\n", &[b"\0\xffx4xg1"]);
        split(
            b"\"\\n\\r\\t\\b\\a\\q\\\\\\\"\"\n",
            &[b"\n\r\t\x08\x07q\\\""],
        );
        split(b"'it\\'s \\n \"so\"'\n", &[b"it's \\n \"so\""]);
        split(
            b"foo\"bar baz\" '\"' \"'\"\n",
            &[b"foobar baz", b"\"", b"'"],
        );
        split(b"\"a\"\x0b\"b\"\n", &[b"a", b"b"]);
        split(b"\"\\\"GET\" \"\\\" \"\n", &[b"\"GET", b"\" "]);
    }

    #[test]
    fn a_quoted_argument_of_any_length_keeps_its_bytes() {
        for len in [0, 1, 2, 3, 4, 5, 127, 128, 255, 256, 1000, LONGEST - 3] {
            let value: Vec<u8> = (0..len).map(|i| b" abc"[i % 4]).collect();
            split(&[b"\"", &value[..], b"\"\n"].concat(), &[&value]);
        }
    }

    #[test]
    fn quotes_must_be_closed_before_a_blank() {
        for line in [
            &b"\"a\n"[..],
            b"'a\n",
            b"a\"\n",
            b"\"a\"b\n",
            b"'a'b\n",
            b"'a'\"b\"\n",
            b"\"a\\\"\n",
            b"'a\\'\n",
            b"\"\\\n",
        ] {
            let result = decode(&mut line.to_vec());
            assert_eq!(
                result,
                Err(Fault::UnbalancedQuotes),
                "{:?}",
                line.escape_ascii()
            );
        }
    }
}
