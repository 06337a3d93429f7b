//! Settings: where the server is, who logs in, how long anything may take, and how much the peer
//! may make us take.
//!
//! A [`Config`] is plain data: `Copy`, borrowed from the program's constants or from a URL. Nothing
//! here reads a clock, opens anything or allocates.

mod limits;
mod password;
mod url;
mod url_error;

use core::fmt;
use core::time::Duration;

pub use limits::{Limits, SkipBudget};
pub use password::{Password, PasswordSource};
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
///     .read_timeout(Duration::from_secs(2));
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
    /// How long opening a connection may take, the transport and the login together: 5 s.
    pub connect_timeout: Option<Duration>,
    /// How long a call waits for its reply: 5 s. A blocking command has to fit in it, too: give it
    /// more where there are such commands.
    pub read_timeout: Option<Duration>,
    /// How long a call waits for the transport to take its command: 5 s.
    pub write_timeout: Option<Duration>,
    /// How long a task waits for a connection of the pool: 5 s.
    pub pool_timeout: Option<Duration>,
    /// TCP keepalive, where the transport has it: 30 s, 5 s, 3 probes.
    pub keepalive: Option<Keepalive>,
    /// Whether a command that ran into a timeout is tried once more: false.
    ///
    /// The server may have run the first one and only answered late, so that **a write may be
    /// applied twice**: an `INCR` counts two, an `LPUSH` pushes two. Turn it on only where every
    /// command may run twice. What cannot apply twice is tried again without this setting.
    pub retry_on_timeout: bool,
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
            read_timeout: PATIENCE,
            write_timeout: PATIENCE,
            pool_timeout: PATIENCE,
            keepalive: Some(Keepalive::DEFAULT),
            retry_on_timeout: false,
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
    /// | `connect_timeout`, `read_timeout`, `write_timeout`, `pool_timeout` | a duration |
    /// | `timeout` | a duration, for those of `read_timeout` and `write_timeout` not given |
    /// | `keepalive` | the idle time, at least 1 s, or `off` |
    /// | `retry_on_timeout` | `true`, `yes`, `1`, `false`, `no`, `0` |
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
    /// let config = Config::from_url("redis://app:se%23ret@10.0.0.2/1?timeout=2s", &mut scratch)?;
    /// assert_eq!(config.address, Address::Tcp { host: "10.0.0.2", port: 6379 });
    /// assert_eq!((config.username, config.db), (Some("app"), 1));
    ///
    /// let error = Config::from_url("redis://localhost:63x9", &mut []).unwrap_err();
    /// assert_eq!(error.to_string(), "redis://...: the port \"63x9\" is not a number");
    /// # Ok::<(), respool::config::UrlError>(())
    /// ```
    ///
    /// # Errors
    /// A [`UrlError`] that names the part that is wrong. It never shows any of the user or the
    /// password, also where a missing `@` or an unescaped `/` makes them look like other parts.
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

    /// Sets the [`read_timeout`](Self::read_timeout).
    pub const fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = Some(timeout);
        self
    }

    /// A reply may take for ever: a peer that vanished is found only by
    /// [`keepalive`](Self::keepalive).
    pub const fn no_read_timeout(mut self) -> Self {
        self.read_timeout = None;
        self
    }

    /// Sets the [`write_timeout`](Self::write_timeout).
    pub const fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = Some(timeout);
        self
    }

    /// Sending a command may take for ever.
    pub const fn no_write_timeout(mut self) -> Self {
        self.write_timeout = None;
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

    /// Sets [`retry_on_timeout`](Self::retry_on_timeout): read there what it risks.
    pub const fn retry_on_timeout(mut self, retry: bool) -> Self {
        self.retry_on_timeout = retry;
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
mod tests {
    extern crate std;

    use super::*;
    use std::format;
    use std::string::{String, ToString};
    use std::vec::Vec;

    const SECRET: &str = "SECRETSECRET";

    fn revealed(config: &Config<'_>) -> Option<Vec<u8>> {
        let mut got = None;
        config
            .password
            .as_ref()?
            .reveal(&mut |bytes| got = Some(bytes.to_vec()));
        got
    }

    #[test]
    fn the_defaults_are_as_documented() {
        const CONFIG: Config<'static> = Config::new();
        let config = CONFIG;
        let five = Some(Duration::from_secs(5));
        assert_eq!(config.address.to_string(), "localhost:6379");
        assert_eq!(
            (config.db, config.username, config.client_name),
            (0, None, None)
        );
        assert!(config.password.is_none());
        assert_eq!(config.protocol, Protocol::Resp3);
        assert_eq!((config.connect_timeout, config.pool_timeout), (five, five));
        assert_eq!((config.read_timeout, config.write_timeout), (five, five));
        assert_eq!(config.keepalive, Some(Keepalive::DEFAULT));
        assert!(!config.retry_on_timeout);
        assert_eq!((config.limits.depth, config.limits.bulk), (8, 536_870_912));
        assert_eq!(
            (config.limits.elements, config.limits.line),
            (2_147_483_647, u32::MAX)
        );
        assert_eq!(
            (config.skip_budget.replies, config.skip_budget.bytes),
            (64, 65_536)
        );
    }

    #[test]
    fn every_builder_sets_its_field_alone() {
        type Change = fn(Config<'static>) -> Config<'static>;
        const T: Duration = Duration::from_millis(1234);
        let k = Keepalive {
            idle: T,
            interval: T,
            count: 77,
        };
        assert_eq!(Config::new().keepalive(k).keepalive, Some(k));
        // Debug shows every field, so it shows which of them changed, and to what.
        let changes: &[(Change, &str)] = &[
            (|c| c.host("h"), "address: Tcp { host: \"h\", port: 6379 }"),
            (
                |c| c.port(7),
                "address: Tcp { host: \"localhost\", port: 7 }",
            ),
            (|c| c.unix("/s"), "address: Unix(\"/s\")"),
            (|c| c.db(3), "db: 3"),
            (|c| c.username("u"), "username: Some(\"u\")"),
            (|c| c.password("p"), "password: Some(***)"),
            (|c| c.password_bytes(b"\xFF"), "password: Some(***)"),
            (|c| c.client_name("n"), "client_name: Some(\"n\")"),
            (|c| c.protocol(Protocol::Resp2), "protocol: Resp2"),
            (|c| c.connect_timeout(T), "connect_timeout: Some(1.234s)"),
            (|c| c.no_connect_timeout(), "connect_timeout: None"),
            (|c| c.read_timeout(T), "read_timeout: Some(1.234s)"),
            (|c| c.no_read_timeout(), "read_timeout: None"),
            (|c| c.write_timeout(T), "write_timeout: Some(1.234s)"),
            (|c| c.no_write_timeout(), "write_timeout: None"),
            (|c| c.pool_timeout(T), "pool_timeout: Some(1.234s)"),
            (|c| c.no_pool_timeout(), "pool_timeout: None"),
            (|c| c.no_keepalive(), "keepalive: None"),
            (|c| c.retry_on_timeout(true), "retry_on_timeout: true"),
            (
                |c| {
                    c.limits(Limits {
                        depth: 3,
                        ..Limits::DEFAULT
                    })
                },
                "limits: Limits { depth: 3, ",
            ),
            (
                |c| {
                    c.skip_budget(SkipBudget {
                        replies: 1,
                        bytes: 2,
                    })
                },
                "skip_budget: SkipBudget { replies: 1, bytes: 2 }",
            ),
        ];
        for (change, expected) in changes {
            let after = change(Config::new());
            let compact = format!("{after:?}");
            assert!(compact.contains(expected), "{expected} in {compact}");
            let before = fields(&Config::new());
            let changed = fields(&after)
                .into_iter()
                .filter(|field| !before.contains(field));
            assert_eq!(changed.count(), 1, "{expected}");
        }
    }

    /// What `{:#?}` says of each field: a field begins with a letter behind four spaces.
    fn fields(config: &Config<'_>) -> Vec<String> {
        let mut fields = Vec::new();
        for line in format!("{config:#?}").lines() {
            match line.strip_prefix("    ") {
                Some(field) if field.starts_with(char::is_alphabetic) => fields.push(field.into()),
                _ => fields
                    .last_mut()
                    .map_or((), |field: &mut String| field.push_str(line)),
            }
        }
        assert_eq!(fields.len(), 14);
        fields
    }

    #[test]
    fn host_and_port_come_in_any_order_and_replace_a_unix_path() {
        let tcp = Address::Tcp { host: "h", port: 7 };
        assert_eq!(Config::new().host("h").port(7).address, tcp);
        assert_eq!(Config::new().port(7).host("h").address, tcp);
        assert_eq!(
            Config::new().unix("/s").host("h").address.to_string(),
            "h:6379"
        );
        assert_eq!(
            Config::new().unix("/s").port(7).address.to_string(),
            "localhost:7"
        );
        assert_eq!(Config::new().host("::1").address.to_string(), "[::1]:6379");
        assert_eq!(Config::new().unix("/s").address.to_string(), "/s");
    }

    #[test]
    fn a_password_comes_from_text_bytes_a_function_or_a_closure() {
        fn token(give: &mut dyn FnMut(&[u8])) {
            give(b"token")
        }
        const FIXED: Config<'static> = Config::new().password_from(&token);
        assert_eq!(revealed(&FIXED).as_deref(), Some(&b"token"[..]));

        let local = [0xFF, 0x00];
        let closure = |give: &mut dyn FnMut(&[u8])| give(&local);
        assert_eq!(
            revealed(&Config::new().password_from(&closure)).as_deref(),
            Some(&local[..])
        );

        assert_eq!(
            revealed(&Config::new().password("p")).as_deref(),
            Some(&b"p"[..])
        );
        assert_eq!(
            revealed(&Config::new().password_bytes(&local)).as_deref(),
            Some(&local[..])
        );

        let none = |_: &mut dyn FnMut(&[u8])| {};
        assert_eq!(revealed(&Config::new().password_from(&none)), None);
    }

    #[test]
    fn a_config_is_send_sync_and_copy_whatever_gives_the_password() {
        fn assert<T: Send + Sync + Copy>(_: &T) {}
        let closure = |give: &mut dyn FnMut(&[u8])| give(b"p");
        let config = Config::new().password_from(&closure);
        assert(&config);
        assert(&config.password);
    }

    #[test]
    fn debug_shows_that_there_is_a_password_and_nothing_of_it() {
        let source = |give: &mut dyn FnMut(&[u8])| give(SECRET.as_bytes());
        for config in [
            Config::new().password(SECRET),
            Config::new().password_bytes(SECRET.as_bytes()),
            Config::new().password_from(&source),
        ] {
            // Bytes would print as numbers: 83, 69, 67 are "SEC".
            for text in [format!("{config:?}"), format!("{config:#?}")] {
                assert!(text.contains("***"), "{text}");
                assert!(!text.contains("SEC"), "{text}");
                assert!(
                    !text.contains("83, 69") && !text.contains("83,\n"),
                    "{text}"
                );
            }
            let password = config.password.unwrap();
            assert_eq!(format!("{password:?} {password:#?}"), "*** ***");
        }
    }
}
