//! Processes of this machine, as `/proc` shows them.

use std::fmt::Display;
use std::fs;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;

/// Who started this process; `None` for one that is gone.
pub fn parent(pid: i32) -> Option<i32> {
    stat(pid)?.get(1)?.parse().ok()
}

/// How much CPU this process, or `thread-self`, has used so far.
///
/// # Panics
/// Where it is gone.
pub fn cpu_time(of: impl Display) -> Duration {
    let fields = stat(of).expect("a process that runs");
    let ticks = fields[11..13]
        .iter()
        .map(|ticks| ticks.parse::<u64>().expect("a number"));
    Duration::from_secs(ticks.sum()) / clock_ticks_per_second() as u32
}

/// The fields from the state on. The name before it, in parentheses, may hold blanks.
fn stat(of: impl Display) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{of}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().map(String::from).collect())
}
