//! A server that behaves: it answers each request once and in order, with what names the request,
//! in any of the spellings that RESP has, with pushes and attributes around it.

use std::collections::VecDeque;

/// The server's side of one connection.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    input: Vec<u8>,
    /// What it said and nobody has read.
    pub(crate) output: VecDeque<u8>,
    resp3: bool,
}

/// How a request is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style(pub(crate) u8);

/// Bytes that are no window's.
pub(crate) const LARGE: usize = 700;

impl Peer {
    /// A server that speaks RESP3 from the beginning.
    pub(crate) fn of_resp3() -> Self {
        Self {
            resp3: true,
            ..Self::default()
        }
    }

    /// Bytes of the client. Each whole request among them is answered at once.
    pub(crate) fn take(&mut self, bytes: &[u8], mut style: impl FnMut() -> Style) {
        self.input.extend_from_slice(bytes);
        while let Some((words, len)) = words(&self.input) {
            self.input.drain(..len);
            self.answer(&words, style());
        }
    }

    fn answer(&mut self, words: &[Vec<u8>], style: Style) {
        let name = words.first().map(Vec::as_slice).unwrap_or_default();
        match name {
            b"HELLO" => {
                self.resp3 = true;
                self.say(b"%1\r\n$5\r\nproto\r\n:3\r\n");
            }
            b"ECHO" => {
                let id = words.get(1).map(Vec::as_slice).unwrap_or_default();
                self.echo(id, style.0);
            }
            b"PING" => self.say(b"+PONG\r\n"),
            _ => self.say(b"+OK\r\n"),
        }
    }

    fn echo(&mut self, id: &[u8], style: u8) {
        if self.resp3 {
            self.noise(style >> 4 & 3);
        }
        let len = id.len();
        let bulk = [format!("${len}\r\n").as_bytes(), id, b"\r\n"].concat();
        match (style & 0x0f, self.resp3) {
            (1, _) => self.say(&[b"+", id, b"\r\n"].concat()),
            (2, _) => self.say(&[b"*1\r\n", &bulk[..]].concat()),
            (3, _) => self.say(&[b"-ERR ", id, b"\r\n"].concat()),
            (4, _) => self.say(&[b"*2\r\n", &bulk[..], b"$-1\r\n"].concat()),
            // Larger than any window, and it begins with the id.
            (5, _) => {
                self.say(format!("${LARGE}\r\n").as_bytes());
                self.say(id);
                self.say(&vec![b'.'; LARGE - len]);
                self.say(b"\r\n");
            }
            (6, true) => self.say(&[b"%1\r\n", &bulk[..], b"*0\r\n"].concat()),
            (7, true) => {
                self.say(format!("={}\r\ntxt:", len + 4).as_bytes());
                self.say(&[id, b"\r\n"].concat());
            }
            (8, true) => {
                self.say(b"$?\r\n");
                for byte in id {
                    self.say(&[b';', b'1', b'\r', b'\n', *byte, b'\r', b'\n']);
                }
                self.say(b";0\r\n");
            }
            (9, true) => self.say(&[b"*?\r\n", &bulk[..], b".\r\n"].concat()),
            (10, true) => {
                self.say(format!("!{}\r\nERR ", len + 4).as_bytes());
                self.say(&[id, b"\r\n"].concat());
            }
            (11, true) => self.say(&[b"|1\r\n+key\r\n*1\r\n:0\r\n", &bulk[..]].concat()),
            (12, true) => self.say(&[b"~1\r\n|1\r\n+key\r\n_\r\n", &bulk[..]].concat()),
            _ => self.say(&bulk),
        }
        if self.resp3 {
            self.noise(style >> 6);
        }
    }

    /// What a server says without having been asked.
    pub(crate) fn noise(&mut self, which: u8) {
        match which {
            1 => self.say(b">2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\nfoo\r\n"),
            2 => {
                self.say(b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n");
                self.say(format!("${LARGE}\r\n").as_bytes());
                self.say(&[b'*'; LARGE]);
                self.say(b"\r\n");
            }
            3 => self.say(b"|1\r\n+ttl\r\n:1\r\n>1\r\n+tick\r\n>1\r\n+tock\r\n"),
            _ => {}
        }
    }

    /// Now and then, the same between two calls.
    pub(crate) fn noise_if(&mut self, how: u8, input: &mut crate::input::Input<'_>) {
        if self.resp3 && how & 0x08 != 0 {
            self.noise(input.byte() & 3);
        }
    }

    fn say(&mut self, bytes: &[u8]) {
        self.output.extend(bytes);
    }
}

/// The first request, and its bytes; `None` while it has not come whole.
fn words(input: &[u8]) -> Option<(Vec<Vec<u8>>, usize)> {
    let mut at = 0;
    let count = head(input, &mut at, b'*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let len = head(input, &mut at, b'$')?;
        let word = input.get(at..at + len + 2)?;
        let word = word
            .strip_suffix(b"\r\n")
            .expect("an argument ends in CR LF");
        words.push(word.to_vec());
        at += len + 2;
    }
    Some((words, at))
}

/// A kind, a number and the end of the line.
fn head(input: &[u8], at: &mut usize, kind: u8) -> Option<usize> {
    let rest = input.get(*at..).filter(|rest| !rest.is_empty())?;
    assert_eq!(rest[0], kind, "in {}", input.escape_ascii());
    let end = rest.windows(2).position(|two| two == b"\r\n")?;
    *at += end + 2;
    let digits = core::str::from_utf8(&rest[1..end]).expect("digits");
    Some(digits.parse().expect("a number"))
}
