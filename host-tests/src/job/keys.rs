//! What a worker knows for certain of its own keys, and so what each reply must be.
//!
//! Nobody else writes to these keys. A command that was not sent is taken back. One that may or may
//! not have been applied leaves a key of which nothing is certain, now or later (the server may
//! still have the command in a buffer): the key is given up and a new name takes its place.

use std::rc::Rc;

use respool::Command;
use respool::command::{Encode, Plain, Set, Spec, get, incr, set};
use respool::resp::{Args, Bytes, Own, Value};

/// A worker's keys: a counter, and places that are written over again and again.
pub struct Keys {
    /// `respool:<run>:<worker>:`.
    prefix: String,
    /// What every value begins with.
    signature: String,
    /// The counter first.
    cells: Vec<Cell>,
    /// Keys that were given up, as far as they are remembered: perhaps there, to be deleted.
    given_up: Vec<Rc<str>>,
    /// Numbers the keys; none is ever used again.
    names: u64,
    /// Numbers the values.
    values: u64,
    /// Where in the cycle of commands this worker is.
    turn: usize,
    /// Seconds until a key is gone by itself.
    expiry: u64,
}

/// A key, and what is known to be in it.
struct Cell {
    key: Rc<str>,
    /// The number of the value, or the count; `None` for what was not written yet.
    holds: Option<u64>,
}

/// A command that was planned, and what it must be answered.
pub struct Step {
    pub verb: Verb,
    pub expected: Value,
    key: Rc<str>,
    value: String,
    expiry: u64,
    /// The cell, and what it held before this step.
    cell: usize,
    before: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Set,
    Get,
    Incr,
}

/// What goes out for a step: a command of our own over those of the crate, so that a pipeline can
/// mix them.
pub enum Ask<'s> {
    Set(Set<&'s str, &'s str>),
    Get(Plain<(&'s str,), Option<Bytes>>),
    Incr(Plain<(&'s str,), i64>),
}

/// Places beside the counter.
const PLACES: usize = 16;

const COUNTER: usize = 0;

/// Given-up keys that are remembered at most.
const REMEMBERED: usize = 256;

impl Keys {
    pub fn new(run: &str, worker: usize, expiry: u64) -> Self {
        let mut keys = Self {
            prefix: format!("respool:{run}:{worker}:"),
            signature: format!("run {run} worker {worker} number "),
            cells: Vec::new(),
            given_up: Vec::new(),
            names: 0,
            values: 0,
            turn: 0,
            expiry,
        };
        keys.cells = (0..=PLACES).map(|_| keys.unused()).collect();
        keys
    }

    /// Plans the next command as if all before it succeed.
    pub fn next(&mut self) -> Step {
        if self.cells[COUNTER].holds.is_none() {
            // It gets its expiry here: INCR keeps it.
            return self.set(COUNTER, 0, "0".into());
        }
        let place = 1 + self.turn / 4 % PLACES;
        // The place that was written the longest time ago, as a rule on another connection.
        let oldest = 1 + place % PLACES;
        self.turn += 1;
        match (self.turn - 1) % 4 {
            0 => {
                self.values += 1;
                let value = format!("{}{}", self.signature, self.values);
                self.set(place, self.values, value)
            }
            1 if self.cells[place].holds.is_some() => self.get(place),
            2 if self.cells[oldest].holds.is_some() => self.get(oldest),
            _ => self.incr(),
        }
    }

    /// Whether the reply to `step` can be told beforehand: its key was not given up meanwhile.
    pub fn is_sure(&self, step: &Step) -> bool {
        self.cells[step.cell].key == step.key
    }

    /// `step` was never sent. Of several, the last one comes first.
    pub fn take_back(&mut self, step: &Step) {
        if self.is_sure(step) {
            self.cells[step.cell].holds = step.before;
        }
    }

    /// Nothing is certain of the key of `step` any more.
    pub fn give_up(&mut self, step: &Step) {
        if self.is_sure(step) {
            self.replace(step.cell);
        }
    }

    /// Nothing is certain of any key any more.
    pub fn give_up_all(&mut self) {
        (0..self.cells.len()).for_each(|cell| self.replace(cell));
    }

    /// Whether `got` is what a server answers that has lost the last writes: nothing, or a state
    /// that this worker had left there earlier.
    pub fn is_from_the_past(&self, step: &Step, got: &Value) -> bool {
        match (step.verb, got, &step.expected) {
            (Verb::Get, Value::Null, _) => true,
            (Verb::Get, Value::String(bytes), _) => str::from_utf8(bytes)
                .ok()
                .and_then(|text| text.strip_prefix(&self.signature)?.parse::<u64>().ok())
                .is_some_and(|number| Some(number) < step.before),
            (Verb::Incr, Value::Integer(count), Value::Integer(expected)) => {
                (1..*expected).contains(count)
            }
            _ => false,
        }
    }

    /// The keys that may be there.
    pub fn left_behind(&self) -> Vec<&str> {
        let written = self.cells.iter().filter(|cell| cell.holds.is_some());
        let keys = written.map(|cell| &cell.key).chain(&self.given_up);
        keys.map(|key| &**key).collect()
    }

    fn replace(&mut self, cell: usize) {
        let unused = self.unused();
        let old = std::mem::replace(&mut self.cells[cell], unused);
        // The rest expires.
        if self.given_up.len() < REMEMBERED {
            self.given_up.push(old.key);
        }
    }

    fn unused(&mut self) -> Cell {
        self.names += 1;
        Cell {
            key: format!("{}{}", self.prefix, self.names).into(),
            holds: None,
        }
    }

    fn set(&mut self, cell: usize, number: u64, value: String) -> Step {
        let ok = Value::String(b"OK".to_vec());
        let mut step = self.step(cell, Verb::Set, ok);
        step.value = value;
        self.cells[cell].holds = Some(number);
        step
    }

    fn get(&self, cell: usize) -> Step {
        let number = self.cells[cell].holds.unwrap_or_default();
        let value = format!("{}{number}", self.signature);
        self.step(cell, Verb::Get, Value::String(value.into_bytes()))
    }

    fn incr(&mut self) -> Step {
        let count = self.cells[COUNTER].holds.unwrap_or_default() + 1;
        let step = self.step(COUNTER, Verb::Incr, Value::Integer(count as i64));
        self.cells[COUNTER].holds = Some(count);
        step
    }

    fn step(&self, cell: usize, verb: Verb, expected: Value) -> Step {
        Step {
            verb,
            expected,
            key: self.cells[cell].key.clone(),
            value: String::new(),
            expiry: self.expiry,
            cell,
            before: self.cells[cell].holds,
        }
    }
}

impl Step {
    /// What to send.
    pub fn ask(&self) -> Ask<'_> {
        match self.verb {
            Verb::Set => Ask::Set(set(&*self.key, &*self.value).ex(self.expiry)),
            Verb::Get => Ask::Get(get(&*self.key)),
            Verb::Incr => Ask::Incr(incr(&*self.key)),
        }
    }

    /// `GET respool:...:3`.
    pub fn words(&self) -> String {
        let verb = match self.verb {
            Verb::Set => "SET",
            Verb::Get => "GET",
            Verb::Incr => "INCR",
        };
        format!("{verb} {}", self.key)
    }
}

impl Encode for Ask<'_> {
    fn spec(&self) -> &'static Spec {
        match self {
            Self::Set(command) => command.spec(),
            Self::Get(command) => command.spec(),
            Self::Incr(command) => command.spec(),
        }
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        match self {
            Self::Set(command) => command.args(args),
            Self::Get(command) => command.args(args),
            Self::Incr(command) => command.args(args),
        }
    }
}

impl Command for Ask<'_> {
    /// Whatever comes: that it is of the right type is part of what is checked.
    type Reply = Own<Value>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incr_after(keys: &mut Keys) -> Step {
        loop {
            let step = keys.next();
            if step.verb == Verb::Incr {
                return step;
            }
        }
    }

    #[test]
    fn each_get_expects_the_last_set_of_its_key_and_each_incr_the_next_count() {
        let mut keys = Keys::new("r", 3, 60);
        let mut store = std::collections::HashMap::new();
        let mut seen = [0; 3];
        for _ in 0..1000 {
            let step = keys.next();
            let key = step.key.to_string();
            let reply = match step.verb {
                Verb::Set => {
                    store.insert(key, step.value.clone());
                    Value::String(b"OK".to_vec())
                }
                Verb::Get => Value::String(store[&key].clone().into_bytes()),
                Verb::Incr => {
                    let count = store[&key].parse::<i64>().unwrap() + 1;
                    store.insert(key, count.to_string());
                    Value::Integer(count)
                }
            };
            assert_eq!(reply, step.expected);
            seen[step.verb as usize] += 1;
        }
        assert!(seen.iter().all(|count| *count > 200), "{seen:?}");
        let written = keys.left_behind().len();
        assert_eq!((written, store.len()), (PLACES + 1, PLACES + 1));
    }

    #[test]
    fn an_incr_that_was_not_sent_is_expected_again() {
        let mut keys = Keys::new("r", 0, 60);
        let first = incr_after(&mut keys);
        let second = incr_after(&mut keys);
        keys.take_back(&second);
        keys.take_back(&first);
        let again = incr_after(&mut keys);
        assert_eq!(first.expected, again.expected);
        assert_eq!(first.key, again.key);
    }

    #[test]
    fn an_uncertain_incr_is_followed_by_a_new_counter() {
        let mut keys = Keys::new("r", 0, 60);
        let uncertain = incr_after(&mut keys);
        let in_the_same_pipeline = incr_after(&mut keys);
        keys.give_up(&uncertain);
        assert!(!keys.is_sure(&in_the_same_pipeline));
        let begin = keys.next();
        assert_eq!((begin.verb, &*begin.value), (Verb::Set, "0"));
        let next = incr_after(&mut keys);
        assert_ne!(next.key, uncertain.key);
        assert_eq!(next.expected, Value::Integer(1));
    }

    #[test]
    fn only_what_this_worker_wrote_before_is_from_the_past() {
        let mut keys = Keys::new("r", 1, 60);
        let incr = (0..9).map(|_| incr_after(&mut keys)).last().unwrap();
        for (count, past) in [(0, false), (1, true), (8, true), (9, false), (10, false)] {
            assert_eq!(keys.is_from_the_past(&incr, &Value::Integer(count)), past);
        }
        let read = loop {
            let step = keys.next();
            if step.verb == Verb::Get {
                break step;
            }
        };
        let number = read.before.unwrap();
        let of = |worker: u64, number: u64| {
            Value::String(format!("run r worker {worker} number {number}").into_bytes())
        };
        assert_eq!(read.expected, of(1, number));
        assert!(keys.is_from_the_past(&read, &Value::Null));
        assert!(keys.is_from_the_past(&read, &of(1, number - 1)));
        assert!(!keys.is_from_the_past(&read, &of(1, number + 1)));
        assert!(!keys.is_from_the_past(&read, &of(2, number - 1)));
        assert!(!keys.is_from_the_past(&read, &Value::Integer(1)));
    }
}
