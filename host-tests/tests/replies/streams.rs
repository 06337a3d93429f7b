//! Streams of replies through the sans-io connection, by its public doors.

use respool::command::{Command, Encode, Parts, Spec, raw, table};
use respool::error::Code;
use respool::resp::{Args, Value};
use respool::{Connection, Memory, Until, Want};

/// A reply as text, or an error with its whole text.
pub type Answer = Result<String, (Code, String)>;

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

/// The answers in `bytes`, which arrive in pieces of these lengths; the last one holds for the
/// rest, too.
pub fn answers(bytes: &[u8], pieces: &[usize]) -> Vec<Answer> {
    thread_local! {
        static MEMORY: std::cell::RefCell<Memory<16384, 1024>> = const {
            std::cell::RefCell::new(Memory::new())
        };
    }
    let commands = Commands(u16::try_from(messages(bytes).len()).unwrap());
    let any = raw("ANY").reply::<Value>();
    MEMORY.with_borrow_mut(|memory| {
        let mut connection = Connection::new(memory);
        let mut answers = Vec::new();
        let mut rest = bytes;
        let mut pieces = pieces.iter().copied();
        let mut piece = usize::MAX;
        while answers.len() < usize::from(commands.0) {
            match connection.step(&commands, Until::Next).unwrap() {
                Want::Write(bytes) => {
                    let n = bytes.len();
                    connection.wrote(n).unwrap();
                }
                Want::Flush => connection.flushed(),
                Want::Read(window) => {
                    piece = pieces.next().unwrap_or(piece);
                    let n = piece.min(window.len()).min(rest.len());
                    window[..n].copy_from_slice(&rest[..n]);
                    rest = &rest[n..];
                    connection.got(n).unwrap();
                }
                Want::Done => answers.push(match connection.reply(&any) {
                    Ok(value) => Ok(text(&value)),
                    Err(error) => {
                        let text = connection.error_text().unwrap_or_default();
                        let code = error.code().unwrap_or_else(|| panic!("{error}"));
                        Err((code, text.into()))
                    }
                }),
                _ => unreachable!("a connection wants nothing else"),
            }
        }
        assert!(rest.is_empty(), "all of it was read");
        assert!(connection.is_in_step());
        answers
    })
}

/// A value as text: `'a string'`, `1`, `,1.5`, `(123`, `[1 2]`, `{'key' 'value'}`, `~[1 2]`.
fn text(value: &Value) -> String {
    let all = |values: &[Value]| values.iter().map(text).collect::<Vec<_>>().join(" ");
    match value {
        Value::String(bytes) => format!("'{}'", bytes.escape_ascii()),
        Value::Error(text) => format!("!{text}"),
        Value::Integer(number) => number.to_string(),
        Value::Double(number) => format!(",{number}"),
        Value::Boolean(value) => value.to_string(),
        Value::BigNumber(digits) => format!("({digits}"),
        Value::Null => "null".into(),
        Value::Array(values) => format!("[{}]", all(values)),
        Value::Set(values) => format!("~[{}]", all(values)),
        Value::Map(pairs) => {
            let pair = |(key, value): &(Value, Value)| format!("{} {}", text(key), text(value));
            format!(
                "{{{}}}",
                pairs.iter().map(pair).collect::<Vec<_>>().join(" ")
            )
        }
    }
}

/// The replies in `bytes`, each with the pushes and attributes before it.
pub fn messages(bytes: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (message, after) = rest.split_at(message_len(rest));
        messages.push(message);
        rest = after;
    }
    messages
}

/// The bytes of the first reply. It counts on its own, so that it cannot err with the decoder.
fn message_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    // How many values are to come at each level; `None` up to an end mark.
    let mut open: Vec<Option<usize>> = Vec::new();
    let mut pushes = Vec::new();
    loop {
        let (kind, number, end) = head(bytes, at);
        at = end;
        let mut ended = false;
        match (kind, number) {
            ('$' | '!' | '=', Some(len)) => {
                at += len + 2;
                ended = true;
            }
            (';', Some(0)) => ended = true,
            (';', Some(len)) => at += len + 2,
            ('$', None) if bytes[end - 3] == b'?' => {}
            ('*' | '~' | '%', None) if bytes[end - 3] == b'?' => open.push(None),
            ('*' | '~' | '%' | '|' | '>', Some(len)) => {
                let values = if "%|".contains(kind) { 2 * len } else { len };
                if "|>".contains(kind) {
                    pushes.push(open.len());
                }
                open.push(Some(values));
                ended = values == 0;
                if ended {
                    open.pop();
                }
            }
            ('.', _) => {
                open.pop();
                ended = true;
            }
            _ => ended = true,
        }
        if !ended {
            continue;
        }
        loop {
            match open.last_mut() {
                None => return at,
                Some(None) => break,
                Some(Some(left)) => *left -= 1,
            }
            if open.last() != Some(&Some(0)) {
                break;
            }
            open.pop();
            // Attributes and pushes are no values.
            if pushes.last() == Some(&open.len()) {
                pushes.pop();
                break;
            }
        }
    }
}

/// The type bytes in `bytes`, in their order.
pub fn types(bytes: &[u8]) -> impl Iterator<Item = char> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at == bytes.len() {
            return None;
        }
        let (kind, number, end) = head(bytes, at);
        at = end;
        if let ('$' | '!' | '=' | ';', Some(len)) = (kind, number)
            && (kind, len) != (';', 0)
        {
            at += len + 2;
        }
        Some(kind)
    })
}

/// The type, the number and the end of the line at `at`.
fn head(bytes: &[u8], at: usize) -> (char, Option<usize>, usize) {
    let line = &bytes[at..];
    let len = line.windows(2).position(|two| two == b"\r\n").unwrap();
    let number = std::str::from_utf8(&line[1..len]).ok();
    let kind = char::from(line[0]);
    (
        kind,
        number.and_then(|text| text.parse().ok()),
        at + len + 2,
    )
}

/// From the RESP3 specification, and what it implies: the bytes, and the answers. The last is what
/// a server in protected mode says to other machines.
pub const SPECIFIED: &[(&[u8], &[&str])] = &[
    (b"!21\r\nSYNTAX invalid syntax\r\n", &["!SYNTAX invalid syntax"]),
    (b"=15\r\ntxt:Some string\r\n", &["'Some string'"]),
    (b"(3492890328409238509324850943850943825024385\r\n", &["(3492890328409238509324850943850943825024385"]),
    (b"%2\r\n+first\r\n:1\r\n+second\r\n:2\r\n", &["{'first' 1 'second' 2}"]),
    (b"~5\r\n+orange\r\n+apple\r\n#t\r\n:100\r\n:999\r\n", &["~['orange' 'apple' true 100 999]"]),
    (
        b"|1\r\n+key-popularity\r\n%2\r\n$1\r\na\r\n,0.1923\r\n$1\r\nb\r\n,0.0012\r\n*2\r\n:2039123\r\n:9543892\r\n",
        &["[2039123 9543892]"],
    ),
    (b"*3\r\n:1\r\n:2\r\n|1\r\n+ttl\r\n:3600\r\n:3\r\n", &["[1 2 3]"]),
    (
        b">4\r\n+pubsub\r\n+message\r\n+somechannel\r\n+this is the message\r\n$9\r\nGet-Reply\r\n",
        &["'Get-Reply'"],
    ),
    (b"$?\r\n;4\r\nHell\r\n;6\r\no worl\r\n;1\r\nd\r\n;0\r\n", &["'Hello world'"]),
    (b"*?\r\n:1\r\n:2\r\n:3\r\n.\r\n", &["[1 2 3]"]),
    (b"%?\r\n+a\r\n:1\r\n+b\r\n:2\r\n.\r\n", &["{'a' 1 'b' 2}"]),
    (b"~?\r\n+a\r\n:1\r\n.\r\n", &["~['a' 1]"]),
    (
        b"*2\r\n*?\r\n$?\r\n;1\r\na\r\n;0\r\n%?\r\n+k\r\n~?\r\n.\r\n.\r\n.\r\n!3\r\nERR\r\n+OK\r\n",
        &["[['a' {'k' ~[]}] !ERR]", "'OK'"],
    ),
    (b"*4\r\n,inf\r\n,-inf\r\n,nan\r\n_\r\n", &["[,inf ,-inf ,NaN null]"]),
    (b"*2\r\n$-1\r\n*-1\r\n", &["[null null]"]),
    (b"-DENIED Redis is running in protected mode\r\n", &["!DENIED Redis is running in protected mode"]),
];
