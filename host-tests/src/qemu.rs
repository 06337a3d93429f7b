//! The firmware of `embassy-example` in QEMU: its settings, its log, its end.
//!
//! ```no_run
//! use host_tests::qemu::{Qemu, elf};
//! use host_tests::redis::RedisServer;
//!
//! let redis = RedisServer::start();
//! let ended = Qemu::new(elf()).set("mode", "ping").redis(redis.port()).start().unwrap().wait();
//! ended.expect(0);
//! assert!(ended.says("PONG"));
//! ```
//!
//! The host's loopback is 10.0.2.2 for the firmware, and each QEMU has a network of its own: as many
//! as there are cores can run at once. The firmware logs by `defmt`, whose texts are not in the chip
//! but in the ELF: they are put together here.

use std::fmt;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use defmt_decoder::{DecodeError, Frame, Table};
use tempfile::TempDir;

use crate::cross::of_its_own;
use crate::process::cpu_time;

/// How long a firmware may run unless told.
const LIMIT: Duration = Duration::from_secs(60);
/// How often is looked whether something happened.
const TICK: Duration = Duration::from_millis(5);

/// The ELF for QEMU, built when it is first asked for, by what the machine has.
///
/// # Panics
/// Where it cannot be built. The message is what the build said, or what to install.
pub fn elf() -> &'static Path {
    static ELF: OnceLock<PathBuf> = OnceLock::new();
    ELF.get_or_init(|| {
        let output = script().args(["--build", "qemu"]).output();
        let output = output.expect("embassy-example/run can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "the firmware cannot be built\n{said}"
        );
        PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
    })
}

/// `embassy-example/run`, at the top of the repository: where `cargo test` is called, a relative
/// `CARGO_TARGET_DIR` is meant from there.
pub fn script() -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut script = Command::new(root.join("embassy-example/run"));
    of_its_own(&mut script)
        .current_dir(root)
        .stdin(Stdio::null());
    script
}

/// What QEMU is started with.
pub struct Qemu {
    elf: PathBuf,
    words: Vec<String>,
    options: Vec<String>,
    limit: Duration,
    stop: Arc<AtomicBool>,
    shown: bool,
}

impl Qemu {
    /// The firmware in this ELF.
    pub fn new(elf: impl Into<PathBuf>) -> Self {
        Self {
            elf: elf.into(),
            words: Vec::new(),
            options: Vec::new(),
            limit: LIMIT,
            stop: Arc::default(),
            shown: false,
        }
    }

    /// One setting of the firmware, in place of an earlier one of this key.
    pub fn set(mut self, key: &str, value: impl fmt::Display) -> Self {
        let start = format!("{key}=");
        self.words.retain(|word| !word.starts_with(&start));
        self.word(format!("{start}{value}"))
    }

    /// One more in one word, `key=value`. The first one of a key counts.
    pub fn word(mut self, word: impl Into<String>) -> Self {
        // QEMU splits its options at commas; two of them are one that stays.
        self.words.push(word.into().replace(',', ",,"));
        self
    }

    /// The setting `redis`: a server on this port of the host's loopback.
    pub fn redis(self, port: u16) -> Self {
        self.set("redis", format_args!("10.0.2.2:{port}"))
    }

    /// Options of QEMU itself, as they are: `.options(["-icount", "shift=5"])`.
    pub fn options<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.options.extend(words.into_iter().map(String::from));
        self
    }

    /// How long the firmware may run; 60 s unless told. After that it hangs, and is ended.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Ends the firmware when this becomes `true`, as if its time were over.
    pub fn until(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = stop;
        self
    }

    /// Prints the log while it comes, for a person.
    pub fn shown(mut self) -> Self {
        self.shown = true;
        self
    }

    /// Boots the firmware.
    pub fn start(self) -> Result<Running, StartError> {
        let image = fs::read(&self.elf)?;
        let table = Table::parse(&image).map_err(|why| StartError::Elf(why.to_string()))?;
        let table = table.ok_or_else(|| StartError::Elf("it has no defmt log".into()))?;

        let folder = tempfile::Builder::new().prefix("respool-qemu-").tempdir()?;
        let mut semihosting = "enable=on,target=native".to_string();
        for word in &self.words {
            semihosting += &format!(",arg={word}");
        }
        let mut command = Command::new("qemu-system-arm");
        command
            .args(["-M", "mps2-an385", "-display", "none", "-monitor", "none"])
            .args(["-serial", "none", "-nic", "user,id=net,model=lan9118"])
            .args(["-semihosting-config", &semihosting])
            .arg("-qmp")
            .arg(format!(
                "unix:{},server=on,wait=off",
                socket(&folder).display()
            ))
            .args(&self.options)
            .arg("-kernel")
            .arg(&self.elf)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(StartError::cannot_run)?;

        let log = Arc::new(Mutex::new(Vec::new()));
        let stdout = child.stdout.take().expect("it is piped");
        let mut stderr = child.stderr.take().expect("it is piped");
        let decoder = thread::spawn({
            let (log, shown) = (log.clone(), self.shown);
            move || decode(stdout, &table, shown, &log)
        });
        let listener = thread::spawn(move || {
            let mut said = Vec::new();
            // A pipe that breaks ends here, and the process with it.
            let _ = stderr.read_to_end(&mut said);
            String::from_utf8_lossy(&said).into_owned()
        });
        Ok(Running {
            child,
            folder,
            log,
            threads: Some((decoder, listener)),
            deadline: Instant::now() + self.limit,
            stop: self.stop,
        })
    }
}

/// Why QEMU did not start.
#[derive(Debug)]
pub enum StartError {
    /// There is no such program.
    NotInstalled,
    /// The file is not the firmware.
    Elf(String),
    /// The operating system said no.
    Io(io::Error),
}

impl StartError {
    fn cannot_run(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotInstalled,
            _ => Self::Io(error),
        }
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled => {
                f.write_str("qemu-system-arm is not installed: apt-get install qemu-system-arm")
            }
            Self::Elf(why) => write!(f, "the ELF of the firmware cannot be read: {why}"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}

/// A firmware that runs; it is gone when this is dropped.
pub struct Running {
    child: Child,
    folder: TempDir,
    log: Arc<Mutex<Vec<Line>>>,
    /// `None` once they have ended.
    threads: Option<(JoinHandle<()>, JoinHandle<String>)>,
    deadline: Instant,
    stop: Arc<AtomicBool>,
}

impl Running {
    /// The process of QEMU.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How much of the host's CPU QEMU has used so far.
    pub fn cpu_time(&self) -> Duration {
        cpu_time(self.pid())
    }

    /// What the firmware has logged so far.
    pub fn log(&self) -> Vec<Line> {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the firmware has logged this.
    ///
    /// # Panics
    /// Where it does not within `patience`.
    pub fn wait_for(&self, text: &str, patience: Duration) -> Line {
        let deadline = Instant::now() + patience;
        loop {
            let log = self.log();
            if let Some(line) = log.iter().find(|line| line.text.contains(text)) {
                return line.clone();
            }
            assert!(
                Instant::now() < deadline,
                "no `{text}` in {patience:?}\n{}",
                Shown(&log)
            );
            sleep(TICK);
        }
    }

    /// Plugs the network cable in, or pulls it.
    ///
    /// # Panics
    /// Where QEMU does not answer.
    pub fn set_link(&self, up: bool) {
        self.monitor(&format!(
            r#"{{"execute":"set_link","arguments":{{"name":"net","up":{up}}}}}"#
        ));
    }

    /// Runs one command of QEMU's monitor protocol.
    fn monitor(&self, command: &str) {
        let wire = UnixStream::connect(socket(&self.folder)).expect("QEMU's monitor listens");
        wire.set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let mut lines = BufReader::new(&wire).lines();
        let mut next = || lines.next().expect("QEMU's monitor answers").unwrap();
        assert!(next().contains("QMP"), "a greeting");
        for command in [r#"{"execute":"qmp_capabilities"}"#, command] {
            (&wire).write_all(command.as_bytes()).unwrap();
            // Events come between, as they like.
            let answer = loop {
                let line = next();
                if !line.contains("\"event\"") {
                    break line;
                }
            };
            assert!(answer.contains("\"return\""), "{command}: {answer}");
        }
        let _ = wire.shutdown(Shutdown::Both);
    }

    /// Ends QEMU at once, as a power cut would, and returns what was logged.
    pub fn kill(mut self) -> Ended {
        let _ = self.child.kill();
        self.wait()
    }

    /// Waits until the firmware ends by itself, or its time is over.
    pub fn wait(mut self) -> Ended {
        let status = loop {
            match self.child.try_wait().expect("a child can be waited for") {
                Some(status) => break Some(status),
                None if Instant::now() >= self.deadline || self.stop.load(Ordering::SeqCst) => {
                    break None;
                }
                None => sleep(TICK),
            }
        };
        let hung = status.is_none();
        if hung {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let (decoder, listener) = self.threads.take().expect("only this takes them");
        decoder.join().expect("the log is decoded");
        let stderr = listener.join().expect("stderr is read");
        Ended {
            hung,
            status: status.as_ref().and_then(ExitStatus::code),
            log: self.log(),
            stderr,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A firmware that ran.
#[derive(Debug)]
pub struct Ended {
    /// Its time was over before it ended.
    pub hung: bool,
    /// What it ended with; `None` for one that was killed.
    pub status: Option<i32>,
    /// What it logged.
    pub log: Vec<Line>,
    /// What QEMU itself said.
    pub stderr: String,
}

impl Ended {
    /// Asserts that it ended by itself with this status, and lost no frame on the way.
    ///
    /// # Panics
    /// Otherwise, with its log.
    pub fn expect(&self, status: i32) {
        let log = Shown(&self.log);
        assert!(!self.hung, "it hangs\n{log}{}", self.stderr);
        assert_eq!(self.status, Some(status), "status\n{log}{}", self.stderr);
        self.expect_no_loss();
    }

    /// Asserts that its network chip took all frames that QEMU had for it.
    ///
    /// # Panics
    /// Otherwise, with its log.
    pub fn expect_no_loss(&self) {
        let lost = self.stderr.contains("Slirp: Failed");
        assert!(
            !lost,
            "frames were lost\n{}{}",
            Shown(&self.log),
            self.stderr
        );
    }

    /// Whether a line of its log has this text.
    pub fn says(&self, text: &str) -> bool {
        self.log.iter().any(|line| line.text.contains(text))
    }
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Seconds since the start, as text.
    pub at: String,
    /// `error`, `warn`, `info`, `debug`, `trace`, or nothing for a `println`.
    pub level: &'static str,
    /// The text.
    pub text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>12} {:5} {}",
            self.at,
            self.level.to_uppercase(),
            self.text
        )
    }
}

impl From<Frame<'_>> for Line {
    fn from(frame: Frame<'_>) -> Self {
        Self {
            at: frame
                .display_timestamp()
                .map(|at| at.to_string())
                .unwrap_or_default(),
            level: frame
                .level()
                .map(|level| level.as_str())
                .unwrap_or_default(),
            text: frame.display_message().to_string(),
        }
    }
}

/// Puts the log together until QEMU ends.
fn decode(mut from: ChildStdout, table: &Table, shown: bool, log: &Mutex<Vec<Line>>) {
    let mut stream = table.new_stream_decoder();
    let mut bytes = [0; 4096];
    // A pipe that breaks ends here, and the process with it.
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        stream.received(&bytes[..count]);
        loop {
            let line = match stream.decode() {
                Ok(frame) => Line::from(frame),
                Err(DecodeError::UnexpectedEof) => break,
                Err(DecodeError::Malformed) => Line {
                    at: String::new(),
                    level: "error",
                    text: "(not of the log)".into(),
                },
            };
            if shown {
                println!("{line}");
            }
            log.lock().unwrap().push(line);
        }
    }
}

/// Where QEMU's monitor listens.
fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("qmp.sock")
}

/// A log, one line each.
struct Shown<'a>(&'a [Line]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
