//! The table at the end.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use respool::{Reached, Stats};

use super::Plan;
use super::tally::Tally;

/// What became of the job. Its `Display` is the table.
pub struct Report {
    crew: Crew,
    workers: usize,
    used: usize,
    pipeline: usize,
    elapsed: Duration,
    connections: Connections,
}

/// What all workers did.
pub struct Crew {
    pub total: Tally,
    /// Workers that had not come back from their last call.
    pub late: usize,
    /// Workers that panicked.
    pub panicked: usize,
}

/// The pool's counters without their limit of 2^32: looked at often enough, none is lost.
#[derive(Default)]
pub struct Connections {
    last: Stats,
    opened: u64,
    closed: u64,
    reused: u64,
    retries: u64,
    timeouts: u64,
    waits: u64,
    wait_timeouts: u64,
}

impl Default for Crew {
    fn default() -> Self {
        Self {
            total: Tally::new(),
            late: 0,
            panicked: 0,
        }
    }
}

impl Connections {
    /// Counts what happened since the last time.
    pub fn follow(&mut self, now: Stats) {
        let last = &self.last;
        for (sum, now, last) in [
            (&mut self.opened, now.opened, last.opened),
            (&mut self.closed, now.closed, last.closed),
            (&mut self.reused, now.reused, last.reused),
            (&mut self.retries, now.retries, last.retries),
            (&mut self.timeouts, now.timeouts, last.timeouts),
            (&mut self.waits, now.waits, last.waits),
            (
                &mut self.wait_timeouts,
                now.wait_timeouts,
                last.wait_timeouts,
            ),
        ] {
            *sum += u64::from(now.wrapping_sub(last));
        }
        self.last = now;
    }
}

impl Report {
    pub fn new(plan: &Plan, elapsed: Duration, crew: Crew, connections: Connections) -> Self {
        Self {
            crew,
            workers: plan.workers,
            used: plan.connections,
            pipeline: plan.pipeline,
            elapsed,
            connections,
        }
    }

    /// True where nothing was wrong and something was right.
    pub fn is_success(&self) -> bool {
        let Crew {
            total, panicked, ..
        } = &self.crew;
        *panicked == 0 && total.wrong == 0 && total.operations() > 0
    }

    fn errors(&self) -> BTreeMap<(&'static str, String), u64> {
        let mut kinds = BTreeMap::new();
        for (error, count) in &self.crew.total.errors {
            let reached = match error.reached() {
                Reached::NotSent => "not sent",
                Reached::MaybeSent => "may have been applied",
                Reached::Answered => "answered",
            };
            *kinds
                .entry((reached, error.kind().to_string()))
                .or_default() += count;
        }
        kinds
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (total, connections) = (&self.crew.total, &self.connections);
        let mut row = |name: &str, text: String| writeln!(f, "{name:<13}{text}");
        let seconds = self.elapsed.as_secs_f64();
        row(
            "workers",
            format!(
                "{} on {} connections, {}, {seconds:.1} s",
                self.workers,
                self.used,
                match self.pipeline {
                    1 => "one command at a time".to_string(),
                    many => format!("pipelines of {many}"),
                },
            ),
        )?;
        row(
            "operations",
            format!(
                "{} (SET {}, GET {}, INCR {})",
                grouped(total.operations()),
                grouped(total.sets),
                grouped(total.gets),
                grouped(total.incrs),
            ),
        )?;
        let rate = total.operations() as f64 / seconds.max(f64::MIN_POSITIVE);
        row("ops/s", grouped(rate as u64))?;
        row("wrong", grouped(total.wrong))?;
        for example in &total.examples {
            row("", example.replace('\n', &format!("\n{:13}", "")))?;
        }
        row("errors", grouped(total.failed()))?;
        for ((reached, kind), count) in self.errors() {
            row("", format!("{:<8} {kind} ({reached})", grouped(count)))?;
        }
        if total.forgotten > 0 {
            let times = grouped(total.forgotten);
            row(
                "forgotten",
                format!("{times} times a worker found its keys lost by a restart of the server"),
            )?;
        }
        row(
            "waits",
            format!(
                "{} for a connection, {} of them in vain",
                grouped(connections.waits),
                grouped(connections.wait_timeouts),
            ),
        )?;
        row("latency", self.latency())?;
        row(
            "connections",
            format!(
                "{} opened, {} reused, {} closed",
                grouped(connections.opened),
                grouped(connections.reused),
                grouped(connections.closed),
            ),
        )?;
        row(
            "retries",
            format!(
                "{}, after {} timeouts",
                grouped(connections.retries),
                grouped(connections.timeouts),
            ),
        )?;
        if self.crew.late > 0 {
            let late = self.crew.late;
            row("late", format!("{late} workers still waited for an answer"))?;
        }
        if self.crew.panicked > 0 {
            row("panicked", format!("{} workers", self.crew.panicked))?;
        }
        Ok(())
    }
}

impl Report {
    fn latency(&self) -> String {
        let latency = &self.crew.total.latency;
        if latency.is_empty() {
            return "-".into();
        }
        let points = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];
        let mut text = String::new();
        for (name, quantile) in points {
            text += &format!("{name} {}  ", millis(latency.value_at_quantile(quantile)));
        }
        let of = match self.pipeline {
            1 => "call",
            _ => "pipeline",
        };
        text + &format!("max {} ms of a {of}", millis(latency.max()))
    }
}

fn millis(micros: u64) -> String {
    format!("{:.3}", micros as f64 / 1000.0)
}

/// `1 234 567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1 000"),
            (1234567, "1 234 567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn counters_are_followed_beyond_their_limit() {
        let mut connections = Connections::default();
        let mut stats = Stats::default();
        for _ in 0..5 {
            stats.reused = stats.reused.wrapping_add(u32::MAX / 2);
            connections.follow(stats);
        }
        assert_eq!(connections.reused, 5 * u64::from(u32::MAX / 2));
    }
}
