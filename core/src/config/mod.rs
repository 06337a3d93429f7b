//! Settings: where the server is, who logs in, how long anything may take, and how much the peer
//! may make us take.
//!
//! A [`Config`] is plain data: `Copy`, borrowed from the program's constants or from a URL. Nothing
//! here reads a clock, opens anything or allocates.

mod limits;
mod password;
mod retry;
mod url;
mod url_error;

use core::fmt;
use core::time::Duration;

pub use limits::{Limits, SkipBudget};
pub use password::{Password, PasswordSource};
pub use retry::{Backoff, Retry};
pub use url_error::{UrlError, UrlFault, UrlPart};

/// The port of Redis and Valkey where none is given.
pub const DEFAULT_PORT: u16 = 6379;

/// All settings of a connection and of the pool it stands in.
///
/// Made by [`Config::new`] and the methods named like the fields, in a `const` if you like, or from
/// a URL by [`Config::from_url`]. Printing it shows address and user, never the password.
///
/// ```
/// use core::time::Duration;
/// use respool::config::Config;
///
/// const CONFIG: Config<'static> = Config::new()
///     .host("redis.lan")
///     .username("node-7")
///     .password("correct horse")
///     .db(1)
///     .client_name("node-7")
///     .call_timeout(Duration::from_secs(2));
/// assert_eq!(CONFIG.db, 1);
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Config<'c> {
    /// Where the server is: `localhost:6379`. A link that was told its address itself does not
    /// look here.
    pub address: Address<'c>,
    /// The database that every connection starts in: 0. A cluster has only database 0.
    pub db: u32,
    /// The ACL user: none, and then a password is that of the user `default`. Without a password
    /// it is not used.
    pub username: Option<&'c str>,
    /// The password, or the function that gives it: none.
    pub password: Option<Password<'c>>,
    /// The name in `CLIENT LIST`: none. The server takes no spaces in it; a name that it refuses
    /// is left out.
    pub client_name: Option<&'c str>,
    /// The protocol to ask for: RESP3.
    pub protocol: Protocol,
    /// How long opening a connection may take, the transport and the login together: 5 s. So long
    /// may it also take to find out whether one that lay idle is still of use.
    pub connect_timeout: Option<Duration>,
    /// How long one try of a call may take on an open connection, from its first byte out to its
    /// last byte in, however often the peer gives a byte: 5 s. Of a pipeline, each reply. A blocking
    /// command (`BLPOP`, `XREAD BLOCK`, `WAIT`) has its own timeout on top, and one that blocks for
    /// ever has no deadline. A single call can have [another](crate::Request::timeout).
    pub call_timeout: Option<Duration>,
    /// How long a task waits for a connection of the pool: 5 s.
    pub pool_timeout: Option<Duration>,
    /// TCP keepalive, where the transport has it: 30 s, 5 s, 3 probes.
    pub keepalive: Option<Keepalive>,
    /// Which calls are tried again: those that cannot be applied twice by it.
    pub retry: Retry,
    /// Whether a call that ran into its timeout after it may have been sent is tried again, as in
    /// redis-py: false.
    ///
    /// The server may have run the first one and only answered late, so that **a write may be
    /// applied twice**: an `INCR` counts two, an `LPUSH` pushes two. Turn it on only where every
    /// command may run twice.
    pub retry_on_timeout: bool,
    /// How often a call is tried again at most, attempts to open a connection counted: 3 times.
    pub retries: u8,
    /// No try begins later than this after the call got its connection: 10 s.
    ///
    /// So a call takes `pool_timeout`, `retry_for`, `connect_timeout` and `call_timeout` together
    /// at the most. Where it gets a connection that an earlier call left in disorder, and that turns
    /// out to be of no more use, the time of the [`skip_budget`](Self::skip_budget) and another
    /// `connect_timeout` come on top.
    pub retry_for: Duration,
    /// The pauses between attempts to open a connection: from 100 ms to 10 s, random, and shared
    /// by all connections of a pool. A call whose `retry_for` ends sooner makes no attempt
    /// ([`Io::TooSoon`](crate::error::Io::TooSoon)).
    pub backoff: Backoff,
    /// What makes the pauses differ from those of other machines: 0. Give each device a number of
    /// its own (a serial number, a word of its random generator), or all of them come back at once
    /// after an outage.
    pub seed: u32,
    /// A connection that was not used for so long is asked (`PING`) whether it is alive before it
    /// is used again: 30 s. It costs a round trip then, and nothing before.
    pub health_check_interval: Option<Duration>,
    /// A connection of a pool that was idle for so long, less up to a tenth of it at random, is
    /// opened anew before it is used again: no limit. Less than the server's `timeout` and what a
    /// firewall on the way forgets is useful.
    pub max_idle: Option<Duration>,
    /// A connection of a pool that is open for so long, less up to a tenth of it at random, is
    /// opened anew before it is used again: no limit.
    pub max_lifetime: Option<Duration>,
    /// How much of a reply is taken from the peer before it is refused.
    pub limits: Limits,
    /// How much is skipped to keep a connection before it is closed instead.
    pub skip_budget: SkipBudget,
}

/// Where the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Address<'c> {
    /// A host over TCP.
    Tcp {
        /// A name, an IPv4 address, or an IPv6 address without brackets.
        host: &'c str,
        /// The port, not 0.
        port: u16,
    },
    /// The path of a unix socket.
    Unix(&'c str),
}

/// The protocol that a login asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Protocol {
    /// RESP2, without `HELLO`: servers of any age.
    Resp2,
    /// RESP3 by `HELLO 3`, and RESP2 where the server does not know that.
    #[default]
    Resp3,
}

/// When TCP finds out that a silent peer is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Keepalive {
    /// Silence before the first probe. Whole seconds on most systems.
    pub idle: Duration,
    /// Time between probes. Whole seconds on most systems.
    pub interval: Duration,
    /// Unanswered probes after which the connection is dead.
    pub count: u32,
}

impl<'c> Config<'c> {
    /// The defaults: `localhost:6379`, database 0, no login, RESP3, and 5 s for each wait.
    pub const fn new() -> Self {
        const PATIENCE: Option<Duration> = Some(Duration::from_secs(5));
        Self {
            address: Address::DEFAULT,
            db: 0,
            username: None,
            password: None,
            client_name: None,
            protocol: Protocol::Resp3,
            connect_timeout: PATIENCE,
            call_timeout: PATIENCE,
            pool_timeout: PATIENCE,
            keepalive: Some(Keepalive::DEFAULT),
            retry: Retry::WhenSafe,
            retry_on_timeout: false,
            retries: 3,
            retry_for: Duration::from_secs(10),
            backoff: Backoff::DEFAULT,
            seed: 0,
            health_check_interval: Some(Duration::from_secs(30)),
            max_idle: None,
            max_lifetime: None,
            limits: Limits::DEFAULT,
            skip_budget: SkipBudget::DEFAULT,
        }
    }

    /// The settings in a URL.
    ///
    /// ```text
    /// redis://[[user]:password@][host][:port][/db][?parameter=value&...]
    /// unix://[[user]:password@]/path/to.sock[?parameter=value&...]
    /// ```
    ///
    /// `valkey://` is the same as `redis://`. An IPv6 address stands in brackets. `rediss://` is
    /// refused: TLS is not there yet.
    ///
    /// | parameter | value |
    /// |---|---|
    /// | `db` | as in the path; both may stand there if they agree |
    /// | `client_name` | text |
    /// | `protocol` | `2` or `3` |
    /// | `connect_timeout`, `call_timeout`, `pool_timeout` | a duration |
    /// | `keepalive` | the idle time, at least 1 s, or `off` |
    /// | `retry` | `never`, `unsent`, `safe` or `always`, the [`Retry`] |
    /// | `retry_on_timeout` | `true`, `yes`, `1`, `false`, `no`, `0` |
    /// | `retries` | a number |
    /// | `health_check_interval`, `max_idle`, `max_lifetime` | a duration |
    /// | `depth`, `bulk`, `elements` | the [`Limits`] of these names |
    ///
    /// A duration is `2s`, `500ms`, `1m`, plain seconds (`5`, `0.5`), or `none` or `off` for no
    /// timeout. A parameter that is unknown or given twice is an error.
    ///
    /// Reserved characters are written as `%` and two hexadecimal digits. What has none is borrowed
    /// from `url`, the rest is decoded into `scratch`: it may be empty where nothing is escaped, and
    /// `url.len()` bytes always suffice. All but the password has to be UTF-8 after decoding. The
    /// user ends at the first `:` and the password at the last `@` before the host, so a password
    /// may hold `:` and `@`. An unescaped `#`, or an `@` after the host, is refused: it is nearly
    /// always a piece of a password that had to be escaped.
    ///
    /// ```
    /// use respool::config::{Address, Config};
    ///
    /// let mut scratch = [0; 32];
    /// let config = Config::from_url("redis://app:se%23ret@10.0.0.2/1?call_timeout=2s", &mut scratch)?;
    /// assert_eq!(config.address, Address::Tcp { host: "10.0.0.2", port: 6379 });
    /// assert_eq!((config.username, config.db), (Some("app"), 1));
    ///
    /// let error = Config::from_url("redis://localhost:63x9", &mut []).unwrap_err();
    /// assert_eq!(error.to_string(), "redis://...: the port is not a number");
    /// # Ok::<(), respool::config::UrlError>(())
    /// ```
    ///
    /// # Errors
    /// A [`UrlError`] that names the part that is wrong, and quotes nothing: where an `@` is missing
    /// or a `/` not escaped, pieces of the password look like other parts.
    pub fn from_url(url: &'c str, scratch: &'c mut [u8]) -> Result<Self, UrlError> {
        url::parse(url, scratch)
    }

    /// Sets the host of a TCP [`address`](Self::address): a name, or an IP address without brackets.
    pub const fn host(mut self, host: &'c str) -> Self {
        let port = match self.address {
            Address::Tcp { port, .. } => port,
            Address::Unix(_) => DEFAULT_PORT,
        };
        self.address = Address::Tcp { host, port };
        self
    }

    /// Sets the port of a TCP [`address`](Self::address).
    pub const fn port(mut self, port: u16) -> Self {
        let host = match self.address {
            Address::Tcp { host, .. } => host,
            Address::Unix(_) => DEFAULT_HOST,
        };
        self.address = Address::Tcp { host, port };
        self
    }

    /// Sets the [`address`](Self::address) to a unix socket.
    pub const fn unix(mut self, path: &'c str) -> Self {
        self.address = Address::Unix(path);
        self
    }

    /// Sets the [`db`](Self::db).
    pub const fn db(mut self, db: u32) -> Self {
        self.db = db;
        self
    }

    /// Sets the [`username`](Self::username).
    pub const fn username(mut self, username: &'c str) -> Self {
        self.username = Some(username);
        self
    }

    /// Sets the [`password`](Self::password) to a text.
    pub const fn password(self, password: &'c str) -> Self {
        self.password_bytes(password.as_bytes())
    }

    /// Sets the [`password`](Self::password) to any bytes.
    pub const fn password_bytes(mut self, password: &'c [u8]) -> Self {
        self.password = Some(Password::new(password));
        self
    }

    /// Sets the [`password`](Self::password) to what `source` gives at each login.
    pub const fn password_from(mut self, source: &'c dyn PasswordSource) -> Self {
        self.password = Some(Password::from_source(source));
        self
    }

    /// Sets the [`client_name`](Self::client_name).
    pub const fn client_name(mut self, name: &'c str) -> Self {
        self.client_name = Some(name);
        self
    }

    /// Sets the [`protocol`](Self::protocol).
    pub const fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Sets the [`connect_timeout`](Self::connect_timeout).
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// Opening a connection may take for ever.
    pub const fn no_connect_timeout(mut self) -> Self {
        self.connect_timeout = None;
        self
    }

    /// Sets the [`call_timeout`](Self::call_timeout).
    pub const fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = Some(timeout);
        self
    }

    /// A call may take for ever: a peer that vanished is found only by
    /// [`keepalive`](Self::keepalive).
    pub const fn no_call_timeout(mut self) -> Self {
        self.call_timeout = None;
        self
    }

    /// Sets the [`pool_timeout`](Self::pool_timeout).
    pub const fn pool_timeout(mut self, timeout: Duration) -> Self {
        self.pool_timeout = Some(timeout);
        self
    }

    /// Waiting for a connection of the pool may take for ever.
    pub const fn no_pool_timeout(mut self) -> Self {
        self.pool_timeout = None;
        self
    }

    /// Sets the [`keepalive`](Self::keepalive).
    pub const fn keepalive(mut self, keepalive: Keepalive) -> Self {
        self.keepalive = Some(keepalive);
        self
    }

    /// Switches the [`keepalive`](Self::keepalive) off.
    pub const fn no_keepalive(mut self) -> Self {
        self.keepalive = None;
        self
    }

    /// Sets which calls are tried again: [`retry`](Self::retry).
    pub const fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Sets [`retry_on_timeout`](Self::retry_on_timeout): read there what it risks.
    pub const fn retry_on_timeout(mut self, retry: bool) -> Self {
        self.retry_on_timeout = retry;
        self
    }

    /// Sets how often a call is tried again: [`retries`](Self::retries).
    pub const fn retries(mut self, retries: u8) -> Self {
        self.retries = retries;
        self
    }

    /// Sets [`retry_for`](Self::retry_for).
    pub const fn retry_for(mut self, span: Duration) -> Self {
        self.retry_for = span;
        self
    }

    /// Sets the pauses between attempts to open a connection: [`backoff`](Self::backoff).
    pub const fn backoff(mut self, base: Duration, cap: Duration) -> Self {
        self.backoff = Backoff { base, cap };
        self
    }

    /// Sets the [`seed`](Self::seed).
    pub const fn seed(mut self, seed: u32) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the [`health_check_interval`](Self::health_check_interval).
    pub const fn health_check_interval(mut self, interval: Duration) -> Self {
        self.health_check_interval = Some(interval);
        self
    }

    /// An idle connection is never asked whether it is alive.
    pub const fn no_health_check(mut self) -> Self {
        self.health_check_interval = None;
        self
    }

    /// Sets [`max_idle`](Self::max_idle).
    pub const fn max_idle(mut self, span: Duration) -> Self {
        self.max_idle = Some(span);
        self
    }

    /// Sets [`max_lifetime`](Self::max_lifetime).
    pub const fn max_lifetime(mut self, span: Duration) -> Self {
        self.max_lifetime = Some(span);
        self
    }

    /// Sets the [`limits`](Self::limits).
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the [`skip_budget`](Self::skip_budget).
    pub const fn skip_budget(mut self, budget: SkipBudget) -> Self {
        self.skip_budget = budget;
        self
    }
}

impl Default for Config<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl Address<'_> {
    /// `localhost:6379`.
    pub const DEFAULT: Self = Self::Tcp {
        host: DEFAULT_HOST,
        port: DEFAULT_PORT,
    };
}

/// As in a URL: `localhost:6379`, `[::1]:6379`, or the path.
impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => f.write_str(path),
        }
    }
}

impl Default for Address<'_> {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Keepalive {
    /// 30 s, 5 s, 3 probes: a dead peer is found after 45 s.
    pub const DEFAULT: Self = Self {
        idle: Duration::from_secs(30),
        interval: Duration::from_secs(5),
        count: 3,
    };
}

impl Default for Keepalive {
    fn default() -> Self {
        Self::DEFAULT
    }
}

const DEFAULT_HOST: &str = "localhost";

#[cfg(test)]
mod tests;
