//! A small key-value server of its own make, and what each connection is to it. It tells the oracle
//! of each command that it runs.

use std::collections::HashMap;

use super::oracle::{INJECTED, Key, Kind};
use super::plan::Plan;
use super::world::{Event, State};

/// What outlives connections and restarts.
#[derive(Debug, Default)]
pub(super) struct Server {
    /// Each with the number of times that it was changed.
    values: HashMap<(u8, Key), (Vec<u8>, u32)>,
    /// Until then nobody listens.
    pub(super) down_until: u64,
    /// How often somebody waited.
    waits: u64,
}

/// One connection's side of it.
#[derive(Debug, Default)]
pub(super) struct Session {
    input: Vec<u8>,
    resp3: bool,
    logged_in: bool,
    db: u8,
    queued: Option<Vec<Words>>,
    watched: Vec<(u8, Key, u32)>,
    waits: Option<Wait>,
}

/// What a session waits for, deaf to all that is sent meanwhile.
#[derive(Debug)]
struct Wait {
    number: u64,
    until: u64,
    key: Key,
    words: Words,
    /// It comes then, or nothing did.
    comes: bool,
}

type Words = Vec<Vec<u8>>;

const PUSH: &[u8] = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\nfoo\r\n";
const OK: &[u8] = b"+OK\r\n";
const SURPLUS: &[u8] = b"+SURPLUS\r\n";

impl Server {
    pub(super) fn session(&self, plan: Plan) -> Session {
        Session {
            logged_in: !plan.password,
            ..Session::default()
        }
    }

    fn version(&self, db: u8, key: Key) -> u32 {
        self.values
            .get(&(db, key))
            .map_or(0, |(_, version)| *version)
    }

    fn value(&self, db: u8, key: Key) -> Vec<u8> {
        match self.values.get(&(db, key)) {
            Some((value, _)) => value.clone(),
            None => key.value(db).into_bytes(),
        }
    }

    fn set(&mut self, db: u8, key: Key, value: &[u8]) {
        let place = self.values.entry((db, key)).or_default();
        place.0 = value.into();
        place.1 += 1;
    }
}

impl Session {
    /// It has nothing to answer, and none of it has begun to come.
    pub(super) fn is_quiet(&self) -> bool {
        self.input.is_empty() && self.waits.is_none()
    }

    pub(super) fn speaks_resp3(&self) -> bool {
        self.resp3
    }
}

impl State {
    /// Bytes of a client have come.
    pub(super) fn serve(&mut self, stream: usize, bytes: &[u8]) {
        self.streams[stream].session.input.extend_from_slice(bytes);
        loop {
            let session = &mut self.streams[stream].session;
            if session.waits.is_some() {
                return;
            }
            match parse(&session.input) {
                Ok(None) => return,
                Ok(Some((words, len))) => {
                    session.input.drain(..len);
                    self.answer(stream, words);
                }
                Err(()) => {
                    let garbled = session.input.escape_ascii().to_string();
                    self.oracle
                        .accuse(format!("the server was given {garbled:?}"));
                    return;
                }
            }
        }
    }

    fn answer(&mut self, stream: usize, words: Words) {
        self.note_bytes("served on", stream, &words.join(&b' '));
        let mut session = std::mem::take(&mut self.streams[stream].session);
        let mut out = Vec::new();
        self.push(&session, &mut out);
        // A name may be refused, and nobody could tell whether that is the answer.
        let strays = self.plan.strays / 4;
        if matches!(words[0].as_slice(), b"CLIENT" | b"AUTH") && self.chance(strays) {
            out.extend_from_slice(b":7\r\n");
        }
        let only_read = key(&words).is_some_and(|key| key.kind == Kind::Read);
        self.log_out(&mut session);
        self.run(&mut session, words, &mut out);
        if let Some(wait) = &session.waits {
            self.schedule(wait.until, Event::Wake(stream, wait.number));
        }
        let percent = self.plan.surplus;
        let surplus = match only_read && session.queued.is_none() && self.chance(percent) {
            true => SURPLUS,
            false => b"",
        };
        out.extend_from_slice(surplus);
        self.say(stream, &out, surplus.len());
        out.clear();
        self.push(&session, &mut out);
        self.say(stream, &out, 0);
        self.streams[stream].session = session;
        let strays = self.plan.strays;
        if self.chance(strays) {
            let at = self.now + self.rng.u64(0..60);
            self.schedule(at, Event::Stray(stream));
        }
    }

    fn push(&mut self, session: &Session, out: &mut Vec<u8>) {
        let pushes = self.plan.pushes;
        if session.resp3 && self.chance(pushes) {
            out.extend_from_slice(PUSH);
        }
    }

    /// A message may come within a reply, though it should not.
    fn push_within(&mut self, session: &Session, out: &mut Vec<u8>) {
        let pushes = self.plan.pushes / 5;
        if session.resp3 && self.chance(pushes) {
            out.extend_from_slice(PUSH);
        }
    }

    /// The session is not what it was: a proxy went to another server, which knows nothing of it.
    fn log_out(&mut self, session: &mut Session) {
        let logouts = self.plan.logouts;
        if session.logged_in && self.chance(logouts) {
            *session = Session {
                input: std::mem::take(&mut session.input),
                resp3: session.resp3,
                ..Session::default()
            };
        }
    }

    /// What a session waits for has come, or its time is over.
    pub(super) fn unblock(&mut self, stream: usize, number: u64) {
        let [is_held, is_served] = self.is_open_at(stream);
        let session = &mut self.streams[stream].session;
        let is_it = session
            .waits
            .as_ref()
            .is_some_and(|wait| wait.number == number);
        if !is_it || !is_served {
            return;
        }
        let Some(wait) = session.waits.take() else {
            return;
        };
        let session = std::mem::take(session);
        let mut out = Vec::new();
        match wait.comes {
            // Who is gone gets nothing, if the server knows by now that it is gone.
            true if is_held || self.rng.bool() => {
                self.data(&session, wait.key, &wait.words, false, &mut out);
            }
            true => {}
            false => self.nothing(&session, &mut out),
        }
        self.streams[stream].session = session;
        self.say(stream, &out, 0);
        self.serve(stream, b"");
    }

    /// A command that waits is answered at once, later, in vain, or later than it said.
    fn wait(&mut self, session: &mut Session, key: Key, words: Words, out: &mut Vec<u8>) {
        let said = words.iter().rev().find_map(|word| millis(word));
        let span = said.filter(|span| *span > 0);
        let (after, comes) = match (self.rng.u8(0..5), span) {
            (0, _) => return self.data(session, key, &words, false, out),
            (1, Some(span)) => (span, false),
            (2, Some(span)) => (span + self.rng.u64(0..30), false),
            // It hangs for longer than anybody has patience.
            (3, Some(span)) if self.plan.stalls > 0 => (span + 300, self.rng.bool()),
            (_, span) => (self.rng.u64(0..span.unwrap_or(60)), true),
        };
        self.server.waits += 1;
        session.waits = Some(Wait {
            number: self.server.waits,
            until: self.now + after,
            key,
            words,
            comes,
        });
    }

    fn nothing(&self, session: &Session, out: &mut Vec<u8>) {
        let null: &[u8] = if session.resp3 { b"_\r\n" } else { b"*-1\r\n" };
        out.extend_from_slice(null);
    }

    fn run(&mut self, session: &mut Session, words: Words, out: &mut Vec<u8>) {
        let name: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        match name.as_slice() {
            [b"HELLO", ..] if !self.plan.resp3 => {
                out.extend_from_slice(b"-ERR unknown command 'HELLO'\r\n");
            }
            [b"HELLO", ..] if self.is_loading() => error(out, 0),
            [b"HELLO", b"3", login @ ..] => {
                session.logged_in |= matches!(login, [b"AUTH", b"default", b"secret"]);
                if !session.logged_in {
                    return out.extend_from_slice(b"-NOAUTH HELLO needs a login\r\n");
                }
                session.resp3 = true;
                out.extend_from_slice(b"%2\r\n+server\r\n+sim\r\n+proto\r\n:3\r\n");
            }
            [b"AUTH", b"secret"] => {
                session.logged_in = true;
                out.extend_from_slice(OK);
            }
            _ if !session.logged_in => out.extend_from_slice(b"-NOAUTH login first\r\n"),
            [b"RESET"] => {
                let input = std::mem::take(&mut session.input);
                *session = Session {
                    input,
                    logged_in: !self.plan.password,
                    ..Session::default()
                };
                out.extend_from_slice(b"+RESET\r\n");
            }
            [b"PING"] if session.queued.is_some() => {
                let why = "somebody asks within a transaction whether the server is there";
                self.oracle.accuse(why.into());
            }
            [b"EXEC"] => match session.queued.take() {
                None => out.extend_from_slice(b"-ERR EXEC without MULTI\r\n"),
                Some(queued) => self.exec(session, queued, out),
            },
            [b"DISCARD"] => match session.queued.take() {
                None => out.extend_from_slice(b"-ERR DISCARD without MULTI\r\n"),
                Some(_) => {
                    session.watched.clear();
                    out.extend_from_slice(OK);
                }
            },
            _ if session.queued.is_some() => {
                session.queued.get_or_insert_default().push(words);
                out.extend_from_slice(b"+QUEUED\r\n");
            }
            [b"MULTI"] => {
                session.queued = Some(Vec::new());
                out.extend_from_slice(OK);
            }
            [b"WATCH", keys @ ..] => {
                for key in keys.iter().filter_map(|key| Key::parse(key)) {
                    let version = self.server.version(session.db, key);
                    session.watched.push((session.db, key, version));
                }
                out.extend_from_slice(OK);
            }
            [b"UNWATCH"] => {
                session.watched.clear();
                out.extend_from_slice(OK);
            }
            [b"SELECT", number] => {
                session.db = number.first().map_or(0, |digit| digit.wrapping_sub(b'0'));
                out.extend_from_slice(OK);
            }
            [b"CLIENT", ..] => out.extend_from_slice(OK),
            [b"PING"] => out.extend_from_slice(b"+PONG\r\n"),
            _ => match key(&words) {
                Some(key) if self.refuses(key, out) => {}
                Some(key) if key.kind.waits() => self.wait(session, key, words, out),
                Some(key) => self.data(session, key, &words, false, out),
                None => out.extend_from_slice(b"-ERR unknown command\r\n"),
            },
        }
    }

    fn exec(&mut self, session: &mut Session, queued: Vec<Words>, out: &mut Vec<u8>) {
        let watched = std::mem::take(&mut session.watched);
        let guarded = !watched.is_empty();
        let mut watched = watched.into_iter();
        if watched.any(|(db, key, version)| self.server.version(db, key) != version) {
            return self.nothing(session, out);
        }
        out.extend_from_slice(format!("*{}\r\n", queued.len()).as_bytes());
        for words in queued {
            self.push_within(session, out);
            match key(&words) {
                Some(key) => self.data(session, key, &words, guarded, out),
                None => out.extend_from_slice(b"-ERR unknown command\r\n"),
            }
        }
    }

    fn data(
        &mut self,
        session: &Session,
        key: Key,
        words: &[Vec<u8>],
        guarded: bool,
        out: &mut Vec<u8>,
    ) {
        let db = session.db;
        let ran = match key.kind {
            Kind::Shared => 0,
            _ => self.oracle.runs(key, db, guarded),
        };
        match words {
            [name, _] if name == b"INCR" => {
                out.extend_from_slice(format!(":{}\r\n", key.count(ran)).as_bytes());
            }
            [name, _, value, get] if name == b"SET" && get == b"GET" => {
                let before = self.server.values.get(&(db, key));
                if key.kind == Kind::Same && before.is_some_and(|(before, _)| before != value) {
                    self.oracle
                        .accuse(format!("{key} is not the same the second time"));
                }
                bulk(out, &self.server.value(db, key));
                self.server.set(db, key, value);
            }
            [name, text, _] if name == b"BLPOP" => {
                out.extend_from_slice(b"*2\r\n");
                bulk(out, text);
                self.push_within(session, out);
                bulk(out, key.value(db).as_bytes());
            }
            [name, ..] if name == b"XREAD" => {
                let head: &[u8] = if session.resp3 {
                    b"%1\r\n"
                } else {
                    b"*1\r\n*2\r\n"
                };
                out.extend_from_slice(head);
                bulk(out, key.to_string().as_bytes());
                out.extend_from_slice(b"*1\r\n*2\r\n$3\r\n5-1\r\n*2\r\n$1\r\nf\r\n");
                self.push_within(session, out);
                bulk(out, key.value(db).as_bytes());
            }
            [name, _] if name == b"GET" => bulk(out, &self.server.value(db, key)),
            _ => out.extend_from_slice(b"-ERR unknown command\r\n"),
        }
    }

    /// Whether it is answered with an error, and not run.
    fn refuses(&mut self, key: Key, out: &mut Vec<u8>) -> bool {
        let errors = self.plan.errors;
        let refuses = key.kind != Kind::Shared && self.chance(errors);
        if refuses {
            let with = self.rng.usize(0..INJECTED.len());
            self.oracle.refuses(key, with);
            error(out, with);
        }
        refuses
    }

    fn is_loading(&mut self) -> bool {
        let errors = self.plan.errors / 4;
        self.chance(errors)
    }
}

fn error(out: &mut Vec<u8>, with: usize) {
    out.extend_from_slice(format!("-{}\r\n", INJECTED[with].1).as_bytes());
}

fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(format!("${}\r\n", bytes.len()).as_bytes());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// The key of a command that has one.
fn key(words: &[Vec<u8>]) -> Option<Key> {
    match words {
        [name, key, ..] if matches!(name.as_slice(), b"GET" | b"SET" | b"INCR" | b"BLPOP") => {
            Key::parse(key)
        }
        [name, .., key, _] if name == b"XREAD" => Key::parse(key),
        _ => None,
    }
}

/// A time in milliseconds, or in seconds with a point.
fn millis(word: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(word).ok()?;
    match text.split_once('.') {
        Some((seconds, fraction)) => {
            let seconds: u64 = seconds.parse().ok()?;
            Some(seconds * 1000 + format!("{fraction:0<3}").parse::<u64>().ok()?)
        }
        None => text.parse().ok(),
    }
}

/// The first command, and its bytes; `None` while it has not come whole.
fn parse(input: &[u8]) -> Result<Option<(Words, usize)>, ()> {
    let mut rest = input;
    let Some(count) = head(&mut rest, b'*')? else {
        return Ok(None);
    };
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let Some(len) = head(&mut rest, b'$')? else {
            return Ok(None);
        };
        if rest.len() < len + 2 {
            return Ok(None);
        }
        let (word, tail) = rest.split_at(len);
        rest = tail.strip_prefix(b"\r\n").ok_or(())?;
        words.push(word.to_vec());
    }
    match count {
        0 => Err(()),
        _ => Ok(Some((words, input.len() - rest.len()))),
    }
}

/// A kind, a number and the end of the line.
fn head(rest: &mut &[u8], kind: u8) -> Result<Option<usize>, ()> {
    if rest.first().is_some_and(|first| *first != kind) {
        return Err(());
    }
    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
        return Ok(None);
    };
    let line = rest[1..end].strip_suffix(b"\r").ok_or(())?;
    let number = std::str::from_utf8(line)
        .ok()
        .and_then(|digits| digits.parse().ok());
    *rest = &rest[end + 1..];
    match number {
        Some(number) if number <= 1 << 16 => Ok(Some(number)),
        _ => Err(()),
    }
}
