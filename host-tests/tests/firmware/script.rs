//! `embassy-example/run`, when it is ended from outside: nothing stays behind.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use host_tests::qemu::elf;
use host_tests::redis::RedisServer;
use respool::config::DEFAULT_PORT;
use rustix::process::{Pid, Signal, kill_process};

use crate::stream::wait_until;

/// The script puts this program in its own place. It starts QEMU, and a server where none is.
#[test]
fn a_run_that_is_terminated_leaves_nobody_behind() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_firmware"));
    program.arg(elf()).arg("interval=100");
    // Nothing is written to a server of somebody's.
    let other = TcpStream::connect(("127.0.0.1", DEFAULT_PORT)).map(|_| RedisServer::start());
    let mut needed = vec!["qemu-system-arm"];
    match &other {
        Ok(other) => _ = program.arg("--redis").arg(other.addr().to_string()),
        Err(_) => needed.push("redis-server"),
    }
    let mut run = Run::of(&mut program);
    run.wait_for("telemetry: 1-1");
    run.terminate(&needed);
}

/// Cargo does not end the compilers that it started; the script does.
#[test]
fn a_build_that_is_terminated_leaves_nobody_behind() {
    let target = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../embassy-example/run");
    let mut build = Command::new(script);
    build.args(["--build", "qemu"]);
    build.env("CARGO_TARGET_DIR", target.path());
    Run::of(&mut build).terminate(&["cargo", "--out-dir"]);
}

/// A process that starts others.
struct Run(Child);

impl Run {
    fn of(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stderr(Stdio::null());
        Self(command.stdout(Stdio::piped()).spawn().unwrap())
    }

    fn wait_for(&mut self, text: &str) {
        let said = BufReader::new(self.0.stdout.as_mut().unwrap());
        let mut lines = said.lines().map_while(Result::ok);
        assert!(
            lines.any(|line| line.contains(text)),
            "it ends before {text}"
        );
    }

    /// Asserts that all processes end with this one, once it has started those that are needed: a
    /// piece of the command line of each.
    fn terminate(mut self, needed: &[&str]) {
        let pid = Pid::from_child(&self.0);
        let mut started = Vec::new();
        wait_until("all that it starts", || {
            started = below(pid.as_raw_nonzero().get());
            let is_there = |piece| started.iter().any(|(_, line)| line.contains(piece));
            needed.iter().all(|piece| is_there(*piece))
        });
        kill_process(pid, Signal::TERM).unwrap();
        self.0.wait().unwrap();
        let is_gone = |(pid, _): &(i32, String)| command_line(*pid).is_empty();
        wait_until("nobody is left", || started.iter().all(is_gone));
    }
}

/// All that a process has started, and what these have, with their command lines.
fn below(parent: i32) -> Vec<(i32, String)> {
    let folders = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let pids = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
    let children = pids.filter(|pid| parent_of(*pid) == Some(parent));
    let families = children.map(|pid| {
        let mut family = below(pid);
        family.push((pid, command_line(pid)));
        family
    });
    families.flatten().collect()
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold blanks; the state and the parent come after it.
    stat.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

/// Empty for a process that has ended.
fn command_line(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
