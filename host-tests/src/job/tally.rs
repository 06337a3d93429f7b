//! What a worker counted.

use std::time::Duration;

use hdrhistogram::Histogram;
use respool::{Error, resp::Value};

use super::keys::{Step, Verb};

/// Wrong replies that are kept to be shown.
pub const SHOWN: usize = 5;

/// What a worker, or all together, counted.
pub struct Tally {
    /// Commands that were answered.
    pub sets: u64,
    pub gets: u64,
    pub incrs: u64,
    /// Of these, those that were answered wrongly.
    pub wrong: u64,
    /// The first of them.
    pub examples: Vec<String>,
    /// Commands that failed, by their errors.
    pub errors: Vec<(Error, u64)>,
    /// Times that a server that was started again had forgotten what it was told.
    pub forgotten: u64,
    /// Microseconds of calls (or pipelines) that were answered whole.
    pub latency: Histogram<u64>,
}

impl Tally {
    pub fn new() -> Self {
        Self {
            sets: 0,
            gets: 0,
            incrs: 0,
            wrong: 0,
            examples: Vec::new(),
            errors: Vec::new(),
            forgotten: 0,
            // Three digits are always a valid precision.
            latency: Histogram::new(3).expect("three digits"),
        }
    }

    pub fn answered(&mut self, verb: Verb) {
        match verb {
            Verb::Set => self.sets += 1,
            Verb::Get => self.gets += 1,
            Verb::Incr => self.incrs += 1,
        }
    }

    pub fn wrong(&mut self, step: &Step, got: &Value) {
        self.wrong += 1;
        if self.examples.len() < SHOWN {
            let (words, expected, got) = (step.words(), shown(&step.expected), shown(got));
            self.examples.push(format!(
                "{words}\n    expected {expected}\n    got      {got}"
            ));
        }
    }

    pub fn error(&mut self, error: Error, commands: u64) {
        match self.errors.iter_mut().find(|(known, _)| *known == error) {
            Some((_, count)) => *count += commands,
            None => self.errors.push((error, commands)),
        }
    }

    pub fn took(&mut self, time: Duration) {
        // It grows with its values; none of these is longer than a `u64` of microseconds.
        let _ = self.latency.record(time.as_micros() as u64);
    }

    /// Commands that were answered.
    pub fn operations(&self) -> u64 {
        self.sets + self.gets + self.incrs
    }

    /// Commands that failed.
    pub fn failed(&self) -> u64 {
        self.errors.iter().map(|(_, count)| count).sum()
    }

    pub fn add(&mut self, other: &Self) {
        self.sets += other.sets;
        self.gets += other.gets;
        self.incrs += other.incrs;
        self.wrong += other.wrong;
        self.forgotten += other.forgotten;
        let room = SHOWN.saturating_sub(self.examples.len());
        self.examples
            .extend(other.examples.iter().take(room).cloned());
        for (error, count) in &other.errors {
            self.error(*error, *count);
        }
        // Fails only where a value is out of range of one that cannot grow.
        let _ = self.latency.add(&other.latency);
    }
}

/// A reply on one short line.
fn shown(value: &Value) -> String {
    const MOST: usize = 120;
    let text = match value {
        Value::String(bytes) => format!("\"{}\"", bytes.escape_ascii()),
        Value::Integer(number) => number.to_string(),
        Value::Null => "nothing".into(),
        other => format!("{other:?}"),
    };
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_of_any_length_are_kept() {
        let (mut one, mut all) = (Tally::new(), Tally::new());
        one.took(Duration::from_micros(50));
        one.took(Duration::from_secs(30));
        all.took(Duration::from_millis(5));
        all.add(&one);
        assert_eq!(all.latency.len(), 3);
        let nearly = |value: u64, exact: u64| value.abs_diff(exact) <= exact / 1000;
        assert!(nearly(all.latency.value_at_quantile(0.5), 5_000));
        assert!(nearly(all.latency.max(), 30_000_000));
    }
}
