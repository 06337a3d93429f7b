//! A real `redis-server` for one test: a free loopback port, a folder of its own, gone on drop.
//!
//! ```no_run
//! use host_tests::redis::RedisServer;
//!
//! let server = RedisServer::start();
//! assert_eq!(server.cli(&["SET", "k", "v"]), "OK");
//!
//! let locked = RedisServer::builder().requirepass("secret").unixsocket().databases(4).start();
//! println!("{}", locked.url()); // redis://:secret@127.0.0.1:<port>
//! ```
//!
//! Every test starts its own: it takes some 50 ms, and nothing that one test does to its server can
//! reach another. Keep the value in the test, not in a `static`, which is never dropped. Nothing is
//! written to disk by the server but its log, so [`restart`](RedisServer::restart) forgets all data.

mod settings;
mod wire;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub use settings::{Builder, StartError};
use wire::Wire;

/// Names another server binary than the `redis-server` of the `PATH`.
pub const SERVER_VARIABLE: &str = "RESPOOL_REDIS_SERVER";

/// A running server; it and its folder are gone when this is dropped.
pub struct RedisServer {
    /// `None` after [`RedisServer::kill`].
    child: Option<Child>,
    folder: TempDir,
    port: u16,
    settings: Builder,
}

impl RedisServer {
    /// Starts a server with no password on a free loopback port.
    ///
    /// # Panics
    /// Where no server can be started. The message has the server's log, or says what to install.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Settings first, then [`Builder::start`].
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The TCP port, or 0 for a server without TCP.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The TCP address.
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// The path of the unix socket. It is there only if the builder was asked for it.
    pub fn unix_path(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// `redis://[:password@]127.0.0.1:port`, or `unix://` for a server without TCP.
    pub fn url(&self) -> String {
        let login = match &self.settings.password {
            Some(password) => format!(":{}@", percent_encoded(password)),
            None => String::new(),
        };
        match self.settings.tcp {
            true => format!("redis://{login}{}", self.addr()),
            false => format!("unix://{login}{}", self.unix_path().display()),
        }
    }

    /// The process id, or `None` while the server is killed.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// What the server has written to its log so far.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Ends the server at once (SIGKILL), as a crash or a power cut would. Data is lost.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Both fail only if the process is gone already, which is what was asked for.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Kills the server if it runs, and starts it again, empty, on the same port and socket.
    ///
    /// # Panics
    /// Where it does not come back within 10 s.
    pub fn restart(&mut self) {
        self.kill();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.launch() {
                // A client that was dialling may hold the port for a moment.
                Err(StartError::PortTaken) if Instant::now() < deadline => sleep(TICK),
                Err(error) => panic!("restart on port {}: {error}", self.port),
                Ok(()) => return,
            }
        }
    }

    /// Freezes the server (SIGSTOP): connections stay open and accept bytes, nothing answers.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Ends a [`pause`](Self::pause) (SIGCONT).
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Runs one command through `redis-cli --raw`, with the server's password if it has one, and
    /// returns what it printed, without the last newline.
    ///
    /// # Panics
    /// Where `redis-cli` is missing or cannot connect. An error reply is printed text like any other.
    pub fn cli<S: AsRef<OsStr>>(&self, args: &[S]) -> String {
        let mut command = Command::new("redis-cli");
        match self.settings.tcp {
            true => command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]),
            false => command.arg("-s").arg(self.unix_path()),
        };
        if let Some(password) = &self.settings.password {
            command.env("REDISCLI_AUTH", password);
        }
        let output = match command
            .arg("--raw")
            .args(args)
            .stdin(Stdio::null())
            .output()
        {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                panic!("redis-cli is not installed: apt-get install redis-tools")
            }
            output => output.expect("redis-cli can be run"),
        };
        assert!(
            output.status.success(),
            "redis-cli: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        if text.ends_with('\n') {
            text.pop();
        }
        text
    }

    /// Sends `bytes` on a connection of its own, and returns all that comes back until the server
    /// was silent for 200 ms or closed. For what has no known end; else take [`Self::record`] or
    /// [`Self::raw_exact`], which wait for nothing.
    ///
    /// # Panics
    /// Where the server cannot be reached.
    pub fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut wire = self.wire();
        wire.write_all(bytes).expect("the server accepts bytes");
        let mut reply = Vec::new();
        // The first byte may take longer than a pause between two.
        wire.read_timeout(PATIENCE);
        while wire.read_some(&mut reply) {
            wire.read_timeout(Duration::from_millis(200));
        }
        reply
    }

    /// Sends `bytes` and returns the first `length` bytes that come back.
    ///
    /// # Panics
    /// Where fewer come within 10 s.
    pub fn raw_exact(&self, bytes: &[u8], length: usize) -> Vec<u8> {
        let mut wire = self.wire();
        wire.write_all(bytes).expect("the server accepts bytes");
        let mut reply = vec![0; length];
        wire.read_timeout(PATIENCE);
        wire.read_exact(&mut reply)
            .expect("as many bytes as were asked for");
        reply
    }

    /// Sends `bytes`, then an ECHO of our own, and returns all that came before its reply: exactly
    /// the replies to `bytes`, however many, without waiting. `bytes` must leave the connection
    /// logged in and outside of MULTI (and of SUBSCRIBE in RESP2), where ECHO gets no plain answer.
    ///
    /// # Panics
    /// Where that reply does not come within 10 s.
    pub fn record(&self, bytes: &[u8]) -> Vec<u8> {
        const LAST: &[u8] = b"$18\r\nrespool-end-of-log\r\n";
        let mut wire = self.wire();
        let ask = [bytes, b"*2\r\n$4\r\nECHO\r\n", LAST].concat();
        // A peer that floods us while we write would block both; tests send a few kilobytes.
        wire.write_all(&ask).expect("the server accepts bytes");
        wire.read_timeout(PATIENCE);
        let mut reply = Vec::new();
        while !reply.ends_with(LAST) {
            assert!(
                wire.read_some(&mut reply),
                "the reply to ECHO did not come; instead: {}\n{}",
                reply.escape_ascii(),
                self.log()
            );
        }
        reply.truncate(reply.len() - LAST.len());
        reply
    }

    fn wire(&self) -> Wire {
        let wire = match self.settings.tcp {
            true => TcpStream::connect(self.addr()).map(Wire::Tcp),
            false => UnixStream::connect(self.unix_path()).map(Wire::Unix),
        };
        wire.unwrap_or_else(|error| panic!("the server of this test: {error}\n{}", self.log()))
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("a server that was not killed");
        kill_process(Pid::from_child(child), signal).expect("a process of our own");
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Runs the binary on `self.port` and waits until it answers.
    fn launch(&mut self) -> Result<(), StartError> {
        let binary = server_binary();
        // A fresh log: what an earlier run said must not be taken for this one's.
        let log = File::create(self.log_path())?;
        // The socket of a killed run is still there, and would be taken for a live one.
        let _ = fs::remove_file(self.unix_path());
        let mut command = Command::new(&binary);
        command
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .arg("--dir")
            .arg(self.folder.path());
        // Redis 6 has no such setting, and always allows DEBUG.
        if !version_of(&binary)?.starts_with("6.") {
            command.args(["--enable-debug-command", "yes"]);
        }
        if self.settings.unix {
            command.arg("--unixsocket").arg(self.unix_path());
        }
        if let Some(password) = &self.settings.password {
            command.args(["--requirepass", password]);
        }
        let child = command
            .args(&self.settings.args)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| StartError::cannot_run(&binary, error))?;
        self.child = Some(child);
        let ready = self.wait_until_it_answers();
        if ready.is_err() {
            self.kill();
        }
        ready
    }

    fn wait_until_it_answers(&mut self) -> Result<(), StartError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            let ended = match &mut self.child {
                Some(child) => child.try_wait()?.is_some(),
                None => true,
            };
            if ended {
                // Read again: the last words may have come between the two looks.
                let log = self.log();
                return Err(match log.contains("Address already in use") {
                    true => StartError::PortTaken,
                    false => StartError::Ended { log },
                });
            }
            // Before it says so, whatever answers on the port may be a server of somebody else.
            if log.contains("eady to accept connections") && self.answers_ping() {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(StartError::Silent { log });
            }
            sleep(TICK);
        }
    }

    /// Whether the server answers a PING. It may want a password first: that is an answer too.
    fn answers_ping(&self) -> bool {
        let wire = match self.settings.tcp {
            true => TcpStream::connect_timeout(&self.addr(), PATIENCE).map(Wire::Tcp),
            false => UnixStream::connect(self.unix_path()).map(Wire::Unix),
        };
        let Ok(mut wire) = wire else { return false };
        wire.read_timeout(PATIENCE);
        // Read up to the end: then this connection no longer counts for `maxclients`.
        let mut reply = Vec::new();
        let sent = wire.write_all(b"PING\r\nQUIT\r\n");
        while wire.read_some(&mut reply) {}
        wire.close();
        sent.is_ok()
            && [&b"+PONG"[..], b"-NOAUTH", b"-NOPERM"]
                .iter()
                .any(|ok| reply.starts_with(ok))
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The version of the server that tests are run on, such as `7.0.15`.
///
/// # Panics
/// Where there is no server; the message says what to install.
pub fn version() -> String {
    version_of(&server_binary()).unwrap_or_else(|error| panic!("{error}"))
}

/// The name of that server: `Redis` or `Valkey`.
///
/// # Panics
/// Where there is no server; the message says what to install.
pub fn product() -> String {
    let text = says_of_itself(&server_binary()).unwrap_or_else(|error| panic!("{error}"));
    text.split_whitespace().next().unwrap_or("unknown").into()
}

fn version_of(binary: &Path) -> Result<String, StartError> {
    let text = says_of_itself(binary)?;
    let version = text
        .split_whitespace()
        .find_map(|word| word.strip_prefix("v="));
    Ok(version.unwrap_or("unknown").into())
}

/// `Redis server v=7.0.15 sha=00000000:0 malloc=...`
fn says_of_itself(binary: &Path) -> Result<String, StartError> {
    let output = Command::new(binary)
        .arg("--version")
        .output()
        .map_err(|error| StartError::cannot_run(binary, error))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn server_binary() -> PathBuf {
    std::env::var_os(SERVER_VARIABLE)
        .unwrap_or_else(|| "redis-server".into())
        .into()
}

/// A loopback port that nobody listens on at this moment.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).into(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// How long a server may take for anything before that is an error. Long, for a busy machine: a
/// healthy one needs 50 ms.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often to look.
const TICK: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn is_alive(pid: u32) -> bool {
        Path::new(&format!("/proc/{pid}")).exists()
    }

    #[test]
    fn starts_answers_and_is_gone_on_drop() {
        let server = RedisServer::start();
        let pid = server.pid().unwrap();
        let folder = server.folder.path().to_owned();
        assert_eq!(server.raw_exact(b"PING\r\n", 7), b"+PONG\r\n");
        assert_eq!(server.cli(&["SET", "k", "two words"]), "OK");
        assert_eq!(server.cli(&["GET", "k"]), "two words");
        assert!(is_alive(pid) && folder.exists());
        drop(server);
        assert!(!is_alive(pid), "the process is ended and reaped");
        assert!(!folder.exists(), "its folder is removed");
    }

    #[test]
    fn is_gone_after_a_panic_too() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let server = RedisServer::start();
            sender.send(server.pid().unwrap()).unwrap();
            panic!("on purpose, as a failing test would");
        });
        assert!(thread.join().is_err());
        assert!(!is_alive(receiver.recv().unwrap()));
    }

    #[test]
    fn comes_back_empty_on_the_same_port() {
        let mut server = RedisServer::start();
        let (port, pid) = (server.port(), server.pid().unwrap());
        server.cli(&["SET", "k", "v"]);
        server.kill();
        assert!(!is_alive(pid) && server.pid().is_none());
        assert!(TcpStream::connect(server.addr()).is_err());
        server.restart();
        assert_eq!(server.port(), port);
        assert_eq!(server.raw_exact(b"GET k\r\n", 5), b"$-1\r\n");
        server.restart();
        assert_eq!(server.raw_exact(b"PING\r\n", 7), b"+PONG\r\n");
    }

    #[test]
    fn a_paused_server_answers_later() {
        let server = RedisServer::start();
        server.pause();
        let mut wire = server.wire();
        wire.write_all(b"PING\r\n").unwrap();
        wire.read_timeout(Duration::from_millis(100));
        let mut reply = Vec::new();
        assert!(
            !wire.read_some(&mut reply),
            "no answer while paused: {reply:?}"
        );
        server.resume();
        wire.read_timeout(PATIENCE);
        assert!(wire.read_some(&mut reply));
        assert_eq!(reply, b"+PONG\r\n");
    }

    #[test]
    fn a_paused_server_is_gone_on_drop() {
        let server = RedisServer::start();
        let pid = server.pid().unwrap();
        server.pause();
        drop(server);
        assert!(!is_alive(pid));
    }

    #[test]
    fn settings_reach_the_server() {
        let server = RedisServer::builder()
            .requirepass("s3cret/@")
            .unixsocket()
            .databases(4)
            .arg("--maxclients", "7")
            .user_acl("alice on >wonder ~app:* +@all")
            .start();
        assert_eq!(
            server.url(),
            format!("redis://:s3cret%2F%40@127.0.0.1:{}", server.port())
        );
        assert_eq!(server.cli(&["CONFIG", "GET", "databases"]), "databases\n4");
        assert_eq!(
            server.cli(&["CONFIG", "GET", "maxclients"]),
            "maxclients\n7"
        );
        assert!(server.raw(b"PING\r\n").starts_with(b"-NOAUTH "));
        let alice = server.raw(b"AUTH alice wonder\r\nSET app:1 x\r\nSET other x\r\n");
        assert!(
            alice.starts_with(b"+OK\r\n+OK\r\n-NOPERM "),
            "{}",
            alice.escape_ascii()
        );
        assert!(UnixStream::connect(server.unix_path()).is_ok());
    }

    #[test]
    fn lives_on_a_unix_socket_alone() {
        let mut server = RedisServer::builder().without_tcp().start();
        assert_eq!(server.port(), 0);
        assert_eq!(
            server.url(),
            format!("unix://{}", server.unix_path().display())
        );
        assert_eq!(server.cli(&["PING"]), "PONG");
        server.restart();
        assert_eq!(server.raw_exact(b"PING\r\n", 7), b"+PONG\r\n");
    }

    #[test]
    fn the_first_ping_takes_no_place_of_the_tests_clients() {
        for _ in 0..5 {
            let server = RedisServer::builder().arg("--maxclients", "1").start();
            assert_eq!(server.raw_exact(b"PING\r\n", 7), b"+PONG\r\n");
        }
    }

    #[test]
    fn records_replies_whole() {
        let server = RedisServer::start();
        assert_eq!(
            server.record(b"SET k v\r\nGET k\r\nNOPE\r\n").get(..12),
            Some(&b"+OK\r\n$1\r\nv\r\n"[..])
        );
        let mapped = server.record(b"HELLO 3\r\nDEBUG PROTOCOL map\r\n");
        assert!(mapped.starts_with(b"%7\r\n"), "{}", mapped.escape_ascii());
        assert!(
            mapped.ends_with(b"%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n"),
            "{}",
            mapped.escape_ascii()
        );
        assert_eq!(server.raw(b"ECHO hi\r\n"), b"$2\r\nhi\r\n");
    }

    #[test]
    fn a_wrong_setting_is_told_in_the_servers_own_words() {
        let error = RedisServer::builder()
            .arg("--no-such-setting", "1")
            .try_start()
            .err()
            .unwrap();
        // Each server has its own words for it.
        assert!(error.to_string().contains("no-such-setting"), "{error}");
    }

    #[test]
    fn a_taken_port_is_seen_as_one() {
        let first = RedisServer::start();
        let folder = tempfile::tempdir().unwrap();
        let settings = Builder::default();
        let mut second = RedisServer {
            child: None,
            folder,
            port: first.port(),
            settings,
        };
        assert!(matches!(second.launch(), Err(StartError::PortTaken)));
    }

    #[test]
    fn a_missing_server_says_what_to_install() {
        let error = version_of(Path::new("/nonexistent/redis-server")).unwrap_err();
        assert!(
            error.to_string().contains("apt-get install redis-server"),
            "{error}"
        );
    }
}
