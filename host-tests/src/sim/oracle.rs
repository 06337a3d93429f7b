//! Who is owed what: each command that a borrower gives has a key of its own, which names the
//! borrower, so that whatever comes of it can be told from all else.

use std::fmt;

use respool::config::Retry;
use respool::error::{Code, Fault, Io, PoolError, Refusal};
use respool::{Error, ErrorKind, Reached};

use super::plan::Plan;

/// The key of a command; the only one that it is used for, but for those of the kind `Shared`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) kind: Kind,
    pub(super) task: u16,
    pub(super) number: u16,
}

/// What a command does to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// It is read, by a call of its own.
    Read,
    /// It is read, with others.
    ReadAmong,
    /// It is read, and does not fit a window.
    Large,
    /// It is counted up.
    Count,
    /// It is set.
    Set,
    /// It is set by who says that twice is as good as once.
    Same,
    /// It is a list, of which the first element is taken, waiting for it.
    Pop,
    /// It is a stream, of which the next entry is awaited.
    Feed,
    /// It is counted up in a transaction.
    Guarded,
    /// It is watched and set by many.
    Shared,
}

/// All commands of a run.
#[derive(Debug)]
pub(super) struct Oracle {
    plan: Plan,
    tasks: Vec<Vec<Command>>,
    wrong: Option<String>,
    /// The pool is, or is being.
    closed: bool,
    pub(super) figures: Figures,
}

/// How a caller wants a call handled, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    /// Another limit for each try than that of the settings.
    pub(super) limit: Option<u64>,
    /// What the command waits for by its own words; `None` is for ever.
    pub(super) waits: Option<u64>,
}

/// The timeouts of the settings, where they have any, in milliseconds.
pub(super) const CONNECT: u64 = 300;
pub(super) const CALL: u64 = 200;
pub(super) const WAIT: u64 = 500;

/// What happened, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Commands that were given.
    pub commands: u64,
    /// Those that were answered as they should be.
    pub answered: u64,
    /// Those that failed as they may.
    pub failed: u64,
    /// Those that were dropped.
    pub dropped: u64,
    /// Those that ran more than once, as they may.
    pub repeated: u64,
    /// Calls that ran into their deadline.
    pub timed_out: u64,
    /// Borrowers whom a closed pool refused.
    pub closed: u64,
    /// Streams that were opened.
    pub streams: u64,
    /// Strays that a connection met.
    pub strays: u64,
    /// Polls of tasks.
    pub polls: u64,
}

#[derive(Clone, Copy, Debug)]
struct Command {
    kind: Kind,
    /// Databases that it may run on, a bit each.
    dbs: u8,
    /// How often the server ran it.
    ran: u32,
    /// How often it may.
    may_run: u32,
    /// Errors that the server answered it, and did not run it.
    refused: [bool; INJECTED.len()],
    end: End,
}

/// What its caller was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nothing yet; or the call was dropped.
    Open,
    Answered,
    NotSent,
    MaybeSent,
    Refused,
}

/// Errors that the server makes up.
pub(super) const INJECTED: [(Code, &str); 9] = [
    (Code::Loading, "LOADING the data set is read"),
    (Code::Busy, "BUSY a script runs"),
    (Code::TryAgain, "TRYAGAIN some time"),
    (Code::MasterDown, "MASTERDOWN the link is down"),
    (Code::ClusterDown, "CLUSTERDOWN the cluster is down"),
    (Code::Moved, "MOVED 7 10.0.0.9:6379"),
    (Code::ReadOnly, "READONLY it is a replica"),
    (Code::Oom, "OOM there is no room"),
    (Code::Err, "ERR made up"),
];

impl Figures {
    /// These and those.
    pub fn add(&mut self, other: Self) {
        self.commands += other.commands;
        self.answered += other.answered;
        self.failed += other.failed;
        self.dropped += other.dropped;
        self.repeated += other.repeated;
        self.timed_out += other.timed_out;
        self.closed += other.closed;
        self.streams += other.streams;
        self.strays += other.strays;
        self.polls += other.polls;
    }
}

impl Key {
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (kind, rest) = text.split_first()?;
        let kind = Kind::ALL.into_iter().find(|k| k.letter() == *kind)?;
        let rest = std::str::from_utf8(rest).ok()?;
        let (task, number) = rest.split_once(':')?;
        Some(Self {
            kind,
            task: task.parse().ok()?,
            number: number.parse().ok()?,
        })
    }

    /// What a key holds that was never set.
    pub(super) fn value(self, db: u8) -> String {
        let length = match self.kind {
            Kind::Large => 700,
            _ => usize::from(self.task * 31 + self.number * 17) % 90,
        };
        self.named(&format!("{db}{}", ".".repeat(length)))
    }

    /// A value of which everybody sees whose it is.
    pub(super) fn named(self, value: &str) -> String {
        format!("{self}@{value}")
    }

    /// Whether that is one of this key's.
    pub(super) fn is_named_by(self, value: &str) -> bool {
        value.starts_with(&self.named(""))
    }

    /// What a counter holds after it was counted up `n` times.
    pub(super) fn count(self, n: u32) -> i64 {
        i64::from(self.task) * 1_000_000 + i64::from(self.number) * 100 + i64::from(n)
    }
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Read,
        Self::ReadAmong,
        Self::Large,
        Self::Count,
        Self::Set,
        Self::Same,
        Self::Pop,
        Self::Feed,
        Self::Guarded,
        Self::Shared,
    ];

    fn letter(self) -> u8 {
        match self {
            Self::Read => b'r',
            Self::ReadAmong => b'a',
            Self::Large => b'l',
            Self::Count => b'c',
            Self::Set => b's',
            Self::Same => b'i',
            Self::Pop => b'p',
            Self::Feed => b'x',
            Self::Guarded => b'g',
            Self::Shared => b'w',
        }
    }

    fn only_reads(self) -> bool {
        matches!(
            self,
            Self::Read | Self::ReadAmong | Self::Large | Self::Feed
        )
    }

    /// It waits for what others do.
    pub(super) fn waits(self) -> bool {
        matches!(self, Self::Pop | Self::Feed)
    }

    /// Its reply has parts, between which a message may come.
    fn has_parts(self) -> bool {
        self.waits() || self == Self::Guarded
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = char::from(self.kind.letter());
        write!(f, "{letter}{}:{}", self.task, self.number)
    }
}

impl Oracle {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            tasks: vec![Vec::new(); plan.tasks + 1],
            wrong: None,
            closed: false,
            figures: Figures::default(),
        }
    }

    /// What is wrong, if anything.
    pub(super) fn verdict(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    /// Something is wrong. The first such thing is the one to look at.
    pub(super) fn accuse(&mut self, why: String) {
        self.wrong.get_or_insert(why);
    }

    /// A command will be given, on one of these databases.
    pub(super) fn gives(&mut self, task: usize, kind: Kind, dbs: u8) -> Key {
        self.figures.commands += 1;
        let may_run = match kind {
            _ if kind.only_reads() => u32::MAX,
            // The settings say that what may have been sent is tried again, or its caller does.
            _ if self.plan.retry == Retry::Always => 1 + u32::from(self.plan.retries),
            Kind::Same if self.plan.retry == Retry::WhenSafe => 1 + u32::from(self.plan.retries),
            _ => 1,
        };
        let commands = &mut self.tasks[task];
        commands.push(Command {
            kind,
            dbs,
            ran: 0,
            may_run,
            refused: [false; INJECTED.len()],
            end: End::Open,
        });
        Key {
            kind,
            task: task as u16,
            number: (commands.len() - 1) as u16,
        }
    }

    /// The server runs the command of this key; says how often it did.
    pub(super) fn runs(&mut self, key: Key, db: u8, guarded: bool) -> u32 {
        let Some(command) = self.command(key) else {
            self.accuse(format!("the server was given {key}, which nobody gave"));
            return 0;
        };
        command.ran += 1;
        let seen = *command;
        if seen.kind != key.kind {
            self.accuse(format!("{key} was given as {:?}", seen.kind));
        }
        if seen.dbs & (1 << db) == 0 {
            self.accuse(format!("a wrong database: {key} ran on {db}"));
        }
        if seen.ran > seen.may_run {
            self.accuse(format!("{key} ran {} times", seen.ran));
        }
        if seen.end == End::NotSent || seen.end == End::Refused {
            self.accuse(format!(
                "{key} ran, and its caller had been told: {:?}",
                seen.end
            ));
        }
        if seen.kind == Kind::Guarded && !guarded {
            self.accuse(format!("{key} ran in a transaction that nothing guarded"));
        }
        seen.ran
    }

    /// The server answers the command of this key with an error, and does not run it.
    pub(super) fn refuses(&mut self, key: Key, with: usize) {
        if let Some(command) = self.command(key) {
            command.refused[with] = true;
        }
    }

    /// Its caller got an answer, which is right or not.
    pub(super) fn answered(&mut self, key: Key, right: bool, what: &dyn fmt::Debug) {
        if !right {
            self.accuse(format!("{key} was answered {what:?}"));
        }
        let Some(command) = self.command(key) else {
            return;
        };
        command.end = End::Answered;
        if command.ran == 0 {
            self.accuse(format!("{key} was answered, and never ran"));
        }
        self.figures.answered += 1;
    }

    /// A transaction was given up for what another did, or nothing came that was waited for: it did
    /// not run.
    pub(super) fn came_to_nothing(&mut self, key: Key) {
        if let Some(command) = self.command(key) {
            // Where it may run again, this is about the last try.
            let once = command.may_run == 1;
            command.end = if once { End::Refused } else { End::Answered };
            if once && command.ran > 0 {
                self.accuse(format!("{key} ran, and its caller is told that it did not"));
            }
        }
    }

    /// The caller of these, which were one request, got this error.
    pub(super) fn failed(&mut self, keys: &[Key], error: Error) {
        self.figures.failed += keys.len() as u64;
        if !self.may_fail(keys, error) {
            let names: Vec<String> = keys.iter().map(Key::to_string).collect();
            self.accuse(format!(
                "nothing explains this error of {names:?}: {error:?}"
            ));
        }
        for key in keys {
            let only = keys.len() == 1;
            let Some(command) = self.command(*key) else {
                continue;
            };
            let once = command.may_run == 1;
            command.end = match error.reached() {
                Reached::NotSent => End::NotSent,
                // Where it may run twice, this is about the last try.
                Reached::Answered if only && once && error.code().is_some() => End::Refused,
                _ => End::MaybeSent,
            };
            let seen = *command;
            if seen.ran > 0
                && matches!(seen.end, End::NotSent | End::Refused)
                && !seen.kind.only_reads()
            {
                self.accuse(format!("{key} ran, and its caller is told {error:?}"));
            }
        }
    }

    /// A call took so long.
    pub(super) fn took(&mut self, wish: Wish, pooled: bool, span: u64, error: Option<Error>) {
        let plan = self.plan;
        let wait = wish.waits;
        let limit = wish.limit.or(plan.timeouts.then_some(CALL));
        let least = match error.map(|error| error.kind()) {
            Some(ErrorKind::TimedOut) => limit.zip(wait).map(|(limit, wait)| limit + wait),
            Some(ErrorKind::Connect(Io::TimedOut)) => plan.timeouts.then_some(CONNECT),
            Some(ErrorKind::Pool(PoolError::WaitTimedOut { .. })) => plan.timeouts.then_some(WAIT),
            _ => Some(0),
        };
        match least {
            None => self.accuse(format!("nothing had a deadline: {error:?}")),
            Some(least) if span < least => {
                self.accuse(format!("after {span} ms it is too early for {error:?}"));
            }
            Some(_) => {}
        }
        // Where time passes while tasks could run, they may be late.
        let Some((limit, wait)) = limit.zip(wait).filter(|_| plan.timeouts && !plan.hurried) else {
            return;
        };
        // The last try may find a connection that has to be cleaned up, in vain.
        let clean_up = plan.skips.1 + CONNECT;
        let mut most = plan.retry_for + clean_up + CONNECT + limit + wait;
        if pooled {
            most += WAIT;
        }
        if plan.blocking {
            most += most / 16;
        }
        if span > most {
            self.accuse(format!("a call took {span} ms, and {most} ms are the most"));
        }
    }

    /// A borrower waited for a connection for so long.
    pub(super) fn waited(&mut self, span: u64) {
        if self.plan.timeouts && !self.plan.hurried && span > WAIT {
            self.accuse(format!("a wait for a connection took {span} ms"));
        }
    }

    /// The pool is being closed.
    pub(super) fn closes(&mut self) {
        self.closed = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The pool was closed, after so long, or not in time.
    pub(super) fn was_closed(&mut self, limit: u64, span: u64, got: Result<(), Error>) {
        let is_late = span > limit && !self.plan.hurried;
        let is_right = match got.map_err(Error::kind) {
            Ok(()) => true,
            Err(ErrorKind::Pool(PoolError::StillLent { .. })) => span >= limit,
            Err(_) => false,
        };
        if is_late || !is_right {
            self.accuse(format!(
                "closing, {limit} ms at the most, took {span} ms and ended in {got:?}"
            ));
        }
    }

    /// The pool lends something.
    pub(super) fn lends(&mut self) {
        if self.closed {
            self.accuse("a closed pool lends something".into());
        }
    }

    /// The pool had nothing to give.
    pub(super) fn got_none(&mut self, error: Error, waited: bool) {
        if !self.may_have_none(error, waited) {
            self.accuse(format!("no connection is lent, for no reason: {error:?}"));
        }
    }

    /// What a dropped borrower left open counts as dropped.
    pub(super) fn ends(&mut self) {
        for command in self.tasks.iter().flatten() {
            self.figures.dropped += u64::from(command.end == End::Open);
            self.figures.repeated += u64::from(command.ran > 1);
        }
    }

    fn may_fail(&mut self, keys: &[Key], error: Error) -> bool {
        let plan = self.plan;
        match error.kind() {
            ErrorKind::Pool(_) => self.may_have_none(error, true),
            // How late is told apart.
            ErrorKind::Connect(Io::TimedOut) => true,
            ErrorKind::TimedOut => {
                self.figures.timed_out += 1;
                true
            }
            // After a login that failed, whatever of these made it fail, the server is left alone.
            ErrorKind::Connect(Io::TooSoon) => {
                let losses = plan.strays + plan.drops + plan.logouts;
                !plan.calm || plan.timeouts || losses > 0
            }
            ErrorKind::Connect(_) | ErrorKind::Transport(_) => !plan.calm,
            // A message within a reply costs the connection also where all is calm.
            ErrorKind::SessionLost(_) => {
                !plan.calm
                    || plan.timeouts
                    || plan.limits
                    || plan.pushes > 0
                    || plan.leaving_costs()
            }
            ErrorKind::Handshake(Refusal::Other(Code::Loading)) => plan.errors + plan.strays > 0,
            ErrorKind::Handshake(Refusal::NoPermission | Refusal::NoProtocol) => plan.strays > 0,
            ErrorKind::Protocol(Fault::Surplus) => plan.surplus + plan.strays > 0,
            // A message within a reply.
            ErrorKind::Protocol(Fault::Misplaced) => {
                plan.pushes > 0 && keys.iter().any(|key| key.kind.has_parts())
            }
            ErrorKind::Server(Code::NoAuth) => plan.logouts > 0,
            ErrorKind::Handshake(Refusal::PasswordNeeded) => plan.logouts + plan.strays > 0,
            ErrorKind::Server(code) => keys.iter().any(|key| {
                let refused = self.command(*key).map(|command| command.refused);
                let codes = INJECTED.iter().zip(refused.unwrap_or_default());
                codes.clone().any(|((with, _), was)| *with == code && was)
            }),
            ErrorKind::ReplyTooLarge { .. } => keys.iter().all(|key| key.kind == Kind::Large),
            _ => false,
        }
    }

    fn may_have_none(&mut self, error: Error, waited: bool) -> bool {
        match error.kind() {
            ErrorKind::Pool(PoolError::Busy { .. }) => !waited,
            ErrorKind::Pool(PoolError::QueueFull { .. }) => waited,
            ErrorKind::Pool(PoolError::WaitTimedOut { .. }) => self.plan.timeouts,
            ErrorKind::Pool(PoolError::Closed) => {
                self.figures.closed += 1;
                self.closed
            }
            _ => false,
        }
    }

    fn command(&mut self, key: Key) -> Option<&mut Command> {
        let commands = self.tasks.get_mut(usize::from(key.task))?;
        commands.get_mut(usize::from(key.number))
    }
}
