//! The settings of the firmware: words of the form `key=value`.
//!
//! QEMU is given them on its command line, so that one ELF serves every test. A real board has those
//! that were in the environment when it was built:
//!
//! ```text
//! ARGS='redis=192.168.1.10:6379' cargo pico
//! ```

use core::str::FromStr;

use embassy_time::Duration;

/// The settings, in memory that lives as long as the firmware.
#[derive(Clone, Copy)]
pub struct Args(&'static str);

impl Args {
    /// Settings in one text, with blanks between them. The first one of a key counts.
    pub const fn new(words: &'static str) -> Self {
        Self(words)
    }

    /// The value of a key, or `None` where the key is not given.
    pub fn get(&self, key: &str) -> Option<&'static str> {
        self.0
            .split_ascii_whitespace()
            .find_map(|word| match word.split_once('=') {
                Some((name, value)) if name == key => Some(value),
                _ => None,
            })
    }

    /// The value of a key as a `T`, or `otherwise` where the key is not given.
    ///
    /// # Panics
    /// Where the value is none of a `T`. That is a mistake of the one who typed it, and is better
    /// heard at once than taken for something else.
    pub fn parse<T: FromStr>(&self, key: &str, otherwise: T) -> T {
        match self.get(key) {
            None => otherwise,
            Some(value) => Self::value(key, value),
        }
    }

    /// The value of a key, a number of milliseconds, or `otherwise` where the key is not given.
    ///
    /// # Panics
    /// As [`parse`](Self::parse).
    pub fn millis(&self, key: &str, otherwise: u32) -> Duration {
        Duration::from_millis(self.parse(key, otherwise).into())
    }

    /// Host and port of the server: the key `redis`, or `10.0.2.2:6379`, QEMU's host.
    ///
    /// # Panics
    /// Where there is no port.
    pub fn server(&self) -> (&'static str, u16) {
        let server = self.get("redis").unwrap_or("10.0.2.2:6379");
        let (host, port) = defmt::unwrap!(server.rsplit_once(':'), "redis={}: no port", server);
        (host, Self::value("redis", port))
    }

    /// What was mistyped: the keys that are none of these. Without their values, which may be secret.
    pub fn strangers(&self, keys: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
        self.0
            .split_ascii_whitespace()
            .map(|word| word.split_once('=').map_or(word, |(key, _)| key))
            .filter(|key| !keys.contains(key))
    }

    /// This value of a key, or a piece of it, as a `T`.
    ///
    /// # Panics
    /// As [`parse`](Self::parse).
    pub fn value<T: FromStr>(key: &str, value: &str) -> T {
        match value.parse() {
            Ok(value) => value,
            Err(_) => defmt::panic!("{}={}: not a value for it", key, value),
        }
    }
}
