//! Replies into bytes, for those who answer: RESP2 or RESP3, into lent memory.

use core::fmt;

use crate::config::Protocol;
use crate::resp::decimal::Decimal;
use crate::resp::head::is_big_number;

const CRLF: &[u8] = b"\r\n";

/// Writes replies, one after the other, into lent bytes.
///
/// Each call writes its value whole, or nothing where it does not fit: then send what was
/// [`written`](Self::written), [`clear`](Self::clear), and call again. What the protocol of the
/// connection does not know is written as what a Redis server sends instead.
///
/// ```
/// use respool::config::Protocol;
/// use respool::resp::Replies;
///
/// let mut buffer = [0; 64];
/// let mut replies = Replies::new(&mut buffer, Protocol::Resp2);
/// replies.map(1)?;
/// replies.bulk(b"temp")?;
/// replies.double(21.5)?;
/// assert_eq!(replies.written(), b"*2\r\n$4\r\ntemp\r\n$4\r\n21.5\r\n");
/// # Ok::<(), respool::resp::Full>(())
/// ```
pub struct Replies<'b> {
    bytes: &'b mut [u8],
    len: usize,
    protocol: Protocol,
}

/// There is no room for the value; nothing of it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Full;

impl<'b> Replies<'b> {
    /// Writes from the beginning of `bytes`.
    pub fn new(bytes: &'b mut [u8], protocol: Protocol) -> Self {
        Self {
            bytes,
            len: 0,
            protocol,
        }
    }

    /// What was written so far.
    pub fn written(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Begins again: what was written is sent, or not wanted any more.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// How many more bytes fit.
    pub fn room(&self) -> usize {
        self.bytes.len().saturating_sub(self.len)
    }

    /// The protocol that replies are written in.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// What follows is written in this protocol: `HELLO` was taken.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// A short text, such as `OK`. CR and LF in it become spaces.
    pub fn simple(&mut self, text: &[u8]) -> Result<(), Full> {
        self.line(&[b"+", text])
    }

    /// An error: its code, such as `ERR`, and a text for people. CR and LF become spaces.
    pub fn error(&mut self, code: &str, text: &[u8]) -> Result<(), Full> {
        self.line(&[b"-", code.as_bytes(), b" ", text])
    }

    /// An integer.
    pub fn integer(&mut self, number: i64) -> Result<(), Full> {
        self.put(&[b":", Decimal::new(number).as_bytes(), CRLF])
    }

    /// A string of any bytes.
    pub fn bulk(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.blob(b"$", &[], bytes)
    }

    /// The head of a string that is larger than the buffer: then come its bytes by
    /// [`piece`](Self::piece), exactly `len` in all, and [`bulk_end`](Self::bulk_end).
    pub fn bulk_head(&mut self, len: usize) -> Result<(), Full> {
        self.head(b"$", len)
    }

    /// Writes what fits of `bytes`, and says how many bytes that were.
    pub fn piece(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.room());
        match bytes.get(..n).map(|piece| self.put(&[piece])) {
            Some(Ok(())) => n,
            _ => 0,
        }
    }

    /// The end of a string that came in pieces.
    pub fn bulk_end(&mut self) -> Result<(), Full> {
        self.put(&[CRLF])
    }

    /// Nothing, where a value or an element might stand.
    pub fn null(&mut self) -> Result<(), Full> {
        self.put(&[self.either(b"$-1\r\n", b"_\r\n")])
    }

    /// Nothing, where an array might stand: what `EXEC` answers when a watched key was touched.
    pub fn null_array(&mut self) -> Result<(), Full> {
        self.put(&[self.either(b"*-1\r\n", b"_\r\n")])
    }

    /// The head of an array; `len` values follow.
    pub fn array(&mut self, len: usize) -> Result<(), Full> {
        self.head(b"*", len)
    }

    /// The head of a map; `pairs` keys and values follow. In RESP2 a flat array.
    pub fn map(&mut self, pairs: usize) -> Result<(), Full> {
        match self.protocol {
            Protocol::Resp2 => self.head(b"*", pairs.saturating_mul(2)),
            Protocol::Resp3 => self.head(b"%", pairs),
        }
    }

    /// The head of a set; `len` values follow. In RESP2 an array.
    pub fn set(&mut self, len: usize) -> Result<(), Full> {
        self.head(self.either(b"*", b"~"), len)
    }

    /// The head of a message that answers nothing; `len` values follow. In RESP2 an array.
    pub fn push(&mut self, len: usize) -> Result<(), Full> {
        self.head(self.either(b"*", b">"), len)
    }

    /// A floating-point number. In RESP2 a string.
    pub fn double(&mut self, number: f64) -> Result<(), Full> {
        let mut buffer = zmij::Buffer::new();
        let text = if number.is_nan() {
            "nan"
        } else if number == f64::INFINITY {
            "inf"
        } else if number == f64::NEG_INFINITY {
            "-inf"
        } else {
            let text = buffer.format_finite(number);
            text.strip_suffix(".0").unwrap_or(text)
        };
        self.number(b",", text.as_bytes())
    }

    /// True or false. In RESP2 1 or 0.
    pub fn boolean(&mut self, value: bool) -> Result<(), Full> {
        let (number, letter): (&[u8], &[u8]) = if value {
            (b":1\r\n", b"#t\r\n")
        } else {
            (b":0\r\n", b"#f\r\n")
        };
        self.put(&[self.either(number, letter)])
    }

    /// An integer of any size, as digits with an optional sign. In RESP2 a string; a string also
    /// where `digits` are none.
    pub fn big_number(&mut self, digits: &[u8]) -> Result<(), Full> {
        if is_big_number(digits) {
            self.number(b"(", digits)
        } else {
            self.bulk(digits)
        }
    }

    /// Text to be shown as it is, with its format: `txt` or `mkd`. In RESP2 a string.
    pub fn verbatim(&mut self, format: &[u8; 3], text: &[u8]) -> Result<(), Full> {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => self.blob(b"=", &[format, b":"], text),
        }
    }

    /// An error whose text may hold any bytes. In RESP2 an error line.
    pub fn blob_error(&mut self, code: &str, text: &[u8]) -> Result<(), Full> {
        match self.protocol {
            Protocol::Resp2 => self.error(code, text),
            Protocol::Resp3 => self.blob(b"!", &[code.as_bytes(), b" "], text),
        }
    }

    fn either<'x>(&self, resp2: &'x [u8], resp3: &'x [u8]) -> &'x [u8] {
        match self.protocol {
            Protocol::Resp2 => resp2,
            Protocol::Resp3 => resp3,
        }
    }

    fn head(&mut self, kind: &[u8], len: usize) -> Result<(), Full> {
        self.put(&[kind, Decimal::unsigned(len as u64).as_bytes(), CRLF])
    }

    fn number(&mut self, kind: &[u8], text: &[u8]) -> Result<(), Full> {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => self.put(&[kind, text, CRLF]),
        }
    }

    /// A head, and the bytes that it counts: `before` and `bytes`.
    fn blob(&mut self, kind: &[u8], before: &[&[u8]], bytes: &[u8]) -> Result<(), Full> {
        let len = before
            .iter()
            .fold(bytes.len(), |sum, part| sum.saturating_add(part.len()));
        let [first, second] = match before {
            [first, second] => [*first, *second],
            _ => [b"".as_slice(), b""],
        };
        self.put(&[
            kind,
            Decimal::unsigned(len as u64).as_bytes(),
            CRLF,
            first,
            second,
            bytes,
            CRLF,
        ])
    }

    /// A line of text: what would end it early becomes a space.
    fn line(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        let start = self.len;
        let end = parts
            .iter()
            .fold(start, |sum, part| sum.saturating_add(part.len()));
        if end.saturating_add(CRLF.len()) > self.bytes.len() {
            return Err(Full);
        }
        self.put(parts)?;
        for byte in self.bytes.get_mut(start..end).unwrap_or_default() {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        self.put(&[CRLF])
    }

    /// Writes all parts or none.
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        let start = self.len;
        for part in parts {
            let room = self
                .bytes
                .get_mut(self.len..)
                .and_then(|room| room.get_mut(..part.len()));
            match room {
                Some(room) => room.copy_from_slice(part),
                None => {
                    self.len = start;
                    return Err(Full);
                }
            }
            self.len = self.len.saturating_add(part.len());
        }
        Ok(())
    }
}

impl fmt::Debug for Replies<'_> {
    /// Counts only: replies are the users' data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies")
            .field("written", &self.len)
            .field("room", &self.room())
            .field("protocol", &self.protocol)
            .finish()
    }
}

impl core::error::Error for Full {}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no room for the value")
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use super::*;
    use crate::config::Limits;
    use crate::resp::decode::{Decoder, Item};
    use crate::resp::scan::{Scanned, Scanner};

    type Write = fn(&mut Replies<'_>) -> Result<(), Full>;
    type Case = (Write, &'static [u8], &'static [u8]);

    /// What is written, in RESP2 and in RESP3.
    const CASES: &[Case] = &[
        (|r| r.simple(b"OK"), b"+OK\r\n", b"+OK\r\n"),
        (|r| r.simple(b""), b"+\r\n", b"+\r\n"),
        (|r| r.simple(b"a\r\nb"), b"+a  b\r\n", b"+a  b\r\n"),
        (
            |r| r.error("ERR", b"no\r\n+OK\r\n"),
            b"-ERR no  +OK  \r\n",
            b"-ERR no  +OK  \r\n",
        ),
        (
            |r| r.integer(i64::MIN),
            b":-9223372036854775808\r\n",
            b":-9223372036854775808\r\n",
        ),
        (|r| r.integer(7), b":7\r\n", b":7\r\n"),
        (|r| r.bulk(b""), b"$0\r\n\r\n", b"$0\r\n\r\n"),
        (
            |r| r.bulk(b"\r\n\0\xff"),
            b"$4\r\n\r\n\0\xff\r\n",
            b"$4\r\n\r\n\0\xff\r\n",
        ),
        (|r| r.null(), b"$-1\r\n", b"_\r\n"),
        (|r| r.null_array(), b"*-1\r\n", b"_\r\n"),
        (|r| r.array(0), b"*0\r\n", b"*0\r\n"),
        (
            |r| r.array(2).and(r.integer(1)).and(r.null()),
            b"*2\r\n:1\r\n$-1\r\n",
            b"*2\r\n:1\r\n_\r\n",
        ),
        (
            |r| r.map(1).and(r.bulk(b"k")).and(r.boolean(true)),
            b"*2\r\n$1\r\nk\r\n:1\r\n",
            b"%1\r\n$1\r\nk\r\n#t\r\n",
        ),
        (
            |r| r.set(1).and(r.integer(4)),
            b"*1\r\n:4\r\n",
            b"~1\r\n:4\r\n",
        ),
        (|r| r.boolean(false), b":0\r\n", b"#f\r\n"),
        (|r| r.double(1.0), b"$1\r\n1\r\n", b",1\r\n"),
        (|r| r.double(-2.5), b"$4\r\n-2.5\r\n", b",-2.5\r\n"),
        (|r| r.double(1e300), b"$6\r\n1e+300\r\n", b",1e+300\r\n"),
        (
            |r| r.double(f64::NEG_INFINITY),
            b"$4\r\n-inf\r\n",
            b",-inf\r\n",
        ),
        (|r| r.double(f64::INFINITY), b"$3\r\ninf\r\n", b",inf\r\n"),
        (|r| r.double(f64::NAN), b"$3\r\nnan\r\n", b",nan\r\n"),
        (|r| r.big_number(b"-123"), b"$4\r\n-123\r\n", b"(-123\r\n"),
        (
            |r| r.big_number(b"1\r\n2"),
            b"$4\r\n1\r\n2\r\n",
            b"$4\r\n1\r\n2\r\n",
        ),
        (
            |r| r.verbatim(b"txt", b"a\nb"),
            b"$3\r\na\nb\r\n",
            b"=7\r\ntxt:a\nb\r\n",
        ),
        (
            |r| r.blob_error("ERR", b"a\nb"),
            b"-ERR a b\r\n",
            b"!7\r\nERR a\nb\r\n",
        ),
    ];

    fn write(write: Write, protocol: Protocol, room: usize) -> Result<Vec<u8>, Full> {
        let mut buffer = std::vec![0; room];
        let mut replies = Replies::new(&mut buffer, protocol);
        write(&mut replies)?;
        Ok(replies.written().to_vec())
    }

    #[test]
    fn each_protocol_has_its_spelling() {
        for (i, (reply, resp2, resp3)) in CASES.iter().enumerate() {
            for (protocol, expected) in [(Protocol::Resp2, resp2), (Protocol::Resp3, resp3)] {
                let written = write(*reply, protocol, 64);
                assert_eq!(written.as_deref(), Ok(*expected), "case {i}, {protocol:?}");
            }
        }
        assert_eq!(
            write(|r| r.push(3), Protocol::Resp2, 9).as_deref(),
            Ok(&b"*3\r\n"[..])
        );
        assert_eq!(
            write(|r| r.push(3), Protocol::Resp3, 9).as_deref(),
            Ok(&b">3\r\n"[..])
        );
    }

    #[test]
    fn what_does_not_fit_leaves_no_byte() {
        // Of the cases, those that are one call.
        for (i, (reply, _, resp3)) in CASES
            .iter()
            .enumerate()
            .filter(|(i, _)| !(11..14).contains(i))
        {
            for room in 0..resp3.len() {
                let mut buffer = [0; 64];
                let mut replies = Replies::new(&mut buffer[..5 + room], Protocol::Resp3);
                replies.integer(42).unwrap();
                assert_eq!(reply(&mut replies), Err(Full), "case {i} in {room} bytes");
                assert_eq!(replies.written(), b":42\r\n", "case {i} in {room} bytes");
            }
            assert_eq!(
                write(*reply, Protocol::Resp3, resp3.len()).as_deref(),
                Ok(*resp3)
            );
        }
    }

    #[test]
    fn what_follows_a_change_of_the_protocol_is_written_in_the_new_one() {
        let mut buffer = [0; 16];
        let mut replies = Replies::new(&mut buffer, Protocol::Resp2);
        assert_eq!((replies.protocol(), replies.room()), (Protocol::Resp2, 16));
        replies.null().unwrap();
        replies.set_protocol(Protocol::Resp3);
        assert_eq!((replies.protocol(), replies.room()), (Protocol::Resp3, 11));
        replies.null().unwrap();
        assert_eq!(replies.written(), b"$-1\r\n_\r\n");
        replies.clear();
        assert_eq!(replies.room(), 16);
    }

    #[test]
    fn a_string_larger_than_the_buffer_goes_in_pieces() {
        let value: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let mut buffer = [0; 16];
        let mut replies = Replies::new(&mut buffer, Protocol::Resp3);
        let mut sent = Vec::new();
        assert_eq!(replies.bulk(&value), Err(Full));
        replies.bulk_head(value.len()).unwrap();
        let mut rest = &value[..];
        while !rest.is_empty() {
            let room = replies.room();
            let n = replies.piece(rest);
            assert_eq!(n, room.min(rest.len()));
            assert!(n > 0, "it goes on for ever");
            rest = &rest[n..];
            sent.extend_from_slice(replies.written());
            replies.clear();
        }
        replies.bulk_end().unwrap();
        sent.extend_from_slice(replies.written());
        assert_eq!(Decoder::new(&sent).item(), Ok(Item::String(&value)));
    }

    /// Scans and decodes what stands in `bytes`, given up to `split` first.
    fn read(bytes: &[u8], split: usize) -> Vec<std::string::String> {
        let mut window = bytes.to_vec();
        let mut levels = [0; 8];
        let mut scanner = Scanner::default();
        let mut ends = Vec::new();
        for given in [split, bytes.len()] {
            while let Scanned::Reply | Scanned::Push = scanner
                .scan(&mut window[..given], &mut levels, &Limits::DEFAULT, true)
                .unwrap()
            {
                ends.push(scanner.at());
            }
        }
        assert_eq!(
            ends.last(),
            Some(&bytes.len()),
            "the last reply ends with the bytes"
        );
        let mut decoder = Decoder::new(&window);
        let mut items = Vec::new();
        while !decoder.is_empty() {
            items.push(std::format!("{:?}", decoder.item().unwrap()));
        }
        items
    }

    #[test]
    fn what_is_written_can_be_read_in_any_split() {
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let mut buffer = [0; 1024];
            let mut replies = Replies::new(&mut buffer, protocol);
            for (reply, ..) in CASES {
                reply(&mut replies).unwrap();
            }
            let bytes = replies.written();
            let whole = read(bytes, bytes.len());
            // One a case, and the elements of three aggregates.
            assert_eq!(whole.len(), CASES.len() + 5);
            for split in 0..bytes.len() {
                assert_eq!(read(bytes, split), whole, "{protocol:?} split at {split}");
            }
        }
    }
}
