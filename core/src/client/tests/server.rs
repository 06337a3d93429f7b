//! A small server in memory. Each value names the key and the database that it was asked for, so
//! that an answer to somebody else's question cannot look right.

extern crate std;

use std::cell::{Ref, RefCell, RefMut};
use std::collections::HashMap;
use std::format;
use std::rc::Rc;
use std::string::{String, ToString};
use std::vec::Vec;

use crate::io::scripted::{Answers, Peer};

/// What all connections to the server share.
#[derive(Default)]
pub(super) struct Store {
    /// An old server: it knows no `HELLO`.
    pub(super) old: bool,
    pub(super) password: Option<&'static str>,
    /// In RESP3, a push before and after each reply.
    pub(super) pushes: bool,
    /// It takes commands and answers none.
    pub(super) silent: bool,
    /// The next command that begins so is answered like this, and not run.
    pub(super) canned: Vec<(&'static str, &'static str)>,
    /// What it says when a connection is opened.
    pub(super) greeting: &'static str,
    /// Commands as they came whole: `connection:COMMAND arguments`.
    pub(super) log: Vec<String>,
    /// What was no command.
    pub(super) garbled: Vec<String>,
    values: HashMap<(u32, String), String>,
    sessions: u32,
}

/// A server; its clones are the same one.
#[derive(Clone, Default)]
pub(super) struct Server(Rc<RefCell<Store>>);

/// One connection's side of it.
pub(super) struct Session {
    server: Server,
    number: u32,
    input: Vec<u8>,
    resp3: bool,
    logged_in: bool,
    db: u32,
    queued: Option<Vec<Vec<String>>>,
    watched: Vec<(u32, String, Option<String>)>,
    /// A command waits for what others do; those behind it wait, too.
    blocked: bool,
}

/// What `key` holds where nobody has set it.
pub(super) fn value(key: &str) -> String {
    value_in(key, 0)
}

pub(super) fn value_in(key: &str, db: u32) -> String {
    format!("{key}@{db}")
}

impl Server {
    pub(super) fn store(&self) -> RefMut<'_, Store> {
        self.0.borrow_mut()
    }

    pub(super) fn look(&self) -> Ref<'_, Store> {
        self.0.borrow()
    }

    /// The side of a connection that is still to be opened.
    pub(super) fn session(&self) -> Session {
        Session {
            server: self.clone(),
            number: 0,
            input: Vec::new(),
            resp3: false,
            logged_in: false,
            db: 0,
            queued: None,
            watched: Vec::new(),
            blocked: false,
        }
    }

    /// The commands that came since this was last asked, without their connections' numbers, and
    /// without those of a handshake.
    pub(super) fn take_log(&self) -> Vec<String> {
        let log = core::mem::take(&mut self.store().log);
        let after_number = |line: &String| line.split_once(':').map(|(_, rest)| rest.to_string());
        log.iter().filter_map(after_number).collect()
    }

    /// How often this command came whole.
    pub(super) fn seen(&self, command: &str) -> usize {
        let log = &self.look().log;
        let is = |line: &&String| {
            line.split_once(':')
                .is_some_and(|(_, rest)| rest == command)
        };
        log.iter().filter(is).count()
    }

    fn value(&self, db: u32, key: &str) -> Option<String> {
        self.look().values.get(&(db, key.to_string())).cloned()
    }
}

impl Peer for Session {
    fn open(&mut self, answers: &mut Answers) {
        let server = self.server.clone();
        *self = server.session();
        let mut store = server.store();
        store.sessions += 1;
        self.number = store.sessions;
        self.logged_in = store.password.is_none();
        answers.say(store.greeting.as_bytes());
    }

    fn take(&mut self, bytes: &[u8], answers: &mut Answers) {
        self.input.extend_from_slice(bytes);
        // Without the end of a line, no command has come to its end.
        while !self.blocked && bytes.contains(&b'\n') {
            let Some((words, len)) = self.parse() else {
                break;
            };
            self.input.drain(..len);
            let text = words.join(" ");
            let push = self.push();
            answers.say(push.as_bytes());
            let line = format!("{}:{text}", self.number);
            self.server.store().log.push(line);
            let reply = match self.canned(&text) {
                Some(reply) => reply,
                None => self.run(words),
            };
            if self.server.look().silent || self.blocked {
                continue;
            }
            answers.say(reply.as_bytes());
            let push = self.push();
            answers.say(push.as_bytes());
        }
    }
}

impl Session {
    /// The first command, and its bytes; `None` while it has not come whole.
    fn parse(&mut self) -> Option<(Vec<String>, usize)> {
        let mut at = 0;
        let count = self.head(&mut at, b'*')?;
        let mut words = Vec::new();
        for _ in 0..count {
            let len = self.head(&mut at, b'$')?;
            let end = at + len + 2;
            let bytes = self.input.get(at..end)?;
            let Some(word) = bytes.strip_suffix(b"\r\n") else {
                return self.give_up();
            };
            words.push(String::from_utf8_lossy(word).into_owned());
            at = end;
        }
        match words.is_empty() {
            true => self.give_up(),
            false => Some((words, at)),
        }
    }

    /// A kind, a number and the end of the line.
    fn head(&mut self, at: &mut usize, kind: u8) -> Option<usize> {
        let rest = self.input.get(*at..)?;
        if rest.first().is_some_and(|first| *first != kind) {
            return self.give_up();
        }
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let digits = core::str::from_utf8(&rest[1..end]).ok();
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(number) => {
                *at += end + 2;
                Some(number)
            }
            None => self.give_up(),
        }
    }

    /// The stream makes no sense any more.
    fn give_up<T>(&mut self) -> Option<T> {
        let bytes = core::mem::take(&mut self.input);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        self.server.store().garbled.push(text);
        None
    }

    fn push(&self) -> &'static str {
        match self.resp3 && self.server.look().pushes {
            true => ">2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\nfoo\r\n",
            false => "",
        }
    }

    fn canned(&self, text: &str) -> Option<String> {
        let mut store = self.server.store();
        let index = store
            .canned
            .iter()
            .position(|(command, _)| text.starts_with(command))?;
        Some(store.canned.remove(index).1.to_string())
    }

    fn run(&mut self, words: Vec<String>) -> String {
        let words_ref: Vec<&str> = words.iter().map(String::as_str).collect();
        let (old, password) = {
            let store = self.server.look();
            (store.old, store.password)
        };
        match words_ref.as_slice() {
            ["HELLO", ..] if old => "-ERR unknown command 'HELLO'\r\n".into(),
            ["HELLO", "3", login @ ..] => {
                if let ["AUTH", _, given] = login {
                    if password != Some(*given) {
                        return "-WRONGPASS invalid username-password pair\r\n".into();
                    }
                    self.logged_in = true;
                }
                if !self.logged_in {
                    return "-NOAUTH HELLO must be called with the client already authenticated\r\n"
                        .into();
                }
                self.resp3 = true;
                "%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n".into()
            }
            ["AUTH", .., given] => {
                if password != Some(*given) {
                    return "-WRONGPASS invalid username-password pair\r\n".into();
                }
                self.logged_in = true;
                OK.into()
            }
            _ if !self.logged_in => "-NOAUTH Authentication required.\r\n".into(),
            ["EXEC"] => match self.queued.take() {
                None => "-ERR EXEC without MULTI\r\n".into(),
                Some(queued) => self.exec(queued),
            },
            ["DISCARD"] => match self.queued.take() {
                None => "-ERR DISCARD without MULTI\r\n".into(),
                Some(_) => {
                    self.watched.clear();
                    OK.into()
                }
            },
            ["RESET"] => {
                self.queued = None;
                self.watched.clear();
                self.db = 0;
                self.resp3 = false;
                self.logged_in = password.is_none();
                "+RESET\r\n".into()
            }
            _ if self.queued.is_some() => {
                self.queued.get_or_insert_default().push(words);
                "+QUEUED\r\n".into()
            }
            ["MULTI"] => {
                self.queued = Some(Vec::new());
                OK.into()
            }
            ["WATCH", keys @ ..] => {
                for key in keys {
                    let value = self.server.value(self.db, key);
                    self.watched.push((self.db, key.to_string(), value));
                }
                OK.into()
            }
            ["UNWATCH"] => {
                self.watched.clear();
                OK.into()
            }
            // What waits for ever finds nothing; what waits for a time finds it at once.
            ["BLPOP", _, "0"] => {
                self.blocked = true;
                String::new()
            }
            words => self.data(words),
        }
    }

    fn exec(&mut self, queued: Vec<Vec<String>>) -> String {
        let touched = core::mem::take(&mut self.watched)
            .into_iter()
            .any(|(db, key, value)| self.server.value(db, &key) != value);
        if touched {
            return if self.resp3 { "_\r\n" } else { "*-1\r\n" }.into();
        }
        let count = queued.len();
        let replies: String = queued.into_iter().map(|words| self.run(words)).collect();
        format!("*{count}\r\n{replies}")
    }

    fn data(&mut self, words: &[&str]) -> String {
        let db = self.db;
        match words {
            ["PING"] => "+PONG\r\n".into(),
            ["ECHO", text] => bulk(text),
            ["CLIENT", "SETNAME" | "SETINFO" | "TRACKING", ..] => OK.into(),
            ["SELECT", number] => match number.parse() {
                Ok(number) if number < 16 => {
                    self.db = number;
                    OK.into()
                }
                _ => "-ERR DB index is out of range\r\n".into(),
            },
            ["GET", key] => {
                let stored = self.server.value(db, key);
                bulk(&stored.unwrap_or_else(|| value_in(key, db)))
            }
            ["BLPOP", key, _] | ["XREAD", .., key, _] => bulk(&value_in(key, db)),
            ["SET", key, value] => {
                let place = (db, key.to_string());
                self.server.store().values.insert(place, value.to_string());
                OK.into()
            }
            ["INCR", key] => {
                let before = self.server.value(db, key);
                let number = before.map_or(0, |text| text.parse::<i64>().unwrap()) + 1;
                let place = (db, key.to_string());
                self.server.store().values.insert(place, number.to_string());
                format!(":{number}\r\n")
            }
            _ => format!("-ERR unknown command '{}'\r\n", words[0]),
        }
    }
}

const OK: &str = "+OK\r\n";

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}
