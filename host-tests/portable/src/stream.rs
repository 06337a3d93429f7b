//! Streams of replies, taken one by one.

use core::fmt::{self, Write};

use respool::command::{Command, Encode, Parts, Spec, raw, table};
use respool::resp::{Args, FromReply};
use respool::{Connection, ErrorKind, Memory, Until, Want};

use crate::Drive;
use crate::machine::Pieces;
use crate::transcript::{Transcript, error, value};
use crate::wire::{Wire, of, with};

/// Replies, and what they are in a window of 4096 bytes.
#[derive(Debug)]
pub struct Stream {
    /// The name of a recording; else it is called by its bytes.
    pub name: &'static str,
    /// The bytes.
    pub wire: Wire,
    /// How many replies are taken; `None` for all of a recording.
    replies: Option<u16>,
    /// Each reply as a number of every type, too.
    numbers: bool,
    pub(crate) expected: Option<&'static str>,
}

/// So many commands; which ones is of no matter.
struct Commands(u16);

impl Parts for Commands {
    fn count(&self) -> u16 {
        self.0
    }

    fn part(&self, index: u16) -> Option<&dyn Encode> {
        (index < self.0).then_some(&Any)
    }
}

struct Any;

impl Encode for Any {
    fn spec(&self) -> &'static Spec {
        &table::PING
    }

    fn args<'a>(&'a self, _: &mut Args<'_, 'a>) {}
}

impl Drive for Stream {
    fn is_worth_a_cut(&self, at: usize) -> bool {
        self.wire.is_worth_a_cut(at)
    }

    fn expected(&self) -> Option<&'static str> {
        self.expected
    }

    fn drive(&self, pieces: Pieces, text: &mut dyn Write) -> usize {
        let mut memory = Memory::<4096, 64>::new();
        let mut connection = Connection::new(&mut memory);
        let all = || self.messages().count() as u16;
        let mut left = self.replies.unwrap_or_else(all);
        let commands = Commands(left);
        let mut read = 0;
        while left > 0 {
            let stepped = match connection.step(&commands, Until::Next) {
                Ok(Want::Write(bytes)) => {
                    let n = bytes.len();
                    connection.wrote(n)
                }
                Ok(Want::Flush) => {
                    connection.flushed();
                    Ok(())
                }
                Ok(Want::Read(window)) => {
                    let n = pieces.of_these(window.len(), read);
                    let n = self.wire.read(read, &mut window[..n]);
                    read += n;
                    connection.got(n)
                }
                Ok(_) => {
                    left -= 1;
                    let told = self.tell(&connection, text);
                    debug_assert_eq!(told, Ok(()));
                    Ok(())
                }
                Err(why) => Err(why),
            };
            if let Err(why) = stepped {
                let _ = text.write_char(' ').and_then(|()| error(text, why));
                break;
            }
        }
        read
    }
}

impl Stream {
    /// Each reply of a recording by itself, with the pushes and attributes before it.
    pub(crate) fn messages(&self) -> impl Iterator<Item = Self> {
        let mut rest = self.wire.bytes();
        core::iter::from_fn(move || {
            let next = |wire| Self {
                name: "",
                wire,
                replies: Some(1),
                numbers: false,
                expected: None,
            };
            // One byte at a time, not one more is read than belongs to it.
            let read = next(of(rest)).drive(Pieces::of(1), &mut Transcript::new(None));
            let (message, after) = rest.split_at(read);
            rest = after;
            (read > 0).then(|| next(of(message)))
        })
    }

    /// Writes the reply that has come.
    fn tell(&self, connection: &Connection<'_>, text: &mut dyn Write) -> fmt::Result {
        text.write_char(' ')?;
        match connection.reply(&raw("ANY")) {
            Ok(mut decoder) => value(text, &mut decoder)?,
            Err(why) => match (why.kind(), connection.error_text()) {
                (ErrorKind::Server(_), Some(said)) => {
                    write!(text, "!{}", said.as_bytes().escape_ascii())?;
                }
                _ => error(text, why)?,
            },
        }
        if self.numbers {
            number::<i64>(connection, text)?;
            number::<u64>(connection, text)?;
            number::<i32>(connection, text)?;
            number::<u32>(connection, text)?;
            double(connection, text)?;
        }
        Ok(())
    }
}

fn number<T: FromReply + fmt::Display>(
    connection: &Connection<'_>,
    text: &mut dyn Write,
) -> fmt::Result {
    match connection.reply(&raw("ANY").reply::<T>()) {
        Ok(number) => write!(text, "={number}"),
        Err(_) => text.write_str("=no"),
    }
}

/// The bits of the double, of which each counts.
fn double(connection: &Connection<'_>, text: &mut dyn Write) -> fmt::Result {
    match connection.reply(&raw("ANY").reply::<f64>()) {
        Ok(number) if number.is_nan() => text.write_str("=nan"),
        Ok(number) => write!(text, "={:x}", number.to_bits()),
        Err(_) => text.write_str("=no"),
    }
}

/// All streams.
pub(crate) fn all() -> impl Iterator<Item = &'static Stream> {
    RECORDINGS.iter().chain(TYPES).chain(NUMBERS).chain(HOSTILE)
}

include!(concat!(env!("OUT_DIR"), "/recordings.rs"));

const fn recording(name: &'static str, bytes: &'static [u8]) -> Stream {
    Stream {
        name,
        wire: of(bytes),
        replies: None,
        numbers: false,
        expected: None,
    }
}

const fn stream(replies: u16, bytes: &'static [u8], expected: &'static str) -> Stream {
    repeated(replies, bytes, b"", 0, b"", expected)
}

const fn repeated(
    replies: u16,
    before: &'static [u8],
    often: &'static [u8],
    times: usize,
    after: &'static [u8],
    expected: &'static str,
) -> Stream {
    Stream {
        name: "",
        wire: with(before, often, times, after),
        replies: Some(replies),
        numbers: false,
        expected: Some(expected),
    }
}

const fn numbers(bytes: &'static [u8], expected: &'static str) -> Stream {
    Stream {
        numbers: true,
        ..stream(1, bytes, expected)
    }
}

/// Every type, and what may stand around it.
static TYPES: &[Stream] = &[
    stream(1, b"+OK\r\n", "'OK'"),
    stream(1, b"+\r\n", "''"),
    stream(1, b"-ERR no\r\n", "!ERR no"),
    stream(1, b":+7\r\n", "7"),
    stream(1, b"$0\r\n\r\n", "''"),
    stream(1, b"$4\r\n\r\n\0\xff\r\n", r"'\r\n\x00\xff'"),
    stream(1, b"$0000000000000000000005\r\nhello\r\n", "'hello'"),
    stream(3, b"$-1\r\n*-1\r\n_\r\n", "null null null"),
    stream(1, b"*0\r\n", "[]"),
    stream(
        1,
        b"*3\r\n:1\r\n*2\r\n+a\r\n-E b\r\n$-1\r\n",
        "[1 ['a' !E b] null]",
    ),
    stream(2, b"#t\r\n#f\r\n", "true false"),
    stream(4, b",-1.5e-3\r\n,inf\r\n,-inf\r\n,nan\r\n", ",-1.5e-3 ,inf ,-inf ,nan"),
    stream(1, b"(-12345678901234567890\r\n", "(-12345678901234567890"),
    stream(1, b"!21\r\nSYNTAX invalid syntax\r\n", "!SYNTAX invalid syntax"),
    stream(1, b"!5\r\nE \r\nx\r\n", r"!E \r\nx"),
    stream(2, b"=15\r\ntxt:Some string\r\n=4\r\nmkd:\r\n", "'Some string' ''"),
    stream(
        1,
        b"%2\r\n+k\r\n:1\r\n$1\r\nl\r\n*1\r\n_\r\n",
        "{'k' 1 'l' [null]}",
    ),
    stream(3, b"~2\r\n+a\r\n#t\r\n~0\r\n%0\r\n", "~['a' true] ~[] {}"),
    // Attributes answer nothing, wherever they stand.
    stream(1, b"|0\r\n+a\r\n", "'a'"),
    stream(1, b"|1\r\n+ttl\r\n:3\r\n+a\r\n", "'a'"),
    stream(1, b"|1\r\n+k\r\n:1\r\n|1\r\n+l\r\n:2\r\n*1\r\n:3\r\n", "[3]"),
    stream(
        1,
        b"|1\r\n+k\r\n%1\r\n|1\r\n+n\r\n:0\r\n+x\r\n*2\r\n:1\r\n:2\r\n-E\r\n",
        "!E",
    ),
    stream(
        1,
        b"*3\r\n:1\r\n|1\r\n+ttl\r\n:3\r\n:2\r\n|1\r\n+ttl\r\n*1\r\n:9\r\n*0\r\n",
        "[1 2 []]",
    ),
    stream(
        1,
        b"%1\r\n|1\r\n+a\r\n+b\r\n+k\r\n|1\r\n+a\r\n+b\r\n+v\r\n",
        "{'k' 'v'}",
    ),
    // Streamed strings.
    stream(1, b"$?\r\n;0\r\n", "''"),
    stream(
        1,
        b"$?\r\n;4\r\nHell\r\n;6\r\no worl\r\n;1\r\nd\r\n;0\r\n",
        "'Hello world'",
    ),
    stream(1, b"$?\r\n;1\r\n\r\r\n;1\r\n\n\r\n;0\r\n", r"'\r\n'"),
    stream(
        1,
        b"*3\r\n$?\r\n;2\r\nab\r\n;0\r\n+x\r\n$?\r\n;1\r\nc\r\n;1\r\nd\r\n;0\r\n",
        "['ab' 'x' 'cd']",
    ),
    stream(
        1,
        b"$?\r\n;12\r\n0123456789ab\r\n;0010\r\n0123456789\r\n;00\r\n",
        "'0123456789ab0123456789'",
    ),
    // Streamed aggregates.
    stream(1, b"*?\r\n.\r\n", "[]"),
    stream(1, b"*?\r\n:1\r\n:2\r\n.\r\n", "[1 2]"),
    stream(1, b"~?\r\n+a\r\n.\r\n", "~['a']"),
    stream(1, b"%?\r\n+k\r\n:1\r\n+l\r\n:2\r\n.\r\n", "{'k' 1 'l' 2}"),
    stream(
        1,
        b"*2\r\n*?\r\n~?\r\n*1\r\n%?\r\n+k\r\n$?\r\n;1\r\nv\r\n;0\r\n.\r\n.\r\n.\r\n:9\r\n",
        "[[~[[{'k' 'v'}]]] 9]",
    ),
    stream(
        1,
        b"*?\r\n*?\r\n.\r\n*0\r\n|1\r\n+a\r\n+b\r\n*?\r\n.\r\n.\r\n",
        "[[] [] []]",
    ),
    // Pushes answer nothing, either.
    stream(1, b">2\r\n+pubsub\r\n:1\r\n+a\r\n", "'a'"),
    stream(
        2,
        b"+a\r\n>1\r\n*2\r\n$?\r\n;1\r\nx\r\n;0\r\n_\r\n|1\r\n+k\r\n:1\r\n>1\r\n+x\r\n|1\r\n+k\r\n:1\r\n+b\r\n",
        "'a' 'b'",
    ),
    stream(
        2,
        b">4\r\n+pubsub\r\n+message\r\n+news\r\n*?\r\n:1\r\n.\r\n:1\r\n>1\r\n+x\r\n>1\r\n+x\r\n:2\r\n",
        "1 2",
    ),
    repeated(1, b"", b">2\r\n+message\r\n:1\r\n", 500, b"+a\r\n", "'a'"),
    // As deep as may be, and as much as the window holds.
    repeated(1, b"", b"*1\r\n", 8, b"*0\r\n", "[[[[[[[[[]]]]]]]]]"),
    repeated(1, b"", b"%1\r\n:1\r\n", 8, b"_\r\n", "{1 {1 {1 {1 {1 {1 {1 {1 null}}}}}}}}"),
    repeated(1, b"", b"|1\r\n:1\r\n", 8, b":1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n", "9"),
    repeated(1, b"", b"*?\r\n", 4, b".\r\n.\r\n.\r\n.\r\n", "[[[[]]]]"),
    repeated(
        2,
        b"$4096\r\n",
        b"x",
        4096,
        b"\r\n+a\r\n",
        "ReplyTooLarge { needed: 4105, window: 4096 }@Answered 'a'",
    ),
];

/// Numbers at the ends of their ranges: as they are, then as `i64`, `u64`, `i32`, `u32` and the
/// bits of an `f64`.
static NUMBERS: &[Stream] = &[
    numbers(b":0\r\n", "0=0=0=0=0=0"),
    numbers(b":-0\r\n", "0=0=0=0=0=0"),
    numbers(b":-1\r\n", "-1=-1=no=-1=no=bff0000000000000"),
    numbers(
        b":2147483647\r\n",
        "2147483647=2147483647=2147483647=2147483647=2147483647=41dfffffffc00000",
    ),
    numbers(
        b":2147483648\r\n",
        "2147483648=2147483648=2147483648=no=2147483648=41e0000000000000",
    ),
    numbers(
        b":-2147483648\r\n",
        "-2147483648=-2147483648=no=-2147483648=no=c1e0000000000000",
    ),
    numbers(
        b":-2147483649\r\n",
        "-2147483649=-2147483649=no=no=no=c1e0000000200000",
    ),
    numbers(
        b":4294967295\r\n",
        "4294967295=4294967295=4294967295=no=4294967295=41efffffffe00000",
    ),
    numbers(
        b":4294967296\r\n",
        "4294967296=4294967296=4294967296=no=no=41f0000000000000",
    ),
    numbers(
        b":9223372036854775807\r\n",
        "9223372036854775807=9223372036854775807=9223372036854775807=no=no=43e0000000000000",
    ),
    numbers(
        b":-9223372036854775808\r\n",
        "-9223372036854775808=-9223372036854775808=no=no=no=c3e0000000000000",
    ),
    numbers(
        b"$19\r\n9223372036854775807\r\n",
        "'9223372036854775807'=9223372036854775807=9223372036854775807=no=no=43e0000000000000",
    ),
    numbers(
        b"$20\r\n-9223372036854775808\r\n",
        "'-9223372036854775808'=-9223372036854775808=no=no=no=c3e0000000000000",
    ),
    numbers(
        b"$19\r\n9223372036854775808\r\n",
        "'9223372036854775808'=no=9223372036854775808=no=no=43e0000000000000",
    ),
    numbers(
        b"$20\r\n18446744073709551615\r\n",
        "'18446744073709551615'=no=18446744073709551615=no=no=43f0000000000000",
    ),
    numbers(
        b"(18446744073709551616\r\n",
        "(18446744073709551616=no=no=no=no=no",
    ),
    numbers(
        b"(4294967296\r\n",
        "(4294967296=4294967296=4294967296=no=no=no",
    ),
    numbers(b"$4\r\n3.25\r\n", "'3.25'=no=no=no=no=400a000000000000"),
    numbers(b",0.1\r\n", ",0.1=no=no=no=no=3fb999999999999a"),
    numbers(b",-0\r\n", ",-0=no=no=no=no=8000000000000000"),
    numbers(
        b",1.7976931348623157e308\r\n",
        ",1.7976931348623157e308=no=no=no=no=7fefffffffffffff",
    ),
    numbers(b",1e999\r\n", ",1e999=no=no=no=no=7ff0000000000000"),
    numbers(
        b",2.2250738585072011e-308\r\n",
        ",2.2250738585072011e-308=no=no=no=no=fffffffffffff",
    ),
    numbers(b",5e-324\r\n", ",5e-324=no=no=no=no=1"),
    numbers(
        b",9007199254740993\r\n",
        ",9007199254740993=no=no=no=no=4340000000000000",
    ),
    numbers(b",-inf\r\n", ",-inf=no=no=no=no=fff0000000000000"),
    numbers(b",nan\r\n", ",nan=no=no=no=no=nan"),
];

/// What no server should send, and what it has to be called in any split. A length that only looks
/// small where it is cut to 32 or 64 bits is followed by what it would be then.
static HOSTILE: &[Stream] = &[
    stream(1, b"x\r\n", "UnknownType(120)"),
    stream(1, b"HTTP/1.1 400 Bad Request\r\n", "UnknownType(72)"),
    stream(1, b"\x15\x03\x01\r\n", "UnknownType(21)"),
    stream(1, b"\r\n", "UnknownType(13)"),
    stream(1, b"+a\n", "MissingCrLf"),
    stream(1, b"+a\rb\n", "MissingCrLf"),
    stream(1, b":9223372036854775808\r\n", "BadScalar"),
    stream(1, b":-9223372036854775809\r\n", "BadScalar"),
    stream(1, b":18446744073709551616\r\n", "BadScalar"),
    stream(1, b":18446744073709551617\r\n", "BadScalar"),
    stream(1, b":99999999999999999999999999\r\n", "BadScalar"),
    stream(1, b":--1\r\n", "BadScalar"),
    stream(1, b":\r\n", "BadScalar"),
    stream(1, b":12a\r\n", "MissingCrLf"),
    stream(1, b"_x\r\n", "MissingCrLf"),
    stream(1, b"#x\r\n", "BadScalar"),
    stream(1, b",1.\r\n", "BadScalar"),
    stream(1, b"(1f\r\n", "BadScalar"),
    stream(1, b"=3\r\ntxt\r\n", "Misplaced"),
    stream(1, b"=5\r\ntxtab\r\n", "Misplaced"),
    stream(1, b"$-2\r\n", "BadLength"),
    stream(1, b"$-0\r\n", "BadLength"),
    stream(1, b"$+5\r\n", "BadLength"),
    stream(1, b"$-18446744073709551615\r\n", "BadLength"),
    stream(1, b"$-4294967297\r\n", "BadLength"),
    stream(1, b"$1x\r\n", "MissingCrLf"),
    stream(1, b"*-2\r\n", "BadLength"),
    stream(1, b"*x\r\n", "BadLength"),
    stream(1, b"%-1\r\n", "BadLength"),
    stream(1, b"!-1\r\n", "BadLength"),
    stream(1, b"$3\r\nabcd\r\n", "MissingCrLf"),
    stream(1, b"$0\r\nxx", "MissingCrLf"),
    stream(1, b"=5\r\ntxt:ab\r\n", "MissingCrLf"),
    stream(1, b"$536870913\r\n", "BulkTooLong"),
    stream(1, b"$2147483646\r\n", "BulkTooLong"),
    stream(1, b"$2147483647\r\n", "BulkTooLong"),
    stream(1, b"$2147483648\r\n", "BulkTooLong"),
    stream(1, b"$4294967293\r\n", "BulkTooLong"),
    stream(1, b"$4294967294\r\n", "BulkTooLong"),
    stream(1, b"$4294967295\r\n", "BulkTooLong"),
    stream(1, b"$4294967296\r\n", "BulkTooLong"),
    stream(1, b"$4294967301\r\nhello\r\n", "BulkTooLong"),
    stream(1, b"$9223372036854775807\r\n", "BulkTooLong"),
    stream(1, b"$9223372036854775808\r\n", "BulkTooLong"),
    stream(1, b"$18446744073709551615\r\n", "BulkTooLong"),
    stream(1, b"$18446744073709551616\r\n", "BulkTooLong"),
    stream(1, b"$18446744073709551621\r\nhello\r\n", "BulkTooLong"),
    stream(1, b"$99999999999999999999999999\r\n", "BulkTooLong"),
    stream(1, b"!4294967295\r\n", "BulkTooLong"),
    stream(1, b"!4294967299\r\nERR\r\n", "BulkTooLong"),
    stream(1, b"=4294967295\r\n", "BulkTooLong"),
    stream(1, b"=4294967301\r\ntxt:a\r\n", "BulkTooLong"),
    stream(1, b"*1\r\n$4294967297\r\na\r\n", "BulkTooLong"),
    stream(1, b"$?\r\n;4294967295\r\n", "BulkTooLong"),
    stream(1, b"$?\r\n;4294967296\r\n", "BulkTooLong"),
    stream(1, b"$?\r\n;4294967297\r\na\r\n;0\r\n", "BulkTooLong"),
    stream(1, b"*2147483648\r\n", "TooManyElements"),
    stream(1, b"*4294967295\r\n", "TooManyElements"),
    stream(1, b"*4294967296\r\n", "TooManyElements"),
    stream(1, b"*4294967297\r\n:1\r\n", "TooManyElements"),
    stream(1, b"*9223372036854775807\r\n", "TooManyElements"),
    stream(1, b"*18446744073709551616\r\n", "TooManyElements"),
    stream(1, b"*18446744073709551617\r\n:1\r\n", "TooManyElements"),
    stream(1, b"*1\r\n*4294967297\r\n:1\r\n", "TooManyElements"),
    stream(1, b"~2147483648\r\n", "TooManyElements"),
    stream(1, b"~4294967297\r\n:1\r\n", "TooManyElements"),
    stream(1, b"~18446744073709551615\r\n", "TooManyElements"),
    stream(1, b"%1073741824\r\n", "TooManyElements"),
    stream(1, b"%2147483647\r\n", "TooManyElements"),
    stream(1, b"%2147483648\r\n", "TooManyElements"),
    stream(1, b"%2147483649\r\n:1\r\n:2\r\n", "TooManyElements"),
    stream(1, b"%4294967295\r\n", "TooManyElements"),
    stream(1, b"%4294967297\r\n:1\r\n:2\r\n", "TooManyElements"),
    stream(1, b"|1073741824\r\n", "TooManyElements"),
    stream(1, b"|2147483648\r\n", "TooManyElements"),
    stream(1, b"|2147483649\r\n:1\r\n:2\r\n:3\r\n", "TooManyElements"),
    stream(1, b"|4294967295\r\n", "TooManyElements"),
    stream(1, b">2147483648\r\n", "TooManyElements"),
    stream(1, b">4294967295\r\n", "TooManyElements"),
    stream(1, b">4294967297\r\n:1\r\n:2\r\n", "TooManyElements"),
    stream(1, b">0\r\n", "Misplaced"),
    stream(1, b"*1\r\n>1\r\n+x\r\n", "Misplaced"),
    stream(1, b"|1\r\n>1\r\n+x\r\n", "Misplaced"),
    stream(1, b".\r\n", "Misplaced"),
    stream(1, b"*1\r\n.\r\n", "Misplaced"),
    stream(1, b"*?\r\n*1\r\n.\r\n", "Misplaced"),
    stream(1, b"*?\r\n|1\r\n+a\r\n+b\r\n.\r\n", "Misplaced"),
    stream(1, b";1\r\nx\r\n", "Misplaced"),
    stream(1, b"$?\r\n+x\r\n", "Misplaced"),
    stream(1, b"$?\r\n$1\r\nx\r\n", "Misplaced"),
    stream(1, b"$?\r\n;-1\r\n", "BadLength"),
    stream(1, b"$?\r\n;2\r\nabc\r\n", "MissingCrLf"),
    stream(1, b">?\r\n", "BadLength"),
    stream(1, b"|?\r\n", "BadLength"),
    stream(1, b"!?\r\n", "BadLength"),
    // What came before stands.
    stream(
        3,
        b"+a\r\n>1\r\n+x\r\n*1\r\n:1\r\n$4294967296\r\n",
        "'a' [1] BulkTooLong",
    ),
    // One level more than there may be, and very many more.
    repeated(1, b"", b"*1\r\n", 9, b":1\r\n", "TooDeep"),
    repeated(1, b"", b"*1\r\n", 100_000, b":1\r\n", "TooDeep"),
    repeated(1, b"", b"%1\r\n:1\r\n", 9, b":1\r\n", "TooDeep"),
    repeated(1, b"", b"%1\r\n", 100_000, b"", "TooDeep"),
    repeated(1, b"", b"~1\r\n", 100_000, b"", "TooDeep"),
    repeated(1, b"", b"|1\r\n:1\r\n", 9, b":1\r\n", "TooDeep"),
    repeated(1, b"", b"|1\r\n", 100_000, b"", "TooDeep"),
    repeated(1, b">1\r\n", b"*1\r\n", 8, b":1\r\n+a\r\n", "TooDeep"),
    repeated(1, b"", b"*?\r\n", 5, b"", "TooDeep"),
    repeated(1, b"", b"*?\r\n", 100_000, b"", "TooDeep"),
    repeated(1, b"*1\r\n$?\r\n", b";1\r\nx\r\n", 3, b".\r\n", "Misplaced"),
    // The largest that may be: it does not fit, and is too much to be skipped.
    stream(
        1,
        b"$536870912\r\n",
        "ReplyTooLarge { needed: 536870926, window: 4096 }@Answered",
    ),
    // The largest that may be announced: it is waited for.
    stream(1, b"*2147483647\r\n", "Transport(Closed)@MaybeSent"),
    stream(1, b"%1073741823\r\n", "Transport(Closed)@MaybeSent"),
    stream(1, b"|1073741823\r\n:1\r\n", "Transport(Closed)@MaybeSent"),
    stream(1, b">2147483647\r\n:1\r\n", "Transport(Closed)@MaybeSent"),
    // Lines that do not end.
    repeated(1, b"+", b"x", 5000, b"\r\n", "LineTooLong"),
    repeated(1, b":", b"0", 5000, b"\r\n", "LineTooLong"),
    repeated(1, b"$", b"0", 5000, b"1\r\na\r\n", "LineTooLong"),
    repeated(1, b"-ERR ", b"x", 100_000, b"", "LineTooLong"),
];
