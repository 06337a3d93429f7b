//! From the handshake on: a client over a link that is a wire.

use core::convert::Infallible;
use core::fmt::{self, Write};

use embedded_io::{ErrorType, Read};
use respool::command::raw;
use respool::config::{Config, Limits, Protocol, Retry};
use respool::io::{Blocking, Transport, blocking};
use respool::time::{Duration, NoClock};
use respool::{Client, Memory};

use crate::Drive;
use crate::machine::{Peer, Pieces};
use crate::transcript::{error, value};
use crate::wire::{Answers, Wire, of, with};

/// One call of a client that is closed: its settings, all that the server says, and what comes of
/// it in a window of 2048 bytes.
#[derive(Debug)]
pub struct Login {
    pub(crate) name: &'static str,
    pub(crate) config: Config<'static>,
    pub(crate) answers: Answers,
    pub(crate) expected: &'static str,
}

impl Drive for Login {
    fn is_worth_a_cut(&self, at: usize) -> bool {
        self.answers.is_worth_a_cut(at)
    }

    fn expected(&self) -> Option<&'static str> {
        Some(self.expected)
    }

    fn drive(&self, pieces: Pieces, text: &mut dyn Write) -> usize {
        let mut window = [0; 512];
        let mut peer = Peer::new(&self.answers, pieces, &mut window, text);
        let mut memory = Memory::<2048, 256, 255>::new();
        // The call is one that is never sent twice.
        let mut client = Client::new(&mut memory, Blocking(Link(&mut peer)), &self.config);
        let mut answer = Answer::default();
        let told = match client.call(raw("CALL")) {
            Ok(mut decoder) => value(&mut answer, &mut decoder),
            Err(why) => error(&mut answer, why),
        };
        debug_assert_eq!(told, Ok(()));
        let _ = write!(peer.text(), " {}", answer.0);
        peer.consumed()
    }
}

/// What is kept of an answer until the client gives its link back.
#[derive(Default)]
struct Answer(heapless::String<1024>);

impl Write for Answer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push_str(text).map_err(|_| fmt::Error)
    }
}

/// A link to a peer in memory.
struct Link<'p, 't>(&'p mut Peer<'t>);

impl ErrorType for Link<'_, '_> {
    type Error = Infallible;
}

impl Read for Link<'_, '_> {
    fn read(&mut self, window: &mut [u8]) -> Result<usize, Infallible> {
        Ok(self.0.read(window))
    }
}

impl embedded_io::Write for Link<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(self.0.write(bytes))
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Transport for Link<'_, '_> {
    type Clock = NoClock;

    fn clock(&self) -> NoClock {
        NoClock
    }

    fn abort(&mut self) {}
}

impl blocking::Link for Link<'_, '_> {
    fn open(&mut self, _limit: Option<Duration>) -> Result<(), Infallible> {
        let _ = self.0.text().write_str(" opened");
        Ok(())
    }
}

const fn login(
    name: &'static str,
    config: Config<'static>,
    answers: &'static [Wire],
    expected: &'static str,
) -> Login {
    Login {
        name,
        config,
        answers: Answers(answers),
        expected,
    }
}

/// Limits as wide as they can be, and hardly anything to be skipped.
const WIDE: Config<'static> = {
    let mut config = PLAIN.limits(Limits {
        depth: 255,
        bulk: u32::MAX,
        elements: u32::MAX,
        line: u32::MAX,
    });
    config.skip_budget.bytes = 1000;
    config
};

/// One try: what comes of it shall be seen.
const PLAIN: Config<'static> = Config::new().retry(Retry::Never);

const LOGIN: Config<'static> = PLAIN
    .db(2)
    .username("app")
    .password("geheim")
    .client_name("node-7");

/// What the server says to `HELLO 3` and the names of the library, and then.
macro_rules! resp3 {
    ($then:literal) => {
        resp3!(of($then))
    };
    ($then:expr) => {
        &[
            of(b"%1\r\n+proto\r\n:3\r\n"),
            of(b"+OK\r\n"),
            of(b"+OK\r\n"),
            $then,
        ]
    };
}

/// What is sent to a server that was just opened, and then.
macro_rules! after {
    ($first:literal, $then:literal) => {
        concat!(
            "opened > ",
            $first,
            " > CLIENT SETINFO LIB-NAME respool > CLIENT SETINFO LIB-VER ",
            env!("CARGO_PKG_VERSION"),
            " ",
            $then
        )
    };
}

/// What is sent to one that knows no RESP3.
macro_rules! fall_back {
    ($first:literal, $then:literal) => {
        concat!(
            after!("HELLO 3", "> "),
            $first,
            " > CLIENT SETINFO LIB-NAME respool > CLIENT SETINFO LIB-VER ",
            env!("CARGO_PKG_VERSION"),
            " ",
            $then
        )
    };
}

pub(crate) static ALL: &[Login] = &[
    login(
        "RESP3",
        PLAIN,
        resp3!(b"$1\r\nv\r\n"),
        after!("HELLO 3", "> CALL 'v'"),
    ),
    login(
        "RESP3 with pushes and attributes",
        PLAIN,
        &[
            of(b">1\r\n+x\r\n|1\r\n+k\r\n:1\r\n%1\r\n+proto\r\n:3\r\n"),
            of(b">1\r\n+x\r\n+OK\r\n"),
            of(b"-ERR Unknown subcommand\r\n"),
            of(b">1\r\n+x\r\n~1\r\n#t\r\n"),
        ],
        after!("HELLO 3", "> CALL ~[true]"),
    ),
    login(
        "RESP3 with all settings",
        LOGIN,
        &[
            of(b"%1\r\n+proto\r\n:3\r\n"),
            of(b"+OK\r\n"),
            of(b"+OK\r\n"),
            of(b"+OK\r\n"),
            of(b"+OK\r\n"),
            of(b"$1\r\nv\r\n"),
        ],
        after!(
            "HELLO 3 AUTH app geheim > CLIENT SETNAME node-7",
            "> SELECT 2 > CALL 'v'"
        ),
    ),
    login(
        "fall back from NOPROTO",
        PLAIN,
        &[
            of(b"-NOPROTO unsupported protocol version\r\n"),
            of(b"+OK\r\n"),
            of(b"+OK\r\n"),
            of(b"+PONG\r\n"),
            of(b"+OK\r\n"),
            of(b"+OK\r\n"),
            of(b"*2\r\n$1\r\nk\r\n$-1\r\n"),
        ],
        fall_back!("PING", "> CALL ['k' null]"),
    ),
    login(
        "fall back from a server without HELLO",
        PLAIN,
        &[
            of(b"-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n"),
            of(b"-ERR x\r\n"),
            of(b"-ERR x\r\n"),
            of(b"+PONG\r\n"),
            of(b"-ERR x\r\n"),
            of(b"-ERR x\r\n"),
            of(b":1\r\n"),
        ],
        fall_back!("PING", "> CALL 1"),
    ),
    login(
        "fall back from a server that wants a password",
        PLAIN,
        &[
            of(b"-NOPROTO no\r\n"),
            of(b"-NOAUTH no\r\n"),
            of(b"-NOAUTH no\r\n"),
            of(b"-NOAUTH Authentication required.\r\n"),
            of(b"-NOAUTH no\r\n"),
            of(b"-NOAUTH no\r\n"),
        ],
        fall_back!("PING", "Handshake(PasswordNeeded)@NotSent"),
    ),
    login(
        "RESP2",
        PLAIN.protocol(Protocol::Resp2),
        &[
            of(b"+PONG\r\n"),
            of(b"+OK\r\n"),
            of(b"+OK\r\n"),
            of(b"$-1\r\n"),
        ],
        after!("PING", "> CALL null"),
    ),
    login(
        "RESP2 with all settings",
        LOGIN.protocol(Protocol::Resp2),
        &[
            of(b"+OK\r\n"),
            of(b"+OK\r\n"),
            of(b"+OK\r\n"),
            of(b"+OK\r\n"),
            of(b"+OK\r\n"),
            of(b"$1\r\nv\r\n"),
        ],
        after!(
            "AUTH app geheim > CLIENT SETNAME node-7",
            "> SELECT 2 > CALL 'v'"
        ),
    ),
    login(
        "no password",
        PLAIN,
        &[
            of(b"-NOAUTH HELLO must be called with the client already authenticated\r\n"),
            of(b"-NOAUTH no\r\n"),
            of(b"-NOAUTH no\r\n"),
        ],
        after!("HELLO 3", "Handshake(PasswordNeeded)@NotSent"),
    ),
    login(
        "wrong password",
        PLAIN.password("x"),
        &[
            of(b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
            of(b"-NOAUTH no\r\n"),
            of(b"-NOAUTH no\r\n"),
        ],
        after!("HELLO 3 AUTH default x", "Handshake(WrongPassword)@NotSent"),
    ),
    login(
        "wrong database",
        PLAIN.db(99),
        &[
            of(b"%1\r\n+proto\r\n:3\r\n"),
            of(b"+OK\r\n"),
            of(b"+OK\r\n"),
            of(b"-ERR DB index is out of range\r\n"),
        ],
        after!("HELLO 3", "> SELECT 99 Handshake(BadDatabase)@NotSent"),
    ),
    login(
        "neither protocol",
        PLAIN,
        &[of(b":3\r\n"), of(b"+OK\r\n"), of(b"+OK\r\n")],
        after!("HELLO 3", "Handshake(NoProtocol)@NotSent"),
    ),
    login(
        "a greeting over 32 bits",
        PLAIN,
        &[of(b"%2147483649\r\n+proto\r\n:3\r\n")],
        after!("HELLO 3", "TooManyElements"),
    ),
    login(
        "too many clients",
        PLAIN,
        &[of(b"-ERR max number of clients reached\r\n")],
        after!("HELLO 3", "Handshake(TooManyClients)@NotSent"),
    ),
    login(
        "an end in the handshake",
        PLAIN,
        &[of(b"%1\r\n+proto\r\n")],
        after!("HELLO 3", "Connect(Closed)@NotSent"),
    ),
    login(
        "an end in the answer",
        PLAIN,
        resp3!(b"$5\r\nhel"),
        after!("HELLO 3", "> CALL Transport(Closed)@MaybeSent"),
    ),
    // The widest limits: what does not fit 32 bits with its CR LF is over them all the same.
    login(
        "wide limits",
        WIDE,
        resp3!(b"$4294967293\r\n"),
        after!(
            "HELLO 3",
            "> CALL ReplyTooLarge { needed: 4294967295, window: 2048 }@Answered"
        ),
    ),
    login(
        "wide limits",
        WIDE,
        resp3!(b"$4294967294\r\n"),
        after!("HELLO 3", "> CALL BulkTooLong"),
    ),
    login(
        "wide limits",
        WIDE,
        resp3!(b"$4294967295\r\n"),
        after!("HELLO 3", "> CALL BulkTooLong"),
    ),
    login(
        "wide limits",
        WIDE,
        resp3!(b"$4294967297\r\nv\r\n"),
        after!("HELLO 3", "> CALL BulkTooLong"),
    ),
    login(
        "wide limits",
        WIDE,
        resp3!(b"!4294967299\r\nERR\r\n"),
        after!("HELLO 3", "> CALL BulkTooLong"),
    ),
    login(
        "wide limits",
        WIDE,
        resp3!(b"*1\r\n$?\r\n;4294967295\r\n"),
        after!("HELLO 3", "> CALL BulkTooLong"),
    ),
    login(
        "wide limits",
        WIDE,
        resp3!(b"*2147483648\r\n:1\r\n"),
        after!("HELLO 3", "> CALL TooManyElements"),
    ),
    login(
        "wide limits",
        WIDE,
        resp3!(b"%2147483648\r\n:1\r\n"),
        after!("HELLO 3", "> CALL TooManyElements"),
    ),
    login(
        "wide limits",
        WIDE,
        resp3!(b"|4294967295\r\n:1\r\n"),
        after!("HELLO 3", "> CALL TooManyElements"),
    ),
    login(
        "wide limits",
        WIDE,
        resp3!(b"*2147483647\r\n:1\r\n"),
        after!("HELLO 3", "> CALL Transport(Closed)@MaybeSent"),
    ),
    login(
        "255 levels",
        WIDE,
        resp3!(with(b"", b"*1\r\n", 255, b"")),
        after!("HELLO 3", "> CALL Transport(Closed)@MaybeSent"),
    ),
    login(
        "256 levels",
        WIDE,
        resp3!(with(b"", b"*1\r\n", 100_000, b"")),
        after!("HELLO 3", "> CALL TooDeep"),
    ),
];
