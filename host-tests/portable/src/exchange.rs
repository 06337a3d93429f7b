//! Calls on a connection that is open.

use core::fmt::{self, Write};

use respool::command::{Command, get, incr, ping, set};
use respool::{Connection, Error, Memory, Until};

use crate::Drive;
use crate::machine::{Peer, Pieces};
use crate::transcript::error;
use crate::wire::{Answers, Wire, of, with};

/// Calls, all that the server says, and what comes of it in windows of 64 bytes.
#[derive(Debug)]
pub struct Exchange {
    pub(crate) name: &'static str,
    pub(crate) calls: &'static [Call],
    pub(crate) answers: Answers,
    pub(crate) expected: &'static str,
    /// It matters what comes together: no splits.
    pub(crate) together: bool,
}

/// A call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    /// `GET k`.
    Get,
    /// `GET k`, `INCR n` and `PING` in one round trip.
    Three,
    /// `GET k` three times, whose replies are taken one by one.
    OneByOne,
    /// `SET k` of 300 bytes.
    Large,
    /// `GET k`, dropped when it has left, on a transport that loses nothing by that.
    Dropped,
    /// The same on a transport that does not promise it.
    DroppedUnsafe,
}

impl Drive for Exchange {
    fn is_worth_a_cut(&self, at: usize) -> bool {
        self.answers.is_worth_a_cut(at)
    }

    fn expected(&self) -> Option<&'static str> {
        Some(self.expected)
    }

    fn drive(&self, pieces: Pieces, text: &mut dyn Write) -> usize {
        let mut window = [0; 512];
        let mut peer = Peer::new(&self.answers, pieces, &mut window, text);
        let mut memory = Memory::<64, 64>::new();
        let mut connection = Connection::new(&mut memory);
        for call in self.calls {
            let told = call.make(&mut connection, &mut peer);
            debug_assert_eq!(told, Ok(()));
        }
        let end = match connection.is_open() {
            true => " open",
            false => " closed",
        };
        let _ = peer.text().write_str(end);
        peer.consumed()
    }
}

impl Call {
    fn make(self, connection: &mut Connection<'_>, peer: &mut Peer<'_>) -> fmt::Result {
        match self {
            Self::Get => {
                let request = get("k");
                let driven = peer.drive(connection, &request, Until::Whole);
                let answer = driven.and_then(|()| connection.reply(&request));
                bytes(peer.text(), answer)
            }
            Self::Three => {
                let request = (get("k"), incr("n").outcome(), ping());
                let driven = peer.drive(connection, &request, Until::Whole);
                let text = peer.text();
                match driven.and_then(|()| connection.reply(&request)) {
                    Ok((value, number, ())) => {
                        bytes(text, Ok(value))?;
                        text.write_char(' ')?;
                        match number {
                            Ok(number) => write!(text, "{number}"),
                            Err(why) => error(text, why),
                        }
                    }
                    Err(why) => {
                        text.write_char(' ')?;
                        error(text, why)
                    }
                }
            }
            Self::OneByOne => {
                let request = (get("k"), get("k"), get("k"));
                for _ in 0..3 {
                    let driven = peer.drive(connection, &request, Until::Next);
                    let answer = driven.and_then(|()| connection.reply(&get("k")));
                    bytes(peer.text(), answer)?;
                }
                Ok(())
            }
            Self::Large => {
                let request = set("k", &[b'v'; 300]);
                let driven = peer.drive(connection, &request, Until::Whole);
                let answer = driven.and_then(|()| connection.reply(&request));
                done(peer.text(), answer)
            }
            Self::Dropped | Self::DroppedUnsafe => {
                let left = peer.send(connection, &get("k"));
                connection.settle(matches!(self, Self::Dropped));
                done(peer.text(), left)
            }
        }
    }
}

fn bytes(text: &mut dyn Write, answer: Result<Option<&[u8]>, Error>) -> fmt::Result {
    match answer {
        Ok(Some(bytes)) => write!(text, " '{}'", bytes.escape_ascii()),
        Ok(None) => text.write_str(" null"),
        Err(why) => {
            text.write_char(' ')?;
            error(text, why)
        }
    }
}

fn done(text: &mut dyn Write, answer: Result<(), Error>) -> fmt::Result {
    text.write_char(' ')?;
    match answer {
        Ok(()) => text.write_str("ok"),
        Err(why) => error(text, why),
    }
}

const fn exchange(
    name: &'static str,
    calls: &'static [Call],
    answers: &'static [Wire],
    expected: &'static str,
) -> Exchange {
    Exchange {
        name,
        calls,
        answers: Answers(answers),
        expected,
        together: false,
    }
}

use Call::{Dropped, DroppedUnsafe, Get, Large, OneByOne, Three};

pub(crate) static ALL: &[Exchange] = &[
    exchange(
        "calls",
        &[Get, Get, Get],
        &[of(b"$1\r\nv\r\n"), of(b"$-1\r\n"), of(b"+w\r\n")],
        "> GET k 'v' > GET k null > GET k 'w' open",
    ),
    exchange(
        "errors",
        &[Get, Get, Get, Get],
        &[
            of(b"-WRONGTYPE no\r\n"),
            of(b":1\r\n"),
            of(b"-ERR\r\n"),
            of(b"!4\r\nBUSY\r\n"),
        ],
        "> GET k Server(WrongType)@Answered \
         > GET k WrongType { expected: String, got: Integer }@Answered \
         > GET k Server(Err)@Answered > GET k Server(Busy)@Answered open",
    ),
    exchange(
        "pipeline",
        &[Three, Three],
        &[
            of(b"$1\r\na\r\n"),
            of(b":2\r\n"),
            of(b"+PONG\r\n"),
            of(b"$-1\r\n"),
            of(b"-ERR no\r\n"),
            of(b"+PONG\r\n"),
        ],
        "> GET k > INCR n > PING 'a' 2 > GET k > INCR n > PING null Server(Err)@Answered open",
    ),
    exchange(
        "pipeline that fails",
        &[Three, Get],
        &[
            of(b"-OOM no\r\n"),
            of(b":2\r\n"),
            of(b"+PONG\r\n"),
            of(b"$1\r\nv\r\n"),
        ],
        "> GET k > INCR n > PING Server(Oom)@Answered > GET k 'v' open",
    ),
    exchange(
        "pushes in a pipeline",
        &[Three, Get],
        &[
            of(b">1\r\n+x\r\n$1\r\na\r\n"),
            of(b">2\r\n+message\r\n*1\r\n:1\r\n:2\r\n"),
            of(b"|1\r\n+k\r\n:1\r\n>1\r\n+x\r\n+PONG\r\n>1\r\n$?\r\n;3\r\nabc\r\n;0\r\n"),
            of(b"$1\r\nv\r\n"),
        ],
        "> GET k > INCR n > PING 'a' 2 > GET k 'v' open",
    ),
    exchange(
        "a push larger than the window",
        &[Get, Get],
        &[
            with(
                b">2\r\n+message\r\n$9999\r\n",
                b"x",
                9999,
                b"\r\n$1\r\nv\r\n",
            ),
            of(b"$1\r\nw\r\n"),
        ],
        "> GET k 'v' > GET k 'w' open",
    ),
    exchange(
        "one by one",
        &[OneByOne, Get],
        &[
            of(b"$1\r\na\r\n"),
            of(b"-ERR no\r\n>1\r\n+x\r\n"),
            of(b"$1\r\nb\r\n"),
            of(b"$1\r\nc\r\n"),
        ],
        "> GET k > GET k > GET k 'a' Server(Err)@Answered 'b' > GET k 'c' open",
    ),
    exchange(
        "too large, one by one",
        &[OneByOne, Get],
        &[
            of(b"$1\r\na\r\n"),
            with(b"$500\r\n", b"x", 500, b"\r\n"),
            of(b"$1\r\nb\r\n"),
            of(b"$1\r\nc\r\n"),
        ],
        "> GET k > GET k > GET k 'a' ReplyTooLarge { needed: 508, window: 64 }@Answered 'b' \
         > GET k 'c' open",
    ),
    exchange(
        "just too large",
        &[Get, Get],
        &[with(b"$58\r\n", b"x", 58, b"\r\n"), of(b"$1\r\nv\r\n")],
        "> GET k ReplyTooLarge { needed: 65, window: 64 }@Answered > GET k 'v' open",
    ),
    exchange(
        "just fits",
        &[Get, Get],
        &[of(b"+a\r\n"), with(b"$57\r\n", b"x", 57, b"\r\n")],
        "> GET k 'a' > GET k 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' open",
    ),
    exchange(
        "more elements than fit",
        &[Get, Get],
        &[
            with(b"*100\r\n", b"$1\r\nx\r\n", 100, b""),
            of(b"$1\r\nv\r\n"),
        ],
        "> GET k ReplyTooLarge { needed: 0, window: 64 }@Answered > GET k 'v' open",
    ),
    exchange(
        "an error longer than the window",
        &[Get, Get],
        &[with(b"-WRONGTYPE ", b"x", 300, b"\r\n"), of(b"$1\r\nv\r\n")],
        "> GET k Server(WrongType)@Answered > GET k 'v' open",
    ),
    exchange(
        "too large to be skipped",
        &[Get, Get],
        &[of(b"$65537\r\n")],
        "> GET k ReplyTooLarge { needed: 65547, window: 64 }@Answered \
         Transport(NotConnected)@NotSent closed",
    ),
    exchange(
        "too large to be skipped, in a pipeline",
        &[Three],
        &[of(b"$536870912\r\n"), of(b""), of(b"")],
        "> GET k > INCR n > PING ReplyTooLarge { needed: 536870926, window: 64 }@MaybeSent closed",
    ),
    exchange(
        "a length over 32 bits",
        &[Get, Get],
        &[of(b"$4294967297\r\nv\r\n")],
        "> GET k BulkTooLong Transport(NotConnected)@NotSent closed",
    ),
    exchange(
        "a count over 32 bits, in a pipeline",
        &[Three],
        &[
            of(b"$1\r\na\r\n"),
            of(b"*4294967297\r\n:2\r\n"),
            of(b"+PONG\r\n"),
        ],
        "> GET k > INCR n > PING TooManyElements closed",
    ),
    exchange(
        "a command larger than its window",
        &[Large, Get],
        &[of(b"+OK\r\n"), of(b"$1\r\nv\r\n")],
        "> SET k #300 ok > GET k 'v' open",
    ),
    exchange(
        "dropped",
        &[Dropped, Get, Get],
        &[
            of(b"$4\r\nlate\r\n"),
            of(b"$1\r\nv\r\n"),
            of(b"$1\r\nw\r\n"),
        ],
        "> GET k ok > GET k 'v' > GET k 'w' open",
    ),
    exchange(
        "dropped, and large",
        &[Dropped, Get, Dropped, Get],
        &[
            with(b"$5000\r\n", b"x", 5000, b"\r\n"),
            of(b"-ERR no\r\n"),
            of(b">1\r\n+x\r\n*?\r\n$?\r\n;1\r\na\r\n;0\r\n.\r\n"),
            of(b"$1\r\nv\r\n"),
        ],
        "> GET k ok > GET k Server(Err)@Answered > GET k ok > GET k 'v' open",
    ),
    exchange(
        "dropped, and a length over 32 bits",
        &[Dropped, Get],
        &[of(b"$4294967297\r\nx\r\n$1\r\nv\r\n")],
        "> GET k ok BulkTooLong closed",
    ),
    exchange(
        "dropped, and too large to be skipped",
        &[Dropped, Get],
        &[of(b"$536870912\r\n")],
        "> GET k ok SkipBudget closed",
    ),
    exchange(
        "dropped on a transport that promises nothing",
        &[DroppedUnsafe, Get],
        &[of(b"$1\r\nv\r\n")],
        "> GET k ok Transport(NotConnected)@NotSent closed",
    ),
    exchange(
        "nothing",
        &[Get, Get],
        &[],
        "> GET k Transport(Closed)@MaybeSent Transport(NotConnected)@NotSent closed",
    ),
    exchange(
        "an end in a blob",
        &[Get],
        &[of(b"$5\r\nhel")],
        "> GET k Transport(Closed)@MaybeSent closed",
    ),
    exchange(
        "an end in a pipeline",
        &[Three],
        &[of(b"$1\r\na\r\n"), of(b":2\r\n")],
        "> GET k > INCR n > PING Transport(Closed)@MaybeSent closed",
    ),
    exchange(
        "an end while skipping",
        &[Dropped, Get],
        &[of(b"$4\r\nla")],
        "> GET k ok Transport(Closed)@NotSent closed",
    ),
    Exchange {
        together: true,
        ..exchange(
            "a surplus reply",
            &[Get, Get],
            &[of(b"$1\r\nv\r\n$1\r\nw\r\n")],
            "> GET k 'v' Surplus closed",
        )
    },
];
