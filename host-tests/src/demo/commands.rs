//! The commands: a table of names, and what is common to all.

mod connection;
mod hash;
mod keys;
mod string;
mod transaction;

use std::borrow::Cow;

use super::Shared;
use super::output::Output;
use super::session::Session;
use super::store::{Database, Store};

/// One command of a client, and all that it may look at.
pub(super) struct Call<'c> {
    /// The name and the arguments.
    pub(super) args: &'c [&'c [u8]],
    pub(super) session: &'c mut Session,
    pub(super) store: &'c mut Store,
    pub(super) shared: &'c Shared,
    pub(super) out: &'c mut Output,
    /// Milliseconds of the unix clock.
    pub(super) now: i64,
}

/// An error reply: code and text, worded as Redis does.
pub(super) struct Failure {
    code: &'static str,
    text: Cow<'static, [u8]>,
}

type Run = fn(&mut Call<'_>) -> Result<(), Failure>;

struct Command {
    name: &'static str,
    /// Words, the name counted; negative where more may come.
    arity: isize,
    run: Run,
    /// Runs also between `MULTI` and `EXEC`.
    at_once: bool,
}

const fn command(name: &'static str, arity: isize, run: Run) -> Command {
    Command {
        name,
        arity,
        run,
        at_once: false,
    }
}

const fn at_once(name: &'static str, arity: isize, run: Run) -> Command {
    Command {
        name,
        arity,
        run,
        at_once: true,
    }
}

const COMMANDS: &[Command] = &[
    command("GET", 2, string::get),
    command("SET", -3, string::set),
    command("INCR", 2, string::incr),
    command("MGET", -2, string::mget),
    command("MSET", -3, string::mset),
    command("SETEX", 4, string::setex),
    command("PSETEX", 4, string::psetex),
    command("SETNX", 3, string::setnx),
    command("GETDEL", 2, string::getdel),
    command("GETSET", 3, string::getset),
    command("APPEND", 3, string::append),
    command("STRLEN", 2, string::strlen),
    command("DECR", 2, string::decr),
    command("INCRBY", 3, string::incrby),
    command("DECRBY", 3, string::decrby),
    command("HSET", -4, hash::hset),
    command("HGET", 3, hash::hget),
    command("HDEL", -3, hash::hdel),
    command("HGETALL", 2, hash::hgetall),
    command("HLEN", 2, hash::hlen),
    command("DEL", -2, keys::del),
    command("UNLINK", -2, keys::del),
    command("EXISTS", -2, keys::exists),
    command("EXPIRE", -3, keys::expire),
    command("PEXPIRE", -3, keys::pexpire),
    command("TTL", 2, keys::ttl),
    command("PTTL", 2, keys::pttl),
    command("PERSIST", 2, keys::persist),
    command("TYPE", 2, keys::kind),
    command("KEYS", 2, keys::keys),
    command("DBSIZE", 1, keys::dbsize),
    command("FLUSHDB", -1, keys::flushdb),
    command("FLUSHALL", -1, keys::flushall),
    at_once("MULTI", 1, transaction::multi),
    at_once("EXEC", 1, transaction::exec),
    at_once("DISCARD", 1, transaction::discard),
    at_once("WATCH", -2, transaction::watch),
    command("UNWATCH", 1, transaction::unwatch),
    command("PING", -1, connection::ping),
    command("ECHO", 2, connection::echo),
    command("HELLO", -1, connection::hello),
    command("AUTH", -2, connection::auth),
    command("CLIENT", -2, connection::client),
    command("SELECT", 2, connection::select),
    at_once("RESET", 1, connection::reset),
    at_once("QUIT", -1, connection::quit),
    command("COMMAND", -1, connection::command),
    command("CONFIG", -2, connection::config),
    command("INFO", -1, connection::info),
];

/// Runs a command, or queues it, and writes exactly one reply.
pub(super) fn run(call: &mut Call<'_>) {
    let found = find(call.args);
    if let (Some(queue), false) = (
        &mut call.session.queue,
        found.as_ref().is_ok_and(|c| c.at_once),
    ) {
        match found {
            Ok(_) => {
                queue
                    .commands
                    .push(call.args.iter().map(|arg| arg.to_vec()).collect());
                call.out.write(|replies| replies.simple(b"QUEUED"));
            }
            Err(failure) => {
                queue.broken = true;
                call.fail(&failure);
            }
        }
        return;
    }
    execute(found, call);
}

fn execute(found: Result<&'static Command, Failure>, call: &mut Call<'_>) {
    if let Err(failure) = found.and_then(|command| (command.run)(call)) {
        call.fail(&failure);
    }
}

/// The command of these words, where there is one and it takes as many.
fn find(args: &[&[u8]]) -> Result<&'static Command, Failure> {
    let name = args.first().copied().unwrap_or_default();
    let mut commands = COMMANDS.iter();
    let Some(command) = commands.find(|c| c.name.as_bytes().eq_ignore_ascii_case(name)) else {
        return Err(Failure::unknown_command(args));
    };
    let fits = match usize::try_from(command.arity) {
        Ok(exactly) => args.len() == exactly,
        Err(_) => args.len() >= command.arity.unsigned_abs(),
    };
    if fits {
        Ok(command)
    } else {
        Err(Failure::wrong_number(command.name))
    }
}

impl Call<'_> {
    /// The database that the client has selected.
    fn db(&mut self) -> &mut Database {
        self.store.db(self.session.db)
    }

    fn fail(&mut self, failure: &Failure) {
        self.out
            .write(|replies| replies.error(failure.code, &failure.text));
    }
}

impl Failure {
    pub(super) const WRONG_TYPE: Self = Self::of(
        "WRONGTYPE",
        "Operation against a key holding the wrong kind of value",
    );
    const SYNTAX: Self = Self::err("syntax error");
    const NOT_INTEGER: Self = Self::err("value is not an integer or out of range");

    const fn of(code: &'static str, text: &'static str) -> Self {
        Self {
            code,
            text: Cow::Borrowed(text.as_bytes()),
        }
    }

    const fn err(text: &'static str) -> Self {
        Self::of("ERR", text)
    }

    /// An error of parts that are known only now.
    fn with(parts: &[&[u8]]) -> Self {
        Self {
            code: "ERR",
            text: Cow::Owned(parts.concat()),
        }
    }

    /// `name` is a command, or `command|subcommand`.
    fn wrong_number(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        Self::with(&[
            b"wrong number of arguments for '",
            name.as_bytes(),
            b"' command",
        ])
    }

    fn unknown_command(args: &[&[u8]]) -> Self {
        let cut = |arg: &[u8], len: usize| arg.get(..len).unwrap_or(arg).to_vec();
        let mut words = args.iter();
        let name = cut(words.next().copied().unwrap_or_default(), 128);
        let mut shown = Vec::new();
        for arg in words {
            if shown.len() >= 128 {
                break;
            }
            let arg = cut(arg, 128 - shown.len());
            shown.extend_from_slice(&[&b"'"[..], &arg, b"' "].concat());
        }
        Self::with(&[
            b"unknown command '",
            &name,
            b"', with args beginning with: ",
            &shown,
        ])
    }

    fn unknown_subcommand(command: &str, name: &[u8]) -> Self {
        Self::with(&[
            b"unknown subcommand '",
            name,
            b"'. Try ",
            command.as_bytes(),
            b" HELP.",
        ])
    }
}

/// A number as Redis takes it: no sign but `-`, no zero in front, no blank.
fn integer(text: &[u8]) -> Result<i64, Failure> {
    let number: Option<i64> = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    match number {
        Some(number) if number.to_string().as_bytes() == text => Ok(number),
        _ => Err(Failure::NOT_INTEGER),
    }
}

fn is(arg: &[u8], word: &str) -> bool {
    arg.eq_ignore_ascii_case(word.as_bytes())
}
