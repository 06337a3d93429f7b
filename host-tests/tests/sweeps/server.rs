//! A server in memory that counts how often each write was applied. Every answer names the key and
//! the database that it was asked for, so that somebody else's cannot look right.

use std::cell::{RefCell, RefMut};
use std::rc::Rc;
use std::time::Duration;

use respool::io::scripted::{Answers, Peer};

/// The database that every connection begins in.
pub const DB: u32 = 1;
pub const PASSWORD: &str = "pw";
/// Bytes of a value that no window holds.
pub const BIG: usize = 300;

const PUSH: &[u8] = b">2\r\n+x\r\n:1\r\n";
const OK: &[u8] = b"+OK\r\n";

/// The server; its clones are the same one.
#[derive(Clone, Default)]
pub struct Server(Rc<RefCell<Store>>);

/// What it is, and what happened to it.
#[derive(Default)]
pub struct Store {
    /// It knows no `HELLO`.
    pub is_old: bool,
    /// In RESP3, a push before and after each reply.
    pub pushes: bool,
    /// It says `LOADING` to so many writes.
    pub loading: u32,
    /// After so many bytes it says nothing for an hour.
    pub silence: Option<usize>,
    /// Writes that were applied: caller, sequence, database.
    applied: Vec<(u8, u8, u32)>,
    /// What was no command.
    pub garbled: Option<String>,
}

/// One connection's side of it.
#[derive(Default)]
pub struct Session {
    server: Server,
    input: Vec<u8>,
    is_resp3: bool,
    is_known: bool,
    db: u32,
    /// Writes that wait for `EXEC`.
    queued: Option<Vec<Vec<u8>>>,
}

impl Server {
    pub fn store(&self) -> RefMut<'_, Store> {
        self.0.borrow_mut()
    }

    pub fn session(&self) -> Session {
        Session {
            server: self.clone(),
            ..Session::default()
        }
    }
}

impl Store {
    /// How often this write was applied.
    pub fn applied(&self, caller: u8, sequence: u8, db: u32) -> usize {
        let is = |write: &&_| **write == (caller, sequence, db);
        self.applied.iter().filter(is).count()
    }

    /// How many writes were applied in all.
    pub fn writes(&self) -> usize {
        self.applied.len()
    }
}

impl Peer for Session {
    fn open(&mut self, _answers: &mut Answers) {
        *self = self.server.session();
    }

    fn take(&mut self, bytes: &[u8], answers: &mut Answers) {
        self.input.extend_from_slice(bytes);
        // No command ends without the end of a line.
        if !bytes.contains(&b'\n') {
            return;
        }
        let input = std::mem::take(&mut self.input);
        let mut rest = input.as_slice();
        loop {
            match first(rest) {
                Ok(Some((words, tail))) => {
                    self.answer(&words, answers);
                    rest = tail;
                }
                Ok(None) => break self.input.extend_from_slice(rest),
                Err(()) => {
                    let garbled = rest.escape_ascii().to_string();
                    break self.server.store().garbled = Some(garbled);
                }
            }
        }
    }
}

impl Session {
    fn answer(&mut self, words: &[&[u8]], answers: &mut Answers) {
        let pushes = self.is_resp3 && self.server.store().pushes;
        let reply = self.run(words);
        if pushes {
            self.say(PUSH, answers);
        }
        self.say(&reply, answers);
        if pushes {
            self.say(PUSH, answers);
        }
    }

    /// Says `bytes`, with the silence where it falls among them.
    fn say(&self, bytes: &[u8], answers: &mut Answers) {
        let mut store = self.server.store();
        match store.silence {
            Some(left) if left < bytes.len() => {
                store.silence = None;
                answers.say(&bytes[..left]);
                answers.wait(Duration::from_secs(3600));
                answers.say(&bytes[left..]);
            }
            Some(left) => {
                store.silence = Some(left - bytes.len());
                answers.say(bytes);
            }
            None => answers.say(bytes),
        }
    }

    fn run(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let is_old = self.server.store().is_old;
        match words {
            [b"HELLO", ..] if is_old => b"-ERR unknown command 'HELLO'\r\n".into(),
            [b"HELLO", b"3", b"AUTH", b"default", password] if *password == PASSWORD.as_bytes() => {
                (self.is_known, self.is_resp3) = (true, true);
                b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n".into()
            }
            [b"AUTH", password] if *password == PASSWORD.as_bytes() => {
                self.is_known = true;
                OK.into()
            }
            _ if !self.is_known => b"-NOAUTH Authentication required.\r\n".into(),
            [b"EXEC"] => match self.queued.take() {
                Some(queued) => {
                    let mut reply = format!("*{}\r\n", queued.len()).into_bytes();
                    for write in queued {
                        reply.extend(self.write(&write));
                    }
                    reply
                }
                None => b"-ERR EXEC without MULTI\r\n".into(),
            },
            [b"DISCARD"] => match self.queued.take() {
                Some(_) => OK.into(),
                None => b"-ERR DISCARD without MULTI\r\n".into(),
            },
            [b"GETSET", _, value] if self.queued.is_some() => {
                self.queued.get_or_insert_default().push(value.to_vec());
                b"+QUEUED\r\n".into()
            }
            _ if self.queued.is_some() => b"+QUEUED\r\n".into(),
            [b"MULTI"] => {
                self.queued = Some(Vec::new());
                OK.into()
            }
            [b"WATCH", ..] | [b"UNWATCH"] | [b"CLIENT", b"SETNAME" | b"SETINFO", ..] => OK.into(),
            [b"PING"] => b"+PONG\r\n".into(),
            [b"SELECT", [digit @ b'0'..=b'9']] => {
                self.db = u32::from(digit - b'0');
                OK.into()
            }
            [b"ECHO", text] => bulk(text),
            [b"GET", b"bad"] => b"-WRONGTYPE Operation against a key\r\n".into(),
            [b"GET", b"big"] => bulk(&[b'x'; BIG]),
            [b"GET", key] => self.value(key),
            [b"GETSET", _, value] => self.write(value),
            [b"BLPOP", [b'k', value @ ..], _] => {
                let key = bulk(words[1]);
                match self.write(value) {
                    refused if refused.starts_with(b"-") => refused,
                    popped => [b"*2\r\n", key.as_slice(), &popped].concat(),
                }
            }
            _ => b"-ERR unknown command\r\n".into(),
        }
    }

    /// Applies a write. Its value says whose it is, and its key is made of that.
    fn write(&mut self, value: &[u8]) -> Vec<u8> {
        let [caller, b'.', sequence, rest @ ..] = value else {
            self.server.store().garbled = Some(value.escape_ascii().to_string());
            return OK.into();
        };
        let mut store = self.server.store();
        if rest.iter().any(|byte| *byte != b'x') || ![0, BIG].contains(&rest.len()) {
            store.garbled = Some(value.escape_ascii().to_string());
        }
        if store.loading > 0 {
            store.loading -= 1;
            return b"-LOADING Redis is loading the dataset in memory\r\n".into();
        }
        let write = (caller - b'0', sequence - b'0', self.db);
        store.applied.push(write);
        drop(store);
        self.value(&[b'k', *caller, b'.', *sequence])
    }

    /// What `key` holds where nobody has set it.
    fn value(&self, key: &[u8]) -> Vec<u8> {
        bulk(&[key, b"@", self.db.to_string().as_bytes()].concat())
    }
}

fn bulk(text: &[u8]) -> Vec<u8> {
    [
        b"$",
        text.len().to_string().as_bytes(),
        b"\r\n",
        text,
        b"\r\n",
    ]
    .concat()
}

/// The words of a command.
type Words<'b> = Vec<&'b [u8]>;

/// The first command, and what comes behind it; `None` while it has not come whole.
fn first(mut rest: &[u8]) -> Result<Option<(Words<'_>, &[u8])>, ()> {
    let Some(count) = number(&mut rest, b'*')? else {
        return Ok(None);
    };
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let Some(len) = number(&mut rest, b'$')? else {
            return Ok(None);
        };
        let Some((word, tail)) = rest.split_at_checked(len) else {
            return Ok(None);
        };
        let Some((end, tail)) = tail.split_at_checked(2) else {
            return Ok(None);
        };
        if end != b"\r\n" {
            return Err(());
        }
        words.push(word);
        rest = tail;
    }
    match words.is_empty() {
        true => Err(()),
        false => Ok(Some((words, rest))),
    }
}

/// Takes the line with a number of this kind off the front.
fn number(rest: &mut &[u8], kind: u8) -> Result<Option<usize>, ()> {
    if rest.first().is_some_and(|first| *first != kind) {
        return Err(());
    }
    let Some(end) = rest.iter().position(|byte| *byte == b'\r') else {
        return Ok(None);
    };
    let digits = rest
        .get(1..end)
        .and_then(|digits| str::from_utf8(digits).ok());
    let number = digits.and_then(|digits| digits.parse().ok()).ok_or(())?;
    if rest.len() < end + 2 {
        return Ok(None);
    }
    *rest = &rest[end + 2..];
    // A server would end the connection at once.
    if number > 1000 {
        Err(())
    } else {
        Ok(Some(number))
    }
}
