//! What a server is started with, and why it may not start.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::{PATIENCE, RedisServer, SERVER_VARIABLE, free_port};

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Builder {
    pub(super) tcp: bool,
    pub(super) unix: bool,
    pub(super) password: Option<String>,
    pub(super) args: Vec<OsString>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            tcp: true,
            unix: false,
            password: None,
            args: Vec::new(),
        }
    }
}

impl Builder {
    /// The password of the user `default`.
    pub fn requirepass(mut self, password: &str) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Listens on a unix socket too, at [`RedisServer::unix_path`].
    pub fn unixsocket(mut self) -> Self {
        self.unix = true;
        self
    }

    /// Listens on the unix socket only.
    pub fn without_tcp(mut self) -> Self {
        self.tcp = false;
        self.unixsocket()
    }

    /// The number of databases; 16 unless told.
    pub fn databases(self, count: u32) -> Self {
        self.arg("--databases", &count.to_string())
    }

    /// One more user, in the words of `ACL SETUSER`: `"alice on >secret ~app:* +@all"`.
    pub fn user_acl(self, user: &str) -> Self {
        self.args(["--user"]).args(user.split_whitespace())
    }

    /// Any other setting of `redis.conf` that takes one word: `.arg("--maxclients", "2")`.
    pub fn arg(self, name: &str, value: &str) -> Self {
        self.args([name, value])
    }

    /// Words for the server's command line as they are: `.args(["--bind", "127.0.0.1", "::1"])`.
    pub fn args<S: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.args
            .extend(words.into_iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Panics
    /// Where it cannot be started. The message has the server's log, or says what to install.
    pub fn start(self) -> RedisServer {
        self.try_start().unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`Self::start`], for a caller that has something better to do than to panic.
    pub fn try_start(self) -> Result<RedisServer, StartError> {
        let folder = tempfile::Builder::new()
            .prefix("respool-redis-")
            .tempdir()?;
        let mut server = RedisServer {
            child: None,
            folder,
            port: 0,
            settings: self,
        };
        // Between our closing of a free port and the server's opening of it, others may take it.
        for _ in 0..20 {
            if server.settings.tcp {
                server.port = free_port()?;
            }
            match server.launch() {
                Err(StartError::PortTaken) => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(server),
            }
        }
        Err(StartError::PortTaken)
    }
}

/// Why a server did not start.
#[derive(Debug)]
pub enum StartError {
    /// There is no such program.
    NotInstalled {
        /// What was looked for.
        program: PathBuf,
    },
    /// Each port that was tried went to another program.
    PortTaken,
    /// The server ended by itself, most likely because of a setting that it does not know.
    Ended {
        /// What it said.
        log: String,
    },
    /// The server runs, but answered no PING in time.
    Silent {
        /// What it said.
        log: String,
    },
    /// The operating system said no.
    Io(io::Error),
}

impl StartError {
    pub(super) fn cannot_run(program: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotInstalled {
                program: program.into(),
            },
            _ => Self::Io(error),
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled { program } => write!(
                f,
                "{} is not installed: apt-get install redis-server \
                 (or name another server's binary in {SERVER_VARIABLE})",
                program.display()
            ),
            Self::PortTaken => write!(f, "no free port for redis-server: others took each one"),
            Self::Ended { log } => write!(f, "redis-server ended by itself; its log:\n{log}"),
            Self::Silent { log } => {
                write!(
                    f,
                    "redis-server answered no PING within {PATIENCE:?}; its log:\n{log}"
                )
            }
            Self::Io(error) => write!(f, "redis-server cannot be started: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
