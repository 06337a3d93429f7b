//! `embassy-example/run`, as the README has it: what it boots, what it says is missing, and that
//! nobody stays behind where it is ended from outside.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use host_tests::process::parent;
use host_tests::qemu::{elf, script};
use host_tests::redis::RedisServer;
use respool::config::DEFAULT_PORT;
use rustix::process::{Pid, Signal, kill_process};

use crate::stream::{Stream, wait_until};

/// As it builds it, and an ELF that is there. A server is named: else it would be that of somebody,
/// where there is one.
#[test]
fn it_boots_and_prints_the_log() {
    let elf = elf().to_str().unwrap();
    for which in [&[][..], &["--elf", elf]] {
        let redis = RedisServer::start();
        let mut run = script();
        run.args(which).args(["--limit", "60"]);
        run.args(["--redis", &redis.addr().to_string()]);
        let output = run.args(["name=n", "interval=100", "entries=2"]).output();
        let output = output.unwrap();
        let log = String::from_utf8(output.stdout).unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{log}{said}");
        assert!(log.contains("INFO  telemetry: 1-2\n"), "{log}{said}");
        assert!(log.ends_with("status 0\n"), "{log}{said}");
        assert_eq!(Stream::of(&redis).0.len(), 2);
    }
}

/// And that before anything is built.
#[test]
fn it_says_what_is_missing() {
    let tools = ["bash", "dirname", "realpath", "qemu-system-arm", "cargo"];
    for (missing, help) in [
        ("qemu-system-arm", "apt-get install qemu-system-arm"),
        ("cargo", "https://rustup.rs"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        for tool in tools.into_iter().filter(|tool| *tool != missing) {
            symlink(installed(tool), folder.path().join(tool)).unwrap();
        }
        let output = script().env("PATH", folder.path()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        let start = format!("error: {missing} is not installed: {help}");
        assert!(said.starts_with(&start), "{said}");
        assert_eq!((said.lines().count(), output.stdout.len()), (1, 0));
    }
}

/// It starts QEMU, and a server where none is.
#[test]
fn a_run_that_is_terminated_leaves_nobody_behind() {
    let mut run = script();
    run.arg("--elf").arg(elf());
    run.args(["--limit", "60", "interval=100"]);
    // Nothing is written to a server of somebody's.
    let other = TcpStream::connect(("127.0.0.1", DEFAULT_PORT)).map(|_| RedisServer::start());
    let mut needed = vec!["qemu-system-arm"];
    match &other {
        Ok(other) => _ = run.arg("--redis").arg(other.addr().to_string()),
        Err(_) => needed.push("redis-server"),
    }
    let mut run = Run::of(&mut run);
    run.wait_for("telemetry: 1-1");
    run.terminate(&needed);
}

/// Cargo does not end the compilers that it started; the script does. They write to where it was
/// told, from where it was called.
#[test]
fn a_build_that_is_terminated_leaves_nobody_behind() {
    let here = tempfile::tempdir().unwrap();
    let target = here.path().join("target");
    let mut build = script();
    build.args(["--build", "qemu"]).current_dir(here.path());
    build.env("CARGO_TARGET_DIR", "target");
    let compiler = format!("--out-dir\0{}", target.display());
    Run::of(&mut build).terminate(&["cargo", &compiler]);
}

/// A process that starts others. It is told to end them where a test fails.
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
    fn terminate(self, needed: &[&str]) {
        let mut started = Vec::new();
        wait_until("all that it starts", || {
            started = below(self.pid().as_raw_nonzero().get());
            let is_there = |piece| started.iter().any(|(_, line)| line.contains(piece));
            needed.iter().all(|piece| is_there(*piece))
        });
        drop(self);
        let is_gone = |(pid, _): &(i32, String)| command_line(*pid).is_empty();
        wait_until("nobody is left", || started.iter().all(is_gone));
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.0)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It may have ended, and is still ours until it is waited for.
        let _ = kill_process(self.pid(), Signal::TERM);
        let _ = self.0.wait();
    }
}

/// All that a process has started, and what these have, with their command lines.
fn below(pid: i32) -> Vec<(i32, String)> {
    let folders = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let pids = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
    let children = pids.filter(|child| parent(*child) == Some(pid));
    let families = children.map(|child| {
        let mut family = below(child);
        family.push((child, command_line(child)));
        family
    });
    families.flatten().collect()
}

/// Empty for a process that has ended. A zero byte is behind each word.
fn command_line(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Where this program is.
fn installed(tool: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap();
    let mut places = env::split_paths(&path).map(|folder| folder.join(tool));
    places.find(|place| place.is_file()).expect(tool)
}
