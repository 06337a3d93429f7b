//! The decode and connection vectors, and what runs them: without an operating system and without
//! a heap, so that the same bytes have the same outcome on the host, on wasm32 and on a Cortex-M.
//! Where `usize` has 32 bits the client takes other ways through the same code, and a length that
//! only just fits is another one.
//!
//! A vector is a row of a table: what the peer sends, and the transcript that has to come of it.
//!
//! | vector | what is driven | window |
//! |---|---|---|
//! | [`Stream`] | a sans-io connection, reply by reply: recordings of a real server, types, limits | 4096 |
//! | [`Exchange`] | a sans-io connection, call by call: pipelines, pushes, dropped calls, broken streams | 64 |
//! | [`Login`] | a client over a link, from its handshake on | 2048 |
//! | [`Requests`] | the other side: what clients send | 256 |
//!
//! [`Vector::run`] drives one whole, then split at every byte, and in pieces of a few sizes from
//! one byte up, for what is read as for what is written. Each of these is a case, and
//! each has to give the transcript of the first. A [`Report`] has the number of cases, of those
//! that went wrong, and a digest of all transcripts: two machines that agree have the same report.
//!
//! A transcript is text, parted by blanks:
//!
//! | text | meaning |
//! |---|---|
//! | `'a\r\n'` | a string, its bytes escaped |
//! | `!ERR no` | an error |
//! | `7` `,1.5` `(123` `true` `null` | an integer, a double, a big number, a boolean, a null |
//! | `[1 2]` `{'k' 1}` `~[1 2]` | an array, a map, a set |
//! | `BadLength` | what the peer's bytes break, after which the connection is closed |
//! | `Server(Busy)@Answered` | any other error, and how far the call got |
//! | `> GET k` | what was sent; a long word stands as its length, `#300` |
#![no_std]
#![forbid(unsafe_code)]

mod exchange;
mod login;
mod machine;
mod requests;
mod stream;
mod transcript;
mod wire;

pub use exchange::Exchange;
pub use login::Login;
pub use requests::Requests;
pub use stream::{RECORDINGS, Stream};
pub use wire::Wire;

use core::fmt;

use machine::Pieces;
use transcript::Transcript;

/// One vector of any kind.
#[derive(Clone, Copy, Debug)]
pub enum Vector {
    /// Replies.
    Stream(&'static Stream),
    /// Calls on an open connection.
    Exchange(&'static Exchange),
    /// A handshake, and a call.
    Login(&'static Login),
    /// Requests.
    Requests(&'static Requests),
}

/// What came of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Runs: one whole, and one for each way to cut the bytes.
    pub cases: u32,
    /// Runs whose transcript was not the expected one.
    pub wrong: u32,
    /// FNV-1a, 64 bits, of the transcripts of all runs.
    pub digest: u64,
}

/// All vectors, in an order that is the same everywhere.
pub fn all() -> impl Iterator<Item = Vector> {
    let streams = stream::all().map(Vector::Stream);
    let exchanges = exchange::ALL.iter().map(Vector::Exchange);
    let logins = login::ALL.iter().map(Vector::Login);
    let requests = requests::ALL.iter().map(Vector::Requests);
    streams.chain(exchanges).chain(logins).chain(requests)
}

/// What can be run again and again, its bytes cut otherwise each time.
trait Drive {
    /// False where all cuts around this one are the same.
    fn is_worth_a_cut(&self, at: usize) -> bool;

    /// The transcript that has to come of it; `None` where nothing is known but that it is always
    /// the same.
    fn expected(&self) -> Option<&'static str>;

    /// One run; says how many bytes were read, up to the fault.
    fn drive(&self, pieces: Pieces, text: &mut dyn fmt::Write) -> usize;
}

impl Vector {
    /// Runs it in every split.
    pub fn run(self) -> Report {
        let mut report = Report {
            cases: 0,
            wrong: 0,
            digest: transcript::BASIS,
        };
        let mut cases = Cases::new(&mut report, self.driven());
        let read = cases.run(Pieces::WHOLE);
        // It matters what has come together.
        if let Self::Exchange(Exchange { together: true, .. }) = self {
            return report;
        }
        for size in [1, 2, 3, 7, 64] {
            cases.run(Pieces::of(size));
        }
        match self {
            // A split concerns the message that it is in.
            Self::Stream(stream) if stream.expected.is_none() => {
                for message in stream.messages() {
                    Cases::new(&mut report, &message).split(message.wire.bytes().len());
                }
            }
            _ => cases.split(read),
        }
        report
    }

    /// Writes the transcript of the run in one piece.
    pub fn transcript(self, into: &mut dyn fmt::Write) {
        self.driven().drive(Pieces::WHOLE, into);
    }

    /// The transcript that has to come of it. `None` for a recording, which somebody else has to
    /// read to know.
    pub fn expected(self) -> Option<&'static str> {
        self.driven().expected()
    }

    fn driven(self) -> &'static dyn Drive {
        match self {
            Self::Stream(stream) => stream,
            Self::Exchange(exchange) => exchange,
            Self::Login(login) => login,
            Self::Requests(requests) => requests,
        }
    }
}

/// The runs of one vector, which all have to give the same.
struct Cases<'c> {
    report: &'c mut Report,
    driven: &'c dyn Drive,
    /// The digest of the first.
    first: Option<u64>,
}

impl<'c> Cases<'c> {
    fn new(report: &'c mut Report, driven: &'c dyn Drive) -> Self {
        Self {
            report,
            driven,
            first: None,
        }
    }

    fn run(&mut self, pieces: Pieces) -> usize {
        let mut transcript = Transcript::new(self.driven.expected());
        let read = self.driven.drive(pieces, &mut transcript);
        let digest = transcript.digest();
        let right = transcript.is_as_expected() && *self.first.get_or_insert(digest) == digest;
        self.report.cases += 1;
        self.report.wrong += u32::from(!right);
        self.report.digest = transcript::fnv(self.report.digest, &digest.to_le_bytes());
        read
    }

    /// In two pieces, cut at every byte of the first `read`.
    fn split(&mut self, read: usize) {
        for cut in (1..read).filter(|cut| self.driven.is_worth_a_cut(*cut)) {
            self.run(Pieces::cut_at(cut));
        }
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(Stream { name: "", wire, .. }) => write!(f, "replies {wire}"),
            Self::Stream(stream) => write!(f, "recording {}", stream.name),
            Self::Exchange(exchange) => write!(f, "{}:{}", exchange.name, exchange.answers),
            Self::Login(login) => write!(f, "{}:{}", login.name, login.answers),
            Self::Requests(requests) => write!(f, "requests {}", requests.wire),
        }
    }
}
