//! What clients send, as the other side finds it.

use core::fmt::Write;

use respool::server;

use crate::Drive;
use crate::machine::{Pieces, tell_all};
use crate::wire::{Wire, of, with};

/// Requests, and what becomes of them in a window of 256 bytes.
#[derive(Debug)]
pub struct Requests {
    pub(crate) wire: Wire,
    pub(crate) expected: &'static str,
}

impl Drive for Requests {
    fn is_worth_a_cut(&self, at: usize) -> bool {
        self.wire.is_worth_a_cut(at)
    }

    fn expected(&self) -> Option<&'static str> {
        Some(self.expected)
    }

    fn drive(&self, pieces: Pieces, text: &mut dyn Write) -> usize {
        let mut window = [0; 256];
        let mut requests = server::Requests::new(&mut window);
        let mut read = 0;
        loop {
            let spare = requests.spare();
            let n = pieces.of_these(spare.len(), read);
            let n = self.wire.read(read, &mut spare[..n]);
            requests.filled(n);
            read += n;
            if n == 0 || !tell_all(&mut requests, text, || ()) {
                return read;
            }
        }
    }
}

const fn requests(bytes: &'static [u8], expected: &'static str) -> Requests {
    Requests {
        wire: of(bytes),
        expected,
    }
}

pub(crate) static ALL: &[Requests] = &[
    requests(
        b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nPING\r\n",
        "> GET k > PING",
    ),
    requests(
        b"*2\r\n$3\r\nSET\r\n$4\r\n\r\n\0\xff\r\n",
        r"> SET \r\n\x00\xff",
    ),
    requests(
        b"set 'a b' \"\\x00\\n\"\r\nPING\n\r\n*0\r\n*-1\r\nECHO x\r\n",
        r"> set a b \x00\n > PING > ECHO x",
    ),
    requests(b"*1\r\n$2147483648\r\n", "> BadLength"),
    requests(b"*1\r\n$4294967295\r\n", "> BadLength"),
    requests(b"*1\r\n$4294967296\r\n", "> BadLength"),
    requests(b"*1\r\n$4294967300\r\nPING\r\n", "> BadLength"),
    requests(b"*1\r\n$9223372036854775807\r\n", "> BadLength"),
    requests(b"*1\r\n$18446744073709551620\r\nPING\r\n", "> BadLength"),
    requests(b"*1\r\n$-1\r\n", "> BadLength"),
    requests(b"*1\r\n$536870912\r\n", "> SkipBudget"),
    requests(b"*1\r\n$536870913\r\n", "> BadLength"),
    requests(b"*2147483648\r\n", "> BadCount"),
    requests(b"*4294967297\r\n$4\r\nPING\r\n", "> BadCount"),
    requests(b"*18446744073709551617\r\n$4\r\nPING\r\n", "> BadCount"),
    requests(b"*1\r\n:1\r\n", "> NoBulk(58)"),
    requests(b"*1\r\n$4\r\nPINGxx", "> MissingCrLf"),
    requests(b"\"a\"b\r\n", "> UnbalancedQuotes"),
    Requests {
        wire: with(
            b"*2\r\n$4\r\nECHO\r\n$1000\r\n",
            b"x",
            1000,
            b"\r\nPING\r\n",
        ),
        expected: "> TooLarge > PING",
    },
    Requests {
        wire: with(b"", b"x", 1000, b""),
        expected: "> InlineTooLong",
    },
];
