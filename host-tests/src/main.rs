//! The main job: workers share one fixed pool of statically allocated connections, and check every
//! reply they get.
//!
//! `cargo run --release` runs it on the built-in demo server, `-- --url redis://...` on a real one.

mod job;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use job::{Arguments, Report};

fn main() -> ExitCode {
    let plan = Arguments::parse_or_exit();
    let show_progress = io::stdout().is_terminal() && io::stderr().is_terminal();
    match job::run(plan, show_progress) {
        Ok(report) => finish(&report),
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn finish(report: &Report) -> ExitCode {
    let written = io::stdout().write_all(report.to_string().as_bytes());
    match written {
        // Who closed our output, a pager perhaps, has seen enough and gets the right exit status.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("error: cannot write the table: {error}");
            ExitCode::FAILURE
        }
        _ if report.is_success() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
