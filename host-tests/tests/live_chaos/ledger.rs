//! What one worker asked for, what it was told, and whether that is true.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use fastrand::Rng;
use host_tests::redis::RedisServer;
use respool::error::{Code, Io, PoolError, Refusal};
use respool::{Error, ErrorKind, Reached};

/// One thing to ask for. The numbers count the worker's keys and entries of that kind.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    /// `SET` a key that was never written before.
    Set(usize),
    /// `GET` a key of its own.
    Get(usize),
    /// `INCR` the worker's counter.
    Count,
    /// `APPEND` an entry to the worker's log.
    Append(usize),
    /// `RPUSH` an entry to the worker's list, untyped: the session is put in order afterwards.
    Push(usize),
    /// `INCR` and `ECHO` in one exchange.
    Both,
    /// Three `GET`s in a pipeline that is left after the first reply.
    Glance(usize),
}

/// What a worker was told.
#[derive(Debug)]
pub enum Said {
    Done,
    Value(Option<String>),
    Number(i64),
    Both(i64, String),
}

/// How often a write has been applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Applied {
    Never,
    Maybe,
    Once,
}

pub struct Ledger {
    pub who: u64,
    pub dice: Rng,
    sets: Vec<Applied>,
    appended: Vec<Applied>,
    pushed: Vec<Applied>,
    counted: Vec<Applied>,
    pub report: Report,
    /// How long after the last restart the first call succeeded.
    pub recovered: Option<Duration>,
}

/// What came of it all.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub told: u64,
    pub dropped: u64,
    /// By kind, and how far the command got.
    pub errors: BTreeMap<String, u64>,
    /// Writes that were left in doubt, and how many of them the server has.
    pub in_doubt: u64,
    pub in_doubt_applied: u64,
    /// What must not be, each in a sentence.
    pub wrong: Vec<String>,
}

/// Bytes of an entry of the log: `03:00000017;`.
const ENTRY: usize = 12;
/// The counters of two workers are so far apart that no reply can be mistaken for another's.
const APART: u64 = 1_000_000_000;

impl Ledger {
    pub fn new(who: u64, seed: u64) -> Self {
        Self {
            who,
            dice: Rng::with_seed(seed ^ (who << 32)),
            sets: Vec::new(),
            appended: Vec::new(),
            pushed: Vec::new(),
            counted: Vec::new(),
            report: Report::default(),
            recovered: None,
        }
    }

    /// What its counter begins with.
    pub fn base(&self) -> u64 {
        self.who * APART
    }

    pub fn value(&self, n: usize) -> String {
        format!("w{}:{n}", self.who)
    }

    pub fn entry(&self, n: usize) -> String {
        format!("{:02}:{n:08};", self.who)
    }

    pub fn next(&mut self) -> Op {
        let written = self.sets.len();
        match self.dice.u8(0..8) {
            1 if written > 0 => Op::Get(self.dice.usize(0..written)),
            // The one that was written last: there a wrong reply is nearest.
            2 if written > 0 => Op::Get(written - 1),
            3 => Op::Count,
            4 => Op::Append(self.appended.len()),
            5 => Op::Push(self.pushed.len()),
            6 => Op::Both,
            7 if written > 0 => Op::Glance(self.dice.usize(0..written)),
            _ => Op::Set(written),
        }
    }

    /// Notes what came of `op`; `None` where the call was dropped.
    pub fn note(&mut self, op: Op, said: Option<Result<Said, Error>>, revived: Option<Instant>) {
        let applied = match &said {
            None => Applied::Maybe,
            Some(Ok(_)) => Applied::Once,
            Some(Err(error)) => match error.reached() {
                Reached::NotSent => Applied::Never,
                Reached::MaybeSent => Applied::Maybe,
                // The server answered that it did not run it: any other answer is unexpected.
                Reached::Answered => Applied::Never,
            },
        };
        match said {
            None => self.report.dropped += 1,
            Some(Ok(said)) => {
                self.report.told += 1;
                self.recovered = self.recovered.or(revived.map(|at| at.elapsed()));
                if !self.agrees(op, &said) {
                    self.wrong(format!("{op:?} was answered with {said:?}"));
                }
            }
            Some(Err(error)) => {
                let kind = format!("{:?}, {:?}", error.kind(), error.reached());
                *self.report.errors.entry(kind).or_default() += 1;
                if !is_expected(error) {
                    self.wrong(format!("{op:?} failed with {error:?}"));
                }
            }
        }
        match op {
            Op::Set(_) => self.sets.push(applied),
            Op::Append(_) => self.appended.push(applied),
            Op::Push(_) => self.pushed.push(applied),
            Op::Count | Op::Both => self.counted.push(applied),
            Op::Get(_) | Op::Glance(_) => {}
        }
    }

    fn agrees(&self, op: Op, said: &Said) -> bool {
        match (op, said) {
            (Op::Set(_), Said::Done) => true,
            (Op::Get(n) | Op::Glance(n), Said::Value(value)) => match (self.sets[n], value) {
                (Applied::Never | Applied::Maybe, None) => true,
                (Applied::Maybe | Applied::Once, Some(value)) => *value == self.value(n),
                _ => false,
            },
            (Op::Count, Said::Number(count)) => is_next(*count - self.base() as i64, &self.counted),
            (Op::Both, Said::Both(count, echo)) => {
                is_next(*count - self.base() as i64, &self.counted) && *echo == self.value(0)
            }
            (Op::Append(_), Said::Number(length)) => {
                length % ENTRY as i64 == 0 && is_next(length / ENTRY as i64, &self.appended)
            }
            (Op::Push(_), Said::Number(length)) => is_next(*length, &self.pushed),
            _ => false,
        }
    }

    /// Compares all of it with what the server has, and returns how many keys of it are there.
    pub fn compare(&mut self, server: &RedisServer) -> u64 {
        let who = self.who;
        let mut keys = 1;
        let count: u64 = server.cli(&["GET", &format!("c:{who}")]).parse().unwrap();
        let (least, most) = bounds(&self.counted);
        if !(least..=most).contains(&(count - self.base())) {
            self.wrong(format!("counted {count} for {least} to {most}"));
        }
        self.report.in_doubt += most - least;
        self.report.in_doubt_applied += (count - self.base()).saturating_sub(least);

        let log = server.cli(&["GET", &format!("a:{who}")]);
        let log = log.split_inclusive(';').map(String::from).collect();
        keys += self.compare_entries("log", log, |ledger| &ledger.appended);
        let list = server.cli(&["LRANGE", &format!("l:{who}"), "0", "-1"]);
        let list = list.lines().map(String::from).collect();
        keys += self.compare_entries("list", list, |ledger| &ledger.pushed);

        for first in (0..self.sets.len()).step_by(1000) {
            let some = first..self.sets.len().min(first + 1000);
            let names = some.clone().map(|n| format!("k:{who}:{n}"));
            let words: Vec<String> = ["MGET".into()].into_iter().chain(names).collect();
            let text = server.cli(&words);
            // One line a key, and an empty one for none.
            let values: Vec<_> = text.split('\n').collect();
            assert_eq!(values.len(), some.len());
            for (n, value) in some.zip(values) {
                let right = value == self.value(n);
                let found = (right || value.is_empty()).then_some(u64::from(right));
                keys += u64::from(!value.is_empty());
                self.settle("key", n, self.sets[n], found.unwrap_or(2));
            }
        }
        keys
    }

    /// Compares what is in a log or list; returns 1 where there is one.
    fn compare_entries(
        &mut self,
        what: &str,
        entries: Vec<String>,
        writes: fn(&Self) -> &Vec<Applied>,
    ) -> u64 {
        let mut found: HashMap<String, u64> = HashMap::new();
        for entry in entries.iter().filter(|entry| !entry.is_empty()) {
            *found.entry(entry.clone()).or_default() += 1;
        }
        let there = u64::from(!found.is_empty());
        for n in 0..writes(self).len() {
            let times = found.remove(&self.entry(n)).unwrap_or(0);
            self.settle(what, n, writes(self)[n], times);
        }
        if !found.is_empty() {
            self.wrong(format!("the {what} has what nobody wrote: {found:?}"));
        }
        there
    }

    /// A write that was found so often.
    fn settle(&mut self, what: &str, n: usize, applied: Applied, times: u64) {
        let right = match applied {
            Applied::Never => times == 0,
            Applied::Once => times == 1,
            Applied::Maybe => times <= 1,
        };
        if !right {
            self.wrong(format!("{what} {n}: {applied:?}, but found {times} times"));
        }
        if applied == Applied::Maybe {
            self.report.in_doubt += 1;
            self.report.in_doubt_applied += times;
        }
    }

    fn wrong(&mut self, what: String) {
        self.report
            .wrong
            .push(format!("worker {}: {what}", self.who));
    }
}

impl Report {
    pub fn add(&mut self, other: &Self) {
        self.told += other.told;
        self.dropped += other.dropped;
        self.in_doubt += other.in_doubt;
        self.in_doubt_applied += other.in_doubt_applied;
        for (kind, count) in &other.errors {
            *self.errors.entry(kind.clone()).or_default() += count;
        }
        self.wrong.extend_from_slice(&other.wrong);
    }

    /// How many errors of kinds that begin so there were.
    pub fn errors_of(&self, kind: &str) -> u64 {
        let of_kind = self
            .errors
            .iter()
            .filter(|(name, _)| name.starts_with(kind));
        of_kind.map(|(_, count)| count).sum()
    }
}

/// The least and the most that can have been applied.
fn bounds(writes: &[Applied]) -> (u64, u64) {
    let of = |applied| writes.iter().filter(|write| **write == applied).count() as u64;
    (of(Applied::Once), of(Applied::Once) + of(Applied::Maybe))
}

/// Whether a write that succeeded can have made it so many.
fn is_next(count: i64, before: &[Applied]) -> bool {
    let (least, most) = bounds(before);
    (least as i64 + 1..=most as i64 + 1).contains(&count)
}

/// What a caller may be told while the server and the network come and go.
fn is_expected(error: Error) -> bool {
    let unsent = error.reached() == Reached::NotSent;
    // Where a read that got lost was to be tried again, the error is about both tries.
    let unanswered = error.reached() != Reached::Answered;
    match error.kind() {
        ErrorKind::Connect(io) | ErrorKind::Transport(io) => unanswered && is_break(io),
        ErrorKind::TimedOut => unanswered,
        // It reads its data, as it was before the kill.
        ErrorKind::Handshake(Refusal::Other(Code::Loading)) => unanswered,
        ErrorKind::Server(Code::Loading) => error.reached() == Reached::Answered,
        ErrorKind::Pool(PoolError::WaitTimedOut { .. }) => unsent,
        _ => false,
    }
}

fn is_break(io: Io) -> bool {
    matches!(io, Io::Closed | Io::Reset | Io::NotConnected | Io::TimedOut)
}
